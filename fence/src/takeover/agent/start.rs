//! Start of a running agent: one of the two nodes, folders, the boot marker, the state, the threads.

use super::live::{Live, boot_marker};
use super::{Agent, Input, Origin, Places, hello, policy};
use crate::takeover::data::record::Records;
use crate::takeover::data::{Board, keeper};
use crate::takeover::drills::Drills;
use crate::takeover::durable::Store;
use crate::takeover::journal::Journal;
use crate::takeover::peer::{self, Dial};
use crate::takeover::prober::{self, Steering};
use crate::takeover::{calls, faults, machine, publish, view};
use plugin_core::cluster::Cluster;
use plugin_core::host::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Runs the agent until it is stopped.
///
/// # Errors
/// Why it can't start: not one of the two nodes, folders, sockets. Once it runs, it goes on.
pub fn run(cluster: Cluster, config_hash: String, places: Places) -> Result<(), String> {
    let me = machine::nodename();
    let peer = policy(&cluster, &me)?.peer;
    let cluster = Arc::new(cluster);
    for folder in [&places.state, &places.run] {
        std::fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    }
    let (booted, boot_id) = boot_marker(&System::new(None), &places)?;
    let store = Store::new(&places.state);
    let found = store.load(&me);
    let (inbox, inputs) = channel();
    let (wake_prober, prober_wake) = channel();
    let (wake_devices, devices_wake) = channel();
    let steering = Arc::new(Steering::default());
    let records = Records::new(&places.state);
    let board = Arc::new(Board::new(&boot_id, records.load(&System::new(None), &boot_id)));
    let outside = Live {
        host: System::new(None),
        cluster: Arc::clone(&cluster),
        peer: peer.clone(),
        store,
        journal: Journal::open(&places.state)?,
        status: places.run.join("status.json"),
        drills: Drills::file(&places.state),
        inbox: inbox.clone(),
        steering: Arc::clone(&steering),
        wake_prober,
        wake_devices,
        mails: publish::mailer(&places.spool),
        board: Arc::clone(&board),
    };
    let threads = Threads { cluster: Arc::clone(&cluster), me: me.clone(), peer: peer.clone(), places, inbox };
    threads.start(steering, prober_wake, devices_wake)?;
    let mut agent = Agent::start(Origin { cluster: Arc::clone(&cluster), config_hash, me: me.clone(), found, booted, boot_id }, Box::new(outside))?;
    let (kept, other) = (Arc::clone(&cluster), peer.clone());
    thread::spawn(move || keeper::run(&kept, &other, &board, &records));
    notify_ready();
    publish::log(&format!("twinguard {} on {me}, peer {peer}{}", env!("CARGO_PKG_VERSION"), if booted { ", first start since boot" } else { "" }));
    agent.turn(&inputs);
    Ok(())
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

/// What the threads that only look and listen share.
struct Threads {
    cluster: Arc<Cluster>,
    me: String,
    peer: String,
    places: Places,
    inbox: Sender<Input>,
}

impl Threads {
    fn start(self, steering: Arc<Steering>, prober_wake: Receiver<()>, devices_wake: Receiver<()>) -> Result<(), String> {
        let socket = |name: &str| self.places.run.join(name).to_string_lossy().into_owned();
        let events = calls::event_listener(&socket("event.sock"))?;
        let control = calls::bind(&socket("control.sock"))?;
        let next_session = Arc::new(AtomicU64::new(1));
        let inbox = self.inbox.clone();
        thread::spawn(move || calls::events(&events, &inbox));
        let (inbox, ids, first) = (self.inbox.clone(), Arc::clone(&next_session), hello(&self.cluster, &self.me, "-"));
        thread::spawn(move || calls::control(&control, &first, &ids, &inbox));
        let (cluster, inbox, me, other) = (Arc::clone(&self.cluster), self.inbox.clone(), self.me.clone(), self.peer.clone());
        let steering_here = Arc::clone(&steering);
        thread::spawn(move || prober::run(&cluster, &me, &other, &steering_here, &prober_wake, &inbox));
        let (cluster, inbox, other, drills) = (Arc::clone(&self.cluster), self.inbox.clone(), self.peer.clone(), Drills::file(&self.places.state));
        thread::spawn(move || view::watch_devices(&cluster, &other, &drills, &devices_wake, &inbox));
        let (cluster, inbox) = (Arc::clone(&self.cluster), self.inbox.clone());
        thread::spawn(move || view::watch_machine(&cluster, &steering, &inbox));
        let (cluster, inbox) = (Arc::clone(&self.cluster), self.inbox.clone());
        thread::spawn(move || faults::watch(&cluster, &inbox));
        if self.me < self.peer {
            for link in self.cluster.links.keys() {
                let (Some(from), Some(to)) = (self.cluster.address(&self.me, link), self.cluster.address(&self.peer, link)) else { continue };
                let dial = Dial { link: link.clone(), from, to, peer: self.peer.clone() };
                let (keys, first, inbox) = (self.places.keys.clone(), hello(&self.cluster, &self.me, link), self.inbox.clone());
                let ids = Arc::clone(&next_session);
                thread::spawn(move || peer::dial(&dial, &keys, &first, &|| ids.fetch_add(1, Ordering::Relaxed), &inbox));
            }
        }
        Ok(())
    }
}
