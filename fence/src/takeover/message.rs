//! What the two agents say to each other: one JSON object per line, over a persistent ssh session per link.
//!
//! Lower-epoch *acts* are rejected by the receiver; HELLO is always answered.

use super::data::DataBeat;
use super::durable::{Handover, Released};
use plugin_core::contract::status::{PeerRecord, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of this channel; G9 compares it.
pub const PROTOCOL: u32 = 1;
/// Longest line that is read, in bytes.
pub const LONGEST: u64 = 64 * 1024;

/// One message (inventory of TAKEOVER section 1; what graceful moves, rejoin and maintenance add comes with them).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
#[allow(missing_docs, reason = "each message and each field of a struct is described")]
pub enum Message {
    /// First on every session, in both directions.
    Hello { protocol: u32, version: String, cluster: String, node: String, link: String },
    /// Every 200 ms.
    Beat(Box<Beat>),
    /// "Look at your machine and promise that you hold nothing of these groups."
    Prepare { attempt: String, founding: bool, cluster_id: String, epochs: BTreeMap<String, u64> },
    /// The promise, durable before it is said.
    Yielded { attempt: String },
    /// No promise, or not ready to take, with the reason.
    Declined { attempt: String, text: String },
    /// "May you take these groups?": asked before anything is demoted. Not planned = the sender reported itself: if it can't
    /// give them up it may be fenced.
    MayTake { attempt: String, epochs: BTreeMap<String, u64>, planned: bool },
    /// "I may." Nothing is promised by it.
    CanTake { attempt: String },
    /// "You have lost your clients' network, I have not: give your groups up."
    Demote { attempt: String },
    /// "Let me be your slave again."
    Rejoin { cluster_id: String },
    /// "The pair is dissolved, I survive: stop and mask your units for good."
    Retire { attempt: String, cluster_id: String },
    /// "I have retired": durable, and the units are masked.
    Retired { attempt: String },
}

/// One group of the sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupBeat {
    /// Its role.
    pub role: Role,
    /// Its role before it booted, while INERT.
    pub was: Role,
    /// The highest epoch that it has seen.
    pub epoch: u64,
    /// Epoch of the data that it served last.
    pub data_epoch: u64,
    /// Who wrote the data last, as far as it knows.
    pub owner: Option<String>,
}

/// A master on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// The attempt by which it gives its groups up.
    pub attempt: String,
    /// It could not stop them: only a fence helps.
    pub stuck: bool,
}

/// What a node tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// Id of its boot.
    pub boot_id: String,
    /// Id of the founded pair; empty = not founded.
    pub cluster_id: String,
    /// Hash of its configuration (G9).
    pub config_hash: String,
    /// Its groups.
    pub groups: BTreeMap<String, GroupBeat>,
    /// Groups that it gave away and does not hold any more; durable there. The receiver may take them.
    pub handover: Option<Handover>,
    /// The receiver's handover that it could not use; durable there. The receiver may take the groups back.
    pub released: Option<Released>,
    /// It is giving its groups up because it reported itself, or was asked to.
    pub moving: Option<Moving>,
    /// How far its data are, and the stamp that proves their age (G6).
    #[serde(default)]
    pub data: DataBeat,
    /// Somebody works on it (G1).
    pub maintenance: bool,
    /// Every fence device of the receiver answers it (for a rejoin).
    pub stonith_ok: bool,
    /// What it holds about the receiver.
    pub record: PeerRecord,
    /// It sees its clients' network: carrier and witnesses. `None` = it has not looked yet.
    pub network_ok: Option<bool>,
    /// What would start managed resources at its boot (G12).
    pub boot_starts: Vec<String>,
    /// Its Unix time in milliseconds, for comparing clocks.
    pub wall_ms: i64,
}
