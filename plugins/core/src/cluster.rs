//! `cluster.toml`: what several binaries must agree on. The same bytes on both nodes; no secrets; "me" is `uname -n`.
//!
//! Parsing refuses every key it does not know; [`Cluster::validate`] refuses what can't be meant.

mod data;
mod fence;
mod notify;
mod span;
mod target;
mod validate;

pub use data::{CopyProof, Data, Database, DrbdPolicy, Engine, VgExclusive};
pub use fence::{Device, Driver, Fence, Then};
pub use notify::{Notify, fingerprint};
pub use span::Span;
pub use target::{Net, Verify, Witness};

use crate::contract::paths;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Shape of the file; 1.
    pub schema: u32,
    /// Name of the cluster, `[a-z0-9-]+`.
    pub name: String,
    /// Who owns the resources.
    #[serde(default)]
    pub adapter: Adapter,
    /// Automatic takeover is wanted.
    pub automatic: bool,
    /// Exactly two (MD8: with different names): link name → address.
    pub nodes: BTreeMap<String, BTreeMap<String, IpAddr>>,
    /// The links between the nodes.
    pub links: BTreeMap<String, Link>,
    /// Gateways and witnesses.
    pub witness: Witnesses,
    /// What counts as a dead peer.
    #[serde(default)]
    pub confirm: Confirm,
    /// Fence devices and policy.
    #[serde(default)]
    pub fence: Fence,
    /// How often a takeover may happen.
    #[serde(default)]
    pub limits: Limits,
    /// Icinga service name → what its CRITICAL means.
    pub triggers: BTreeMap<String, Trigger>,
    /// Service groups, which move as a whole (MD1).
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
    /// Mail.
    pub notify: Notify,
}

/// Who owns the resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// twinguard itself.
    #[default]
    Native,
    /// Pacemaker: twinguard asks it and never acts beside it.
    Pacemaker,
    /// A vendor's command.
    Command,
}

/// One link between the nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Interface name, the same on both nodes.
    pub interface: String,
    /// Clients come over this link; without it the node can't serve.
    #[serde(default)]
    pub clients: bool,
}

/// Hosts that tell a node whether it is the isolated one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// How many must answer; default 1, a majority from three on.
    pub need: Option<usize>,
    /// `ping:ADDRESS`, `arp:ADDRESS` or `tcp:ADDRESS:PORT`.
    pub hosts: Vec<Witness>,
}

impl Witnesses {
    /// How many must answer.
    pub fn need(&self) -> usize {
        let default = if self.hosts.len() >= 3 { self.hosts.len() / 2 + 1 } else { 1 };
        self.need.unwrap_or(default)
    }
}

/// What counts as a dead peer (TAKEOVER.md section 1, Confirmation).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confirm {
    /// Time without any sign of life on every link; minimum 1 s.
    pub silence: Span,
    /// Punctual probe rounds without an answer; minimum 3.
    pub rounds: u32,
    /// Time for which only the kernel answers before the peer counts as hung; `never` = alert only.
    pub hung: Span,
    /// Service of a trigger of kind `self` → the check behind it, program and arguments: the agent runs it again before it acts.
    pub check: BTreeMap<String, Vec<String>>,
}

impl Confirm {
    /// The check behind a service: the configured one, else that of the shipped services.
    pub fn check_behind(&self, service: &str) -> Option<Vec<String>> {
        let shipped = |name: &str| vec![format!("/usr/lib/nagios/plugins/{name}"), "--failover".to_owned()];
        self.check.get(service).cloned().or_else(|| match service {
            "twinguard-cluster-status" => Some(shipped("check_cluster_status")),
            "twinguard-raid" => Some(shipped("check_raid")),
            _ => None,
        })
    }
}

impl Default for Confirm {
    fn default() -> Self {
        Self { silence: Span::seconds(2), rounds: 3, hung: Span::seconds(15), check: BTreeMap::new() }
    }
}

/// How often a takeover may happen; `0s` and 0 = no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Least time between two automatic takeovers.
    pub interval: Span,
    /// Most automatic takeovers in 24 hours.
    pub per_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { interval: Span::seconds(15 * 60), per_day: 3 }
    }
}

/// What a CRITICAL of a failover check means (TAKEOVER.md 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The peer answers on no link: fence path.
    PeerLost,
    /// The peer has lost the clients' network: graceful first.
    PeerLanLost,
    /// The node reports itself.
    #[serde(rename = "self")]
    Itself,
}

/// One service group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The node that serves it first; for `create` only.
    pub home: String,
    /// Failover addresses.
    #[serde(default)]
    pub ip: Vec<FailoverIp>,
    /// Where the data live.
    pub data: Data,
    /// What only the master mounts, in mount order.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Units in start order.
    #[serde(default)]
    pub services: Vec<String>,
    /// Units that run on the master only, started after `services`.
    #[serde(default)]
    pub master_only: Vec<String>,
    /// Units that run on the slave only.
    #[serde(default)]
    pub slave_only: Vec<String>,
    /// What has to answer at the failover address: `http:ADDRESS[:PORT]`, `banner:`/`smtp:ADDRESS:PORT`, `sip:ADDRESS:PORT`.
    #[serde(default)]
    pub verify: Vec<Verify>,
    /// Memory that the group needs (`2G`).
    pub memory: Option<String>,
}

/// One failover address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverIp {
    /// Address and prefix length.
    pub address: Net,
    /// The link whose interface carries it.
    pub link: String,
}

/// One mount.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Block device.
    pub device: PathBuf,
    /// Mount point.
    pub path: PathBuf,
    /// File system type.
    pub fs: String,
    /// Mount options.
    pub options: Option<String>,
}

impl Cluster {
    /// Parses and validates.
    ///
    /// # Errors
    /// One sentence that names the key and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cluster: Cluster = toml::from_str(text).map_err(|e| e.to_string())?;
        cluster.validate()?;
        Ok(cluster)
    }

    /// The default place of the file.
    pub fn default_path() -> PathBuf {
        PathBuf::from(paths::CONFIG)
    }

    /// The other node's name, or `None` if `me` is not one of the two.
    pub fn peer_of(&self, me: &str) -> Option<&str> {
        self.nodes.contains_key(me).then(|| self.nodes.keys().map(String::as_str).find(|n| *n != me)).flatten()
    }

    /// Address of `node` on `link`.
    pub fn address(&self, node: &str, link: &str) -> Option<IpAddr> {
        self.nodes.get(node)?.get(link).copied()
    }

    /// The devices that switch `target`, lowest level first.
    pub fn devices_of<'a>(&'a self, target: &'a str) -> Vec<&'a Device> {
        let mut devices: Vec<&Device> = self.fence.device.iter().filter(|d| d.target == target).collect();
        devices.sort_by_key(|d| d.level);
        devices
    }
}
