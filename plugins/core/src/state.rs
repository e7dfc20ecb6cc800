//! The four states of a check.

use std::fmt;

/// Severity order for folding findings: CRITICAL is never hidden by UNKNOWN. The Nagios number is [`State::exit_code`],
/// a different thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// All is well.
    Ok,
    /// Somebody should look.
    Warning,
    /// It could not be seen.
    Unknown,
    /// It is broken.
    Critical,
}

impl State {
    /// The number that Nagios and Icinga read (Monitoring Plugins guidelines, "Plugin Return Codes").
    pub const fn exit_code(self) -> u8 {
        match self {
            State::Ok => 0,
            State::Warning => 1,
            State::Critical => 2,
            State::Unknown => 3,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Unknown => "UNKNOWN",
            State::Critical => "CRITICAL",
        })
    }
}
