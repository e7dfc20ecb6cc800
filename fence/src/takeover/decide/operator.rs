//! The operator's acts. Each is journaled with who did it, and each can be refused like any automatic act.

use super::{Action, Draft};
use crate::takeover::durable::{Attempt, Maintenance, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::contract::status::{Life, Role};
use plugin_core::contract::{MailKind, Refusal};

/// How long the peer may think about whether it may take, ms.
const ASK_MS: u64 = 5_000;

impl Draft<'_> {
    fn operator(&mut self, who: String, what: impl Into<String>) {
        self.journal(Record::Operator { who, what: what.into() });
    }

    fn refuse(&mut self, code: Refusal, text: impl std::fmt::Display) {
        self.act(Action::Tell(Err(format!("{code}: {text} ({})", code.advice()))));
    }

    /// What forbids any operator's act that starts something.
    fn blocked(&self) -> Option<(Refusal, String)> {
        if let Some(why) = &self.state.frozen {
            return Some((Refusal::Frozen, why.clone()));
        }
        self.state.attempt.as_ref().map(|a| (Refusal::AttemptOpen, format!("attempt {} is open", a.id)))
    }

    pub(super) fn move_away(&mut self, id: String, who: String, planned: bool, ready: Result<(), (Refusal, String)>, now_ms: u64) {
        let mine: Vec<String> = self
            .policy
            .groups
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|n| self.state.groups.get(n).is_some_and(|g| g.role == Role::Master))
            .collect();
        let refusal = self
            .blocked()
            .or_else(|| mine.is_empty().then(|| (Refusal::WrongNode, format!("{} is master of nothing", self.policy.me))))
            .or_else(|| {
                (self.state.maintenance.is_some() || self.state.peer.maintenance).then(|| (Refusal::Maintenance, "maintenance is on".to_owned()))
            })
            .or_else(|| ready.err());
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, format!("move {} to {}", mine.join(", "), self.policy.peer));
        self.journal(Record::Open { attempt: id.clone(), groups: mine.clone() });
        let epochs = mine.iter().filter_map(|n| self.state.groups.get(n).map(|g| (n.clone(), g.epoch_seen))).collect();
        self.act(Action::Say(Message::MayTake { attempt: id.clone(), epochs }));
        let stage = Stage::Asking { until_ms: now_ms + ASK_MS };
        self.state.attempt = Some(Attempt { id, why: Why::Moving { planned }, stage, groups: mine, failures: 0 });
    }

    pub(super) fn set_aside(&mut self, who: String) {
        if let Some((code, text)) = self.blocked() {
            return self.refuse(code, text);
        }
        let slave: Vec<String> = self.state.groups.iter().filter(|(_, g)| g.role == Role::Slave).map(|(n, _)| n.clone()).collect();
        if slave.is_empty() {
            return self.refuse(Refusal::Role, format!("{} is slave of nothing; a master is moved away first (migrate)", self.policy.me));
        }
        self.operator(who, "standby");
        self.close_case("an operator put this node aside");
        for name in &slave {
            if let Some(group) = self.state.groups.get_mut(name) {
                group.role = Role::Standby;
            }
        }
        self.act(Action::Tell(Ok(format!("{} is STANDBY for {}", self.policy.me, slave.join(", ")))));
    }

    pub(super) fn rejoin(&mut self, who: String, ready: Result<(), (Refusal, String)>) {
        let waits = self.state.groups.values().any(|g| matches!(g.role, Role::Standby | Role::Failed));
        let refusal = self
            .blocked()
            .or_else(|| (!waits).then(|| (Refusal::Role, format!("{} is STANDBY or FAILED for nothing", self.policy.me))))
            .or_else(|| ready.err());
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, "rejoin");
        self.state.rejoining = true;
        self.act(Action::Say(Message::Rejoin { cluster_id: self.state.cluster_id.clone() }));
    }

    pub(super) fn maintain(&mut self, who: String, on: Option<Maintenance>) {
        self.journal(Record::Maintenance { on: on.is_some(), who });
        self.state.maintenance = on;
        let text = if self.state.maintenance.is_some() { "maintenance is on: nothing is automatic" } else { "maintenance is over" };
        self.act(Action::Tell(Ok(text.to_owned())));
    }

    /// A maintenance that was forgotten is said once; it never ends by itself, since somebody may still work there.
    pub(super) fn remind(&mut self, wall_ms: i64) {
        let Some(maintenance) = self.state.maintenance.as_mut().filter(|m| !m.reminded && wall_ms > m.until_ms) else { return };
        maintenance.reminded = true;
        let by = maintenance.by.clone();
        let summary = format!("maintenance by {by} is over its time: nothing is automatic until it is ended");
        self.mail(MailKind::Trouble, &format!("maintenance-{wall_ms}"), summary, vec!["twinguard maintenance off".to_owned()]);
    }

    /// The attestation itself was checked where its proof was made; here it is only fitted into the state.
    pub(super) fn attest(&mut self, id: String, who: String) {
        let busy = self.state.attempt.as_ref().is_some_and(|a| matches!(a.stage, Stage::Intent | Stage::Sent));
        let groups = self.takeable();
        let refusal = if let Some(why) = &self.state.frozen {
            Some((Refusal::Frozen, why.clone()))
        } else if busy {
            Some((Refusal::AttemptOpen, "the fence is still trying: wait until it has failed".to_owned()))
        } else if groups.is_empty() {
            Some((Refusal::Role, format!("{} is slave of nothing; after a loss of both nodes: assume-master", self.policy.me)))
        } else if self.attempt_is_busy() && !self.state.attempt.as_ref().is_some_and(|a| matches!(a.stage, Stage::Draining { .. })) {
            Some((Refusal::AttemptOpen, "an attempt is open".to_owned()))
        } else {
            None
        };
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, format!("attests that {} is off", self.policy.peer));
        let id = self.state.attempt.as_ref().map_or(id, |a| a.id.clone());
        self.journal(Record::Open { attempt: id.clone(), groups: groups.clone() });
        self.state.attempt = Some(Attempt { id, why: Why::PeerLost, stage: Stage::Yielding, groups, failures: 0 });
    }

    pub(super) fn assume(&mut self, id: String, who: String, life: Life) {
        let may = |role| matches!(role, Role::Inert | Role::Standby | Role::Failed | Role::Demoted);
        let groups: Vec<String> =
            self.policy.groups.iter().map(|(name, _)| name.clone()).filter(|n| self.state.groups.get(n).is_some_and(|g| may(g.role))).collect();
        let refusal = self
            .blocked()
            .or_else(|| groups.is_empty().then(|| (Refusal::Role, format!("{} is not INERT or STANDBY for anything", self.policy.me))))
            .or_else(|| self.state.cluster_id.is_empty().then(|| (Refusal::Inert, "the pair was never founded: twinguard create".to_owned())))
            .or_else(|| (life != Life::Silent).then(|| (Refusal::PeerAlive, format!("{} is not silent", self.policy.peer))));
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, "assume-master");
        self.journal(Record::Open { attempt: id.clone(), groups: groups.clone() });
        self.journal(Record::Intent { attempt: id.clone() });
        self.state.attempt = Some(Attempt { id, why: Why::Assumed, stage: Stage::Intent, groups, failures: 0 });
        self.act(Action::StartFence);
    }
}
