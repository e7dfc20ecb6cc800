//! The operator's acts. Each is journaled with who did it, and each can be refused like any automatic act.

use super::{Action, Draft, is_busy};
use crate::takeover::durable::{Attempt, Maintenance, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::contract::status::{Life, Role};
use plugin_core::contract::{MailKind, Refusal};

/// How long the peer may think about whether it may take, ms.
pub(super) const ASK_MS: u64 = 5_000;

impl Draft<'_> {
    pub(super) fn operator(&mut self, who: String, what: impl Into<String>) {
        self.journal(Record::Operator { who, what: what.into() });
    }

    pub(super) fn refuse(&mut self, code: Refusal, text: impl std::fmt::Display) {
        self.act(Action::Tell(Err(format!("{code}: {text} ({})", code.advice()))));
    }

    /// What forbids any operator's act that starts something.
    pub(super) fn blocked(&self) -> Option<(Refusal, String)> {
        if let Some(why) = &self.state.frozen {
            return Some((Refusal::Frozen, why.clone()));
        }
        self.state.attempt.as_ref().map(|a| (Refusal::AttemptOpen, format!("attempt {} is open", a.id)))
    }

    /// The named group if it has a role here, or all that have it.
    fn chosen(&self, group: Option<&str>, role: Role) -> Vec<String> {
        let mut groups = self.groups_that(|r| r == role);
        groups.retain(|name| group.is_none_or(|wanted| wanted == name));
        groups
    }

    pub(super) fn move_away(&mut self, id: String, who: String, group: Option<&str>, ready: Result<(), (Refusal, String)>, now_ms: u64) {
        let mine = self.chosen(group, Role::Master);
        let refusal = self
            .blocked()
            .or_else(|| mine.is_empty().then(|| (Refusal::WrongNode, format!("{} is not master of {}", self.policy.me, group.unwrap_or("anything")))))
            .or_else(|| {
                (self.state.maintenance.is_some() || self.state.peer.maintenance).then(|| (Refusal::Maintenance, "maintenance is on".to_owned()))
            })
            .or_else(|| ready.err());
        if let Some((code, text)) = refusal {
            return self.refuse(code, text);
        }
        self.operator(who, format!("move {} to {}", mine.join(", "), self.policy.peer));
        self.begin_move(id, true, mine, now_ms);
    }

    pub(super) fn set_aside(&mut self, who: String, group: Option<&str>) {
        if let Some((code, text)) = self.blocked() {
            return self.refuse(code, text);
        }
        let slave = self.chosen(group, Role::Slave);
        if slave.is_empty() {
            let what = group.unwrap_or("anything");
            return self.refuse(Refusal::Role, format!("{} is not slave of {what}; a master is moved away first (migrate)", self.policy.me));
        }
        self.operator(who, format!("standby for {}", slave.join(", ")));
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
        self.mail(MailKind::Maintenance, &format!("maintenance-{wall_ms}"), summary, vec!["twinguard maintenance off".to_owned()]);
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
        } else if is_busy(&self.state) && !self.state.attempt.as_ref().is_some_and(|a| matches!(a.stage, Stage::Draining { .. } | Stage::Held)) {
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
        self.state.attempt = Some(Attempt::new(id, Why::PeerLost, Stage::Yielding, groups));
    }

    pub(super) fn assume(&mut self, id: String, who: String, life: Life) {
        let may = |role| matches!(role, Role::Inert | Role::Standby | Role::Failed | Role::Demoted);
        let groups = self.groups_that(may);
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
        self.state.attempt = Some(Attempt::new(id, Why::Assumed, Stage::Intent, groups));
        self.act(Action::StartFence);
    }
}
