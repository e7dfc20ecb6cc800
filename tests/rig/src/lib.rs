//! twinguard's test rig: runs the binaries, fakes what they talk to, and holds the two-node lab. It is no part of the product and
//! decides nothing about a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "test code: it drives the real machine, and a broken rig has to end its test at once"
)]

pub mod ami;
pub mod asterisk;
pub mod bmc;
pub mod conf;
pub mod cost;
pub mod daemon;
pub mod database;
pub mod demo;
pub mod hostile;
pub mod kills;
pub mod lab;
pub mod ntp;
pub mod process;
pub mod redfish;
pub mod rsyncd;
pub mod sip;
pub mod smtp;
pub mod speed;
