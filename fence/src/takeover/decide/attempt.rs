//! The attempt: from the fence to the last step, and every way in which it can end.

use super::case::pause;
use super::{Action, DRAIN_MS, Draft, ProofKind};
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
        self.taken_from_handover(&attempt.groups);
        self.state.released = None;
        self.state.rejoining = false;
        for name in &attempt.groups {
            let theirs = self.state.peer.epochs.get(name).copied().unwrap_or(0);
            let Some(group) = self.state.groups.get_mut(name) else { continue };
            if group.role != Role::Taking {
                // T1. A resumed attempt keeps the epoch that it has burnt already.
                // A handover grants exactly the next one; the node that granted it counts on from there.
                let granted = by == ProofKind::Yielded && matches!(attempt.why, Why::Handover | Why::Asked) && group.role == Role::Slave;
                group.epoch_seen = if granted { group.epoch_seen } else { group.epoch_seen.max(theirs) } + 1;
                group.role = Role::Taking;
            }
            group.degraded = None;
            let (group, epoch) = (name.clone(), group.epoch_seen);
            if attempt.why == Why::Founding {
                self.journal(Record::Founded { cluster_id: self.state.cluster_id.clone(), group: group.clone(), epoch });
            }
            self.journal(Record::Epoch { attempt: attempt.id.clone(), group, epoch });
        }
        self.begin(&attempt, 0, Step::FIRST);
    }

    pub(super) fn begin(&mut self, attempt: &Attempt, group: usize, step: Step) {
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
        let mut epoch = 0;
        if let Some(standing) = self.state.groups.get_mut(name) {
            standing.role = Role::Master;
            standing.data_epoch = standing.epoch_seen;
            standing.data_owner = Some(self.policy.me.clone());
            epoch = standing.epoch_seen;
        }
        self.journal(Record::Master { attempt: attempt.id.clone(), group: name.to_owned(), epoch });
        // G8 counts attempts, not groups.
        let master = |n: &String| self.state.groups.get(n).is_some_and(|g| g.role == Role::Master);
        if matches!(attempt.why, Why::PeerLost | Why::Asked) && attempt.groups.iter().filter(|n| master(n)).count() == 1 {
            self.state.takeovers.push(wall_ms);
        }
        self.go_on(attempt, group);
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
            self.act(Action::Undo { groups: vec![name.clone()] });
        } else {
            self.journal(Record::Hold { attempt: attempt.id.clone(), group: name.clone(), code, text: text.to_owned() });
            self.mail(MailKind::TakeoverHeld, &attempt.id, format!("takeover of {name} is held at {step}: {code}, {text}"), Vec::new());
            if let Some(standing) = self.state.groups.get_mut(&name) {
                standing.degraded = Some(format!("held at {step}: {code}, {text}"));
            }
            self.act(Action::Tell(Err(format!("{name}: {step} failed: {code}, {text}"))));
            return self.go_on(&attempt, group);
        }
        self.act(Action::Tell(Err(format!("{name}: {step} failed: {code}, {text}"))));
    }

    pub(super) fn undone(&mut self, clean: Result<(), String>) {
        let Some(attempt) = self.attempt() else {
            // A group was given up to a higher epoch, outside an attempt.
            if let Err(text) = clean {
                self.freeze(format!("giving a group up failed: {text}"));
            }
            return;
        };
        let group = match attempt.stage {
            Stage::Undoing { group } => group,
            Stage::Abandoning { group } => return self.abandoned(&attempt, group, &clean),
            _ => return self.demoted(&attempt, clean),
        };
        let Some(name) = attempt.groups.get(group) else { return };
        let why = match &clean {
            Ok(()) => "rolled back".to_owned(),
            Err(text) => format!("the roll-back failed: {text}"),
        };
        if let Some(standing) = self.state.groups.get_mut(name) {
            standing.role = Role::Failed;
            standing.degraded = Some(why);
        }
        if let Some(open) = self.state.attempt.as_mut().filter(|_| clean.is_ok()) {
            open.released.push(name.clone());
        }
        // The other groups of the peer are no worse for it (row 46).
        if let Some(attempt) = self.attempt() {
            self.go_on(&attempt, group);
        }
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
        let pause = pause(attempt.failures);
        if !forbidden {
            self.journal(Record::FenceFailed { attempt: attempt.id.clone(), code, evidence: evidence.clone() });
            let summary = format!("{} could not be fenced: {code}; no takeover", self.policy.peer);
            self.mail(MailKind::FenceFailed, &attempt.id, summary, evidence.clone());
        }
        // No command was given since it was seen off.
        if forbidden && self.state.peer.record == PeerRecord::OffConfirmed && self.agree_again(&attempt) {
            return;
        }
        if attempt.stage == Stage::Intent && (self.hold_again(&attempt) || self.await_again(&attempt, forbidden, now_ms)) {
            self.act(Action::Tell(Err(evidence.join("; "))));
        } else if attempt.stage == Stage::Intent {
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
