//! Start, founding, and what follows from what the peer says.

use super::{Action, Draft, PeerSaid};
use crate::takeover::durable::{Attempt, Promise, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::contract::MailKind;
use plugin_core::contract::status::{PeerRecord, Role};
use std::collections::BTreeMap;

impl Draft<'_> {
    pub(super) fn started(&mut self, booted: bool, boot_id: String) {
        self.journal(Record::Boot { booted, boot_id });
        self.state.case = None;
        if booted {
            // I9: a node that booted starts nothing by itself, whatever it was.
            for group in self.state.groups.values_mut().filter(|g| g.role != Role::Inert) {
                group.was = group.role;
                group.role = if group.role == Role::Standby { Role::Standby } else { Role::Inert };
            }
            if let Some(attempt) = self.state.attempt.take() {
                self.journal(Record::Closed { attempt: attempt.id, why: "this node booted in the middle of it".to_owned() });
                self.state.peer.record = PeerRecord::Lost;
            }
            return;
        }
        let Some(attempt) = self.state.attempt.clone() else { return };
        match (attempt.stage, attempt.why) {
            (Stage::Intent, _) => {
                self.journal(Record::Closed { attempt: attempt.id, why: "the agent restarted before anything was sent".to_owned() });
                self.end_attempt(PeerRecord::Ok);
            }
            // F5: what was proven before the restart is proven again.
            (Stage::Sent | Stage::Taking { .. }, Why::PeerLost) => {
                self.stage(Stage::Sent);
                self.act(Action::StartFence);
            }
            (Stage::Sent | Stage::Taking { .. } | Stage::Yielding, Why::Founding) => {
                self.stage(Stage::Yielding);
                self.ask_promise();
            }
            (Stage::Undoing { group }, _) => {
                if let Some(name) = attempt.groups.get(group) {
                    self.act(Action::Undo { group: name.clone() });
                }
            }
            (Stage::Draining { .. } | Stage::Held | Stage::Yielding, _) => {}
        }
    }

    /// Says PREPARE for the open attempt (again, until it is answered).
    pub(super) fn ask_promise(&mut self) {
        let Some(attempt) = self.state.attempt.clone() else { return };
        let next = |name: &String| {
            let group = self.state.groups.get(name);
            let epoch = group.map_or(0, |g| if g.role == Role::Taking { g.epoch_seen } else { g.epoch_seen + 1 });
            (name.clone(), epoch)
        };
        let epochs = attempt.groups.iter().map(next).collect();
        let message =
            Message::Prepare { attempt: attempt.id, founding: attempt.why == Why::Founding, cluster_id: self.state.cluster_id.clone(), epochs };
        self.act(Action::Say(message));
    }

    pub(super) fn found(&mut self, id: String, cluster_id: String, peer_alive: bool) {
        let homes: Vec<String> = self.policy.groups.iter().filter(|(_, home)| *home == self.policy.me).map(|(name, _)| name.clone()).collect();
        let blank = |name: &String| self.state.groups.get(name).is_some_and(|g| g.role == Role::Inert && g.epoch_seen == 0);
        let refusal = if self.state.attempt.is_some() {
            Some("an attempt is open already".to_owned())
        } else if let Some(why) = &self.state.frozen {
            Some(format!("automation is frozen: {why}"))
        } else if homes.is_empty() {
            Some(format!("no group has home = \"{}\": run it on the group's home", self.policy.me))
        } else if !homes.iter().all(blank) {
            Some("the pair is founded already: see `twinguard status`".to_owned())
        } else if peer_alive {
            None
        } else {
            Some(format!("the agent of {} does not answer: founding needs both", self.policy.peer))
        };
        if let Some(text) = refusal {
            return self.act(Action::Tell(Err(text)));
        }
        if self.state.cluster_id.is_empty() {
            self.state.cluster_id = cluster_id;
        }
        self.journal(Record::Open { attempt: id.clone(), groups: homes.clone() });
        self.state.attempt = Some(Attempt { id, why: Why::Founding, stage: Stage::Yielding, groups: homes, failures: 0 });
        self.ask_promise();
    }

    pub(super) fn prepare(&mut self, attempt: String, founding: bool, cluster_id: String, epochs: BTreeMap<String, u64>, clean: Result<(), String>) {
        let promise = Promise { attempt: attempt.clone(), founding, epochs: epochs.clone() };
        let holds = |name: &String| !self.state.groups.get(name).is_some_and(|g| matches!(g.role, Role::Inert | Role::Slave | Role::Standby));
        let refusal = if self.state.attempt.is_some() {
            Some("an attempt is open here".to_owned())
        } else if let Some(why) = &self.state.frozen {
            Some(format!("automation is frozen here: {why}"))
        } else if let Some(name) = epochs.keys().find(|name| holds(name)) {
            Some(format!("{name} is held here, or unknown"))
        } else if !self.state.cluster_id.is_empty() && self.state.cluster_id != cluster_id {
            Some("this node belongs to another pair".to_owned())
        } else if epochs.iter().any(|(name, epoch)| self.state.groups.get(name).is_some_and(|g| g.epoch_seen > *epoch)) {
            Some("this node has seen a higher epoch".to_owned())
        } else {
            clean.err()
        };
        if let Some(text) = refusal {
            return self.act(Action::Say(Message::Declined { attempt, text }));
        }
        if self.state.promise.as_ref() != Some(&promise) {
            self.journal(Record::Promised { attempt: attempt.clone(), groups: epochs.keys().cloned().collect() });
            self.state.promise = Some(promise);
            self.state.cluster_id = cluster_id;
            for (name, epoch) in epochs {
                if let Some(group) = self.state.groups.get_mut(&name) {
                    group.epoch_seen = group.epoch_seen.max(epoch);
                    group.role = if founding { Role::Inert } else { Role::Standby };
                }
            }
        }
        self.act(Action::Say(Message::Yielded { attempt }));
    }

    pub(super) fn declined(&mut self, attempt: &str, text: &str) {
        let Some(open) = self.state.attempt.clone().filter(|a| a.id == attempt && a.stage == Stage::Yielding) else { return };
        let began = open.groups.iter().any(|name| self.state.groups.get(name).is_some_and(|g| g.role == Role::Taking));
        if began {
            return; // A resumed founding is asked again; nothing runs without the promise.
        }
        self.journal(Record::Closed { attempt: open.id, why: format!("the peer declined: {text}") });
        self.state.cluster_id.clear();
        self.act(Action::Tell(Err(format!("{} declined: {text}", self.policy.peer))));
        self.end_attempt(PeerRecord::Ok);
    }

    pub(super) fn peer_said(&mut self, beat: PeerSaid) {
        self.state.peer.boot_starts = Some(beat.boot_starts);
        self.state.peer.config_hash = Some(beat.config_hash);
        if beat.cluster_id.is_empty() || (!self.state.cluster_id.is_empty() && beat.cluster_id != self.state.cluster_id) {
            return; // Not founded, or another pair: its roles and epochs mean nothing here.
        }
        if self.state.peer.record == PeerRecord::Lost && self.state.attempt.is_none() {
            self.state.peer.record = PeerRecord::Ok;
        }
        for (name, (theirs, epoch)) in beat.groups {
            let known = self.state.peer.epochs.entry(name.clone()).or_insert(0);
            *known = (*known).max(epoch);
            self.peer_role(&name, theirs, epoch, beat.record);
        }
    }

    fn peer_role(&mut self, name: &str, theirs: Role, epoch: u64, record: PeerRecord) {
        let Some(mine) = self.state.groups.get(name).cloned() else { return };
        if theirs != Role::Master {
            return;
        }
        match mine.role {
            Role::Master if epoch == mine.epoch_seen => {
                // Row 45: nobody shoots, nobody stops, a person decides.
                self.freeze(format!("both nodes say that they are MASTER of {name} with epoch {epoch}"));
            }
            Role::Master if epoch > mine.epoch_seen => {
                self.journal(Record::Demoted { group: name.to_owned(), epoch });
                self.mail(
                    MailKind::SplitBrain,
                    "split-brain",
                    format!("{} gave {name} up: the peer holds epoch {epoch}", self.policy.me),
                    Vec::new(),
                );
                self.settle(name, Role::Standby, epoch);
                self.act(Action::Undo { group: name.to_owned() });
            }
            Role::Inert if epoch >= mine.epoch_seen => {
                let promised = self.state.promise.as_ref().is_some_and(|p| p.founding && p.epochs.get(name) == Some(&epoch));
                // A slave that merely rebooted and was never fenced stays a slave: else every reboot disarms the pair.
                let rebooted = mine.was == Role::Slave && record == PeerRecord::Ok && mine.epoch_seen == epoch;
                let role = if promised || rebooted { Role::Slave } else { Role::Standby };
                self.settle(name, role, epoch);
                if role == Role::Standby {
                    let summary = format!("{} is back and stays STANDBY for {name}", self.policy.me);
                    self.mail(MailKind::Standby, &format!("standby-{name}-{epoch}"), summary, Vec::new());
                }
            }
            Role::Slave if epoch > mine.epoch_seen => self.settle(name, mine.role, epoch),
            _ => {}
        }
    }

    fn settle(&mut self, name: &str, role: Role, epoch: u64) {
        self.journal(Record::Rejoined { group: name.to_owned(), role: role.to_string() });
        if let Some(group) = self.state.groups.get_mut(name) {
            group.role = role;
            group.was = role;
            group.epoch_seen = group.epoch_seen.max(epoch);
        }
        if self.state.promise.as_ref().is_some_and(|p| p.epochs.get(name) == Some(&epoch)) {
            self.state.promise = None;
        }
    }
}
