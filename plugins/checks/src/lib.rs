//! The checks: one module each, whose arguments are the check. A check looks and judges; it never acts, and it never decides
//! about the cluster.

mod db;
pub mod db_query;
pub mod db_sync;
pub mod disk;
pub mod fs_sync;
pub mod master_alive;
pub mod network_failover;
pub mod place;
#[cfg(test)]
mod ready_made;
pub mod rsync;
pub mod services;
pub mod time;
pub mod tls;
mod witness;
