//! Redfish (DMTF DSP0266) over HTTPS: a node's power through the web service of its BMC.
//!
//! `resource`, `message` and `pick` are pure; `http` and `line` move requests inside the deadline of one question; [`RedfishSwitch`]
//! makes a power switch of it. Refuses to choose between several systems, to follow a redirection to another host, to ask for an
//! orderly shutdown, and to call anything off but a `PowerState` of `Off`.

mod access;
mod agent;
mod error;
mod find;
mod http;
mod line;
pub mod message;
mod pick;
mod reset;
pub mod resource;
mod switch;

pub use access::{Access, Trust};
pub use agent::FENCE_REDFISH;
pub use error::Trouble;
pub use pick::Wanted;
pub use switch::RedfishSwitch;

use std::time::Duration;

/// The registered port of HTTPS.
pub const PORT: u16 = 443;
/// The service's root (DSP0266, protocol version and root URI).
pub const ROOT: &str = "/redfish/v1/";
/// Time for one question: TLS and three answers of a BMC that needs a second or two for each.
pub const QUESTION: Duration = Duration::from_secs(8);
