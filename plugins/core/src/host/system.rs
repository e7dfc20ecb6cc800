//! The real machine. The only place that starts processes and reads the clock.
//!
//! Refuses relative programs, inherited environments and children that outlive their deadline.

mod child;
mod conversation;

pub(crate) use child::kill_running;
pub use conversation::Conversation;

use super::{Blind, Command, Host, Output};
use rustix::event::{Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Most that [`Host::read`] reads.
const MOST: u64 = 16 << 20;

/// The real machine, with an optional deadline.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Boot time at which this host's work must be done.
    end: Option<Duration>,
}

impl System {
    /// A host whose deadline counts from now.
    pub fn new(deadline: Option<Duration>) -> Self {
        Self { end: deadline.map(|d| boottime().saturating_add(d)) }
    }
}

/// CLOCK_BOOTTIME.
pub fn boottime() -> Duration {
    clock(ClockId::Boottime)
}

fn clock(id: ClockId) -> Duration {
    let now = clock_gettime(id);
    // Neither clock is negative on a machine whose date is after 1970.
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A time for `poll`; `None` = no limit.
pub(crate) fn timespec(time: Duration) -> Option<Timespec> {
    Timespec::try_from(time).ok()
}

/// `uname -n`: the name under which `cluster.toml` knows this node.
pub fn nodename() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Host for System {
    fn now(&self) -> Duration {
        boottime()
    }

    fn wall_ms(&self) -> i64 {
        i64::try_from(clock(ClockId::Realtime).as_millis()).unwrap_or(i64::MAX)
    }

    fn wall(&self) -> Duration {
        clock(ClockId::Realtime)
    }

    fn left(&self) -> Duration {
        self.end.map_or(Duration::MAX, |end| end.saturating_sub(boottime()))
    }

    fn wait(&self, time: Duration) {
        let until = boottime().saturating_add(time.min(self.left()));
        loop {
            let rest = until.saturating_sub(boottime());
            // A signal may end the poll early; a failing poll only shortens one turn.
            if rest.is_zero() || (poll(&mut [], timespec(rest).as_ref()).is_ok() && boottime() >= until) {
                return;
            }
        }
    }

    fn read(&self, path: &Path) -> Result<String, Blind> {
        let blind = |reason: String| Blind::Read { path: path.to_owned(), reason };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|e| blind(e.to_string()))?;
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| blind(e.to_string()))?;
        if bytes.len() as u64 > MOST {
            return Err(blind("it is longer than 16 MiB".into()));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn run(&self, command: &Command) -> Result<Output, Blind> {
        child::run(self, command)
    }
}

#[cfg(test)]
mod tests;
