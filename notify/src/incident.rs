//! Mail threads: which mail was the first of an open incident, and since when it lasts. One small file per incident in
//! the spool's `incidents/` folder, written by the deliverer only. Refuses to keep history: a recovery ends the file.

use crate::backoff::fnv;
use serde::{Deserialize, Serialize};

/// An open incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What it is about; the file name is only its hash.
    pub key: String,
    /// Message-ID of its first mail, without angle brackets.
    pub first: String,
    /// Event id of its first mail.
    pub event: String,
    /// When it began, Unix time in milliseconds.
    pub since_ms: i64,
}

/// What an event does to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens it, or goes on with an open one.
    Opens,
    /// Goes on with an open one, opens none.
    Belongs,
    /// Goes on with an open one and closes it.
    Closes,
}

impl Step {
    /// For a type of Icinga's notifications.
    pub fn of_type(notification: &str) -> Self {
        match notification.trim().to_ascii_uppercase().as_str() {
            "PROBLEM" => Step::Opens,
            "RECOVERY" => Step::Closes,
            _ => Step::Belongs,
        }
    }
}

/// File name for `key`.
pub fn file_name(key: &str) -> String {
    format!("{:016x}.json", fnv(key))
}

/// What belongs to `key` and is not this very event: taking the same event in twice (after a crash) gives the same mail.
pub fn earlier(stored: Option<Incident>, key: &str, event: &str) -> Option<Incident> {
    stored.filter(|incident| incident.key == key && incident.event != event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_not_its_own_predecessor_and_a_hash_is_not_a_name() {
        let incident = Incident { key: "pbx1!disk".into(), first: "a@example.org".into(), event: "a".into(), since_ms: 1 };
        assert_eq!(earlier(Some(incident.clone()), "pbx1!disk", "b"), Some(incident.clone()));
        assert_eq!(earlier(Some(incident.clone()), "pbx1!disk", "a"), None);
        assert_eq!(earlier(Some(incident), "pbx2!disk", "b"), None);
        assert_eq!(earlier(None, "pbx1!disk", "b"), None);
    }

    #[test]
    fn only_a_problem_opens_and_only_a_recovery_closes() {
        assert_eq!(
            ["PROBLEM", "recovery ", "ACKNOWLEDGEMENT", "FLAPPINGSTART", ""].map(Step::of_type),
            [Step::Opens, Step::Closes, Step::Belongs, Step::Belongs, Step::Belongs]
        );
    }
}
