//! Power switches and the proof that a node is off.
//!
//! Refuses to believe anything but a positively read OFF: not an accepted command, not a silent device.

mod bounded;
mod level;
mod practice;
mod proof;
mod switches;

pub use bounded::Bounded;
pub use level::{LevelFailure, Pace, confirm_off};
pub use practice::{Practice, practise};
pub use proof::{Fenced, fence, is_same_identity, needs_drill};
pub use switches::switches;

use plugin_core::Host;
use std::fmt;
use std::time::Duration;

/// Time for one question to one device, unless its driver is told otherwise.
pub const OPERATION: Duration = Duration::from_secs(5);

/// Identity of a device that can't show whose it is, and that no drill has proven.
pub const UNPROVEN: &str = "drill";
/// Identity of a device that can't show whose it is, and that a recorded drill has proven. No configuration can say this.
pub const PROVEN: &str = "drilled";

/// What a device says about its node. Everything else (unknown, powering off, null) is an error, never `Off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Switched on.
    On,
    /// Switched off.
    Off,
}

/// Why a device could not be used. The texts read after "cannot …" and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerError {
    /// No answer within the time, or the way to it is closed.
    Silent(String),
    /// Credentials or privilege refused, or a certificate that is not believed: certain, so not worth a second try.
    Denied(String),
    /// The device understood and refused.
    Refused(String),
    /// The answer makes no sense.
    Garbled(String),
    /// The device answers, and the node is between on and off.
    Changing(String),
    /// The configuration can't be used (secret file, option), or does not fit to what the device offers: certain as well.
    Config(String),
}

/// One device that switches one node.
pub trait PowerSwitch: Send {
    /// Printable name: driver and address, no secret.
    fn name(&self) -> String;
    /// Longest time for one question; a web service needs more than a datagram.
    fn patience(&self) -> Duration {
        OPERATION
    }
    /// Who the device says it is (`guid:` or `uuid:` and 32 hexadecimal digits), `None` if it can't tell.
    ///
    /// # Errors
    /// See [`PowerError`].
    fn identity(&mut self, host: &dyn Host) -> Result<Option<String>, PowerError>;
    /// Reads the power state, with a fresh request.
    ///
    /// # Errors
    /// See [`PowerError`]; an unclear state is [`PowerError::Garbled`].
    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError>;
    /// Asks for a power state at once (hard off, never an orderly shutdown). Returns when the device accepted it.
    ///
    /// # Errors
    /// See [`PowerError`].
    fn set(&mut self, host: &dyn Host, want: Power) -> Result<(), PowerError>;
}

/// The devices of one level; every one of them has to read OFF.
pub struct Level {
    /// 1 is tried first.
    pub level: u8,
    /// The devices with the identity that each has to show (`guid:…`, `uuid:…`), or [`UNPROVEN`], or [`PROVEN`].
    pub devices: Vec<(Box<dyn PowerSwitch>, String)>,
}

/// Times of the fence (TAKEOVER.md 3.6 and section 1, Fence).
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Least time between the two OFF readings.
    pub off_gap: Duration,
    /// Time for one level.
    pub budget: Duration,
}

/// What the takeover says and hears while a node is fenced: it journals, and it can forbid.
pub trait Watch {
    /// Asked before *every* power command (also a resend, also the next level). The implementer re-checks that the peer
    /// is still silent and this node not isolated, journals `SENT` durably, and only then returns `Ok`.
    ///
    /// # Errors
    /// The reason for which the command must not be sent; the fence ends with [`FenceFailure::Forbidden`].
    fn may_send(&mut self, level: u8, device: &str) -> Result<(), String>;
    /// The device accepted the command.
    fn accepted(&mut self, level: u8, device: &str);
    /// A power state was read.
    fn read(&mut self, level: u8, device: &str, power: Power);
    /// Something else worth a journal line happened (a device was silent, a level is given up).
    fn note(&mut self, text: &str);
    /// Does the peer answer on any link (ICMP, TCP, channel; not ARP)? Then an OFF is void.
    fn peer_answers(&mut self) -> bool;
}

/// Why no proof could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceFailure {
    /// `Watch::may_send` said no. `sent` tells whether an earlier command was already accepted.
    Forbidden {
        /// Its reason.
        reason: String,
        /// A power command was accepted before, or may have been: its answer is missing.
        sent: bool,
    },
    /// A device is not the peer's: nothing was sent to it.
    Identity(String),
    /// No level could confirm OFF; one line per device.
    Failed(Vec<String>),
    /// A device reads OFF and the peer answers.
    OffButAlive(String),
}

impl fmt::Display for PowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PowerError::Silent(t)
            | PowerError::Denied(t)
            | PowerError::Refused(t)
            | PowerError::Garbled(t)
            | PowerError::Changing(t)
            | PowerError::Config(t) => f.write_str(t),
        }
    }
}
