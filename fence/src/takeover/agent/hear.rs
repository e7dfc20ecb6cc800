//! What the peer says, and what this node answers from looking at itself.

use super::Agent;
use crate::takeover::decide::{Event, PeerSaid};
use crate::takeover::durable::{Stage, Why};
use crate::takeover::gates::{self, Gate, Verdict};
use crate::takeover::message::{Message, PROTOCOL};
use crate::takeover::ms;
use crate::takeover::proof::{Proof, Yielded};
use plugin_core::contract::status::Role;
use std::time::Duration;

impl Agent {
    /// A message; before HELLO only HELLO counts.
    pub(super) fn said(&mut self, id: u64, message: Message, now: Duration) {
        if let Some(stranger) = self.strangers.remove(&id) {
            let Message::Hello { protocol, cluster, node, link, version } = message else { return };
            let link = self.session_link.get(&id).cloned().unwrap_or(link);
            if protocol != PROTOCOL || cluster != self.cluster.name || node != self.policy.peer || !self.cluster.links.contains_key(&link) {
                self.outside.log(&format!(
                    "a session of {node} (cluster {cluster}, twinguard {version}, protocol {protocol}, link {link}) is refused: it is not our peer"
                ));
                return;
            }
            self.peer_version = Some(version);
            self.session_link.insert(id, link.clone());
            self.sessions.add(&link, stranger);
            self.outlook.heard(&link, now);
            // The peer waits for the first BEAT before it can found, move or rejoin anything.
            self.last_said = Duration::ZERO;
            return;
        }
        let Some(link) = self.session_link.get(&id).cloned() else { return };
        self.outlook.heard(&link, now);
        match message {
            Message::Hello { .. } => {}
            Message::Beat(_) => self.beat_heard(message, now),
            Message::Prepare { attempt, founding, cluster_id, epochs } => {
                let clean = self.looks_clean(epochs.keys());
                self.apply(Event::Prepare { attempt, founding, cluster_id, epochs, clean });
            }
            Message::Yielded { .. } => {
                self.word_heard(&message);
            }
            Message::Declined { attempt, text } => self.apply(Event::Declined { attempt, text }),
            Message::MayTake { attempt, epochs, planned } => {
                let fit = self.may_take(planned, now);
                self.apply(Event::MayTake { attempt, epochs, planned, fit, now_ms: ms(now) });
            }
            Message::CanTake { attempt } => self.apply(Event::CanTake { attempt }),
            Message::Demote { attempt } => {
                let ready = self.may_be_asked_to_demote(now);
                self.apply(Event::DemoteAsked { attempt, ready, now_ms: ms(now) });
            }
            Message::Retire { attempt, cluster_id } => {
                let fit = self.may_retire(now);
                self.apply(Event::Retire { attempt, cluster_id, fit });
            }
            Message::Retired { attempt } => self.apply(Event::PeerRetired { attempt }),
            Message::Rejoin { cluster_id } => self.apply(Event::RejoinAsked { cluster_id, now_ms: ms(now) }),
        }
    }

    fn beat_heard(&mut self, message: Message, now: Duration) {
        let Message::Beat(beat) = &message else { return };
        let not_isolated = gates::not_isolated(&self.cluster, &self.outlook, now).verdict == Verdict::Pass;
        self.data.hear(&beat.data, &beat.boot_id, beat.groups.iter().map(|(name, g)| (name.clone(), g.role)), ms(now));
        let said = PeerSaid {
            cluster_id: beat.cluster_id.clone(),
            config_hash: beat.config_hash.clone(),
            groups: beat.groups.clone(),
            record: beat.record,
            boot_starts: beat.boot_starts.clone(),
            maintenance: beat.maintenance,
            may_act: self.cluster.automatic && not_isolated && self.fresh(now, |role| role == Role::Slave).verdict == Verdict::Pass,
            id: self.fresh_id(),
            moving: beat.moving.clone(),
            gave: beat.handover.as_ref().map(|h| h.attempt.clone()),
        };
        let (handover, released) = (beat.handover.clone(), beat.released.clone());
        self.skew_ms = Some(self.outside.wall_ms().abs_diff(beat.wall_ms));
        self.apply(Event::PeerSaid { beat: said });
        if let Some(handover) = handover {
            self.apply(Event::Offered { handover });
        }
        if let Some(released) = released {
            self.apply(Event::Reclaim { released });
        }
        if self.state.attempt.as_ref().is_some_and(|a| matches!(a.why, Why::Handover | Why::Asked)) {
            self.word_heard(&message);
        }
        if let Message::Beat(beat) = message {
            self.last_beat = Some(*beat);
        }
    }

    /// The peer's durable word for the open attempt becomes a proof.
    fn word_heard(&mut self, message: &Message) {
        let open = self.state.attempt.as_ref().filter(|a| a.stage == Stage::Yielding).map(|a| a.id.clone());
        if let Some(word) = open.and_then(|id| Yielded::heard(&id, &self.policy.peer, message)) {
            self.prove(Proof::Yielded(word));
        }
    }

    /// This node could take groups that the peer gives away: everything but the peer's death.
    fn may_take(&self, planned: bool, now: Duration) -> Result<(), String> {
        let mut gates = self.look(now);
        gates.push(gates::no_fault(&self.faults));
        let open = |g: &&Gate| g.name != "G3" && !(planned && g.name == "G8") && g.verdict != Verdict::Pass;
        match gates.iter().find(open) {
            Some(gate) => Err(format!("{}: {}", gate.name, gate.evidence)),
            None => Ok(()),
        }
    }

    /// This machine holds nothing of the groups: looked at now, not remembered.
    pub(super) fn looks_clean<'a>(&self, groups: impl Iterator<Item = &'a String>) -> Result<(), String> {
        for name in groups {
            let Some(group) = self.cluster.groups.iter().find(|g| g.name == *name) else {
                return Err(format!("group {name} is not in cluster.toml here"));
            };
            self.outside.clean(group)?;
        }
        Ok(())
    }
}
