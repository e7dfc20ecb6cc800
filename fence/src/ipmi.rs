//! IPMI 2.0 over LAN: our own RMCP+ session under `ipmi-rs`' typed commands.
//!
//! The packets are pure (`suite`, `packet`, `handshake`, `session`, `message`); `socket` and `lan` move them; [`IpmiSwitch`] makes a
//! power switch of it. Refuses cipher suite 0, IPMI 1.5, and commands that may not be repeated (cycle, reset).

mod agent;
pub mod command;
pub mod error;
pub mod handshake;
pub mod lan;
pub mod login;
pub mod message;
pub mod packet;
pub mod session;
pub mod socket;
pub mod suite;
mod switch;
pub mod wire;

pub use agent::FENCE_IPMI;
pub use login::{Login, Privilege, kg};
pub use suite::CipherSuite;
pub use switch::IpmiSwitch;

/// The registered UDP port of RMCP (section 13.1.1).
pub const PORT: u16 = 623;
