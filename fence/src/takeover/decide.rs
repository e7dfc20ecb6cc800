//! The decision: one pure, total transition function. No IO, no clock: time enters as numbers inside classified events.
//!
//! The caller writes the returned journal records and the returned state durably *before* it carries out the other
//! actions (I10), in the order given. Every event is allowed in every state; what does not fit changes nothing.

mod agreement;
mod attempt;
mod case;
mod dissolve;
mod finish;
mod held;
mod operator;
mod peer;
mod repair;
mod report;

pub use case::is_busy;

use super::durable::{Durable, Handover, Maintenance, Released, Stage};
use super::gates::{Call, Gate};
use super::journal::Record;
use super::message::{GroupBeat, Message, Moving};
use super::steps::Step;
use crate::power::FenceFailure;
use plugin_core::contract::status::{Life, PeerRecord};
use plugin_core::contract::{MailKind, Refusal};
use std::collections::BTreeMap;

/// What does not change while the agent runs.
#[derive(Clone, Debug)]
pub struct Policy {
    /// This node.
    pub me: String,
    /// The other one.
    pub peer: String,
    /// Groups with their home, in the configuration's order.
    pub groups: Vec<(String, String)>,
    /// Time that a master which reported itself has for stopping its groups, ms.
    pub demote_ms: u64,
}

/// Least time after a power command before an attempt may be closed as ineffective (F4), ms.
pub const DRAIN_MS: u64 = 60_000;
/// Pauses between fence rounds, ms; the last one repeats.
const PAUSES_MS: [u64; 5] = [10_000, 20_000, 40_000, 60_000, 60_000];
/// A standing refusal is mailed again after this time, ms.
const REMIND_MS: u64 = 15 * 60_000;

/// What happened.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each event is described; its fields are what it says")]
pub enum Event {
    /// The agent started; `booted` = first start since the machine booted.
    Started { booted: bool, boot_id: String },
    /// A handler called. `id` is fresh and becomes the case's.
    Called { call: Call, id: String, service: String, uid: u32, now_ms: u64 },
    /// The gates of an open case.
    Looked { gates: Vec<Gate>, life: Life, now_ms: u64 },
    /// The fence asks before a power command; G3 and G4 as they stand.
    MaySend { level: u8, device: String, verdict: Result<(), (Refusal, String)>, now_ms: u64 },
    /// A power command was accepted.
    FenceAccepted { level: u8, device: String },
    /// A power state was read.
    FenceRead { level: u8, device: String, power: String },
    /// The proof exists.
    Proven { by: ProofKind, evidence: Vec<String> },
    /// The fence ended without one.
    FenceEnded { failure: FenceFailure, now_ms: u64 },
    /// A step is done.
    StepDone { step: Step, evidence: String, wall_ms: i64 },
    /// A step failed after its retries.
    StepFailed { step: Step, code: Refusal, text: String, wall_ms: i64 },
    /// After a restart of the agent: what a group that is served here lacks on the machine.
    Verified { group: String, lacks: Option<String> },
    /// The roll-back ended.
    Undone { clean: Result<(), String> },
    /// What the peer says of itself, and the clocks.
    PeerSaid { beat: PeerSaid },
    /// The peer asks for a promise; `clean` = this machine holds nothing of the groups.
    Prepare { attempt: String, founding: bool, cluster_id: String, epochs: BTreeMap<String, u64>, clean: Result<(), String> },
    /// The peer gives no promise, or may not take.
    Declined { attempt: String, text: String },
    /// The peer gave groups away, and its durable word for it was just heard: the proof follows at once.
    Offered { handover: Handover },
    /// The peer could not use this node's handover, likewise.
    Reclaim { released: Released },
    /// The peer asks whether this node may take; `fit` = its own gates.
    MayTake { attempt: String, epochs: BTreeMap<String, u64>, planned: bool, fit: Result<(), String>, now_ms: u64 },
    /// The peer may take.
    CanTake { attempt: String },
    /// What was stopped is started again.
    Restored { result: Result<(), String> },
    /// The peer wants to be a slave again.
    RejoinAsked { cluster_id: String, now_ms: u64 },
    /// An operator wants one group, or all of this master's, to move to the peer.
    Move { id: String, who: String, group: Option<String>, ready: Result<(), (Refusal, String)>, now_ms: u64 },
    /// The check that reported this node was run again; `ready` = a move is possible at all.
    Rechecked { service: String, outcome: Recheck, ready: Result<(), (Refusal, String)>, now_ms: u64 },
    /// The peer asks this master to give up, since it has lost its clients' network; `ready` = that is so, and a move is possible.
    DemoteAsked { attempt: String, ready: Result<(), String>, now_ms: u64 },
    /// An operator puts this slave aside, for one group or all.
    SetAside { who: String, group: Option<String> },
    /// An operator has repaired what held a group up, or made it fail; `ready` = what was looked at before.
    Retry { id: String, who: String, group: String, ready: Result<(), (Refusal, String)>, life: Life },
    /// An operator gives up what runs here of a group that is held or failed.
    Abandon { id: String, who: String, group: String },
    /// An operator ends the pair; this node goes on alone.
    Dissolve { id: String, who: String, survivor: String, ready: Result<(), (Refusal, String)>, now_ms: u64 },
    /// The survivor wants this node to retire; `fit` = it holds nothing, and its data are known to be the same.
    Retire { attempt: String, cluster_id: String, fit: Result<(), String> },
    /// The units of a retired node are stopped and masked, or not.
    Masked { result: Result<(), String> },
    /// The peer has retired.
    PeerRetired { attempt: String },
    /// An operator wants this node to be a slave again; `ready` = what was looked at before.
    Rejoin { who: String, ready: Result<(), (Refusal, String)> },
    /// An operator begins or ends maintenance.
    Maintain { who: String, on: Option<Maintenance> },
    /// An operator attests that the peer is off; the proof follows at once.
    Attest { id: String, who: String },
    /// An operator makes this node master while the peer is away.
    Assume { id: String, who: String, life: Life },
    /// An operator founds the pair. `id` becomes the attempt's, `cluster_id` the pair's.
    Found { id: String, cluster_id: String, peer_alive: bool },
    /// The data of both nodes differ (row 36): nothing is automatic until a person names a survivor.
    DataSplit { why: String },
    /// An operator named the survivor of a split brain.
    Repair { who: String, survivor: String },
    /// Time passes.
    Tick { life: Life, now_ms: u64, wall_ms: i64 },
}

/// Which kind of proof came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
    /// The device showed OFF twice.
    Fenced,
    /// The peer's durable word.
    Yielded,
    /// A person's word.
    Attested,
}

/// The peer's beat, as far as decisions rest on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of message::Beat")]
pub struct PeerSaid {
    pub cluster_id: String,
    pub config_hash: String,
    pub groups: BTreeMap<String, GroupBeat>,
    pub record: PeerRecord,
    pub boot_starts: Vec<String>,
    pub maintenance: bool,
    /// This node may act by itself now: automatic, not isolated.
    pub may_act: bool,
    /// Id of an attempt that this may open.
    pub id: String,
    /// The peer is giving its groups up because it reported itself.
    pub moving: Option<Moving>,
    /// The attempt by which it has given groups up.
    pub gave: Option<String>,
}

/// What a check said when it was run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// CRITICAL; its line.
    Confirmed(String),
    /// Anything else that it knows; its line.
    Cleared(String),
    /// It could not look, or could not be run.
    Blind(String),
}

/// What the caller has to do, in this order, after the durable part.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each action is described; its fields are what it needs")]
pub enum Action {
    /// Append to the journal (all records of one decision share one fsync).
    Journal(Record),
    /// Answer the handler.
    Answer(Result<String, (Refusal, String)>),
    /// Probe fully for ten seconds and ask the fence device for its state.
    Prime,
    /// Fence the peer (a worker asks [`Event::MaySend`] before every command).
    StartFence,
    /// Answer the fence.
    Permit(Result<(), String>),
    /// Run one step with the proof.
    Run { group: String, step: Step, epoch: u64 },
    /// Stop and release everything of these groups.
    Undo { groups: Vec<String> },
    /// Start again what this master stopped in vain.
    Restore { groups: Vec<String> },
    /// Run the check behind a service of Icinga again.
    Recheck { service: String },
    /// Stop and mask every unit of every group: this node has retired.
    Mask,
    /// Say something to the peer.
    Say(Message),
    /// Answer the operator.
    Tell(Result<String, String>),
    /// Mail.
    Mail { kind: MailKind, incident: String, summary: String, details: Vec<String> },
    /// The proof is used up.
    DropProof,
}

/// The state and the actions under construction.
struct Draft<'a> {
    policy: &'a Policy,
    state: Durable,
    actions: Vec<Action>,
}

/// Decides.
pub fn decide(policy: &Policy, state: &Durable, event: Event) -> (Durable, Vec<Action>) {
    let mut draft = Draft { policy, state: state.clone(), actions: Vec::new() };
    draft.take(event);
    (draft.state, draft.actions)
}

impl Draft<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Started { booted, boot_id } => self.started(booted, boot_id),
            Event::Called { call, id, service, uid, now_ms } => self.called(call, &id, service, uid, now_ms),
            Event::Looked { gates, life, now_ms } => self.looked(&gates, life, now_ms),
            Event::MaySend { level, device, verdict, now_ms } => self.may_send(level, &device, verdict, now_ms),
            Event::FenceAccepted { level, device } => self.fence_said(|attempt| Record::Accepted { attempt, level, device }),
            Event::FenceRead { level, device, power } => self.fence_said(|attempt| Record::Read { attempt, level, device, power }),
            Event::Proven { by, evidence } => self.proven(by, evidence),
            Event::FenceEnded { failure, now_ms } => self.fence_ended(&failure, now_ms),
            Event::StepDone { step, evidence, wall_ms } => self.step_done(step, evidence, wall_ms),
            Event::StepFailed { step, code, text, wall_ms } => self.step_failed(step, code, &text, wall_ms),
            Event::Verified { group, lacks } => {
                if let Some(standing) = self.state.groups.get_mut(&group) {
                    standing.degraded = lacks;
                }
            }
            Event::Undone { clean } => self.undone(clean),
            Event::PeerSaid { beat } => self.peer_said(&beat),
            Event::Prepare { attempt, founding, cluster_id, epochs, clean } => self.prepare(attempt, founding, cluster_id, epochs, clean),
            Event::Declined { attempt, text } => self.declined(&attempt, &text),
            Event::Found { id, cluster_id, peer_alive } => self.found(id, cluster_id, peer_alive),
            Event::Offered { handover } => self.offered(handover),
            Event::Reclaim { released } => self.reclaim(&released),
            Event::MayTake { attempt, epochs, planned, fit, now_ms } => self.may_take(attempt, &epochs, planned, fit, now_ms),
            Event::CanTake { attempt } => self.can_take(&attempt),
            Event::Restored { result } => self.restored(result),
            Event::RejoinAsked { cluster_id, now_ms } => self.rejoin_asked(&cluster_id, now_ms),
            Event::Move { id, who, group, ready, now_ms } => self.move_away(id, who, group.as_deref(), ready, now_ms),
            Event::Rechecked { service, outcome, ready, now_ms } => self.rechecked(&service, outcome, ready, now_ms),
            Event::DemoteAsked { attempt, ready, now_ms } => self.demote_asked(attempt, ready, now_ms),
            Event::SetAside { who, group } => self.set_aside(who, group.as_deref()),
            Event::Retry { id, who, group, ready, life } => self.retry(id, who, &group, ready, life),
            Event::Abandon { id, who, group } => self.abandon(id, who, &group),
            Event::Dissolve { id, who, survivor, ready, now_ms } => self.dissolve(id, who, &survivor, ready, now_ms),
            Event::Retire { attempt, cluster_id, fit } => self.retire(attempt, &cluster_id, fit),
            Event::Masked { result } => self.masked(result),
            Event::PeerRetired { attempt } => self.peer_retired(&attempt),
            Event::Rejoin { who, ready } => self.rejoin(who, ready),
            Event::Maintain { who, on } => self.maintain(who, on),
            Event::Attest { id, who } => self.attest(id, who),
            Event::Assume { id, who, life } => self.assume(id, who, life),
            Event::DataSplit { why } => self.freeze(why),
            Event::Repair { who, survivor } => self.repair(who, &survivor),
            Event::Tick { life, now_ms, wall_ms } => self.tick(life, now_ms, wall_ms),
        }
    }

    fn journal(&mut self, record: Record) {
        self.actions.push(Action::Journal(record));
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn mail(&mut self, kind: MailKind, incident: &str, summary: String, details: Vec<String>) {
        self.act(Action::Mail { kind, incident: incident.to_owned(), summary, details });
    }

    fn freeze(&mut self, why: String) {
        if self.state.frozen.is_none() {
            self.journal(Record::Frozen { why: why.clone() });
            self.mail(MailKind::SplitBrain, "split-brain", format!("automation is frozen: {why}"), Vec::new());
            self.state.frozen = Some(why);
        }
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(attempt) = &mut self.state.attempt {
            attempt.stage = stage;
        }
    }

    /// Ends the attempt and its case.
    fn end_attempt(&mut self, record: PeerRecord) {
        self.state.attempt = None;
        self.state.case = None;
        self.state.mailed.clear();
        self.state.peer.record = record;
        self.act(Action::DropProof);
    }
}

#[cfg(test)]
mod tests;
