//! Where a group's data live, and how their copy is kept (TAKEOVER.md 3.8). Only words and their meaning; nothing is looked at.

use super::Span;
use super::validate::must;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where a group's data live.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Data {
    /// A block device that both nodes reach.
    Device,
    /// Copied by the services themselves: the database replicates, a sender copies files.
    Async {
        /// Largest accepted age of the copy at a takeover; `0s` = strict: none that was acknowledged is lost, which only a
        /// database that replicates synchronously can promise.
        max_loss: Span,
        /// What has to be proven; the older of the two counts.
        proofs: Vec<CopyProof>,
        /// The database, for `db-sync`.
        database: Option<Database>,
        /// The copied folders, for `fs-sync`: the master stamps each, and the stamp has to arrive.
        #[serde(default)]
        folders: Vec<PathBuf>,
    },
    /// DRBD.
    Drbd {
        /// Resource name.
        resource: String,
        /// Fencing policy.
        policy: DrbdPolicy,
        /// Largest accepted age (bounded).
        max_loss: Option<Span>,
    },
    /// An LVM volume group on storage that both nodes reach.
    Vg {
        /// Its name.
        vg: String,
        /// How it is kept exclusive.
        exclusive: VgExclusive,
    },
    /// None.
    None,
}

/// What proves that a copy is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyProof {
    /// The copied folders carry the master's latest stamp.
    FsSync,
    /// The database has received what the master had written.
    DbSync,
}

/// A database that replicates from the master to the slave. The server runs on both nodes; the agent promotes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Which one.
    pub engine: Engine,
    /// Unit of the server. Not enabled at boot: the agent starts it when the node's role is known.
    pub unit: String,
    /// Folder of the socket (PostgreSQL) or the socket itself (MariaDB); default: Debian's.
    pub socket: Option<PathBuf>,
    /// Port, which is a part of PostgreSQL's socket name; default 5432.
    pub port: Option<u16>,
    /// Data directory (PostgreSQL); default: Debian's, version 15, cluster main.
    pub directory: Option<PathBuf>,
}

/// A database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// PostgreSQL 13 or newer, streaming.
    Postgresql,
    /// MariaDB 10.5 or newer, with GTID.
    Mariadb,
}

impl Database {
    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        let default = match self.engine {
            Engine::Postgresql => "/run/postgresql",
            Engine::Mariadb => "/run/mysqld/mysqld.sock",
        };
        self.socket.clone().unwrap_or_else(|| default.into())
    }

    /// PostgreSQL's data directory.
    pub fn directory(&self) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| "/var/lib/postgresql/15/main".into())
    }
}

/// DRBD's fencing policy (TAKEOVER.md 3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrbdPolicy {
    /// `resource-and-stonith`: no acknowledged write is lost.
    Strict,
    /// `resource-only`: at most `max_loss`.
    Bounded,
}

/// How a volume group is kept exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VgExclusive {
    /// LVM system id.
    SystemId,
    /// Owner tag.
    Tag,
}

/// Age that a DRBD copy may have where `max_loss` is not given (the W of TAKEOVER.md 3.8).
const DRBD_WINDOW: Duration = Duration::from_secs(10);

impl Data {
    /// Largest accepted age of the copy at a takeover; zero = strict; `None` = both nodes have the same data, nothing is copied.
    pub fn max_loss(&self) -> Option<Duration> {
        match self {
            Data::Device | Data::Vg { .. } | Data::None => None,
            Data::Async { max_loss, .. } => Some(max_loss.or_forever()),
            Data::Drbd { policy: DrbdPolicy::Strict, .. } => Some(Duration::ZERO),
            Data::Drbd { policy: DrbdPolicy::Bounded, max_loss, .. } => Some(max_loss.map_or(DRBD_WINDOW, Span::or_forever)),
        }
    }

    /// The replicating database.
    pub fn database(&self) -> Option<&Database> {
        if let Data::Async { database, .. } = self { database.as_ref() } else { None }
    }

    /// The copied folders.
    pub fn folders(&self) -> &[PathBuf] {
        if let Data::Async { folders, .. } = self { folders } else { &[] }
    }

    /// Refuses what can't be meant.
    pub(super) fn validate(&self, place: &dyn Fn() -> String, mounts: usize) -> Result<(), String> {
        match self {
            Data::None => Ok(()),
            Data::Device => must(mounts > 0, || format!("{}: data kind device has no mounts", place())),
            Data::Async { max_loss, proofs, database, folders } => {
                must(!proofs.is_empty(), || format!("{}: proofs is empty: nothing would prove that the copy is fresh", place()))?;
                let wants = |proof| proofs.contains(&proof);
                must(wants(CopyProof::DbSync) == database.is_some(), || format!("{}: db-sync and database belong together", place()))?;
                must(wants(CopyProof::FsSync) != folders.is_empty(), || format!("{}: fs-sync and folders belong together", place()))?;
                let relative = folders.iter().find(|f| !f.is_absolute());
                must(relative.is_none(), || {
                    format!("{}: folders: {} is not absolute", place(), relative.map(|f| f.display().to_string()).unwrap_or_default())
                })?;
                let strict = max_loss.0 == Some(Duration::ZERO);
                let synchronous = folders.is_empty() && database.as_ref().is_some_and(|d| d.engine == Engine::Postgresql);
                must(!strict || synchronous, || {
                    format!("{}: max_loss = 0s: only PostgreSQL alone, replicating synchronously, loses nothing; name an age, such as 30s", place())
                })
            }
            Data::Drbd { resource, policy, max_loss } => {
                must(is_plain(resource), || format!("{}: resource = \"{resource}\" is no name of a resource", place()))?;
                must(*policy == DrbdPolicy::Bounded || max_loss.is_none(), || format!("{}: max_loss belongs to policy = \"bounded\"", place()))
            }
            Data::Vg { vg, .. } => must(is_plain(vg), || format!("{}: vg = \"{vg}\" is no name of a volume group", place())),
        }
    }
}

/// A name that no tool takes for an option or for a pattern (lvm(8): letters, digits, `+_.-`).
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+_.-".contains(&b))
}
