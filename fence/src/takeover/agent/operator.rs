//! Operators' commands from the control socket: looked at, proven where a proof is needed, and decided like everything else.

use super::Agent;
use crate::power::Power;
use crate::takeover::decide::Event;
use crate::takeover::durable::{Maintenance, Stage};
use crate::takeover::gates::{self, Verdict};
use crate::takeover::journal::Record;
use crate::takeover::ms;
use crate::takeover::proof::{Attested, Proof};
use plugin_core::cluster::Data;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{Life, PeerRecord, Role};
use serde::{Deserialize, Serialize};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Clocks may differ by this much (RX2), ms.
const SKEW_MS: u64 = 1000;

/// One line at the control socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Who gives it, for the journal.
    pub who: String,
    /// What.
    pub act: Act,
}

/// What an operator can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// Found the pair.
    Create,
    /// Move one group, or all of this master's, to the peer.
    Migrate {
        /// The group; `None` = all.
        group: Option<String>,
    },
    /// Put this slave aside, for one group or all.
    Standby {
        /// The group; `None` = all.
        group: Option<String>,
    },
    /// Go on with a group that is held or failed.
    Retry {
        /// The group.
        group: String,
    },
    /// Give up what runs of a group that is held or failed.
    Abandon {
        /// The group.
        group: String,
    },
    /// End the pair: the named node goes on alone, the other one retires.
    Dissolve {
        /// The node that goes on.
        survivor: String,
    },
    /// Be a slave again.
    Rejoin,
    /// Begin maintenance for so many minutes, or end it.
    Maintenance {
        /// Minutes; `None` ends it.
        minutes: Option<u64>,
    },
    /// The named node is off, says a person.
    ConfirmFenced {
        /// The typed name.
        node: String,
    },
    /// Become master while the peer is away and its power reads OFF.
    AssumeMaster,
    /// Fence the named node, which is the peer, on purpose.
    Drill {
        /// The typed name.
        node: String,
        /// Level of the devices.
        level: u8,
    },
    /// This node's copies may be served although they are older than `max_loss`, or of unknown age.
    AcceptDataLoss,
    /// DRBD's handler asks what became of the peer's copy of this resource.
    FencePeer {
        /// The resource.
        resource: String,
    },
    /// DRBD's handler tells a split brain of this resource.
    SplitBrain {
        /// The resource.
        resource: String,
    },
    /// A split brain is repaired towards the named node: the other one gives up what it serves.
    Repair {
        /// The typed name of the node whose data stay.
        survivor: String,
    },
}

impl Agent {
    pub(super) fn command(&mut self, line: &str, reply: Sender<Result<String, String>>) {
        let order: Order = match serde_json::from_str(line) {
            Ok(order) => order,
            Err(error) => {
                let _ = reply.send(Err(format!("this agent does not know the command ({error}); are program and agent of one version?")));
                return;
            }
        };
        // A handler of DRBD asks again and again: that is no operator's command.
        if let Act::FencePeer { resource } = &order.act {
            let _ = reply.send(Ok(self.fence_peer(resource)));
            return;
        }
        // A command that waits (a move for its receiver) never keeps an operator from acting.
        self.tell(Err("another command came in: see `twinguard status` for what became of this one".to_owned()));
        self.operator = Some(reply);
        let now = self.outside.now();
        let (who, id) = (order.who, self.fresh_id());
        let free = matches!(order.act, Act::Maintenance { .. } | Act::ConfirmFenced { .. });
        if let Some(refusal) = self.drill_blocks(now).filter(|_| !free) {
            return self.refuse(refusal);
        }
        match order.act {
            Act::Create => self.create(id),
            Act::Migrate { group } => {
                let ready = self.both_links(now);
                self.apply(Event::Move { id, who, group, ready, now_ms: ms(now) });
            }
            Act::Standby { group } => self.apply(Event::SetAside { who, group }),
            Act::Retry { group } => {
                let ready = self.may_retry(&group);
                self.apply(Event::Retry { id, who, group, ready, life: self.outlook.life(now) });
            }
            Act::Abandon { group } => self.apply(Event::Abandon { id, who, group }),
            Act::Dissolve { survivor } => {
                let ready = self.one_link(now);
                self.apply(Event::Dissolve { id, who, survivor, ready, now_ms: ms(now) });
            }
            Act::Rejoin => {
                let ready = self.may_rejoin(now);
                self.apply(Event::Rejoin { who, ready });
            }
            Act::Maintenance { minutes } => {
                let since_ms = self.outside.wall_ms();
                let until = |m: u64| since_ms.saturating_add(i64::try_from(m.saturating_mul(60_000)).unwrap_or(i64::MAX));
                let on = minutes.map(|m| Maintenance { by: who.clone(), since_ms, until_ms: until(m), reminded: false });
                self.apply(Event::Maintain { who, on });
            }
            Act::ConfirmFenced { node } => self.confirm_fenced(&node, id, who),
            Act::Drill { node, level } => self.drill(&node, level, id, who),
            Act::AssumeMaster => match self.fresh(now, |role| !matches!(role, Role::Slave | Role::Master | Role::Taking)).refusal() {
                Some(refusal) => self.refuse(refusal),
                None => self.apply(Event::Assume { id, who, life: self.outlook.life(now) }),
            },
            Act::AcceptDataLoss => self.accept_data_loss(now, &who),
            Act::FencePeer { .. } => {}
            Act::SplitBrain { resource } => {
                self.apply(Event::DataSplit { why: format!("DRBD tells a split brain of {resource}") });
                self.tell(Ok("frozen".to_owned()));
            }
            Act::Repair { survivor } => self.apply(Event::Repair { who, survivor }),
        }
    }

    pub(super) fn refuse(&mut self, (code, text): (Refusal, String)) {
        self.tell(Err(format!("{code}: {text} ({})", code.advice())));
    }

    fn create(&mut self, id: String) {
        let now = self.outside.now();
        let alive = self.cluster.links.keys().any(|link| self.outlook.channel(link, now));
        if let Some(refusal) = self.same_site().err().filter(|_| alive) {
            return self.refuse(refusal);
        }
        match self.outside.fresh_uuid() {
            Ok(cluster_id) => self.apply(Event::Found { id, cluster_id, peer_alive: alive }),
            Err(text) => self.tell(Err(text)),
        }
    }

    /// Both nodes have the same configuration and the same time.
    pub(super) fn same_site(&self) -> Result<(), (Refusal, String)> {
        let Some(beat) = &self.last_beat else { return Err((Refusal::Config, "the peer has not spoken yet".to_owned())) };
        if beat.config_hash != self.config_hash {
            return Err((Refusal::Config, "cluster.toml differs between the nodes".to_owned()));
        }
        match self.skew_ms {
            Some(skew) if skew > SKEW_MS => Err((Refusal::Clock, format!("the clocks differ by {skew} ms (RX2)"))),
            _ => Ok(()),
        }
    }

    /// M1: the peer speaks over every link.
    pub(super) fn both_links(&self, now: Duration) -> Result<(), (Refusal, String)> {
        let down: Vec<&str> = self.cluster.links.keys().map(String::as_str).filter(|link| !self.outlook.channel(link, now)).collect();
        if down.is_empty() { self.same_site() } else { Err((Refusal::Unfit, format!("the peer does not speak over {}", down.join(", ")))) }
    }

    /// What a node that wants to be slave again has to show.
    fn may_rejoin(&self, now: Duration) -> Result<(), (Refusal, String)> {
        self.both_links(now)?;
        let Some(beat) = &self.last_beat else { return Err((Refusal::Config, "the peer has not spoken yet".to_owned())) };
        if !beat.groups.values().any(|g| g.role == Role::Master) {
            return Err((Refusal::Role, "the peer serves nothing: a slave needs a master".to_owned()));
        }
        for gate in [gates::stonith(&self.devices, now), gates::fit(&self.readiness), self.catches_up(now)] {
            if gate.verdict != Verdict::Pass {
                return Err(gate.refusal().unwrap_or((Refusal::Unfit, gate.evidence)));
            }
        }
        if !beat.stonith_ok {
            return Err((Refusal::DeviceSilent, "the master can't reach this node's fence device".to_owned()));
        }
        let idle = |g: &&plugin_core::cluster::Group| self.state.groups.get(&g.name).is_some_and(|s| s.role != Role::Master);
        for group in self.cluster.groups.iter().filter(idle) {
            self.outside.clean(group).map_err(|text| (Refusal::Unfit, text))?;
        }
        Ok(())
    }

    /// What became of the peer's copy: one word for `twinguard fence-peer`.
    fn fence_peer(&self, resource: &str) -> String {
        let is_its = |g: &&plugin_core::cluster::Group| matches!(&g.data, Data::Drbd { resource: r, .. } if r == resource);
        let Some(group) = self.cluster.groups.iter().find(is_its) else { return "unknown".to_owned() };
        let now_ms = ms(self.outside.now());
        let off = self.promotion.is_some() && self.state.peer.record == PeerRecord::OffConfirmed;
        if off {
            return "off".to_owned();
        }
        match self.data.place(&group.name, now_ms).and_then(|p| p.peer) {
            Some(Role::Master | Role::Taking) => "Primary".to_owned(),
            _ => self.data.outdate(resource, now_ms).unwrap_or_else(|| "wait".to_owned()),
        }
    }

    /// A copy that follows may be rejoined before the master waits for it: it does so only for a slave.
    fn catches_up(&self, now: Duration) -> gates::Gate {
        let copies = self.data.copies().into_iter().map(|(name, copy)| (name, copy.waited_for())).collect();
        let groups = self.cluster.groups.iter().filter(|g| self.state.groups.get(&g.name).is_some_and(|s| s.role != Role::Master));
        gates::data(groups.map(|g| (g, false)), &copies, ms(now))
    }

    /// Rows 34, 61: a person accepts what the copies lack, by name and for this loss of the master only; its return ends it.
    fn accept_data_loss(&mut self, now: Duration, who: &str) {
        if self.outlook.life(now) != Life::Silent {
            let text = format!("{} is not silent: nothing is lost while the master lives", self.policy.peer);
            return self.refuse((Refusal::PeerAlive, text));
        }
        let gate = self.fresh(now, |role| role != Role::Master);
        let Some((code, text)) = gate.refusal() else {
            return self.tell(Err(format!("there is nothing to accept: {}", gate.evidence)));
        };
        let what = format!("accepts the loss of data: {code}, {text}");
        if let Err(why) = self.outside.append(&[Record::Operator { who: who.to_owned(), what: what.clone() }]) {
            return self.refuse((Refusal::StateUnwritable, why));
        }
        let copied = self.cluster.groups.iter().filter(|g| g.data.max_loss().is_some());
        copied.for_each(|g| self.data.copy(&g.name, |copy| copy.accepted = Some(who.to_owned())));
        self.tell(Ok(format!("{who} {what}")));
    }

    /// Refused while the peer answers anything, or one of its devices says ON (row 60).
    fn confirm_fenced(&mut self, node: &str, id: String, who: String) {
        let now = self.outside.now();
        let life = self.outlook.life(now);
        let on = self.devices.iter().find(|d| d.outcome == Ok(Power::On)).map(|d| (Refusal::SaysOn, format!("{} says ON", d.name)));
        let isolated = gates::not_isolated(&self.cluster, &self.outlook, now).refusal();
        let proof = match Attested::by(&who, node, &self.policy.peer, life) {
            Ok(proof) => proof,
            Err(refusal) => return self.refuse(refusal),
        };
        let stale = self.fresh(now, |role| matches!(role, Role::Slave | Role::Demoted | Role::Taking)).refusal();
        if let Some(refusal) = on.or(isolated).or(stale) {
            return self.refuse(refusal);
        }
        debug_assert_eq!(life, Life::Silent);
        self.apply(Event::Attest { id, who });
        if self.state.attempt.as_ref().is_some_and(|a| a.stage == Stage::Yielding) && self.operator.is_some() {
            self.prove(Proof::Attested(proof));
        }
    }
}
