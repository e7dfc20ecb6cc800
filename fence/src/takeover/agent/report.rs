//! Faults that a node reports of itself, and masters that are asked to give up: what the peer's last message says, and what has
//! to be true before anything is stopped. Judges nothing: [`gates`] and `decide` do.

use super::Agent;
use crate::takeover::decide::{Event, Recheck};
use crate::takeover::durable::{Stage, Why};
use crate::takeover::gates::{self, Gate};
use crate::takeover::message::Moving;
use crate::takeover::ms;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;
use std::time::Duration;

impl Agent {
    pub(super) fn rechecked(&mut self, service: String, outcome: Recheck, now: Duration) {
        let ready = self.may_move_by_itself(now);
        self.apply(Event::Rechecked { service, outcome, ready, now_ms: ms(now) });
    }

    /// F0: the time before this node shoots. Who serves nothing is not shot by anybody, so it waits for nobody (rows 17, 63).
    pub(super) fn delay(&self) -> Duration {
        let serves = self.state.groups.values().any(|g| !matches!(g.role, Role::Slave | Role::Standby | Role::Failed));
        self.cluster.fence.delay.get(&self.policy.me).and_then(|d| d.0).filter(|_| serves).unwrap_or(Duration::ZERO)
    }

    /// Automatic, nobody works on the pair, and the peer speaks: one link is enough.
    fn may_move_by_itself(&self, now: Duration) -> Result<(), (Refusal, String)> {
        gates::allowed(&self.cluster, self.state.maintenance.as_ref(), self.state.peer.maintenance).refusal().map_or(Ok(()), Err)?;
        self.one_link(now)
    }

    pub(super) fn one_link(&self, now: Duration) -> Result<(), (Refusal, String)> {
        if self.cluster.links.keys().any(|link| self.outlook.channel(link, now)) {
            self.same_site()
        } else {
            Err((Refusal::PeerUnfit, format!("{} does not speak over any link", self.policy.peer)))
        }
    }

    /// The peer asks this master to give up: only its own view of its clients' network counts.
    pub(super) fn may_be_asked_to_demote(&self, now: Duration) -> Result<(), String> {
        let network = match self.network_ok(now) {
            Some(false) => Ok(()),
            Some(true) => Err("it sees its clients' network".to_owned()),
            None => Err("it has not looked at its clients' network yet".to_owned()),
        };
        network.and_then(|()| self.may_move_by_itself(now).map_err(|(code, text)| format!("{code}: {text}")))
    }

    /// The gates of a case of a lost clients' network.
    pub(super) fn look_for_network(&self, now: Duration) -> Vec<Gate> {
        let mut gates = self.look(now);
        let speaks = self.cluster.links.keys().any(|link| self.outlook.channel(link, now));
        let word = self.last_beat.as_ref().filter(|_| speaks).map(|beat| beat.network_ok);
        if let Some(dead) = gates.iter_mut().find(|g| g.name == "G3") {
            *dead = gates::network_lost(self.outlook.life(now), word);
        }
        gates.push(gates::no_fault(&self.faults));
        gates
    }

    /// G3 before a power command.
    pub(super) fn may_be_shot(&self, now: Duration) -> Gate {
        match self.state.attempt.as_ref().filter(|a| a.why == Why::Asked) {
            None => gates::peer_dead(&self.cluster, &self.outlook, now),
            Some(attempt) => {
                let said = self.last_beat.as_ref().map(|b| (b.moving.as_ref(), b.handover.as_ref().map(|h| h.attempt.as_str())));
                gates::still_holds(&attempt.id, said)
            }
        }
    }

    /// What the BEAT says of a move that this master makes by itself.
    pub(super) fn moving(&self) -> Option<Moving> {
        let attempt = self.state.attempt.as_ref().filter(|a| a.why == Why::Moving { planned: false })?;
        Some(Moving { attempt: attempt.id.clone(), stuck: attempt.stage == Stage::Stuck })
    }

    /// A group that failed is tried again only on a machine that holds nothing of it.
    pub(super) fn may_retry(&self, group: &String) -> Result<(), (Refusal, String)> {
        let failed = self.state.groups.get(group).is_some_and(|g| g.role == Role::Failed);
        if failed { self.looks_clean(std::iter::once(group)).map_err(|text| (Refusal::Unfit, text)) } else { Ok(()) }
    }

    /// This node may retire: it holds nothing, and its data are known to be those of the survivor (RX13).
    pub(super) fn may_retire(&self, now: Duration) -> Result<(), String> {
        if self.state.retired.is_some() {
            return Ok(());
        }
        self.looks_clean(self.state.groups.keys())?;
        self.fresh(now, |_| true).refusal().map_or(Ok(()), |(code, text)| Err(format!("{code}: {text}")))
    }
}
