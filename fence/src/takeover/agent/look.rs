//! What the loop does as time passes: gates of an open case, questions of the fence, the BEAT, the status file.

use super::{Agent, BEAT, QUIET_CHANNEL, STATUS};
use crate::takeover::decide::{Event, is_busy};
use crate::takeover::durable::{Stage, Standing};
use crate::takeover::gates::{self, Gate, Verdict};
use crate::takeover::message::{Beat, GroupBeat, Message};
use crate::takeover::ms;
use crate::takeover::view::Readiness;
use plugin_core::cluster::Trigger;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{
    AttemptStatus, Compared, DeviceStatus, GroupStatus, LinkStatus, PeerStatus, RefusalStatus, Role, SCHEMA, Status,
};
use std::time::Duration;

impl Agent {
    /// Time has passed. To be called every 50 ms.
    pub fn tick(&mut self) {
        let now = self.outside.now();
        let now_ms = ms(now);
        if !self.cluster.links.keys().any(|link| self.outlook.channel(link, now)) || self.outlook.mute_for(now) > QUIET_CHANNEL {
            self.prime(Duration::from_secs(3));
        }
        for _ in 0..self.stalled.len() {
            if let Some(event) = self.stalled.pop_front() {
                self.apply(event);
            }
        }
        self.answer_fence(now);
        let life = self.outlook.life(now);
        if let Some(case) = self.state.case.as_ref().filter(|_| !is_busy(&self.state)) {
            self.gates = if case.trigger == Trigger::PeerLanLost { self.look_for_network(now) } else { self.look(now) };
            self.apply(Event::Looked { gates: self.gates.clone(), life, now_ms });
        }
        if now.saturating_sub(self.last_said) >= BEAT {
            self.last_said = now;
            let waits =
                |stage| matches!(stage, Stage::Draining { .. } | Stage::Yielding | Stage::Asking { .. } | Stage::Awaiting { .. } | Stage::Stuck);
            if self.state.attempt.as_ref().is_some_and(|a| waits(a.stage)) || self.state.rejoining || self.state.maintenance.is_some() {
                self.apply(Event::Tick { life, now_ms, wall_ms: self.outside.wall_ms() });
            }
            let beat = Message::Beat(Box::new(self.beat(now)));
            self.sessions.say(&beat);
        }
        if now.saturating_sub(self.last_status) >= STATUS {
            self.last_status = now;
            if self.state.case.is_none() {
                self.gates = self.look(now);
            }
            let status = self.status();
            self.outside.publish(&status);
        }
    }

    /// Every gate of an automatic takeover, G0 apart.
    pub(super) fn look(&self, now: Duration) -> Vec<Gate> {
        vec![
            gates::allowed(&self.cluster, self.state.maintenance.as_ref(), self.state.peer.maintenance),
            gates::peer_dead(&self.cluster, &self.outlook, now),
            gates::not_isolated(&self.cluster, &self.outlook, now),
            gates::fit(&self.readiness),
            self.fresh(now, |role| !matches!(role, Role::Standby | Role::Failed)),
            gates::stonith(&self.devices, now),
            gates::rate(&self.cluster.limits, &self.state.takeovers, self.outside.wall_ms()),
            gates::same_configuration(&self.config_hash, self.state.peer.config_hash.as_deref()),
            gates::boot_starts(&self.readiness, self.state.peer.boot_starts.as_deref()),
        ]
    }

    /// G6 for the groups in such a role.
    pub(super) fn fresh(&self, now: Duration, wanted: impl Fn(Role) -> bool) -> Gate {
        let of = |name: &str| self.state.groups.get(name);
        let mine = |name: &str| of(name).is_some_and(|g| g.data_owner.as_deref() == Some(self.policy.me.as_str()));
        let groups = self.cluster.groups.iter().filter(|g| of(&g.name).is_some_and(|s| wanted(s.role)));
        gates::data(groups.map(|g| (g, mine(&g.name))), &self.data.copies(), ms(now))
    }

    /// Answers the fence as soon as the answer is sure (G3 and G4 run again before every command).
    fn answer_fence(&mut self, now: Duration) {
        if let Some(ask) = &self.ask {
            let (level, device) = (ask.level, ask.device.clone());
            let gates = [self.may_be_shot(now), gates::not_isolated(&self.cluster, &self.outlook, now)];
            let refusal = gates.iter().find_map(Gate::refusal);
            if let Some(refusal) = refusal {
                self.apply(Event::MaySend { level, device, verdict: Err(refusal), now_ms: ms(now) });
            } else if gates.iter().all(|g| g.verdict == Verdict::Pass) {
                self.apply(Event::MaySend { level, device, verdict: Ok(()), now_ms: ms(now) });
            }
        }
        if self.off_ask.is_some()
            && let Some(answers) = self.outlook.answered_since(self.off_since.unwrap_or(now))
            && let Some(reply) = self.off_ask.take()
        {
            let _ = reply.send(answers);
        }
    }

    /// Carrier and witnesses of the clients' link; `None` = not looked at yet.
    pub(super) fn network_ok(&self, now: Duration) -> Option<bool> {
        match gates::not_isolated(&self.cluster, &self.outlook, now).verdict {
            Verdict::Pass => Some(true),
            Verdict::Refuse(_) => Some(false),
            Verdict::Wait => None,
        }
    }

    fn beat(&self, now: Duration) -> Beat {
        let network_ok = self.network_ok(now);
        let boot_starts = match &self.readiness {
            Readiness::Seen { boot_starts, .. } => boot_starts.clone(),
            Readiness::Unknown(why) => vec![format!("not known: {why}")],
        };
        Beat {
            boot_id: self.boot_id.clone(),
            cluster_id: self.state.cluster_id.clone(),
            config_hash: self.config_hash.clone(),
            groups: self.state.groups.iter().map(|(name, g)| (name.clone(), group_beat(g))).collect(),
            record: self.state.peer.record,
            handover: self.state.handover.clone(),
            released: self.state.released.clone(),
            moving: self.moving(),
            maintenance: self.state.maintenance.is_some(),
            data: self.data.say(ms(now)),
            stonith_ok: gates::stonith(&self.devices, now).verdict == Verdict::Pass,
            network_ok,
            boot_starts,
            wall_ms: self.outside.wall_ms(),
        }
    }

    pub(super) fn status(&self) -> Status {
        let now = self.outside.now();
        let now_ms = ms(now);
        let round = self.outlook.fresh_round(now);
        let links = self.cluster.links.keys().map(|name| LinkStatus {
            name: name.clone(),
            carrier: round.is_some_and(|r| r.carriers.get(name) == Some(&true)),
            ping: self.outlook.ping(name),
            channel: self.outlook.channel(name, now),
        });
        let groups = self.state.groups.iter().map(|(name, g)| GroupStatus {
            name: name.clone(),
            role: g.role,
            epoch: g.epoch_seen,
            degraded: g.degraded.clone(),
        });
        let slave = self.state.groups.values().any(|g| g.role == Role::Slave);
        let ready = self.gates.iter().filter(|g| g.name != "G3").all(|g| g.verdict == Verdict::Pass);
        let blocked =
            self.corrupt.as_ref().map(|why| (Refusal::StateCorrupt, why)).or(self.unwritable.as_ref().map(|why| (Refusal::StateUnwritable, why)));
        let standing = self.state.case.as_ref().and_then(|c| c.refused.as_ref()).map(|(code, text, at)| (*code, text.clone(), *at));
        let drains = self.state.attempt.as_ref().filter(|a| matches!(a.stage, Stage::Draining { .. }));
        let failed = drains.map(|a| (Refusal::FenceFailed, format!("attempt {}: a command was sent and OFF was not seen", a.id), now_ms));
        let refusal = blocked.map(|(code, why)| (code, why.clone(), now_ms)).or(failed).or(standing);
        Status {
            schema: SCHEMA,
            cluster: self.cluster.name.clone(),
            node: self.policy.me.clone(),
            boottime_ms: now_ms,
            boot_id: self.boot_id.clone(),
            automatic: self.cluster.automatic,
            armed: slave && ready && self.state.frozen.is_none() && refusal.is_none(),
            frozen: self.corrupt.clone().or(self.state.frozen.clone()),
            groups: groups.collect(),
            network_ok: self.network_ok(now),
            peer: PeerStatus {
                node: self.policy.peer.clone(),
                life: self.outlook.life(now),
                record: self.state.peer.record,
                roles: self.last_beat.as_ref().map(|b| b.groups.iter().map(|(n, g)| (n.clone(), g.role)).collect()).unwrap_or_default(),
                network_ok: self
                    .last_beat
                    .as_ref()
                    .filter(|_| self.cluster.links.keys().any(|link| self.outlook.channel(link, now)))
                    .and_then(|b| b.network_ok),
                links: links.collect(),
            },
            witnesses: round.map(|r| r.witnesses.clone()).unwrap_or_default(),
            gates: self.gates.iter().map(Gate::status).collect(),
            attempt: self.state.attempt.as_ref().map(|a| AttemptStatus {
                id: a.id.clone(),
                stage: stage(a.stage),
                since_ms: self.state.case.as_ref().map_or(now_ms, |c| c.opened_ms),
            }),
            refusal: refusal.map(|(code, text, since_ms)| RefusalStatus { code, text, since_ms }),
            compared: Compared {
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                peer_version: self.peer_version.clone(),
                skew_ms: self.skew_ms,
                takeover_ms: self.state.takeovers.last().copied(),
            },
            devices: self.devices.iter().map(|d| DeviceStatus { level: d.level, device: d.name.clone(), drill: d.drill.clone() }).collect(),
        }
    }
}

fn group_beat(standing: &Standing) -> GroupBeat {
    GroupBeat {
        role: standing.role,
        was: standing.was,
        epoch: standing.epoch_seen,
        data_epoch: standing.data_epoch,
        owner: standing.data_owner.clone(),
    }
}

fn stage(stage: Stage) -> String {
    match stage {
        Stage::Yielding => "waits for the peer's word".to_owned(),
        Stage::Asking { .. } => "asks whether the peer may take".to_owned(),
        Stage::Demoting => "stopping the groups".to_owned(),
        Stage::Restoring => "starting the groups again".to_owned(),
        Stage::Intent => "about to fence".to_owned(),
        Stage::Sent => "fencing".to_owned(),
        Stage::Draining { .. } => "fence failed, drains".to_owned(),
        Stage::Taking { step, .. } => format!("taking, {step}"),
        Stage::Undoing { .. } => "rolling back".to_owned(),
        Stage::Held => "held: a person has to look".to_owned(),
        Stage::Stuck => "the groups could not be stopped: the peer may fence this node".to_owned(),
        Stage::Awaiting { .. } => "waits until the peer has given its groups up".to_owned(),
        Stage::Abandoning { .. } => "stopping what was held".to_owned(),
    }
}
