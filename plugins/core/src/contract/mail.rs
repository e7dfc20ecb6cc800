//! What the agent tells the mailer: one JSON file per event in the spool's `incoming/` folder, named `<id>.json`,
//! written under another name (leading dot), fsynced and renamed.

use serde::{Deserialize, Serialize};

/// What happened. The mailer words it; the agent only tells facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailKind {
    /// The pair was founded.
    Founded,
    /// A takeover is done: this node is master.
    Takeover,
    /// A takeover was asked for and is refused.
    Refused,
    /// The power command was sent to the peer.
    FenceSent,
    /// The peer was seen off.
    FenceConfirmed,
    /// No device could switch the peer off.
    FenceFailed,
    /// A takeover stopped half way and holds what it has.
    TakeoverHeld,
    /// A takeover was rolled back.
    TakeoverFailed,
    /// The other node is back and stays STANDBY.
    Standby,
    /// Two masters, or data that diverged: automation is frozen.
    SplitBrain,
    /// This node gave its groups away: by an operator's wish, or because it reported itself.
    Demoted,
    /// A node is slave again.
    Rejoined,
    /// A maintenance is over its time.
    Maintenance,
    /// The agent can't do its work (state not writable, configuration differs …).
    Trouble,
}

/// How the event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Good news.
    Ok,
    /// Somebody should look today.
    Warning,
    /// Somebody has to look now.
    Critical,
}

/// One event of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailEvent {
    /// Shape of this file; 1.
    pub schema: u32,
    /// Unique and stable: becomes the Message-ID. `[A-Za-z0-9.-]` only.
    pub id: String,
    /// The incident it belongs to (the attempt's id): one mail thread.
    pub incident: String,
    /// What happened.
    pub kind: MailKind,
    /// How bad it is.
    pub severity: Severity,
    /// Cluster name.
    pub cluster: String,
    /// The node that tells it.
    pub node: String,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// One sentence without line break: what happened, to be read in the subject.
    pub summary: String,
    /// What was seen, one line each.
    pub details: Vec<String>,
    /// What to do now: commands to paste, one line each.
    pub actions: Vec<String>,
    /// Measured phases: label and milliseconds since the incident began.
    pub timeline: Vec<(String, u64)>,
    /// Both nodes.
    pub nodes: Vec<MailNode>,
}

/// One node in the mail's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailNode {
    /// Its name.
    pub name: String,
    /// Its role, or what is known of it, in words.
    pub role: String,
    /// Traffic light.
    pub light: Severity,
}
