//! What `event_takeover` hands to the agent: one JSON object on one line, answered by one line.

use serde::{Deserialize, Serialize};

/// One call of the event handler, as Icinga's macros tell it. The handler judges nothing; the agent does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Icinga's host name.
    pub host: String,
    /// Icinga's service name; its meaning stands in `[triggers]`. Empty for a host event.
    pub service: String,
    /// `OK`, `WARNING`, `CRITICAL`, `UNKNOWN`, `UP` or `DOWN`.
    pub state: String,
    /// `SOFT` or `HARD`.
    pub state_type: String,
    /// Check attempt (Icinga resets it to 1 on the HARD change).
    pub attempt: u32,
    /// Depth of the service's downtimes; 0 = none.
    pub downtime_depth: u32,
    /// Depth of the host's downtimes; 0 = none.
    pub host_downtime_depth: u32,
    /// Icinga thinks that the service flaps.
    pub flapping: bool,
    /// End of the check, Unix time in seconds. Absent where the caller can't tell.
    pub last_check: Option<f64>,
}

/// The agent's answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The request was accepted: a case is open, was opened, or the agent primes itself.
    pub accepted: bool,
    /// Why it was not accepted.
    pub refusal: Option<super::Refusal>,
    /// One sentence for a log.
    pub text: String,
}
