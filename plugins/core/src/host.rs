//! The one seam to the machine: files, commands, clock, deadline. Everything else in the product is pure or takes a
//! [`Host`]; `System` is the real one, the rig has a fake.

pub mod command;
pub mod system;

pub use crate::contract::status::{read_status, stale};
pub use command::{Command, Output};
pub use system::{Conversation, System, nodename};

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "I could not look": always UNKNOWN. "I looked and it is down" is a fact, never a `Blind`.
/// The texts read after "cannot …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blind {
    /// A file can't be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A command can't be run, or failed.
    Command {
        /// Its printable form, without secrets.
        program: String,
        /// Why, with the end of its standard error.
        reason: String,
    },
    /// An answer can't be understood.
    Parse {
        /// What was read.
        what: String,
        /// What is wrong with it, with the offending text.
        reason: String,
    },
    /// A socket can't be used (missing right, no such interface, name does not resolve).
    Net {
        /// The target.
        target: String,
        /// Why.
        reason: String,
    },
    /// The deadline came first.
    Deadline {
        /// The stage that was reached.
        stage: String,
    },
}

impl fmt::Display for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blind::Read { path, reason } => write!(f, "read {}: {reason}", path.display()),
            Blind::Command { program, reason } => write!(f, "run {program}: {reason}"),
            Blind::Parse { what, reason } => write!(f, "understand {what}: {reason}"),
            Blind::Net { target, reason } => write!(f, "reach {target}: {reason}"),
            Blind::Deadline { stage } => write!(f, "finish {stage} before the deadline"),
        }
    }
}

/// The seam.
pub trait Host: Send + Sync {
    /// CLOCK_BOOTTIME: counts through suspend, never jumps.
    fn now(&self) -> Duration;
    /// Unix time in milliseconds, for people and for mails; no decision rests on it.
    fn wall_ms(&self) -> i64;
    /// Unix time as finely as the machine knows it: for measuring clocks against each other.
    fn wall(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.wall_ms()).unwrap_or(0))
    }
    /// Time left until this host's deadline; zero when it has passed, `Duration::MAX` without one.
    fn left(&self) -> Duration;
    /// Waits, at most until the deadline.
    fn wait(&self, time: Duration);
    /// Reads a text file (at most 16 MiB).
    ///
    /// # Errors
    /// [`Blind::Read`] naming the path.
    fn read(&self, path: &Path) -> Result<String, Blind>;
    /// Runs a command to its end or to the deadline; then its whole process group is killed.
    ///
    /// # Errors
    /// [`Blind::Command`] if it can't be started, [`Blind::Deadline`] if it was killed. A failing exit code is no error.
    fn run(&self, command: &Command) -> Result<Output, Blind>;
}
