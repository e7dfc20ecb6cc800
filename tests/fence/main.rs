//! Fencing against real peers: `ipmi_sim`, the rig's own BMC with its spoilt temper, a wire with faults, `ipmitool` as the judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "test code: it drives the real machine and ends at the first surprise"
)]

mod agent;
mod check_fence;
mod contract;
mod drill;
mod external;
mod faults;
mod fenced;
mod handlers;
mod interop;
mod judge;
mod login;
mod malformed;
mod proof;
mod redfish;
mod replication;
mod run;
mod scripted;
mod simulator;
mod switches;
