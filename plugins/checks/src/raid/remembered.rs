//! The last answers of the controllers, so that they are not asked at every call: many of them hold back the data's reads and
//! writes while they answer, and a failover service asks every second. What is remembered is always shown with its age; an
//! answer that could not be had is never remembered.

use super::part::Part;
use super::{BACKENDS, Seen};
use plugin_core::Host;
use plugin_core::memory::{Memory, Recall};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What is kept: when it was seen (milliseconds since boot), and by which back end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    boot: String,
    at_ms: u64,
    seen: Vec<(String, Vec<Part>)>,
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Past {
    /// What was seen less than `every` ago, and how long ago that was. A note if the memory is spoilt.
    pub fn recall(memory: &Memory, host: &dyn Host, every: Duration) -> (Option<(Vec<Seen>, Duration)>, Option<String>) {
        let past: Past = match memory.recall(host) {
            Recall::Known(past) => past,
            Recall::Nothing => return (None, None),
            Recall::Lost(why) => return (None, Some(why)),
        };
        let age = Duration::from_millis(ms(host.now()).saturating_sub(past.at_ms));
        let fresh = past.boot == host.read(Path::new(BOOT)).unwrap_or_default() && past.at_ms <= ms(host.now()) && age < every;
        let backend = |name: &str| BACKENDS.iter().find(|back| back.name == name).map(|back| back.name);
        let seen: Option<Vec<Seen>> = past.seen.into_iter().map(|(name, parts)| Some(Seen { backend: backend(&name)?, parts: Ok(parts) })).collect();
        (seen.filter(|_| fresh).map(|seen| (seen, age)), None)
    }

    /// Keeps what was seen, if every back end could look. A note if it can't be kept.
    pub fn keep(memory: &Memory, host: &dyn Host, seen: &[Seen]) -> Option<String> {
        let whole: Option<Vec<_>> = seen.iter().map(|s| Some((s.backend.to_owned(), s.parts.as_ref().ok()?.clone()))).collect();
        let past = Past { boot: host.read(Path::new(BOOT)).unwrap_or_default(), at_ms: ms(host.now()), seen: whole? };
        memory.keep(&past).err().map(|blind| format!("the controllers are asked at each call: cannot {blind}"))
    }
}
