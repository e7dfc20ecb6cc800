//! `/run/twinguard/status.json`: what the agent knows, for checks and for people. Written atomically at each tick.

use super::Refusal;
use crate::{Blind, Host};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Version of the file's shape.
pub const SCHEMA: u32 = 1;
/// A status file older than this (boot time) tells nothing: its reader is blind, never alarmed.
pub const STALE: Duration = Duration::from_secs(10);

/// Role of this node for one service group (TAKEOVER.md 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Booted or founded nothing yet: starts nothing, shoots nobody.
    Inert,
    /// In sync and eligible for a takeover.
    Slave,
    /// Present, not eligible: fenced, failed, stale, or put aside by an operator.
    Standby,
    /// Between fence and service.
    Taking,
    /// Serves the group.
    Master,
    /// Gave the group to the peer in a graceful move; waits until the peer serves it.
    Demoted,
    /// A step failed and a person has to look.
    Failed,
    /// The pair was dissolved and the other node survives: this one never starts anything again.
    Retired,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Inert => "INERT",
            Role::Slave => "SLAVE",
            Role::Standby => "STANDBY",
            Role::Taking => "TAKING",
            Role::Master => "MASTER",
            Role::Demoted => "DEMOTED",
            Role::Failed => "FAILED",
            Role::Retired => "RETIRED",
        })
    }
}

/// What the agent durably holds about the peer (TAKEOVER.md 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PeerRecord {
    /// Member of the pair.
    Ok,
    /// No contact.
    Lost,
    /// About to be fenced.
    FenceIntent,
    /// A power command is or may be on its way.
    FenceSent,
    /// Seen off, twice.
    OffConfirmed,
    /// Fenced, failed or put aside: not eligible until it is rejoined.
    Standby,
    /// The pair was dissolved: this node goes on alone.
    Retired,
}

/// How alive the peer looks from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Life {
    /// Its agent, its ssh banner or its service answered lately.
    Alive,
    /// Its kernel answers (ping, TCP accept), nothing above it does: hung.
    Mute,
    /// Nothing answers on any link.
    Silent,
    /// Not probed yet.
    Unknown,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Cluster name from the configuration.
    pub cluster: String,
    /// This node (`uname -n`).
    pub node: String,
    /// CLOCK_BOOTTIME in milliseconds when the file was written.
    pub boottime_ms: u64,
    /// Id of this boot (made by the agent's first start after a boot).
    pub boot_id: String,
    /// `automatic` of the configuration.
    pub automatic: bool,
    /// An automatic takeover would be possible now, were the peer to fail: every gate but G0 and G3 passes.
    pub armed: bool,
    /// Automation is frozen and why.
    pub frozen: Option<String>,
    /// The service groups.
    pub groups: Vec<GroupStatus>,
    /// This node sees its clients' network: carrier and enough witnesses. `None` = no fresh probe round.
    #[serde(default)]
    pub network_ok: Option<bool>,
    /// The other node.
    pub peer: PeerStatus,
    /// Witness as configured → it answered in the last round.
    pub witnesses: BTreeMap<String, bool>,
    /// Result of each gate at its last evaluation.
    pub gates: Vec<GateStatus>,
    /// The open attempt.
    pub attempt: Option<AttemptStatus>,
    /// The last refusal of a takeover that was asked for, while its case is open.
    pub refusal: Option<RefusalStatus>,
    /// What is no gate, and yet a latent defect.
    #[serde(default)]
    pub compared: Compared,
    /// The peer's fence devices with their last drill; empty until they were asked once.
    #[serde(default)]
    pub devices: Vec<DeviceStatus>,
}

/// This agent beside its peer's, and beside its own past. `None` = not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Product version of this agent.
    pub version: Option<String>,
    /// Product version of the peer's agent, from its last greeting.
    pub peer_version: Option<String>,
    /// Milliseconds by which the nodes' clocks differ, from the peer's last message (RX2).
    pub skew_ms: Option<u64>,
    /// Unix time in milliseconds of the last takeover with a fence that this node completed: the last proof that it can.
    pub takeover_ms: Option<i64>,
}

/// One fence device of the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its level.
    pub level: u8,
    /// Printable name: driver and address.
    pub device: String,
    /// Its last drill; `None` = never drilled from this node.
    pub drill: Option<Drill>,
}

/// A fence on purpose that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// The node that was switched off.
    pub target: String,
    /// Level of the device.
    pub level: u8,
    /// Printable name of the device.
    pub device: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// From the command to OFF, milliseconds.
    pub took_ms: u64,
    /// Who ran it.
    pub by: String,
}

/// A drill that took longer hints at a BMC that asks the system for an orderly shutdown.
pub const SLOW_DRILL: Duration = Duration::from_secs(10);

impl Drill {
    /// For people: age and length at `wall_ms`.
    pub fn describe(&self, wall_ms: i64) -> String {
        let minutes = wall_ms.saturating_sub(self.at_ms).max(0) / 60_000;
        let age = match minutes {
            0..120 => format!("{minutes} min"),
            120..2880 => format!("{} h", minutes / 60),
            _ => format!("{} days", minutes / 1440),
        };
        format!("drilled {age} ago by {}, OFF after {:.1} s", self.by, self.took_ms as f64 / 1000.0)
    }
}

/// One service group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Name from the configuration.
    pub name: String,
    /// This node's role.
    pub role: Role,
    /// Highest epoch that this node has seen for the group.
    pub epoch: u64,
    /// What is wrong with the group here (for example a service that did not start).
    pub degraded: Option<String>,
}

/// The other node as seen from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its name.
    pub node: String,
    /// How alive it looks.
    pub life: Life,
    /// What is durably held about it.
    pub record: PeerRecord,
    /// Its roles by group, from its last message.
    pub roles: BTreeMap<String, Role>,
    /// It sees its clients' network (carrier and witnesses), from its last message; `None` = it has not spoken lately.
    #[serde(default)]
    pub network_ok: Option<bool>,
    /// The links to it.
    pub links: Vec<LinkStatus>,
}

/// One link to the peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// Name from the configuration.
    pub name: String,
    /// Our own interface has a carrier.
    pub carrier: bool,
    /// The peer answered a ping in the last round.
    pub ping: bool,
    /// The peer's agent spoke over this link within the last second.
    pub channel: bool,
}

/// One gate (TAKEOVER.md 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateStatus {
    /// `G0` … `G12`.
    pub gate: String,
    /// `None` = passes.
    pub refusal: Option<Refusal>,
    /// What was seen.
    pub evidence: String,
}

/// The open attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStatus {
    /// Its id, the same in journal and mails.
    pub id: String,
    /// Where it is (`confirming`, `fencing`, `taking T4`, …).
    pub stage: String,
    /// CLOCK_BOOTTIME in milliseconds at which it was opened.
    pub since_ms: u64,
}

/// A refusal that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalStatus {
    /// The code.
    pub code: Refusal,
    /// What was seen.
    pub text: String,
    /// CLOCK_BOOTTIME in milliseconds since when it stands.
    pub since_ms: u64,
}

/// Is this status too old to rest anything on? One from the future was written in another boot.
pub fn stale(status: &Status, host: &dyn Host) -> bool {
    let written = Duration::from_millis(status.boottime_ms);
    let now = host.now();
    // The stamp has whole milliseconds; a reader may be a fraction of one ahead of it.
    written > now + Duration::from_millis(1) || now.saturating_sub(written) > STALE
}

/// Reads the agent's status file.
///
/// # Errors
/// [`Blind`]: unreadable, of another shape, or stale; the reader knows nothing then and must not be alarmed.
pub fn read_status(host: &dyn Host, path: &Path) -> Result<Status, Blind> {
    let text = host.read(path)?;
    let parse = |reason: String| Blind::Parse { what: path.display().to_string(), reason };
    let status: Status = serde_json::from_str(&text).map_err(|e| parse(e.to_string()))?;
    if status.schema != SCHEMA {
        return Err(parse(format!("schema {} instead of {SCHEMA}; install the same version of agent and checks", status.schema)));
    }
    if stale(&status, host) {
        let age = host.now().saturating_sub(Duration::from_millis(status.boottime_ms)).as_secs();
        return Err(Blind::Read {
            path: path.to_owned(),
            reason: format!("the agent has not written it for {age} s; run: systemctl status twinguard"),
        });
    }
    Ok(status)
}
