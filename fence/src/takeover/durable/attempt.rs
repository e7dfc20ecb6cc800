//! The shapes of what is under way: attempts with their stages, cases, promises, handovers.

use crate::takeover::steps::Step;
use plugin_core::cluster::Trigger;
use plugin_core::contract::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Groups given away: durable before it is told, so that it is a proof for the receiver (the record DEMOTED).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The attempt that gave them away.
    pub attempt: String,
    /// An operator wished it: this node stays eligible.
    pub planned: bool,
    /// The groups with the epoch that is granted to the receiver, and burnt here: whoever takes a group later takes a higher one (I8).
    pub epochs: BTreeMap<String, u64>,
}

/// What the receiver of a handover could not use: a durable promise that it holds nothing of these groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// The attempt of the handover.
    pub attempt: String,
    /// The groups that its giver may take back.
    pub groups: Vec<String>,
}

/// An attempt: from the moment at which all gates passed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Id, the same in journal, status file and mails.
    pub id: String,
    /// Why.
    pub why: Why,
    /// Where it is.
    pub stage: Stage,
    /// The groups that are taken, in order.
    pub groups: Vec<String>,
    /// Fence rounds that failed, for the pause before the next.
    pub failures: u32,
    /// Groups whose taking failed and of which this node holds nothing any more: their giver may take them back.
    pub released: Vec<String>,
}

impl Attempt {
    /// A fresh one.
    pub fn new(id: String, why: Why, stage: Stage, groups: Vec<String>) -> Self {
        Self { id, why, stage, groups, failures: 0, released: Vec::new() }
    }
}

/// Why an attempt was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The peer is lost.
    PeerLost,
    /// The pair is founded by an operator.
    Founding,
    /// Nobody serves after a boot, and both nodes agree who leads.
    Agreed,
    /// The master gave the groups away.
    Handover,
    /// This master gives its groups away.
    Moving {
        /// By an operator's wish; else it reported itself and becomes STANDBY.
        planned: bool,
    },
    /// An operator made this node master while the peer is away.
    Assumed,
    /// The master reported itself, or was asked because it has lost its clients' network: it gives its groups up, and is
    /// fenced if it can't.
    Asked,
    /// An operator gives up what runs here of a takeover that failed.
    Abandoned,
    /// An operator ends the pair: the peer retires.
    Dissolving,
}

/// Where an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stage {
    /// The peer's promise is awaited.
    Yielding,
    /// The peer is asked whether it may take.
    Asking {
        /// Given up after this (CLOCK_BOOTTIME, ms).
        until_ms: u64,
    },
    /// The groups are being stopped here. Nothing was promised yet.
    Demoting,
    /// Stopping failed, and what was stopped is started again: this node never stopped being master.
    Restoring,
    /// Stopping failed after this master had reported itself: it stays as it is, and the peer may fence it (rows 8, 48).
    Stuck,
    /// The master stops the groups; it is fenced if it has not given them away by then (CLOCK_BOOTTIME, ms).
    Awaiting {
        /// Time for it.
        until_ms: u64,
    },
    /// About to fence; nothing was sent, so it may still be abandoned.
    Intent,
    /// A power command is or may be on its way: no abandoning (F4).
    Sent,
    /// The fence failed after a command was sent: it is tried again while the peer is silent, and closed as ineffective
    /// only after the drain time with a peer that answers. Times are CLOCK_BOOTTIME milliseconds.
    Draining {
        /// No earlier end than this.
        until_ms: u64,
        /// Next fence.
        retry_ms: u64,
    },
    /// With a proof: step `step` of group number `group`.
    Taking {
        /// Index into the attempt's groups.
        group: usize,
        /// The step that runs.
        step: Step,
    },
    /// A step failed before the data were marked as ours: it is being rolled back.
    Undoing {
        /// Index into the attempt's groups.
        group: usize,
    },
    /// A step failed after that: what runs is kept, a person has to look.
    Held,
    /// A person gives up what is held: it is being stopped.
    Abandoning {
        /// Index into the attempt's groups.
        group: usize,
    },
}

/// A reported failure that is being watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Id; becomes the attempt's.
    pub id: String,
    /// What was reported.
    pub trigger: Trigger,
    /// By which service of Icinga.
    pub service: String,
    /// CLOCK_BOOTTIME (ms) at which it was opened.
    pub opened_ms: u64,
    /// No attempt before this (CLOCK_BOOTTIME, ms).
    pub next_ms: u64,
    /// Fence rounds that failed.
    pub failures: u32,
    /// The refusal that stands, with the time of its last mail.
    pub refused: Option<(Refusal, String, u64)>,
}

/// A durable promise to the peer: this node holds nothing of these groups and takes nothing without a proof of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The peer's attempt.
    pub attempt: String,
    /// The attempt founds the pair: this node becomes its slave.
    pub founding: bool,
    /// Epoch by group that the peer will write.
    pub epochs: BTreeMap<String, u64>,
}
