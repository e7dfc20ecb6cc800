//! The attempt: from the fence to the last step, and every way in which it can end.

use super::{Action, DRAIN_MS, Draft, PAUSES_MS, ProofKind};
use crate::power::FenceFailure;
use crate::takeover::durable::{Attempt, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::steps::Step;
use plugin_core::contract::status::{PeerRecord, Role};
use plugin_core::contract::{MailKind, Refusal};

impl Draft<'_> {
    fn attempt(&self) -> Option<Attempt> {
        self.state.attempt.clone()
    }

    pub(super) fn may_send(&mut self, level: u8, device: &str, verdict: Result<(), (Refusal, String)>, now_ms: u64) {
        let Some(attempt) = self.attempt().filter(|a| matches!(a.stage, Stage::Intent | Stage::Sent)) else {
            return self.act(Action::Permit(Err("no attempt is open".to_owned())));
        };
        if attempt.why == Why::Assumed {
            // The operator said that the peer is off; if it is not, he is wrong, and nobody is shot for it.
            return self.act(Action::Permit(Err(format!("{} is not off, and assume-master switches nothing off", self.policy.peer))));
        }
        match verdict {
            Ok(()) => {
                self.state.drain_until_ms = now_ms + DRAIN_MS;
                self.journal(Record::Sent { attempt: attempt.id.clone(), level, device: device.to_owned() });
                if attempt.stage == Stage::Intent {
                    let summary = format!("{} is switching {} off", self.policy.me, self.policy.peer);
                    self.mail(MailKind::FenceSent, &attempt.id, summary, vec![format!("level {level}: {device}")]);
                }
                self.stage(Stage::Sent);
                self.state.peer.record = PeerRecord::FenceSent;
                self.act(Action::Permit(Ok(())));
            }
            Err((code, text)) => self.act(Action::Permit(Err(format!("{code}: {text}")))),
        }
    }

    pub(super) fn fence_said(&mut self, record: impl FnOnce(String) -> Record) {
        if let Some(attempt) = self.attempt() {
            self.journal(record(attempt.id));
        }
    }

    /// The proof is there: the groups get their epochs and the first step begins.
    pub(super) fn proven(&mut self, by: ProofKind, evidence: Vec<String>) {
        let fits = |stage| match by {
            ProofKind::Fenced => matches!(stage, Stage::Intent | Stage::Sent),
            ProofKind::Yielded | ProofKind::Attested => stage == Stage::Yielding,
        };
        // A proof that nobody waits for changes nothing, and above all not a takeover that runs.
        let Some(attempt) = self.attempt().filter(|a| fits(a.stage)) else { return };
        match by {
            ProofKind::Yielded => self.journal(Record::Yielded { attempt: attempt.id.clone() }),
            ProofKind::Attested => self.state.peer.record = PeerRecord::OffConfirmed,
            ProofKind::Fenced => {
                self.journal(Record::OffConfirmed { attempt: attempt.id.clone(), evidence: evidence.clone() });
                self.mail(MailKind::FenceConfirmed, &attempt.id, format!("{} is off", self.policy.peer), evidence);
                self.state.peer.record = PeerRecord::OffConfirmed;
            }
        }
        self.state.handover = None;
        self.state.released = None;
        self.state.rejoining = false;
        for name in &attempt.groups {
            let theirs = self.state.peer.epochs.get(name).copied().unwrap_or(0);
            let Some(group) = self.state.groups.get_mut(name) else { continue };
            if group.role != Role::Taking {
                // T1. A resumed attempt keeps the epoch that it has burnt already.
                // A handover grants exactly the next one; the node that granted it counts on from there.
                let granted = attempt.why == Why::Handover && group.role == Role::Slave;
                group.epoch_seen = if granted { group.epoch_seen } else { group.epoch_seen.max(theirs) } + 1;
                group.role = Role::Taking;
            }
            let (group, epoch) = (name.clone(), group.epoch_seen);
            if attempt.why == Why::Founding {
                self.journal(Record::Founded { cluster_id: self.state.cluster_id.clone(), group: group.clone(), epoch });
            }
            self.journal(Record::Epoch { attempt: attempt.id.clone(), group, epoch });
        }
        self.begin(&attempt, 0, Step::FIRST);
    }

    fn begin(&mut self, attempt: &Attempt, group: usize, step: Step) {
        let Some(name) = attempt.groups.get(group).cloned() else { return };
        let epoch = self.state.groups.get(&name).map_or(0, |g| g.epoch_seen);
        self.journal(Record::Begin { attempt: attempt.id.clone(), group: name.clone(), step });
        self.stage(Stage::Taking { group, step });
        self.act(Action::Run { group: name, step, epoch });
    }

    /// The attempt and group whose step `step` runs now.
    fn running(&self, step: Step) -> Option<(Attempt, usize, String)> {
        let attempt = self.attempt()?;
        match attempt.stage {
            Stage::Taking { group, step: now } if now == step => attempt.groups.get(group).cloned().map(|name| (attempt.clone(), group, name)),
            _ => None,
        }
    }

    pub(super) fn step_done(&mut self, step: Step, evidence: String, wall_ms: i64) {
        let Some((attempt, group, name)) = self.running(step) else { return };
        self.journal(Record::Done { attempt: attempt.id.clone(), group: name.clone(), step, evidence });
        match step.next() {
            Some(next) => self.begin(&attempt, group, next),
            None => self.served(&attempt, group, &name, wall_ms),
        }
    }

    /// T10: the group is served here; then the next one, or the end (T11, T12).
    fn served(&mut self, attempt: &Attempt, group: usize, name: &str, wall_ms: i64) {
        let me = self.policy.me.clone();
        let (mut epoch, mut degraded) = (0, None);
        if let Some(standing) = self.state.groups.get_mut(name) {
            standing.role = Role::Master;
            standing.data_epoch = standing.epoch_seen;
            standing.data_owner = Some(me.clone());
            (epoch, degraded) = (standing.epoch_seen, standing.degraded.clone());
        }
        self.journal(Record::Master { attempt: attempt.id.clone(), group: name.to_owned(), epoch });
        if group + 1 < attempt.groups.len() {
            return self.begin(attempt, group + 1, Step::FIRST);
        }
        self.journal(Record::Closed { attempt: attempt.id.clone(), why: "done".to_owned() });
        let groups = attempt.groups.join(", ");
        let (kind, mut summary, record) = match attempt.why {
            Why::PeerLost => {
                self.state.takeovers.push(wall_ms);
                (MailKind::Takeover, format!("{me} took {groups} over from {}", self.policy.peer), PeerRecord::Standby)
            }
            Why::Assumed => (MailKind::Takeover, format!("{me} serves {groups} by an operator's word"), PeerRecord::Standby),
            Why::Founding => (MailKind::Founded, format!("{me} founded the pair and serves {groups}"), PeerRecord::Ok),
            Why::Handover | Why::Moving { .. } => (MailKind::Takeover, format!("{groups} moved to {me}"), PeerRecord::Ok),
            Why::Agreed => (MailKind::Takeover, format!("{me} serves {groups}, as both nodes agreed after a boot"), PeerRecord::Ok),
        };
        if let Some(what) = &degraded {
            summary = format!("{summary}, degraded: {what}");
        }
        self.mail(kind, &attempt.id, summary.clone(), Vec::new());
        self.act(Action::Tell(Ok(summary)));
        self.end_attempt(record);
    }

    pub(super) fn step_failed(&mut self, step: Step, code: Refusal, text: &str, wall_ms: i64) {
        let Some((attempt, group, name)) = self.running(step) else { return };
        if step.may_degrade() {
            // Row 39: the address and what runs stay; a person repairs the rest.
            if let Some(standing) = self.state.groups.get_mut(&name) {
                standing.degraded = Some(text.to_owned());
            }
            return self.step_done(step, format!("{code}: {text}"), wall_ms);
        }
        if step.can_roll_back() {
            self.journal(Record::Undo { attempt: attempt.id.clone(), group: name.clone(), step, code, text: text.to_owned() });
            self.mail(MailKind::TakeoverFailed, &attempt.id, format!("takeover of {name} failed at {step}: {code}, {text}; rolled back"), Vec::new());
            self.stage(Stage::Undoing { group });
            self.act(Action::Undo { groups: vec![name] });
        } else {
            self.journal(Record::Hold { attempt: attempt.id.clone(), group: name.clone(), code, text: text.to_owned() });
            self.mail(MailKind::TakeoverHeld, &attempt.id, format!("takeover of {name} is held at {step}: {code}, {text}"), Vec::new());
            if let Some(standing) = self.state.groups.get_mut(&name) {
                standing.degraded = Some(format!("held at {step}: {code}, {text}"));
            }
            self.stage(Stage::Held);
        }
        self.act(Action::Tell(Err(format!("{step} failed: {code}, {text}"))));
    }

    pub(super) fn undone(&mut self, clean: Result<(), String>) {
        let Some(attempt) = self.attempt() else {
            // A group was given up to a higher epoch, outside an attempt.
            if let Err(text) = clean {
                self.freeze(format!("giving a group up failed: {text}"));
            }
            return;
        };
        let Stage::Undoing { group } = attempt.stage else {
            return self.demoted(&attempt, clean);
        };
        let why = match clean {
            Ok(()) => {
                if attempt.why == Why::Handover {
                    // A durable promise: the peer may take the groups back.
                    self.journal(Record::Released { attempt: attempt.id.clone() });
                    self.state.released = Some(attempt.id.clone());
                }
                "rolled back".to_owned()
            }
            Err(text) => format!("the roll-back failed: {text}"),
        };
        for name in attempt.groups.iter().skip(group) {
            if let Some(standing) = self.state.groups.get_mut(name) {
                standing.role = Role::Failed;
                standing.degraded = Some(why.clone());
            }
        }
        self.journal(Record::Closed { attempt: attempt.id, why });
        let record = if matches!(attempt.why, Why::PeerLost | Why::Assumed) { PeerRecord::Standby } else { PeerRecord::Ok };
        self.end_attempt(record);
    }

    pub(super) fn fence_ended(&mut self, failure: &FenceFailure, now_ms: u64) {
        let Some(attempt) = self.attempt().filter(|a| matches!(a.stage, Stage::Intent | Stage::Sent)) else { return };
        let (code, evidence) = match failure {
            FenceFailure::Forbidden { reason, .. } => (Refusal::Draining, vec![reason.clone()]),
            FenceFailure::Identity(text) => (Refusal::Identity, vec![text.clone()]),
            FenceFailure::Failed(lines) => (Refusal::FenceFailed, lines.clone()),
            FenceFailure::OffButAlive(text) => (Refusal::OffButAlive, vec![text.clone()]),
        };
        let forbidden = matches!(failure, FenceFailure::Forbidden { .. });
        let pause = PAUSES_MS.get(attempt.failures as usize).or(PAUSES_MS.last()).copied().unwrap_or(DRAIN_MS);
        if !forbidden {
            self.journal(Record::FenceFailed { attempt: attempt.id.clone(), code, evidence: evidence.clone() });
            let summary = format!("{} could not be fenced: {code}; no takeover", self.policy.peer);
            self.mail(MailKind::FenceFailed, &attempt.id, summary, evidence.clone());
        }
        if attempt.stage == Stage::Intent {
            // Nothing was sent: the attempt may end, the case goes on (F1).
            self.journal(Record::Closed { attempt: attempt.id.clone(), why: "nothing was sent".to_owned() });
            self.state.attempt = None;
            self.state.peer.record = PeerRecord::Ok;
            self.act(Action::Tell(Err(evidence.join("; "))));
            if let Some(case) = &mut self.state.case {
                case.next_ms = if forbidden { now_ms } else { now_ms + pause };
                case.failures = attempt.failures + u32::from(!forbidden);
                case.refused = (!forbidden).then(|| (code, "see the fence's mail".to_owned(), now_ms));
            }
        } else {
            self.stage(Stage::Draining { until_ms: now_ms + DRAIN_MS, retry_ms: now_ms + pause });
            if let Some(open) = &mut self.state.attempt {
                open.failures = attempt.failures + 1;
            }
        }
    }
}
