//! What the two agents say to each other: one JSON object per line, over a persistent ssh session per link.
//!
//! Lower-epoch *acts* are rejected by the receiver; HELLO is always answered.

use plugin_core::contract::status::{PeerRecord, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of this channel; G9 compares it.
pub const PROTOCOL: u32 = 1;
/// Longest line that is read, in bytes.
pub const LONGEST: u64 = 64 * 1024;

/// One message (inventory of TAKEOVER section 1; what graceful moves, rejoin and maintenance add comes with them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// No promise, with the reason.
    Declined { attempt: String, text: String },
}

/// What a node tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// Id of its boot.
    pub boot_id: String,
    /// Id of the founded pair; empty = not founded.
    pub cluster_id: String,
    /// Hash of its configuration (G9).
    pub config_hash: String,
    /// Its roles and highest epochs.
    pub groups: BTreeMap<String, (Role, u64)>,
    /// What it holds about the receiver.
    pub record: PeerRecord,
    /// Its links have a carrier, its witnesses answer (clients' side).
    pub network_ok: bool,
    /// What would start managed resources at its boot (G12).
    pub boot_starts: Vec<String>,
    /// Its Unix time in milliseconds, for comparing clocks.
    pub wall_ms: i64,
}
