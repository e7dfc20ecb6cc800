//! What can go wrong between us and a Redfish service, in words that tell the administrator what to do.

use crate::power::PowerError;
use std::fmt;

/// Why a service could not be used. The texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No answer within the time, or the way is closed.
    Silent(String),
    /// Credentials or privilege refused, or a certificate that we do not believe.
    Denied(String),
    /// The service understood and refused.
    Refused(String),
    /// There is no such resource.
    Missing(String),
    /// The answer makes no sense.
    Garbled(String),
    /// The node is between on and off.
    Changing(String),
    /// The configuration does not fit to what the service offers.
    Config(String),
}

impl Trouble {
    /// Worth another address: the service has not decided anything.
    pub const fn is_silence(&self) -> bool {
        matches!(self, Trouble::Silent(_))
    }

    /// As a power switch says it; `device` is its printable name.
    pub fn at(self, device: &str) -> PowerError {
        let text = format!("use {device}: {self}");
        match self {
            Trouble::Silent(_) => PowerError::Silent(text),
            Trouble::Denied(_) => PowerError::Denied(text),
            // A BMC that starts may not have its resources yet: never certain.
            Trouble::Refused(_) | Trouble::Missing(_) => PowerError::Refused(text),
            Trouble::Garbled(_) => PowerError::Garbled(text),
            Trouble::Changing(_) => PowerError::Changing(text),
            Trouble::Config(_) => PowerError::Config(text),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Silent(why)
            | Trouble::Denied(why)
            | Trouble::Refused(why)
            | Trouble::Missing(why)
            | Trouble::Garbled(why)
            | Trouble::Changing(why)
            | Trouble::Config(why) => f.write_str(why),
        }
    }
}
