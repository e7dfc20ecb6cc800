//! On which node of the pair a check belongs: the same services are configured on both, the binary knows the role (MD17).

use plugin_core::contract::paths;
use plugin_core::contract::status::{Role, Status};
use plugin_core::host::read_status;
use plugin_core::{Blind, Host};
use std::path::PathBuf;

/// Where to look, and where to leave it to the other node.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// Look only where this node is the master, or where it is not (slave); elsewhere the answer is OK
    #[arg(long, value_name = "ROLE")]
    only_on: Option<Only>,
    /// What the agent on this node publishes; read for --only-on
    #[arg(long, value_name = "FILE", default_value = paths::STATUS)]
    status: PathBuf,
}

/// A side of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    Master,
    Slave,
}

impl std::str::FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "master" => Ok(Self::Master),
            "slave" => Ok(Self::Slave),
            _ => Err(format!("\"{text}\" is no role: write master or slave")),
        }
    }
}

impl Place {
    /// Why the check has nothing to look at on this node; `None` = it belongs here.
    ///
    /// # Errors
    /// As [`read_status`]: a check that belongs on one node only and does not know where it is can't judge.
    pub fn elsewhere(&self, host: &dyn Host) -> Result<Option<String>, Blind> {
        let Some(only) = self.only_on else { return Ok(None) };
        Ok(apart(only, &read_status(host, &self.status)?))
    }

    /// What the agent publishes.
    ///
    /// # Errors
    /// As [`read_status`].
    pub fn read(&self, host: &dyn Host) -> Result<Status, Blind> {
        read_status(host, &self.status)
    }

    /// Does an agent publish anything here?
    pub fn has_agent(&self) -> bool {
        self.status.exists()
    }

    /// As [`Place::elsewhere`] for a failover service of the master, whatever --only-on says.
    ///
    /// # Errors
    /// As [`read_status`]: without the role there is no verdict.
    pub fn not_master(&self, host: &dyn Host) -> Result<Option<String>, Blind> {
        Ok(apart(Only::Master, &read_status(host, &self.status)?))
    }
}

fn apart(only: Only, status: &Status) -> Option<String> {
    let master = status.groups.iter().any(|g| g.role == Role::Master);
    match only {
        Only::Master if !master => Some("this node is not the master, checked there".into()),
        Only::Slave if master => Some("this node is the master, checked on the slave".into()),
        Only::Master | Only::Slave => None,
    }
}
