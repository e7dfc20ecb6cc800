//! What is known of the age of a group's copy, and gate G6's judgement of it. Pure: facts and times in, verdict out.
//!
//! Nobody's clock is trusted and no message is assumed to be fast. This node stamps each BEAT with its own boot time; the master
//! repeats the last stamp that it had heard *before* it looked how far its database was. Once this node has that place, its copy was
//! complete at the time of the stamp.

use super::position::Position;
use plugin_core::cluster::Data;
use plugin_core::contract::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Places of the master that this node has not reached yet; more than these are not waited for.
const MOST: usize = 64;

/// What a node says about one group's data in its BEAT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// The receiver's last stamp that the sender had heard before it looked.
    pub echo: Option<Stamp>,
    /// How far the sender's database is.
    pub at: Option<Position>,
    /// The sender acknowledges no write that the receiver does not have.
    pub strict: bool,
}

/// A boot time of one boot of one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Id of the boot.
    pub boot: String,
    /// CLOCK_BOOTTIME, ms.
    pub ms: u64,
}

/// The age of one group's copy on this node. Times are CLOCK_BOOTTIME milliseconds of the running boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Copy {
    /// The database was complete at this time.
    pub database_ms: Option<u64>,
    /// The files were complete at this time.
    pub files_ms: Option<u64>,
    /// The mirrored device was complete at this time.
    pub device_ms: Option<u64>,
    /// The master acknowledges nothing that this node lacks; said by it, and everything from before has arrived.
    pub strict: bool,
    /// First time since the last one in sync at which the copy was seen not to follow.
    pub link_lost_ms: Option<u64>,
    /// What forbids using the copy at all, as last looked at.
    pub trouble: Option<(Refusal, String)>,
    /// What was seen last, for people.
    pub seen: String,
    /// An operator accepted its age by name: who.
    pub accepted: Option<String>,
    /// Places that the master had reached, by the time at which it had not said more; ascending.
    #[serde(skip)]
    pub(super) pending: VecDeque<(u64, Position, bool)>,
}

impl Copy {
    /// The master spoke. `boot` is this boot's id.
    pub fn told(&mut self, word: &Word, boot: &str, now_ms: u64) {
        if !word.strict {
            self.strict = false;
        }
        let (Some(echo), Some(at)) = (&word.echo, &word.at) else { return };
        if echo.boot != boot || echo.ms > now_ms || self.pending.back().is_some_and(|(ms, ..)| *ms >= echo.ms) {
            return;
        }
        // A promotion began another history: a place in the old one is never reached, and must not be waited for.
        self.pending.retain(|(_, place, _)| place.is_of_history(at));
        if self.pending.len() == MOST {
            // The oldest is given up last: on a copy that lags it is what can be proven next.
            self.pending.pop_back();
        }
        self.pending.push_back((echo.ms, at.clone(), word.strict));
    }

    /// This node's database has come so far; `follows` = it receives from the master now.
    pub fn reached(&mut self, at: Option<&Position>, follows: bool, now_ms: u64) {
        let Some(at) = at.filter(|_| follows) else {
            self.link_lost_ms.get_or_insert(now_ms);
            return;
        };
        while self.pending.front().is_some_and(|(_, place, _)| at.covers(place)) {
            let Some((ms, _, strict)) = self.pending.pop_front() else { return };
            self.database_ms = self.database_ms.max(Some(ms));
            self.strict = strict;
            self.link_lost_ms = None;
        }
    }

    /// The same copy, as if the master waited for it: for a copy that is about to be rejoined.
    #[must_use]
    pub fn waited_for(self) -> Self {
        Self { strict: self.database_ms.is_some() && self.link_lost_ms.is_none(), ..self }
    }

    /// Newest time at which everything that has to be proven was complete.
    pub fn in_sync_ms(&self, data: &Data) -> Option<u64> {
        match data {
            Data::Drbd { .. } => self.device_ms,
            _ => match (data.database().is_some(), data.folders().is_empty()) {
                (true, true) => self.database_ms,
                (false, _) => self.files_ms,
                (true, false) => self.database_ms.zip(self.files_ms).map(|(a, b)| a.min(b)),
            },
        }
    }

    /// G6: may this copy be served when the master stopped writing at `end_ms`?
    ///
    /// # Errors
    /// The refusal: `DATA_UNKNOWN`, `DATA_STALE`, or what the look found.
    pub fn judge(&self, data: &Data, end_ms: u64) -> Result<String, (Refusal, String)> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        let Some(max_loss) = data.max_loss() else { return Ok(self.seen.clone()) };
        if let Some(who) = &self.accepted {
            return Ok(format!("{who} accepted the loss"));
        }
        let Some(synced) = self.in_sync_ms(data) else {
            return Err((Refusal::DataUnknown, format!("never proven in sync since this boot: {}", self.seen)));
        };
        let age = Duration::from_millis(end_ms.saturating_sub(synced));
        let text = |what: &str| format!("{what}; last proven in sync {:.1} s before: {}", age.as_secs_f64(), self.seen);
        if max_loss.is_zero() {
            // DRBD's own state is looked at; a database's master has to have said that it waits.
            return if self.strict || matches!(data, Data::Drbd { .. }) {
                Ok(text("nothing acknowledged is missing"))
            } else {
                Err((Refusal::DataUnknown, text("the master did not say that it waits for this node")))
            };
        }
        if age > max_loss {
            return Err((Refusal::DataStale, text(&format!("more than {} s", max_loss.as_secs_f64()))));
        }
        Ok(text("fresh"))
    }
}

#[cfg(test)]
#[path = "freshness/tests.rs"]
mod tests;
