//! What every twinguard binary is made of. No TLS, no async, no decision about the cluster.

pub mod cluster;
pub mod contract;
pub mod host;
pub mod memory;
pub mod net;
pub mod range;
pub mod report;
pub mod run;
pub mod secret;
pub mod state;

pub use host::{Blind, Host};
pub use range::{Limits, Range};
pub use report::{Report, Unit};
pub use run::{Check, main};
pub use state::State;
