//! The checks: one module each, whose arguments are the check. A check looks and judges; it never acts, and it never decides
//! about the cluster.

pub mod ami;
pub mod cluster_status;
mod db;
pub mod db_query;
pub mod db_sync;
pub mod disk;
mod drbd;
pub mod failover_ready;
pub mod fs_sync;
mod machine;
pub mod master_alive;
pub mod network_failover;
pub mod place;
pub mod raid;
pub mod random;
#[cfg(test)]
mod ready_made;
pub mod rsync;
pub mod services;
pub mod sip;
pub mod time;
pub mod tls;
mod witness;
