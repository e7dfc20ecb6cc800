//! Start: one of the two nodes, folders, the boot marker, the state, the threads.

use super::{Agent, Places};
use crate::takeover::decide::{Event, Policy};
use crate::takeover::durable::{Durable, Found, Store};
use crate::takeover::journal::Journal;
use crate::takeover::message::{Message, PROTOCOL};
use crate::takeover::outlook::Outlook;
use crate::takeover::peer::{self, Dial, Sessions};
use crate::takeover::prober::{self, Steering};
use crate::takeover::view::{self, Readiness};
use crate::takeover::{calls, machine, publish};
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::host::System;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Runs the agent until it is stopped.
///
/// # Errors
/// Why it can't start: not one of the two nodes, folders, sockets. Once it runs, it goes on.
pub fn run(cluster: Cluster, config_hash: String, places: Places) -> Result<(), String> {
    let me = machine::nodename();
    let Some(peer) = cluster.peer_of(&me).map(str::to_owned) else {
        let nodes: Vec<&str> = cluster.nodes.keys().map(String::as_str).collect();
        return Err(format!("this host is \"{me}\"; [nodes] names {}", nodes.join(" and ")));
    };
    let cluster = Arc::new(cluster);
    let host = System::new(None);
    let policy = Policy { me: me.clone(), peer: peer.clone(), groups: cluster.groups.iter().map(|g| (g.name.clone(), g.home.clone())).collect() };
    for folder in [&places.state, &places.run] {
        std::fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    }
    let (booted, boot_id) = boot_marker(&host, &places)?;
    let store = Store::new(&places.state);
    let names = || policy.groups.iter().map(|(name, _)| name.as_str());
    let (state, corrupt) = match store.load(&me) {
        Found::Nothing => (Durable::blank(&me, names()), None),
        Found::State(mut state) => {
            let blank = Durable::blank(&me, names());
            for (name, standing) in blank.groups {
                state.groups.entry(name).or_insert(standing);
            }
            (*state, None)
        }
        // Row 57: a serving node goes on serving; it only never acts again until a person has looked.
        Found::Corrupt(why) => (Durable { frozen: Some(why.clone()), ..Durable::blank(&me, names()) }, Some(why)),
    };
    let (outbox, inbox) = channel();
    let (wake_prober, prober_wake) = channel();
    let (wake_devices, devices_wake) = channel();
    let steering = Arc::new(Steering::default());
    let now = host.now();
    let mut agent = Agent {
        journal: Journal::open(&places.state)?,
        mails: publish::mailer(&places.spool),
        host,
        policy,
        boot_id: boot_id.clone(),
        config_hash,
        store,
        state,
        corrupt,
        unwritable: None,
        stalled: VecDeque::new(),
        outlook: Outlook::new(now),
        devices: Vec::new(),
        readiness: Readiness::Unknown("not looked at yet".to_owned()),
        gates: Vec::new(),
        sessions: Sessions::default(),
        strangers: BTreeMap::new(),
        session_link: BTreeMap::new(),
        last_beat: None,
        skew_ms: None,
        next_session: Arc::new(AtomicU64::new(1)),
        outbox: outbox.clone(),
        steering: Arc::clone(&steering),
        wake_prober,
        wake_devices,
        promotion: None,
        ask: None,
        off_ask: None,
        off_since: None,
        handler: None,
        operator: None,
        timeline: Vec::new(),
        timeline_start: None,
        last_tick: now,
        last_said: Duration::ZERO,
        last_status: Duration::ZERO,
        cluster: Arc::clone(&cluster),
        places,
    };
    agent.start_threads(&peer, steering, prober_wake, devices_wake)?;
    if agent.corrupt.is_none() {
        agent.apply(Event::Started { booted, boot_id });
        agent.verify_masters();
    }
    notify_ready();
    publish::log(&format!("twinguard {} on {me}, peer {peer}{}", env!("CARGO_PKG_VERSION"), if booted { ", first start since boot" } else { "" }));
    agent.turn(&inbox);
    Ok(())
}

/// `(first start since boot, id of this boot)`: the marker lies in a folder that a boot empties.
fn boot_marker(host: &System, places: &Places) -> Result<(bool, String), String> {
    let path = places.run.join("boot");
    if let Ok(id) = host.read(&path) {
        return Ok((false, id.trim().to_owned()));
    }
    let id = fresh_uuid(host)?;
    machine::write_durably(&path, &format!("{id}\n"))?;
    Ok((true, id))
}

pub(super) fn fresh_uuid(host: &System) -> Result<String, String> {
    let id = host.read(std::path::Path::new("/proc/sys/kernel/random/uuid")).map_err(|b| format!("cannot {b}"))?;
    Ok(id.trim().to_owned())
}

/// Tells systemd that the agent is ready (`sd_notify(3)`); without systemd nothing happens.
fn notify_ready() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&path),
    };
    if let (Ok(socket), Ok(address)) = (UnixDatagram::unbound(), address) {
        let _ = socket.send_to_addr(b"READY=1", &address);
    }
}

impl Agent {
    fn start_threads(&self, peer: &str, steering: Arc<Steering>, prober_wake: Receiver<()>, devices_wake: Receiver<()>) -> Result<(), String> {
        let socket = |name: &str| self.places.run.join(name).to_string_lossy().into_owned();
        let events = calls::event_listener(&socket("event.sock"))?;
        let control = calls::bind(&socket("control.sock"))?;
        let outbox = self.outbox.clone();
        thread::spawn(move || calls::events(&events, &outbox));
        let outbox = self.outbox.clone();
        thread::spawn(move || calls::control(&control, &outbox));
        let (cluster, outbox, me, other) = (Arc::clone(&self.cluster), self.outbox.clone(), self.policy.me.clone(), peer.to_owned());
        thread::spawn(move || prober::run(&cluster, &me, &other, &steering, &prober_wake, &outbox));
        let (cluster, outbox, other) = (Arc::clone(&self.cluster), self.outbox.clone(), peer.to_owned());
        thread::spawn(move || view::watch_devices(&cluster, &other, &devices_wake, &outbox));
        let (cluster, outbox) = (Arc::clone(&self.cluster), self.outbox.clone());
        thread::spawn(move || view::watch_machine(&cluster, &outbox));
        if self.policy.me.as_str() < peer {
            for link in self.cluster.links.keys() {
                let (Some(from), Some(to)) = (self.cluster.address(&self.policy.me, link), self.cluster.address(peer, link)) else { continue };
                let dial = Dial { link: link.clone(), from, to, peer: peer.to_owned() };
                let (keys, hello, outbox) = (self.places.keys.clone(), self.hello(link), self.outbox.clone());
                let ids = Arc::clone(&self.next_session);
                thread::spawn(move || peer::dial(&dial, &keys, &hello, &|| ids.fetch_add(1, Ordering::Relaxed), &outbox));
            }
        }
        Ok(())
    }

    pub(super) fn hello(&self, link: &str) -> Message {
        Message::Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: self.cluster.name.clone(),
            node: self.policy.me.clone(),
            link: link.to_owned(),
        }
    }
}
