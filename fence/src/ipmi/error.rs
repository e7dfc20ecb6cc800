//! What can go wrong between us and a BMC, in words that tell the administrator what to do.

use crate::power::PowerError;
use ipmi_rs::IpmiError;
use ipmi_rs::connection::CompletionErrorCode;
use std::fmt;

/// Why a BMC could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanError {
    /// No answer within the time; the stage that was reached.
    Silent(&'static str),
    /// The way is closed: ICMP refusal, no route.
    Unreachable(String),
    /// Credentials or privilege refused.
    Denied(String),
    /// RAKP 2 does not verify: the BMC does not know the password, or answers for another handshake.
    Password,
    /// The user may not have the privilege level that was asked for; a lower one may do.
    Level(String),
    /// The BMC does not speak this suite.
    Suite(u8),
    /// The BMC has no free session just now.
    Busy(u8),
    /// The BMC understood and refused.
    Refused(String),
    /// The answer makes no sense.
    Garbled(String),
    /// This machine can't (random numbers, sockets).
    Local(String),
}

impl LanError {
    /// Worth another address, suite or session: the BMC has not decided anything.
    pub const fn is_silence(&self) -> bool {
        matches!(self, LanError::Silent(_) | LanError::Unreachable(_))
    }

    /// As a power switch says it; `device` is its printable name.
    pub fn at(self, device: &str) -> PowerError {
        let text = format!("use {device}: {self}");
        match self {
            LanError::Silent(_) | LanError::Unreachable(_) => PowerError::Silent(text),
            LanError::Denied(_) | LanError::Level(_) | LanError::Password => PowerError::Denied(text),
            LanError::Refused(_) | LanError::Busy(_) => PowerError::Refused(text),
            LanError::Garbled(_) => PowerError::Garbled(text),
            LanError::Suite(_) | LanError::Local(_) => PowerError::Config(text),
        }
    }
}

impl fmt::Display for LanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LanError::Silent(stage) => {
                write!(f, "timed out, no answer to {stage}; check address, cable and that IPMI over LAN is enabled in the BMC")
            }
            LanError::Unreachable(why) => write!(f, "{why}; check address, port, route and that IPMI over LAN is enabled in the BMC"),
            LanError::Denied(why) | LanError::Level(why) | LanError::Refused(why) | LanError::Garbled(why) | LanError::Local(why) => f.write_str(why),
            LanError::Password => f.write_str("the BMC does not know this password (RAKP 2 does not verify); correct user and password"),
            LanError::Busy(status) => {
                write!(f, "the BMC has no free session (status {status:#04x}); end other IPMI clients, wait a minute, or reset the BMC")
            }
            LanError::Suite(number) => {
                write!(f, "the BMC does not offer cipher suite {number}; enable 17 (or 3) there, or set cipher= to the one it offers")
            }
        }
    }
}

impl<P: fmt::Debug> From<IpmiError<LanError, P>> for LanError {
    fn from(error: IpmiError<LanError, P>) -> Self {
        match error {
            IpmiError::Connection(error) => error,
            IpmiError::Failed { cmd, completion_code: CompletionErrorCode::InsufficientPrivilege, .. } => LanError::Denied(format!(
                "the user's privilege level is too low for command {cmd:#04x} (completion code 0xd4); give it OPERATOR in the BMC and ask for it with privlvl="
            )),
            IpmiError::Failed { cmd, completion_code, .. } => LanError::Refused(format!("the BMC refused command {cmd:#04x}: {completion_code:?}")),
            IpmiError::Command { cmd, error, .. } => LanError::Garbled(format!("the answer to command {cmd:#04x} makes no sense: {error:?}")),
            IpmiError::UnexpectedResponse { cmd_sent, .. } => {
                LanError::Garbled(format!("the answer to command {cmd_sent:#04x} belongs to another command"))
            }
            IpmiError::NetFnIsResponse(_) => LanError::Local("a response was sent as a request".into()),
        }
    }
}
