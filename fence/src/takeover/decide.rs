//! The decision: one pure, total transition function. No IO, no clock: time enters as numbers inside classified events.
//!
//! The caller writes the returned journal records and the returned state durably *before* it carries out the other
//! actions (I10), in the order given. Every event is allowed in every state; what does not fit changes nothing.

mod agreement;
mod attempt;
mod operator;
mod peer;
mod repair;

use super::durable::{Attempt, Case, Durable, Handover, Maintenance, Stage, Why};
use super::gates::{Call, Gate, Verdict};
use super::journal::Record;
use super::message::{GroupBeat, Message};
use super::steps::Step;
use crate::power::FenceFailure;
use plugin_core::contract::status::{Life, PeerRecord, Role};
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
    Reclaim { attempt: String },
    /// The peer asks whether this node may take; `fit` = its own gates.
    MayTake { attempt: String, epochs: BTreeMap<String, u64>, fit: Result<(), String> },
    /// The peer may take.
    CanTake { attempt: String },
    /// What was stopped is started again.
    Restored { result: Result<(), String> },
    /// The peer wants to be a slave again.
    RejoinAsked { cluster_id: String, now_ms: u64 },
    /// An operator, or this node itself, wants the groups to move to the peer.
    Move { id: String, who: String, planned: bool, ready: Result<(), (Refusal, String)>, now_ms: u64 },
    /// An operator puts this slave aside.
    SetAside { who: String },
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
            Event::Reclaim { attempt } => self.reclaim(&attempt),
            Event::MayTake { attempt, epochs, fit } => self.may_take(attempt, &epochs, fit),
            Event::CanTake { attempt } => self.can_take(&attempt),
            Event::Restored { result } => self.restored(result),
            Event::RejoinAsked { cluster_id, now_ms } => self.rejoin_asked(&cluster_id, now_ms),
            Event::Move { id, who, planned, ready, now_ms } => self.move_away(id, who, planned, ready, now_ms),
            Event::SetAside { who } => self.set_aside(who),
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

    /// Groups that this node may take: it is their SLAVE, gave them away and the peer never served them (row 67), or was
    /// already taking them when the peer was lost.
    fn takeable(&self) -> Vec<String> {
        let open = self.state.attempt.is_some();
        let may = |role| matches!(role, Role::Slave | Role::Demoted) || (role == Role::Taking && open);
        let slave = |name: &String| self.state.groups.get(name).is_some_and(|g| may(g.role));
        self.policy.groups.iter().map(|(name, _)| name.clone()).filter(slave).collect()
    }

    /// G2: why this node may not take anything.
    fn role_refusal(&self) -> Option<(Refusal, String)> {
        if let Some(why) = &self.state.frozen {
            return Some((Refusal::Frozen, why.clone()));
        }
        if !self.takeable().is_empty() {
            return None;
        }
        let roles: Vec<String> = self.state.groups.iter().map(|(n, g)| format!("{n} {}", g.role)).collect();
        let inert = self.state.groups.values().any(|g| g.role == Role::Inert);
        Some((if inert { Refusal::Inert } else { Refusal::Role }, format!("this node is {}", roles.join(", "))))
    }

    fn called(&mut self, call: Call, id: &str, service: String, uid: u32, now_ms: u64) {
        let answer = match call {
            Call::Refuse(code, text) => Err((code, text)),
            Call::Prime => {
                self.act(Action::Prime);
                Ok("primed; only a HARD state acts".to_owned())
            }
            Call::Accept if self.attempt_is_busy() => Err((Refusal::AttemptOpen, "an attempt is open".to_owned())),
            Call::Accept if self.state.case.is_some() => Err((Refusal::AttemptOpen, "a case is open".to_owned())),
            Call::Accept => {
                if let Some(refusal) = self.role_refusal() {
                    Err(refusal)
                } else {
                    self.journal(Record::Event { case: id.to_owned(), service, uid });
                    self.state.case = Some(Case { id: id.to_owned(), opened_ms: now_ms, next_ms: now_ms, failures: 0, refused: None });
                    self.act(Action::Prime);
                    Ok(format!("case {id} opened"))
                }
            }
        };
        self.act(Action::Answer(answer));
    }

    /// An attempt is open that a lost peer does not change. One that waits for the word of a peer that is lost now is none.
    fn attempt_is_busy(&self) -> bool {
        self.state.attempt.as_ref().is_some_and(|a| a.stage != Stage::Yielding || a.why == Why::Founding)
    }

    /// An open case is looked at again.
    fn looked(&mut self, gates: &[Gate], life: Life, now_ms: u64) {
        if self.attempt_is_busy() {
            return;
        }
        let Some(mut case) = self.state.case.clone() else { return };
        let refusal = self.role_refusal().or_else(|| gates.iter().find_map(Gate::refusal));
        if let Some((code, text)) = refusal {
            if case.refused.as_ref().is_none_or(|(old, _, _)| *old != code) {
                case.refused = Some((code, text.clone(), now_ms));
            }
            // Boot time starts anew at a boot: a time ahead is an old one.
            self.state.mailed.retain(|(_, at)| *at <= now_ms && now_ms - at < REMIND_MS);
            if self.state.mailed.iter().all(|(old, _)| *old != code) {
                self.state.mailed.push((code, now_ms));
                let evidence = gates.iter().map(|g| format!("{}: {}", g.name, g.evidence)).collect::<Vec<_>>();
                self.journal(Record::Gates { case: case.id.clone(), evidence: evidence.clone() });
                self.journal(Record::Refused { case: case.id.clone(), code, text: text.clone() });
                self.mail(MailKind::Refused, &case.id, format!("takeover of {} refused: {code}, {text}", self.policy.peer), evidence);
            }
            self.state.case = Some(case);
            if life == Life::Alive {
                self.close_case("the peer answers");
            }
            return;
        }
        if now_ms < case.next_ms || gates.is_empty() || gates.iter().any(|g| g.verdict != Verdict::Pass) {
            return;
        }
        let groups = self.takeable();
        self.journal(Record::Gates { case: case.id.clone(), evidence: gates.iter().map(|g| format!("{}: {}", g.name, g.evidence)).collect() });
        self.journal(Record::Open { attempt: case.id.clone(), groups: groups.clone() });
        self.journal(Record::Intent { attempt: case.id.clone() });
        case.refused = None;
        self.state.attempt = Some(Attempt { id: case.id.clone(), why: Why::PeerLost, stage: Stage::Intent, groups, failures: case.failures });
        self.state.case = Some(case);
        self.state.peer.record = PeerRecord::FenceIntent;
        self.act(Action::StartFence);
    }

    fn close_case(&mut self, why: &str) {
        if let Some(case) = self.state.case.take() {
            self.journal(Record::Closed { attempt: case.id, why: why.to_owned() });
        }
    }

    fn tick(&mut self, life: Life, now_ms: u64, wall_ms: i64) {
        self.remind(wall_ms);
        if self.state.rejoining {
            self.act(Action::Say(Message::Rejoin { cluster_id: self.state.cluster_id.clone() }));
        }
        let Some(attempt) = self.state.attempt.clone() else { return };
        match attempt.stage {
            Stage::Draining { until_ms, retry_ms } => {
                // A boot-time value from before a reboot can lie far ahead: never wait longer than a whole drain.
                let until_ms = until_ms.min(now_ms + DRAIN_MS);
                if life == Life::Alive && now_ms >= until_ms {
                    self.journal(Record::Ineffective { attempt: attempt.id.clone() });
                    self.journal(Record::Closed { attempt: attempt.id.clone(), why: "the peer lives on".to_owned() });
                    self.mail(MailKind::FenceFailed, &attempt.id, format!("fencing {} had no effect: it lives on", self.policy.peer), Vec::new());
                    self.end_attempt(PeerRecord::Ok);
                } else if matches!(life, Life::Silent | Life::Mute) && now_ms >= retry_ms.min(now_ms + DRAIN_MS) {
                    self.stage(Stage::Sent);
                    self.act(Action::StartFence);
                }
            }
            Stage::Yielding => self.wait_for_word(&attempt, life),
            Stage::Asking { until_ms } if now_ms >= until_ms => self.not_moved("the peer did not answer"),
            Stage::Asking { .. }
            | Stage::Demoting
            | Stage::Restoring
            | Stage::Intent
            | Stage::Sent
            | Stage::Taking { .. }
            | Stage::Undoing { .. }
            | Stage::Held => {}
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
