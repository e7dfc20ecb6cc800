//! The probes: rounds of pings always, full rounds (ssh banner, the service at the failover address) while the agent is
//! primed. Reports what it saw; judges nothing.

use super::agent::Input;
use super::machine::answers;
use super::ms;
use super::outlook::{LinkSeen, Round};
use plugin_core::cluster::{Cluster, Witness};
use plugin_core::host::System;
use plugin_core::{Host, net};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Between the starts of two rounds while primed.
const BUSY: Duration = Duration::from_millis(400);
/// Between the starts of two rounds otherwise.
const QUIET: Duration = Duration::from_secs(1);
/// Time for each probe of a round.
const PROBE: Duration = Duration::from_millis(300);
/// The ssh port: its banner shows that programs still run there.
const SSH: u16 = 22;

/// What steers the prober from outside.
#[derive(Debug, Default)]
pub struct Steering {
    /// Full rounds until this boot time (ms).
    pub full_until_ms: AtomicU64,
    /// Groups whose failover addresses this node holds, so an answer there is its own.
    serving: Mutex<BTreeSet<String>>,
}

impl Steering {
    /// This node holds these groups now.
    pub fn serves(&self, groups: BTreeSet<String>) {
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = groups;
    }

    /// The groups that this node holds.
    pub fn served(&self) -> BTreeSet<String> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Probes until `inbox` is closed. A message on `wake` starts the next round at once.
pub fn run(cluster: &Arc<Cluster>, me: &str, peer: &str, steering: &Arc<Steering>, wake: &Receiver<()>, inbox: &Sender<Input>) {
    let host = System::new(None);
    let mut tcp_witnesses = BTreeMap::new();
    let mut planned = host.now();
    loop {
        let started = host.now();
        let full = steering.full_until_ms.load(Ordering::Relaxed) > ms(started);
        let seen = round(cluster, me, peer, full, &steering.served(), &mut tcp_witnesses);
        let ended = host.now();
        let (links, carriers, witnesses, serves) = seen;
        if inbox.send(Input::Round(Round { planned, started, ended, full, links, carriers, witnesses, serves })).is_err() {
            return;
        }
        planned = started + if full { BUSY } else { QUIET };
        match wake.recv_timeout(planned.saturating_sub(host.now())) {
            Ok(()) if !full => planned = host.now(),
            Ok(()) => host.wait(planned.saturating_sub(host.now())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // A round that took longer than its period does not make the next one late.
        planned = planned.max(ended);
    }
}

type Seen = (BTreeMap<String, LinkSeen>, BTreeMap<String, bool>, BTreeMap<String, bool>, bool);

fn round(cluster: &Cluster, me: &str, peer: &str, full: bool, held: &BTreeSet<String>, tcp_witnesses: &mut BTreeMap<String, bool>) -> Seen {
    let host = System::new(Some(PROBE * 2));
    thread::scope(|scope| {
        let links: Vec<_> = cluster
            .links
            .iter()
            .filter_map(|(name, link)| cluster.address(peer, name).map(|address| (name, &link.interface, address)))
            .map(|(name, interface, address)| {
                let ping = scope.spawn(move || net::ping(address, Some(interface), PROBE));
                let banner = full.then(|| scope.spawn(move || net::touch(SocketAddr::new(address, SSH), Some(interface), PROBE, true)));
                (name.clone(), interface, ping, banner)
            })
            .collect();
        let witnesses: Vec<_> = cluster
            .witness
            .hosts
            .iter()
            .map(|w| {
                let skip = matches!(w, Witness::Tcp(_)) && !full;
                (w, (!skip).then(|| scope.spawn(move || witness(cluster, me, w))))
            })
            .collect();
        let verify: Vec<_> = cluster
            .groups
            .iter()
            .filter(|g| full && !held.contains(&g.name))
            .flat_map(|g| &g.verify)
            .map(|target| scope.spawn(move || answers(target, PROBE).unwrap_or(false)))
            .collect();

        let mut seen = BTreeMap::new();
        let mut carriers = BTreeMap::new();
        for (name, interface, ping, banner) in links {
            let ping = matches!(ping.join(), Ok(Ok(Some(_))));
            let touch = banner.and_then(|b| b.join().ok()).and_then(Result::ok);
            let (kernel, banner) = match touch {
                Some(net::Touch::Banner(_)) => (true, true),
                Some(net::Touch::Accepted | net::Touch::Refused) => (true, false),
                Some(net::Touch::Silent) | None => (false, false),
            };
            seen.insert(name.clone(), LinkSeen { kernel: kernel || ping, banner, ping });
            carriers.insert(name, net::carrier(&host, interface).unwrap_or(false));
        }
        let mut answered = BTreeMap::new();
        for (w, handle) in witnesses {
            let name = w.to_string();
            let up = match handle {
                Some(handle) => handle.join().unwrap_or(false),
                None => tcp_witnesses.get(&name).copied().unwrap_or(false),
            };
            if matches!(w, Witness::Tcp(_)) {
                tcp_witnesses.insert(name.clone(), up);
            }
            answered.insert(name, up);
        }
        let serves = verify.into_iter().any(|v| v.join().unwrap_or(false));
        (seen, carriers, answered, serves)
    })
}

/// One witness answers.
fn witness(cluster: &Cluster, me: &str, witness: &Witness) -> bool {
    match witness {
        // Neighbour discovery answers a ping as well as ARP does.
        Witness::Ping(address) | Witness::Arp(address @ IpAddr::V6(_)) => matches!(net::ping(*address, None, PROBE), Ok(Some(_))),
        Witness::Tcp(address) => !matches!(net::touch(*address, None, PROBE, false), Ok(net::Touch::Silent) | Err(_)),
        Witness::Arp(IpAddr::V4(address)) => cluster.links.iter().filter(|(_, link)| link.clients).any(|(name, link)| {
            let Some(IpAddr::V4(own)) = cluster.address(me, name) else { return false };
            matches!(net::arp_request(&link.interface, own, *address, PROBE), Ok(Some(_)))
        }),
    }
}
