//! What two living nodes agree upon: founding, who leads after a boot, graceful moves, rejoining. Every step that one of
//! them takes on the other's word rests on a word that is durable there.

use super::{Action, Draft, PeerSaid};
use crate::takeover::durable::{Attempt, Handover, Promise, Released, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::contract::MailKind;
use plugin_core::contract::status::{Life, PeerRecord, Role};
use std::collections::BTreeMap;

/// The attempt's name in the answer to a rejoin.
pub const REJOIN: &str = "rejoin";

impl Draft<'_> {
    /// Says PREPARE for the open attempt (again, until it is answered).
    pub(super) fn ask_promise(&mut self) {
        let Some(attempt) = self.state.attempt.clone() else { return };
        let next = |name: &String| {
            let group = self.state.groups.get(name);
            let theirs = self.state.peer.epochs.get(name).copied().unwrap_or(0);
            let epoch = group.map_or(0, |g| if g.role == Role::Taking { g.epoch_seen } else { g.epoch_seen.max(theirs) + 1 });
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
        self.state.attempt = Some(Attempt::new(id, Why::Founding, Stage::Yielding, homes));
        self.ask_promise();
    }

    pub(super) fn prepare(&mut self, attempt: String, founding: bool, cluster_id: String, epochs: BTreeMap<String, u64>, clean: Result<(), String>) {
        let promise = Promise { attempt: attempt.clone(), founding, epochs: epochs.clone() };
        let holds =
            |name: &String| !self.state.groups.get(name).is_some_and(|g| matches!(g.role, Role::Inert | Role::Slave | Role::Standby | Role::Demoted));
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
        // Asked again, the promise stands as it was given: an epoch that rises with each question would never end.
        if !self.state.promise.as_ref().is_some_and(|p| p.attempt == promise.attempt && p.founding == founding) {
            self.journal(Record::Promised { attempt: attempt.clone(), groups: epochs.keys().cloned().collect() });
            self.state.promise = Some(promise);
            self.state.cluster_id = cluster_id;
            for (name, epoch) in epochs {
                if let Some(group) = self.state.groups.get_mut(&name) {
                    group.epoch_seen = group.epoch_seen.max(epoch);
                }
            }
        }
        self.act(Action::Say(Message::Yielded { attempt }));
    }

    pub(super) fn declined(&mut self, attempt: &str, text: &str) {
        if attempt == REJOIN && self.state.rejoining {
            self.state.rejoining = false;
            return self.act(Action::Tell(Err(format!("{} declined: {text}", self.policy.peer))));
        }
        if let Some(open) = self.state.attempt.as_ref().filter(|a| a.id == attempt && matches!(a.stage, Stage::Asking { .. })) {
            let what = match open.why {
                Why::Asked => "gives nothing up",
                Why::Dissolving => "does not retire",
                _ => "may not take",
            };
            return self.not_moved(&format!("{} {what}: {text}", self.policy.peer));
        }
        let Some(open) = self.state.attempt.clone().filter(|a| a.id == attempt && a.stage == Stage::Yielding) else { return };
        if self.has_begun(&open) {
            return; // What had begun before a restart, or was held, is asked again; nothing runs without the promise.
        }
        self.journal(Record::Closed { attempt: open.id, why: format!("the peer declined: {text}") });
        if open.why == Why::Founding {
            self.state.cluster_id.clear();
        }
        self.act(Action::Tell(Err(format!("{} declined: {text}", self.policy.peer))));
        self.end_attempt(PeerRecord::Ok);
    }

    /// Waits for the peer's word; a wait for a peer that is gone ends where nothing had begun.
    pub(super) fn wait_for_word(&mut self, attempt: &Attempt, life: Life) {
        if !self.has_begun(attempt) && !matches!(life, Life::Alive | Life::Unknown) {
            self.journal(Record::Closed { attempt: attempt.id.clone(), why: "the peer is gone before it gave its word".to_owned() });
            if attempt.why == Why::Founding {
                self.state.cluster_id.clear();
            }
            self.act(Action::Tell(Err(format!("{} does not answer any more", self.policy.peer))));
            let record = self.state.peer.record;
            return self.end_attempt(record);
        }
        if matches!(attempt.why, Why::Founding | Why::Agreed) {
            self.ask_promise();
        }
    }

    /// After a boot: nobody serves a group, both nodes speak, and it is clear who leads. The leader asks for the other's promise.
    pub(super) fn agree(&mut self, beat: &PeerSaid) {
        let quiet = self.state.attempt.is_none() && self.state.case.is_none() && self.state.frozen.is_none();
        let open = self.state.maintenance.is_none() && !beat.maintenance;
        if !quiet || !open || !beat.may_act {
            return;
        }
        let idle = |role| matches!(role, Role::Inert | Role::Standby | Role::Demoted);
        let leads = |name: &String| {
            let (Some(mine), Some(theirs)) = (self.state.groups.get(name), beat.groups.get(name)) else { return false };
            // Burnt epochs do not count, those of the data do.
            if theirs.data_epoch > mine.data_epoch {
                return false;
            }
            match mine.role {
                // Row 5: the master rebooted before anybody missed it.
                Role::Slave => theirs.role == Role::Inert && theirs.was == Role::Master,
                // Row 31: both booted, or the other one was put aside; the later master leads, and of one epoch there is only one.
                // Row 25: who died while it was taking may have written a later epoch: a person decides.
                Role::Inert if mine.was == Role::Master && theirs.was != Role::Taking && idle(theirs.role) => {
                    mine.data_epoch > theirs.data_epoch || (mine.data_epoch == theirs.data_epoch && theirs.was != Role::Master)
                }
                // The receiver of a handover was put aside, or booted, before it served: the giver counts on from the granted epoch.
                Role::Demoted => idle(theirs.role),
                _ => false,
            }
        };
        let groups: Vec<String> = self.policy.groups.iter().map(|(name, _)| name.clone()).filter(leads).collect();
        if groups.is_empty() {
            return;
        }
        self.journal(Record::Open { attempt: beat.id.clone(), groups: groups.clone() });
        self.state.attempt = Some(Attempt::new(beat.id.clone(), Why::Agreed, Stage::Yielding, groups));
        self.ask_promise();
    }

    /// The peer asks whether this node may take: every group's SLAVE, nothing open, its own gates good.
    pub(super) fn may_take(&mut self, attempt: String, epochs: &BTreeMap<String, u64>, planned: bool, fit: Result<(), String>, now_ms: u64) {
        let slave = |name: &String| self.state.groups.get(name).is_some_and(|g| g.role == Role::Slave);
        // One that this node itself asked to give up asks back with the same name, and perhaps over both links.
        let same = |a: &Attempt| a.id == attempt && a.why == Why::Asked && matches!(a.stage, Stage::Asking { .. } | Stage::Awaiting { .. });
        let refusal = if self.state.attempt.as_ref().is_some_and(|a| !same(a)) {
            Some("an attempt is open".to_owned())
        } else if let Some(why) = &self.state.frozen {
            Some(format!("automation is frozen: {why}"))
        } else if let Some(name) = epochs.keys().find(|name| !slave(name)) {
            Some(format!("it is not SLAVE of {name}"))
        } else {
            fit.err()
        };
        if let Some(text) = refusal {
            return self.act(Action::Say(Message::Declined { attempt, text }));
        }
        if !planned {
            self.await_demotion(&attempt, epochs.keys().cloned().collect(), now_ms);
        }
        self.act(Action::Say(Message::CanTake { attempt }));
    }

    /// M3: the peer may take; from here the groups are stopped.
    pub(super) fn can_take(&mut self, id: &str) {
        let asks = |a: &Attempt| a.id == id && matches!((a.stage, a.why), (Stage::Asking { .. }, Why::Moving { .. }));
        let Some(attempt) = self.state.attempt.clone().filter(asks) else { return };
        self.stage(Stage::Demoting);
        self.act(Action::Undo { groups: attempt.groups });
    }

    /// The groups are stopped here, or not. Roll-back is possible only before the record DEMOTED (row 55).
    pub(super) fn demoted(&mut self, attempt: &Attempt, clean: Result<(), String>) {
        let (Stage::Demoting, Why::Moving { planned }) = (attempt.stage, attempt.why) else { return };
        if let Err(text) = clean {
            return self.not_stopped(attempt, planned, &text);
        }
        let mut epochs = BTreeMap::new();
        for name in &attempt.groups {
            let theirs = self.state.peer.epochs.get(name).copied().unwrap_or(0);
            if let Some(group) = self.state.groups.get_mut(name) {
                group.role = Role::Demoted;
                group.epoch_seen = group.epoch_seen.max(theirs) + 1;
                epochs.insert(name.clone(), group.epoch_seen);
            }
        }
        let epoch = epochs.values().copied().max().unwrap_or(0);
        self.journal(Record::Demoted { attempt: attempt.id.clone(), groups: attempt.groups.clone(), epoch });
        let why = if planned { "as an operator wished" } else { "because a check of its own wanted it" };
        let summary = format!("{} gave {} to {}, {why}", self.policy.me, attempt.groups.join(", "), self.policy.peer);
        self.mail(MailKind::Demoted, &attempt.id, summary, Vec::new());
        self.state.handover = Some(Handover { attempt: attempt.id.clone(), planned, epochs });
        self.state.attempt = None;
        self.state.case = None;
    }

    pub(super) fn restored(&mut self, result: Result<(), String>) {
        let Some(attempt) = self.state.attempt.clone().filter(|a| a.stage == Stage::Restoring) else { return };
        let why = match result {
            Ok(()) => "stopping failed; everything was started again".to_owned(),
            Err(text) => {
                for name in &attempt.groups {
                    if let Some(group) = self.state.groups.get_mut(name) {
                        group.degraded = Some(text.clone());
                    }
                }
                format!("stopping failed, and so did starting again: {text}")
            }
        };
        self.not_moved(&why);
    }

    /// M5: the peer's handover is heard, and this node is SLAVE of every group in it.
    pub(super) fn offered(&mut self, handover: Handover) {
        let may = |(name, granted): (&String, &u64)| self.state.groups.get(name).is_some_and(|g| g.role == Role::Slave && g.epoch_seen < *granted);
        let awaited =
            |a: &Attempt| a.id == handover.attempt && a.why == Why::Asked && matches!(a.stage, Stage::Asking { .. } | Stage::Awaiting { .. });
        if self.state.attempt.as_ref().is_some_and(|a| !awaited(a)) || self.state.frozen.is_some() || !handover.epochs.iter().all(may) {
            return;
        }
        for (name, granted) in &handover.epochs {
            if let Some(group) = self.state.groups.get_mut(name) {
                group.epoch_seen = granted - 1;
            }
        }
        let why = if handover.planned { Why::Handover } else { Why::Asked };
        self.word_heard(handover.attempt, why, handover.epochs.into_keys().collect());
    }

    /// The peer released groups of this node's handover: it takes them back.
    pub(super) fn reclaim(&mut self, released: &Released) {
        let Some(handover) = self.state.handover.clone().filter(|h| h.attempt == released.attempt) else { return };
        // An epoch that was burnt since, by a promise for a later attempt of the peer, makes its older word void.
        let given = |name: &String| {
            let granted = handover.epochs.get(name).copied();
            self.state.groups.get(name).is_some_and(|g| g.role == Role::Demoted && Some(g.epoch_seen) == granted)
        };
        let groups: Vec<String> = released.groups.iter().filter(|name| given(name)).cloned().collect();
        if self.state.attempt.is_none() && self.state.frozen.is_none() && !groups.is_empty() {
            self.word_heard(handover.attempt, Why::Handover, groups);
        }
    }

    fn word_heard(&mut self, id: String, why: Why, groups: Vec<String>) {
        self.close_case("the groups are taken by agreement");
        if self.state.attempt.is_none() {
            self.journal(Record::Open { attempt: id.clone(), groups: groups.clone() });
        }
        self.state.attempt = Some(Attempt::new(id, why, Stage::Yielding, groups));
    }

    /// The master's side of a rejoin.
    pub(super) fn rejoin_asked(&mut self, cluster_id: &str, now_ms: u64) {
        let text = if cluster_id != self.state.cluster_id || cluster_id.is_empty() {
            "it belongs to another pair"
        } else if self.state.attempt.is_some() {
            "an attempt is open"
        } else if now_ms < self.state.drain_until_ms {
            "a power command went out less than a minute ago"
        } else {
            if self.state.peer.record != PeerRecord::Ok {
                self.journal(Record::Rejoined { group: self.policy.peer.clone(), role: Role::Slave.to_string() });
                self.state.peer.record = PeerRecord::Ok;
            }
            return;
        };
        self.act(Action::Say(Message::Declined { attempt: REJOIN.to_owned(), text: text.to_owned() }));
    }
}
