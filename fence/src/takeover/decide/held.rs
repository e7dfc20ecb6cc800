//! Takeovers that stopped half way: a person repairs the cause and lets them go on (rows 37, 38), or gives up what runs.

use super::{Action, Draft};
use crate::takeover::durable::{Attempt, Stage, Why};
use crate::takeover::journal::Record;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{Life, PeerRecord, Role};

impl Draft<'_> {
    fn is(&self, group: &str, role: Role) -> bool {
        self.state.groups.get(group).is_some_and(|g| g.role == role)
    }

    /// The open attempt does nothing by itself: it is held, or it waits for a word that may never come.
    fn waits_for_a_person(&self) -> bool {
        self.state.attempt.as_ref().is_some_and(|a| a.stage == Stage::Held || (a.stage == Stage::Yielding && self.has_begun(a)))
    }

    /// Goes on with a group that is held or failed. What was proven then is proven again (F5): by the fence device if the peer
    /// is silent, by its promise if it is back.
    pub(super) fn retry(&mut self, id: String, who: String, group: &str, ready: Result<(), (Refusal, String)>, life: Life) {
        let open = self.state.attempt.clone();
        let of = |may: bool| open.clone().filter(|a| may && a.groups.iter().any(|g| g == group));
        let stuck = open.as_ref().is_some_and(|a| a.stage == Stage::Stuck);
        let attempt = match (of(self.waits_for_a_person()), of(stuck), &open) {
            _ if self.state.frozen.is_some() => return self.refuse(Refusal::Frozen, self.state.frozen.clone().unwrap_or_default()),
            (Some(held), ..) => held,
            (None, Some(stuck), _) => {
                self.operator(who, format!("retry: stop {group} again"));
                self.stage(Stage::Demoting);
                return self.act(Action::Undo { groups: stuck.groups });
            }
            (None, None, Some(other)) => return self.refuse(Refusal::AttemptOpen, format!("attempt {} is open", other.id)),
            (None, None, None) if self.is(group, Role::Failed) => Attempt::new(id, Why::PeerLost, Stage::Intent, vec![group.to_owned()]),
            (None, None, None) => return self.refuse(Refusal::Role, format!("{group} is neither held nor failed on {}", self.policy.me)),
        };
        let unknown = (life == Life::Unknown).then(|| (Refusal::Role, format!("{} was not probed yet: wait a moment", self.policy.peer)));
        if let Some((code, text)) = ready.err().or(unknown) {
            return self.refuse(code, text);
        }
        self.operator(who, format!("retry {group}"));
        // What was released is wanted again: the giver may no longer take it back.
        self.state.released = None;
        self.journal(Record::Open { attempt: attempt.id.clone(), groups: attempt.groups.clone() });
        if life == Life::Alive {
            let why = if attempt.why == Why::Founding { Why::Founding } else { Why::Agreed };
            self.state.attempt = Some(Attempt { why, stage: Stage::Yielding, ..attempt });
            return self.ask_promise();
        }
        let why = if attempt.why == Why::Assumed { Why::Assumed } else { Why::PeerLost };
        self.journal(Record::Intent { attempt: attempt.id.clone() });
        self.state.attempt = Some(Attempt { why, stage: Stage::Intent, failures: 0, ..attempt });
        self.state.peer.record = PeerRecord::FenceIntent;
        self.act(Action::StartFence);
    }

    /// Stops and releases what runs of a group that is held or failed; afterwards this node is STANDBY for it.
    pub(super) fn abandon(&mut self, id: String, who: String, group: &str) {
        let attempt = match self.state.attempt.clone() {
            Some(stuck) if stuck.stage == Stage::Stuck && stuck.groups.iter().any(|g| g == group) => {
                self.operator(who, format!("abandon the move of {}", stuck.groups.join(", ")));
                return self.restore(&stuck);
            }
            Some(held) if self.waits_for_a_person() => held,
            Some(other) => return self.refuse(Refusal::AttemptOpen, format!("attempt {} is open", other.id)),
            None => Attempt::new(id, Why::Abandoned, Stage::Held, vec![group.to_owned()]),
        };
        let Some(at) = attempt.groups.iter().position(|g| g == group).filter(|_| self.is(group, Role::Taking) || self.is(group, Role::Failed)) else {
            return self.refuse(Refusal::Role, format!("{group} is neither held nor failed on {}", self.policy.me));
        };
        self.operator(who, format!("abandon {group}"));
        self.state.attempt = Some(Attempt { stage: Stage::Abandoning { group: at }, ..attempt });
        self.act(Action::Undo { groups: vec![group.to_owned()] });
    }

    /// The machine holds nothing of the group any more, or it still does.
    pub(super) fn abandoned(&mut self, attempt: &Attempt, group: usize, clean: &Result<(), String>) {
        let mut rest = attempt.clone();
        let name = rest.groups.remove(group);
        if let Some(standing) = self.state.groups.get_mut(&name) {
            standing.role = if clean.is_ok() { Role::Standby } else { Role::Failed };
            standing.degraded = clean.as_ref().err().map(|text| format!("it could not be stopped: {text}"));
        }
        self.act(Action::Tell(match clean {
            Ok(()) => Ok(format!("{} holds nothing of {name} and is STANDBY for it", self.policy.me)),
            Err(text) => Err(format!("{name} could not be stopped: {text}")),
        }));
        if clean.is_ok() {
            rest.released.push(name.clone());
        }
        if !self.hold_again(&rest) {
            self.end_taking(&rest, format!("{name} was abandoned"));
        } else if let Some(open) = &mut self.state.attempt {
            open.released = rest.released;
        }
    }
}
