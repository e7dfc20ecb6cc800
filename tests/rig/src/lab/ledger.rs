//! The write ledger: a client writes numbered records into a PostgreSQL that replicates between the nodes, through the cluster IP, and
//! keeps the numbers that were acknowledged. After each failover the survivor is asked which of them it has.
//!
//! Fails the master in four ways and rebuilds the old one as an administrator would. It judges only what was lost.

mod book;
mod run;
pub mod writer;

pub use book::{Book, Entry};
pub use run::{Fault, Ledger, Outcome, main};

use super::site::{Link, Node};
use super::tool::write;
use std::path::Path;

/// Unit of the server, as Debian names it.
pub const UNIT: &str = "postgresql@15-main.service";
/// Its data, as Debian places them.
pub const DATA: &str = "/var/lib/postgresql/15/main";

/// Writes a node's part of the replication: it follows the other node whenever it is a standby.
///
/// # Errors
/// Names the file.
pub fn configure(etc: &Path, node: Node) -> Result<(), String> {
    let (name, source) = (node.name(), node.other().address(Link::Heartbeat));
    let lines = format!(
        "listen_addresses = '*'\nshared_buffers = 16MB\nmax_wal_size = 64MB\nmin_wal_size = 32MB\nwal_keep_size = 64MB\nwal_sender_timeout = 3s\n\
         wal_receiver_timeout = 3s\nwal_retrieve_retry_interval = 200ms\nwal_receiver_status_interval = 1s\n\
         primary_conninfo = 'host={source} user=postgres application_name={name} connect_timeout=2'\n"
    );
    let folder = etc.join("postgresql/15/main");
    write(&folder.join("conf.d/lab.conf"), lines.as_bytes())?;
    let networks =
        [Link::Lan, Link::Heartbeat].map(|l| format!("host all postgres {0}.0/24 trust\nhost replication postgres {0}.0/24 trust\n", l.subnet()));
    write(&folder.join("pg_hba.conf"), format!("local all postgres peer\n{}", networks.concat()).as_bytes())
}
