//! The end of a pair (TAKEOVER 3.10, RX12 to RX14): a person names the survivor, the other node retires and never starts a
//! managed unit again (row 50).

use super::{Action, Draft};
use crate::takeover::durable::{Attempt, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::contract::status::{PeerRecord, Role};
use plugin_core::contract::{MailKind, Refusal};

/// How long the peer may take to stop and mask its units, ms.
const RETIRE_MS: u64 = 120_000;

impl Draft<'_> {
    pub(super) fn dissolve(&mut self, id: String, who: String, survivor: &str, ready: Result<(), (Refusal, String)>, now_ms: u64) {
        let (me, peer) = (self.policy.me.clone(), self.policy.peer.clone());
        let elsewhere = self.groups_that(|role| role != Role::Master);
        let refusal = if survivor == peer {
            Some((Refusal::WrongNode, format!("run it on {peer}, which is to survive")))
        } else if survivor == me {
            self.blocked()
        } else {
            Some((Refusal::NameMismatch, format!("\"{survivor}\" is neither {me} nor {peer}")))
        };
        let refusal = refusal
            .or_else(|| (!elsewhere.is_empty()).then(|| (Refusal::Role, format!("{me} does not serve {}: move it here first", elsewhere.join(", ")))))
            .or_else(|| ready.err());
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, format!("dissolve: {me} survives, {peer} retires"));
        let groups = self.groups_that(|_| true);
        self.journal(Record::Open { attempt: id.clone(), groups: groups.clone() });
        self.act(Action::Say(Message::Retire { attempt: id.clone(), cluster_id: self.state.cluster_id.clone() }));
        self.state.attempt = Some(Attempt::new(id, Why::Dissolving, Stage::Asking { until_ms: now_ms + RETIRE_MS }, groups));
    }

    /// The twin's side. Retired is durable before the first unit is touched; asked again, it masks again.
    pub(super) fn retire(&mut self, attempt: String, cluster_id: &str, fit: Result<(), String>) {
        let holds = self.groups_that(|role| matches!(role, Role::Master | Role::Taking | Role::Demoted));
        let refusal = if cluster_id.is_empty() || cluster_id != self.state.cluster_id {
            Some("this node belongs to another pair".to_owned())
        } else if let Some(open) = &self.state.attempt {
            Some(format!("attempt {} is open here", open.id))
        } else if !holds.is_empty() {
            Some(format!("{} is held here", holds.join(", ")))
        } else {
            fit.err()
        };
        if let Some(text) = refusal {
            return self.act(Action::Say(Message::Declined { attempt, text }));
        }
        if self.state.retired.as_ref() == Some(&attempt) {
            return; // Said over each link; the answer comes once the units are masked.
        }
        self.close_case("this node retires");
        (self.state.promise, self.state.released, self.state.rejoining) = (None, None, false);
        for group in self.state.groups.values_mut() {
            (group.role, group.was) = (Role::Retired, Role::Retired);
        }
        let epoch = self.state.groups.values().map(|g| g.epoch_seen).max().unwrap_or(0);
        self.journal(Record::Retired { attempt: attempt.clone(), node: self.policy.me.clone(), epoch });
        self.state.retired = Some(attempt);
        self.act(Action::Mask);
    }

    pub(super) fn masked(&mut self, result: Result<(), String>) {
        let Some(attempt) = self.state.retired.clone() else { return };
        self.act(Action::Say(match result {
            Ok(()) => Message::Retired { attempt },
            Err(text) => Message::Declined { attempt, text: format!("it retired, but {text}") },
        }));
    }

    pub(super) fn peer_retired(&mut self, id: &str) {
        let Some(attempt) = self.state.attempt.clone().filter(|a| a.id == id && a.why == Why::Dissolving) else { return };
        let (me, peer) = (self.policy.me.clone(), self.policy.peer.clone());
        let epoch = self.state.groups.values().map(|g| g.epoch_seen).max().unwrap_or(0);
        self.journal(Record::Retired { attempt: attempt.id.clone(), node: peer.clone(), epoch });
        self.journal(Record::Closed { attempt: attempt.id.clone(), why: "done".to_owned() });
        let summary = format!("the pair is dissolved: {me} goes on alone, {peer} is retired");
        self.mail(MailKind::Standby, &attempt.id, summary.clone(), Vec::new());
        self.act(Action::Tell(Ok(summary)));
        self.end_attempt(PeerRecord::Retired);
    }
}
