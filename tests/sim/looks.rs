//! What looks at the world for the agents: the prober, the question to the fence devices, Icinga.

use crate::machine::{boottime, target_group};
use crate::pair::{Due, Pair};
use crate::world::{Bmc, HEARTBEAT, LAN, LINKS, Manner, NAMES};
use fence::power::Power;
use fence::takeover::agent::Input;
use fence::takeover::outlook::{LinkSeen, Round};
use fence::takeover::view::DeviceView;
use plugin_core::contract::Refusal;
use std::collections::BTreeMap;
use std::time::Duration;

impl Pair {
    /// A round of the prober: what it can see now, told when its last probe has answered or given up.
    pub fn round(&mut self, node: usize, life: u32, planned: u64) {
        let world = self.shared.lock();
        let Some(brain) = &self.brains[node] else { return };
        let (other, now) = (1 - node, world.now);
        let full = brain.probing_until > now;
        let started = boottime(&world, node);
        let seen = |link: usize| {
            let kernel = world.answers(other) && world.path(link);
            LinkSeen { kernel, ping: kernel, banner: full && kernel && world.alive(other) }
        };
        let links: BTreeMap<String, LinkSeen> = (0..2).map(|l| (LINKS[l].to_owned(), seen(l))).collect();
        let carriers = BTreeMap::from([
            (LINKS[LAN].to_owned(), world.machines[node].cables[LAN] && world.switch),
            (LINKS[HEARTBEAT].to_owned(), world.machines[node].cables[HEARTBEAT] && world.between),
        ]);
        let witnesses = self.cluster.witness.hosts.iter().map(|w| (w.to_string(), world.network(node))).collect();
        let serves = full
            && (0..world.groups).any(|g| {
                !world.machines[node].held[g].address
                    && self.cluster.groups[g].verify.iter().any(|v| target_group(v) == Some(g))
                    && world.serves(g).is_some_and(|by| by != node && world.path(LAN))
            });
        let silent = links.values().any(|l| !l.kernel) || !world.network(node);
        drop(world);
        let planned = started.saturating_sub(Duration::from_millis(now.saturating_sub(planned)));
        let round = Round { planned, started, ended: started, full, links, carriers, witnesses, serves };
        let takes = if silent { 300 } else { 2 };
        self.soon(takes, Due::RoundEnds(node, life, round));
        let next = now + (if full { 400 } else { 1000 }).max(takes);
        self.at(next, Due::Round(node, life, next));
    }

    pub fn ask_devices(&mut self, node: usize, life: u32) {
        let now = self.now();
        let Some(brain) = &mut self.brains[node] else { return };
        if brain.asked_devices.is_some_and(|at| now - at < 5000) {
            return;
        }
        brain.asked_devices = Some(now);
        let target = 1 - node;
        let asked = boottime(&self.shared.lock(), node);
        self.with(node, |agent| agent.input(Input::DevicesAsked(asked)));
        let world = self.shared.lock();
        let on = world.machines[target].power;
        let view = |bmc: &Bmc, level: u8| {
            let (time, outcome) = match bmc.manner {
                _ if !bmc.net || bmc.latency > 2000 => (2000, Err((Refusal::DeviceSilent, "reach it".to_owned()))),
                Manner::Denies => (bmc.latency, Err((Refusal::DeviceDenied, "log in".to_owned()))),
                Manner::Crossed => (bmc.latency, Err((Refusal::Identity, "believe it".to_owned()))),
                _ => (bmc.latency, Ok(if on && !bmc.blind { Power::On } else { Power::Off })),
            };
            DeviceView {
                level,
                name: format!("level {level} of {}", NAMES[target]),
                drill: None,
                asked,
                answered: Some(asked + Duration::from_millis(time)),
                outcome,
            }
        };
        let configured = !self.cluster.devices_of(NAMES[target]).is_empty();
        let mut views: Vec<DeviceView> = configured.then(|| view(&world.machines[target].bmc, 1)).into_iter().collect();
        views.extend(world.machines[target].pdu.as_ref().map(|pdu| view(pdu, 2)));
        drop(world);
        let time = views.iter().filter_map(|v| v.answered).max().unwrap_or(asked).saturating_sub(asked);
        let good = views.iter().all(|v| v.outcome.is_ok());
        self.soon(u64::try_from(time.as_millis()).expect("seconds"), Due::DevicesAnswer(node, life, views));
        self.soon(if good { 25_000 } else { 5000 }, Due::Devices(node, life));
    }

    /// The volatile check on each node: CRITICAL and HARD once the peer has been unreachable three times in a row.
    pub fn icinga(&mut self, node: usize) {
        let world = self.shared.lock();
        let serves = (0..world.groups).all(|g| world.machines[node].held[g].any());
        let dead = !(0..2).any(|l| world.answers(1 - node) && world.path(l));
        let critical = self.icinga && world.alive(node) && !serves && dead && world.network(node);
        drop(world);
        self.failures[node] = if critical { self.failures[node] + 1 } else { 0 };
        if self.failures[node] >= 3 {
            self.call(node, "CRITICAL", "HARD");
        }
    }
}
