//! `check_db_sync`: is the standby's database a copy of the primary's, how old is it, and is there exactly one primary?
//!
//! Looks at both nodes where it is given both, because a standby alone can't tell a frozen link from an idle primary.
//! Refuses to write a canary and to repair anything.

mod judge;
mod mariadb;
mod postgresql;
mod probe;
mod table;

use crate::db::{Fault, Login};
use plugin_core::cluster::Span;
use plugin_core::contract::status::Role;
use plugin_core::host::read_status;
use plugin_core::{Blind, Check, Host, Limits, Range, Report};
use std::path::PathBuf;
use std::time::Duration;
use table::TableName;

/// Is the standby's database a copy of the primary's, how old is it, and is there exactly one primary?
///
/// MariaDB, MySQL: threads of every replication channel, errors, lag (a delay that is wanted is no lag), GTIDs that only the
/// standby has. PostgreSQL: receiver, replay, pause, timeline, slots; an idle primary is no lag. With --peer both nodes are asked: both
/// writable, different histories, or a position of the primary that does not reach a standby that claims to be in sync
/// are CRITICAL. Thresholds apply to the lag in seconds.
///
/// Least rights: GRANT REPLICA MONITOR ON *.* (MariaDB), REPLICATION CLIENT (MySQL), GRANT `pg_monitor` (PostgreSQL); SELECT on the
/// tables of --heartbeat and --compare.
///
/// Example: `check_db_sync --engine mariadb -u icinga --password-file /etc/twinguard/secret/db --peer 192.168.250.1 -w 30 -c 300`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct DbSync {
    #[command(flatten)]
    login: Login,
    /// The other node's server, with the same login
    #[arg(long, value_name = "HOST")]
    peer: Option<String>,
    /// TCP port of the other node's server. Default: that of --port
    #[arg(long, value_name = "PORT", requires = "peer")]
    peer_port: Option<u16>,
    /// What HOST has to be; auto = what the agent says of this node
    #[arg(long, value_enum, default_value = "auto")]
    role: Expect,
    #[command(flatten)]
    lag: Limits,
    /// WARNING when the bytes (PostgreSQL) or transactions (MariaDB) behind the primary leave this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    behind_warning: Option<Range>,
    /// CRITICAL when the bytes (PostgreSQL) or transactions (MariaDB) behind the primary leave this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    behind_critical: Option<Range>,
    /// Time in which a standby that claims to be in sync has to get what the primary had at the start
    #[arg(long, value_name = "TIME", default_value = "2s")]
    settle: Span,
    /// Heartbeat table as pt-heartbeat --utc writes it (column ts); its age is lag too
    #[arg(long, value_name = "[DATABASE.]TABLE")]
    heartbeat: Option<TableName>,
    /// Table whose rows are counted and hashed on both nodes; repeat
    #[arg(long, value_name = "[DATABASE.]TABLE", requires = "peer")]
    compare: Vec<TableName>,
    /// What the agent on this node publishes
    #[arg(long, value_name = "FILE", default_value = plugin_core::contract::paths::STATUS)]
    status: PathBuf,
}

/// What a server has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Expect {
    /// What the agent's status file says
    Auto,
    /// The copy
    #[value(aliases = ["slave", "replica"])]
    Standby,
    /// The original
    #[value(alias = "master")]
    Primary,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    /// What `here` has to be; why it is not known.
    role: Result<Expect, Blind>,
    /// The server of --host.
    here: Node,
    /// The server of --peer.
    peer: Option<Node>,
    /// Whether the primary's position reached the standby.
    arrival: Option<Result<Arrival, Fault>>,
    /// Age of the heartbeat in seconds; `None` = the table is empty.
    heartbeat: Option<Result<Option<f64>, Fault>>,
    /// Tables on both nodes.
    compared: Vec<(String, Result<Compared, Fault>)>,
}

/// One server.
#[derive(Debug)]
struct Node {
    name: String,
    sight: Result<Sight, Fault>,
}

/// What one server says of itself.
#[derive(Debug)]
enum Sight {
    Mariadb(mariadb::Sight),
    Postgresql(postgresql::Sight),
}

impl Sight {
    /// Does it look like the original?
    fn is_primary(&self) -> bool {
        match self {
            Sight::Mariadb(sight) => sight.channels.is_empty(),
            Sight::Postgresql(sight) => !sight.recovery,
        }
    }
}

/// Did the standby get what the primary had when it was asked?
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arrival {
    /// After this time.
    Came(Duration),
    /// Not within this time.
    Missing(Duration),
}

/// One table on both nodes: rows and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Compared {
    primary: (String, String),
    standby: (String, String),
}

impl DbSync {
    fn expected(&self, host: &dyn Host) -> Result<Expect, Blind> {
        if self.role != Expect::Auto {
            return Ok(self.role);
        }
        let status = read_status(host, &self.status)?;
        let master = !status.groups.is_empty() && status.groups.iter().all(|g| g.role == Role::Master);
        Ok(if master { Expect::Primary } else { Expect::Standby })
    }
}

impl Check for DbSync {
    const TITLE: &'static str = "DB SYNC";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        probe::probe(self, host)
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(self, facts, report);
    }
}
