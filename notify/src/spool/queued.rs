//! One rendered mail on its way: what is sent, to whom it still has to go, when it is tried again. Pure.

use crate::backoff;
use serde::{Deserialize, Serialize};

/// The queue file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queued {
    /// Shape of this file; 1.
    pub schema: u32,
    /// The event's id, also the file's name.
    pub id: String,
    /// The subject, for logs.
    pub subject: String,
    /// Unix time in milliseconds at which it was taken in.
    pub created_ms: i64,
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients that still have to get it.
    pub left: Vec<String>,
    /// Recipients that every relay refused for good.
    pub refused: Vec<Refused>,
    /// Failed attempts so far.
    pub failed: u32,
    /// Unix time in milliseconds before which it is not tried again.
    pub next_ms: i64,
    /// Why the last attempt failed, or why it was given up.
    pub reason: String,
    /// Nothing but a relay was in the way: it goes as soon as a relay is seen to work.
    pub relay_down: bool,
    /// The message, headers and all; ASCII. Empty for a channel.
    pub message: String,
    /// For a channel: what its program gets on standard input.
    #[serde(default)]
    pub text: String,
    /// Its place in a digest; `None` if it always goes alone.
    #[serde(default)]
    pub told: Option<Told>,
    /// A digest: the queue files that it replaces. They are removed before it is sent.
    #[serde(default)]
    pub folds: Vec<String>,
}

/// What a digest says of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// When it happened, Unix time in milliseconds.
    pub at_ms: i64,
    /// State word.
    pub word: String,
    /// One sentence.
    pub headline: String,
    /// The first mail of its incident, or a person's own words: never held back.
    pub first: bool,
}

/// A recipient that was refused for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The address.
    pub to: String,
    /// What the relays said.
    pub reason: String,
}

impl Queued {
    /// It may be tried now. A clock that jumped back far beyond the longest wait does not hold it.
    pub fn is_due(&self, now_ms: i64) -> bool {
        now_ms >= self.next_ms || self.next_ms - now_ms > 60 * 60 * 1000
    }

    /// It has waited long enough to be given up.
    pub fn is_old(&self, now_ms: i64) -> bool {
        now_ms - self.created_ms > millis(backoff::GIVE_UP)
    }

    /// After a failed attempt: counts it and sets the time of the next.
    pub fn postpone(&mut self, now_ms: i64, reason: String) {
        self.failed = self.failed.saturating_add(1);
        self.next_ms = now_ms + millis(backoff::wait(&self.id, self.failed));
        self.reason = reason;
    }
}

fn millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;

    fn queued() -> Queued {
        Queued {
            schema: 1,
            id: "x".into(),
            subject: String::new(),
            created_ms: 1_000_000_000_000,
            from: String::new(),
            left: vec!["a@example.org".into()],
            refused: Vec::new(),
            failed: 0,
            next_ms: 0,
            reason: String::new(),
            relay_down: false,
            message: String::new(),
            text: String::new(),
            told: None,
            folds: Vec::new(),
        }
    }

    #[test]
    fn a_failed_attempt_waits_and_the_wait_grows() {
        let (mut q, now) = (queued(), 1_000_000_000_000);
        assert!(q.is_due(now));
        q.postpone(now, "no".into());
        assert!(!q.is_due(now + MIN - 1) && q.is_due(now + 2 * MIN), "next in {}", q.next_ms - now);
        q.postpone(now, "no".into());
        assert!(!q.is_due(now + 2 * MIN - 1) && q.is_due(now + 3 * MIN));
        assert_eq!((q.failed, q.reason.as_str()), (2, "no"));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_hold_a_mail() {
        let (mut q, now) = (queued(), 1_000_000_000_000);
        q.postpone(now, String::new());
        assert!(q.is_due(now - 24 * 60 * MIN));
    }

    #[test]
    fn five_days_and_no_more() {
        let day = 24 * 60 * MIN;
        assert!(!queued().is_old(1_000_000_000_000 + 5 * day));
        assert!(queued().is_old(1_000_000_000_000 + 5 * day + 1));
    }
}
