//! `notify_mail` against a real SMTP server: what arrives, what waits, what is refused, what survives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "test code: a surprise ends the test"
)]

mod arrival;
mod bursts;
mod chaos;
mod compare;
mod desk;
mod faults;
mod hostile;
mod identity;
mod installed;
mod look;
mod mutt;
mod quick;
mod recipients;
mod servers;
mod sessions;
mod spooling;
mod threads;
mod types;
mod volume;
mod ways;
