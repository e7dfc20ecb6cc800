//! The checks as Icinga meets them: the real binaries against real links, mounts and broken pipes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code: it ends at the first surprise, and it starts processes of its own"
)]

mod ami;
mod cluster_status;
mod contract;
mod db_query;
mod db_sync;
mod disk;
mod failover_ready;
mod fs_sync;
mod links;
mod master_alive;
mod net;
mod network_failover;
mod proofs;
mod raid;
mod recorded;
mod rsync;
mod services;
mod sip;
mod status;
mod structure;
mod systemd;
mod time;
mod trees;
