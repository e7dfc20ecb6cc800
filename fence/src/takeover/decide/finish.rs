//! From group to group, and the end of an attempt. A group that fails never disturbs another one (row 46).

use super::{Action, Draft};
use crate::takeover::durable::{Attempt, Released, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::steps::Step;
use plugin_core::contract::MailKind;
use plugin_core::contract::status::{PeerRecord, Role};

impl Draft<'_> {
    fn of_attempt(&self, attempt: &Attempt, role: Role) -> Vec<String> {
        attempt.groups.iter().filter(|n| self.state.groups.get(*n).is_some_and(|g| g.role == role)).cloned().collect()
    }

    /// A group of the attempt has its new epoch, so something of it may run here.
    pub(super) fn has_begun(&self, attempt: &Attempt) -> bool {
        !self.of_attempt(attempt, Role::Taking).is_empty()
    }

    /// The next group, or the end.
    pub(super) fn go_on(&mut self, attempt: &Attempt, group: usize) {
        if group + 1 < attempt.groups.len() {
            self.begin(attempt, group + 1, Step::FIRST);
        } else {
            self.finish(attempt);
        }
    }

    /// Every group was tried. What is held keeps the attempt open.
    fn finish(&mut self, attempt: &Attempt) {
        let (served, held) = (self.of_attempt(attempt, Role::Master), self.of_attempt(attempt, Role::Taking));
        if !served.is_empty() {
            self.tell_served(attempt, &served);
        }
        if !held.is_empty() {
            self.hold_again(attempt);
            return;
        }
        let failed = self.of_attempt(attempt, Role::Failed);
        let why = if failed.is_empty() { "done".to_owned() } else { format!("{} failed", failed.join(", ")) };
        self.end_taking(attempt, why);
    }

    /// T11: who is served by whom now.
    fn tell_served(&mut self, attempt: &Attempt, served: &[String]) {
        let (me, peer, groups) = (self.policy.me.clone(), self.policy.peer.clone(), served.join(", "));
        let (kind, mut summary) = match attempt.why {
            Why::Founding => (MailKind::Founded, format!("{me} founded the pair and serves {groups}")),
            Why::Assumed => (MailKind::Takeover, format!("{me} serves {groups} by an operator's word")),
            Why::Handover | Why::Moving { .. } => (MailKind::Takeover, format!("{groups} moved to {me}")),
            Why::Agreed => (MailKind::Takeover, format!("{me} serves {groups}, as both nodes agreed")),
            Why::PeerLost | Why::Asked | Why::Abandoned | Why::Dissolving => (MailKind::Takeover, format!("{me} took {groups} over from {peer}")),
        };
        let degraded: Vec<&str> = served.iter().filter_map(|n| self.state.groups.get(n)?.degraded.as_deref()).collect();
        if !degraded.is_empty() {
            summary = format!("{summary}, degraded: {}", degraded.join("; "));
        }
        self.mail(kind, &attempt.id, summary.clone(), Vec::new());
        self.act(Action::Tell(Ok(summary)));
    }

    /// T12. What could not be used of a handover is released, durably: its giver may take it back.
    pub(super) fn end_taking(&mut self, attempt: &Attempt, why: String) {
        if matches!(attempt.why, Why::Handover | Why::Asked) && !attempt.released.is_empty() {
            self.journal(Record::Released { attempt: attempt.id.clone() });
            self.state.released = Some(Released { attempt: attempt.id.clone(), groups: attempt.released.clone() });
        }
        self.journal(Record::Closed { attempt: attempt.id.clone(), why });
        self.end_attempt(match attempt.why {
            // MD19: who failed, or reported itself, is not eligible until it is rejoined.
            Why::PeerLost | Why::Assumed | Why::Asked => PeerRecord::Standby,
            Why::Abandoned => self.state.peer.record,
            Why::Founding | Why::Handover | Why::Moving { .. } | Why::Agreed | Why::Dissolving => PeerRecord::Ok,
        });
    }

    /// Groups that are taken here are no part of a handover any more.
    pub(super) fn taken_from_handover(&mut self, groups: &[String]) {
        if let Some(handover) = &mut self.state.handover {
            handover.epochs.retain(|name, _| !groups.contains(name));
        }
        self.state.handover = self.state.handover.take().filter(|h| !h.epochs.is_empty());
    }

    /// Row 23: it was off, groups are being taken, and now it answers: what it promises from looking at its machine is the proof.
    pub(super) fn agree_again(&mut self, attempt: &Attempt) -> bool {
        let groups = self.of_attempt(attempt, Role::Taking);
        if groups.is_empty() {
            return false;
        }
        let why = if attempt.why == Why::Founding { Why::Founding } else { Why::Agreed };
        self.state.attempt = Some(Attempt { why, stage: Stage::Yielding, groups, failures: 0, ..attempt.clone() });
        self.state.case = None;
        self.act(Action::DropProof);
        self.ask_promise();
        true
    }

    /// An attempt that can't go on, with groups that it had begun to take, is held until a person has looked.
    pub(super) fn hold_again(&mut self, attempt: &Attempt) -> bool {
        let held = self.of_attempt(attempt, Role::Taking);
        if held.is_empty() {
            return false;
        }
        if let Some(open) = &mut self.state.attempt {
            (open.stage, open.groups) = (Stage::Held, held);
        }
        self.state.case = None;
        self.act(Action::DropProof);
        true
    }
}
