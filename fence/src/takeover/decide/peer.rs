//! Start, and what follows from what the peer says.

use super::{Action, DRAIN_MS, Draft, PeerSaid};
use crate::takeover::durable::{Stage, Why};
use crate::takeover::journal::Record;
use plugin_core::contract::MailKind;
use plugin_core::contract::status::{PeerRecord, Role};

impl Draft<'_> {
    pub(super) fn started(&mut self, booted: bool, boot_id: String) {
        self.journal(Record::Boot { booted, boot_id });
        self.state.case = None;
        self.state.rejoining = false;
        if self.state.retired.is_some() {
            return self.act(Action::Mask); // Again: it may have been interrupted.
        }
        if booted {
            self.state.drain_until_ms = 0;
            // I9: a node that booted starts nothing by itself, whatever it was.
            for group in self.state.groups.values_mut().filter(|g| !matches!(g.role, Role::Inert | Role::Standby | Role::Demoted | Role::Retired)) {
                group.was = group.role;
                group.role = Role::Inert;
            }
            if let Some(attempt) = self.state.attempt.take() {
                if matches!(attempt.stage, Stage::Sent | Stage::Draining { .. }) {
                    // Boot time starts anew: the off of before may still arrive in its first minute.
                    self.state.drain_until_ms = DRAIN_MS;
                }
                self.journal(Record::Closed { attempt: attempt.id, why: "this node booted in the middle of it".to_owned() });
                self.state.peer.record = PeerRecord::Lost;
            }
            return;
        }
        let Some(attempt) = self.state.attempt.clone() else { return };
        match (attempt.stage, attempt.why) {
            (Stage::Intent, _) if self.hold_again(&attempt) => {}
            (Stage::Intent, _) => {
                self.journal(Record::Closed { attempt: attempt.id, why: "the agent restarted before anything was sent".to_owned() });
                self.end_attempt(PeerRecord::Ok);
            }
            // F5: what was proven before the restart is proven again.
            (Stage::Sent | Stage::Taking { .. }, Why::PeerLost | Why::Assumed) | (Stage::Sent, Why::Asked) => self.prove_again(),
            // A master that was asked to give up did so, or was fenced.
            (Stage::Taking { .. }, Why::Asked) if self.state.peer.record == PeerRecord::OffConfirmed => self.prove_again(),
            (Stage::Sent | Stage::Taking { .. } | Stage::Yielding, _) => self.stage(Stage::Yielding),
            (Stage::Undoing { group }, _) => {
                if let Some(name) = attempt.groups.get(group) {
                    self.act(Action::Undo { groups: vec![name.clone()] });
                }
            }
            (Stage::Asking { .. }, _) => self.not_moved("the agent restarted before anything was stopped"),
            (Stage::Demoting, _) => self.act(Action::Undo { groups: attempt.groups }),
            (Stage::Restoring, _) => self.act(Action::Restore { groups: attempt.groups }),
            (Stage::Abandoning { group }, _) => {
                let groups = attempt.groups.get(group).cloned().into_iter().collect();
                self.act(Action::Undo { groups });
            }
            (Stage::Draining { .. } | Stage::Held | Stage::Stuck | Stage::Awaiting { .. }, _) => {}
        }
    }

    fn prove_again(&mut self) {
        self.stage(Stage::Sent);
        self.act(Action::StartFence);
    }

    pub(super) fn peer_said(&mut self, beat: &PeerSaid) {
        self.state.peer.boot_starts = Some(beat.boot_starts.clone());
        self.state.peer.config_hash = Some(beat.config_hash.clone());
        self.state.peer.maintenance = beat.maintenance;
        if beat.cluster_id.is_empty() || (!self.state.cluster_id.is_empty() && beat.cluster_id != self.state.cluster_id) {
            return; // Not founded, or another pair: its roles and epochs mean nothing here.
        }
        if self.state.peer.record == PeerRecord::Lost && self.state.attempt.is_none() {
            self.state.peer.record = PeerRecord::Ok;
        }
        for (name, theirs) in &beat.groups {
            let known = self.state.peer.epochs.entry(name.clone()).or_insert(0);
            *known = (*known).max(theirs.epoch);
            if theirs.role == Role::Master {
                self.peer_is_master(name, theirs.epoch, beat.record);
            }
        }
        self.master_moves(beat);
        self.agree(beat);
    }

    fn peer_is_master(&mut self, name: &str, epoch: u64, record: PeerRecord) {
        let Some(mine) = self.state.groups.get(name).cloned() else { return };
        match mine.role {
            Role::Master if epoch == mine.epoch_seen => {
                // Row 45: nobody shoots, nobody stops, a person decides.
                self.freeze(format!("both nodes say that they are MASTER of {name} with epoch {epoch}"));
            }
            Role::Master if epoch > mine.epoch_seen => {
                self.journal(Record::Demoted { attempt: String::new(), groups: vec![name.to_owned()], epoch });
                self.mail(
                    MailKind::SplitBrain,
                    "split-brain",
                    format!("{} gave {name} up: the peer holds epoch {epoch}", self.policy.me),
                    Vec::new(),
                );
                self.settle(name, Role::Standby, epoch);
                self.act(Action::Undo { groups: vec![name.to_owned()] });
            }
            Role::Demoted if epoch >= mine.epoch_seen => {
                let planned = self.state.handover.as_ref().is_some_and(|h| h.planned);
                self.settle(name, if planned { Role::Slave } else { Role::Standby }, epoch);
                self.taken_from_handover(&[name.to_owned()]);
                self.act(Action::Tell(Ok(format!("{} serves {name}", self.policy.peer))));
            }
            Role::Inert if epoch >= mine.epoch_seen => {
                let promised = self.state.promise.as_ref().is_some_and(|p| p.founding && p.epochs.get(name).is_some_and(|e| *e <= epoch));
                // A slave that merely rebooted and was never fenced stays a slave: else every reboot disarms the pair.
                let rebooted = mine.was == Role::Slave && record == PeerRecord::Ok && mine.epoch_seen == epoch;
                let role = if promised || rebooted { Role::Slave } else { Role::Standby };
                self.settle(name, role, epoch);
                if role == Role::Standby {
                    let summary = format!("{} is back and stays STANDBY for {name}", self.policy.me);
                    self.mail(MailKind::Standby, &format!("standby-{name}-{epoch}"), summary, Vec::new());
                }
            }
            Role::Standby | Role::Failed if self.state.rejoining && record == PeerRecord::Ok && self.state.attempt.is_none() => {
                self.settle(name, Role::Slave, epoch);
                self.state.released = None;
                let waits = |g: &crate::takeover::durable::Standing| matches!(g.role, Role::Standby | Role::Failed);
                if !self.state.groups.values().any(waits) {
                    self.state.rejoining = false;
                    let summary = format!("{} is slave again", self.policy.me);
                    self.mail(MailKind::Rejoined, &format!("rejoined-{epoch}"), summary.clone(), Vec::new());
                    self.act(Action::Tell(Ok(summary)));
                }
            }
            Role::Slave if epoch > mine.epoch_seen => self.settle(name, mine.role, epoch),
            _ => {}
        }
    }

    pub(super) fn settle(&mut self, name: &str, role: Role, epoch: u64) {
        self.journal(Record::Rejoined { group: name.to_owned(), role: role.to_string() });
        let peer = self.policy.peer.clone();
        if let Some(group) = self.state.groups.get_mut(name) {
            group.role = role;
            group.was = role;
            group.epoch_seen = group.epoch_seen.max(epoch);
            group.data_epoch = epoch;
            group.data_owner = Some(peer);
            group.degraded = None;
        }
        if self.state.promise.as_ref().is_some_and(|p| p.epochs.get(name).is_some_and(|e| *e <= epoch)) {
            self.state.promise = None;
        }
    }
}
