//! The agent: one loop that owns the state. Threads look and act; they only send what they saw to the loop, which asks
//! [`decide`], writes what has to survive, and only then acts (I10).

mod fencing;
mod look;
mod perform;

use super::decide::{Event, PeerSaid, Policy};
use super::durable::{Durable, Found, Store};
use super::gates::{self, Gate};
use super::journal::Journal;
use super::machine;
use super::message::{Beat, Message, PROTOCOL};
use super::outlook::{Outlook, Round};
use super::peer::{self, Dial, Keys, Session, Sessions};
use super::prober::{self, Steering};
use super::proof::{Proof, Yielded};
use super::steps::{Failure, Promotion, Step, promote};
use super::view::{self, DeviceView, Readiness};
use super::{calls, publish};
use crate::power::{FenceFailure, Fenced, Power};
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::request::{Answer, Request};
use plugin_core::contract::status::Role;
use plugin_core::contract::MailEvent;
use plugin_core::host::System;
use std::collections::{BTreeMap, VecDeque};
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Where things are; the command line may move each.
#[derive(Clone, Debug)]
pub struct Places {
    /// Durable state and journal.
    pub state: PathBuf,
    /// Status file, sockets, boot marker.
    pub run: PathBuf,
    /// The mailer's spool.
    pub spool: PathBuf,
    /// ssh key and known hosts.
    pub keys: Keys,
}

/// What the threads tell the loop.
pub enum Input {
    /// A probe round ended.
    Round(Round),
    /// The fence devices are being asked.
    DevicesAsked(Duration),
    /// The fence devices' answers.
    Devices(Vec<DeviceView>),
    /// What this machine would start at boot.
    Ready(Readiness),
    /// A handler called.
    Call {
        /// What it said.
        request: Request,
        /// Who it runs as.
        uid: u32,
        /// Where the answer goes.
        reply: Sender<Answer>,
    },
    /// An operator's command, one line.
    Operator {
        /// The line.
        command: String,
        /// Where the answer goes.
        reply: Sender<Result<String, String>>,
    },
    /// The peer's `twinguard peer` came to the control socket.
    Visitor {
        /// The connection.
        stream: UnixStream,
        /// Its reading half, which may hold bytes already.
        reader: BufReader<UnixStream>,
    },
    /// A session has started; its link is known when this node dialled.
    SessionUp {
        /// The link.
        link: Option<String>,
        /// The session.
        session: Session,
    },
    /// A session ended.
    SessionDown(u64),
    /// A message of the peer.
    Said {
        /// Over which session.
        session: u64,
        /// What.
        message: Message,
    },
    /// ssh showed another host key.
    HostKey,
    /// The fence asks whether it may send.
    MaySend {
        /// Level.
        level: u8,
        /// Device.
        device: String,
        /// Where the answer goes.
        reply: Sender<Result<(), String>>,
    },
    /// A power command was accepted.
    Accepted {
        /// Level.
        level: u8,
        /// Device.
        device: String,
    },
    /// A power state was read.
    Read {
        /// Level.
        level: u8,
        /// Device.
        device: String,
        /// What it said.
        power: Power,
    },
    /// The fence asks whether the peer still answers.
    PeerAnswers {
        /// Where the answer goes.
        reply: Sender<bool>,
    },
    /// The fence ended.
    FenceDone(Result<Fenced, FenceFailure>),
    /// A step ended.
    StepEnded {
        /// Which.
        step: Step,
        /// How.
        result: Result<String, Failure>,
    },
    /// A roll-back ended.
    Undone(Result<(), String>),
}

/// The loop's own data.
pub struct Agent {
    host: System,
    cluster: Arc<Cluster>,
    policy: Policy,
    places: Places,
    boot_id: String,
    config_hash: String,
    store: Store,
    journal: Journal,
    state: Durable,
    /// The state on disk can't be trusted: it is kept for a person, nothing is decided and nothing written over it.
    corrupt: Option<String>,
    /// Why the state could not be written at the last try.
    unwritable: Option<String>,
    /// Facts whose decision could not be written; decided again later.
    stalled: VecDeque<Event>,
    outlook: Outlook,
    devices: Vec<DeviceView>,
    readiness: Readiness,
    gates: Vec<Gate>,
    sessions: Sessions,
    /// Sessions of visitors that have not said HELLO yet, and the link of each that has.
    strangers: BTreeMap<u64, Session>,
    session_link: BTreeMap<u64, String>,
    last_beat: Option<Beat>,
    /// Difference of the nodes' clocks at the last beat.
    skew_ms: Option<u64>,
    next_session: Arc<AtomicU64>,
    outbox: Sender<Input>,
    steering: Arc<Steering>,
    wake_prober: Sender<()>,
    wake_devices: Sender<()>,
    mails: Sender<MailEvent>,
    promotion: Option<Arc<Promotion>>,
    ask: Option<(u8, String, Sender<Result<(), String>>)>,
    off_ask: Option<Sender<bool>>,
    /// Since when every reading says OFF.
    off_since: Option<Duration>,
    handler: Option<Sender<Answer>>,
    operator: Option<Sender<Result<String, String>>>,
    timeline: Vec<(String, u64)>,
    timeline_start: Option<Duration>,
    last_tick: Duration,
    last_said: Duration,
    last_status: Duration,
}

/// The loop wakes up at least this often.
const TICK: Duration = Duration::from_millis(50);
/// A BEAT goes out this often (section 1, Peer channel).
const BEAT: Duration = Duration::from_millis(200);
/// The status file is written at least this often.
const STATUS: Duration = Duration::from_millis(500);
/// A channel that is silent for this long makes the prober look in full.
const QUIET_CHANNEL: Duration = Duration::from_millis(600);
/// How long a call or a silent channel keeps the prober busy.
const PRIMED: Duration = Duration::from_secs(10);

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

fn fresh_uuid(host: &System) -> Result<String, String> {
    let id = host.read(std::path::Path::new("/proc/sys/kernel/random/uuid")).map_err(|b| format!("cannot {b}"))?;
    Ok(id.trim().to_owned())
}

/// Tells systemd that the agent is ready (sd_notify(3)); without systemd nothing happens.
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

    fn hello(&self, link: &str) -> Message {
        Message::Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: self.cluster.name.clone(),
            node: self.policy.me.clone(),
            link: link.to_owned(),
        }
    }

    /// The loop.
    fn turn(&mut self, inbox: &Receiver<Input>) {
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(input) => self.input(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = self.host.now();
            if now.saturating_sub(self.last_tick) >= TICK {
                self.last_tick = now;
                self.tick(now);
            }
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.host.now();
        match input {
            Input::Round(round) => self.outlook.round(round),
            Input::DevicesAsked(at) => self.devices.iter_mut().for_each(|d| d.asked = at),
            Input::Devices(devices) => self.devices = devices,
            Input::Ready(readiness) => self.readiness = readiness,
            Input::Call { request, uid, reply } => self.call(&request, uid, reply),
            Input::Operator { command, reply } => self.command(&command, reply),
            Input::Visitor { stream, reader } => {
                let id = self.next_session.fetch_add(1, Ordering::Relaxed);
                if let Some(session) = peer::accept(id, stream, reader, &self.hello("-"), self.outbox.clone()) {
                    self.strangers.insert(id, session);
                }
            }
            Input::SessionUp { link, session } => {
                if let Some(link) = link {
                    self.session_link.insert(session.id, link);
                }
                self.strangers.insert(session.id, session);
            }
            Input::SessionDown(id) => {
                self.sessions.remove(id);
                self.strangers.remove(&id);
                self.session_link.remove(&id);
            }
            Input::Said { session, message } => self.said(session, message, now),
            Input::HostKey => self.outlook.host_key(),
            Input::MaySend { level, device, reply } => self.ask = Some((level, device, reply)),
            Input::PeerAnswers { reply } => self.off_ask = Some(reply),
            Input::Accepted { level, device } => {
                self.mark("off accepted");
                self.apply(Event::FenceAccepted { level, device });
            }
            Input::Read { level, device, power } => self.power_read(level, device, power, now),
            Input::FenceDone(Ok(fenced)) => {
                self.mark("OFF confirmed");
                let proof = Proof::Fenced(fenced);
                self.prove(proof);
            }
            Input::FenceDone(Err(failure)) => self.apply(Event::FenceEnded { failure, now_ms: now.as_millis() as u64 }),
            Input::StepEnded { step, result: Ok(evidence) } => {
                self.mark(&step.to_string());
                self.apply(Event::StepDone { step, evidence, wall_ms: self.host.wall_ms() });
            }
            Input::StepEnded { step, result: Err(Failure { code, text }) } => {
                self.apply(Event::StepFailed { step, code, text, wall_ms: self.host.wall_ms() });
            }
            Input::Undone(clean) => self.apply(Event::Undone { clean }),
        }
    }

    fn power_read(&mut self, level: u8, device: String, power: Power, now: Duration) {
        match power {
            Power::On => self.off_since = None,
            Power::Off => {
                if self.off_since.is_none() {
                    self.mark("OFF read");
                }
                self.off_since.get_or_insert(now);
            }
        }
        let power = if power == Power::Off { "OFF" } else { "ON" };
        self.apply(Event::FenceRead { level, device, power: power.to_owned() });
    }

    /// A proof exists: it becomes the right to promote, and the decision goes on.
    fn prove(&mut self, proof: Proof) {
        let promotion = promote((*self.cluster).clone(), proof);
        let evidence = promotion.evidence();
        self.promotion = Some(Arc::new(promotion));
        self.apply(Event::Proven { evidence });
    }

    /// A message; before HELLO only HELLO counts.
    fn said(&mut self, id: u64, message: Message, now: Duration) {
        if let Some(stranger) = self.strangers.remove(&id) {
            let Message::Hello { protocol, cluster, node, link, version } = message else { return };
            let link = self.session_link.get(&id).cloned().unwrap_or(link);
            if protocol != PROTOCOL || cluster != self.cluster.name || node != self.policy.peer || !self.cluster.links.contains_key(&link) {
                publish::log(&format!(
                    "a session of {node} (cluster {cluster}, twinguard {version}, protocol {protocol}, link {link}) is refused: it is not our peer"
                ));
                return;
            }
            self.session_link.insert(id, link.clone());
            self.sessions.add(&link, stranger);
            self.outlook.heard(&link, now);
            return;
        }
        let Some(link) = self.session_link.get(&id).cloned() else { return };
        self.outlook.heard(&link, now);
        match message {
            Message::Hello { .. } => {}
            Message::Beat(beat) => {
                let said = PeerSaid {
                    cluster_id: beat.cluster_id.clone(),
                    config_hash: beat.config_hash.clone(),
                    groups: beat.groups.clone(),
                    record: beat.record,
                    boot_starts: beat.boot_starts.clone(),
                };
                self.skew_ms = Some(self.host.wall_ms().abs_diff(beat.wall_ms));
                self.last_beat = Some(*beat);
                self.apply(Event::PeerSaid { beat: said });
            }
            Message::Prepare { attempt, founding, cluster_id, epochs } => {
                let clean = self.looks_clean(epochs.keys());
                self.apply(Event::Prepare { attempt, founding, cluster_id, epochs, clean });
            }
            Message::Yielded { .. } => {
                let open = self.state.attempt.as_ref().filter(|a| a.stage == super::durable::Stage::Yielding).map(|a| a.id.clone());
                if let Some(proof) = open.and_then(|id| Yielded::heard(&id, &self.policy.peer, &message)) {
                    self.prove(Proof::Yielded(proof));
                }
            }
            Message::Declined { attempt, text } => self.apply(Event::Declined { attempt, text }),
        }
    }

    /// This machine holds nothing of the groups: looked at now, not remembered.
    fn looks_clean<'a>(&self, groups: impl Iterator<Item = &'a String>) -> Result<(), String> {
        let host = System::new(Some(Duration::from_secs(3)));
        for name in groups {
            let Some(group) = self.cluster.groups.iter().find(|g| g.name == *name) else {
                return Err(format!("group {name} is not in cluster.toml here"));
            };
            machine::clean(&host, group)?;
        }
        Ok(())
    }

    /// After a restart of the agent: does the machine hold what the state says?
    fn verify_masters(&mut self) {
        let host = System::new(Some(Duration::from_secs(5)));
        let masters: Vec<_> = self.cluster.groups.iter().filter(|g| self.state.groups.get(&g.name).is_some_and(|s| s.role == Role::Master)).collect();
        let found: Vec<(String, Option<String>)> = masters.iter().map(|g| (g.name.clone(), machine::lacks(&host, g).err())).collect();
        for (group, lacks) in found {
            self.apply(Event::Verified { group, lacks });
        }
    }

    fn call(&mut self, request: &Request, uid: u32, reply: Sender<Answer>) {
        let call = gates::judge(&self.cluster, request, self.host.wall_ms());
        match &call {
            gates::Call::Prime => self.mark(&format!("{} SOFT", request.service)),
            gates::Call::Accept => self.mark(&format!("{} HARD", request.service)),
            gates::Call::Refuse(..) => {}
        }
        self.handler = Some(reply);
        let now_ms = self.host.now().as_millis() as u64;
        self.apply(Event::Called { call, id: self.fresh_id(), service: request.service.clone(), uid, now_ms });
        self.handler = None;
    }

    /// Time of day and node: unique, since one node opens one attempt at a time.
    fn fresh_id(&self) -> String {
        let time = chrono::DateTime::from_timestamp_millis(self.host.wall_ms()).unwrap_or_default();
        format!("{}-{}", time.format("%Y%m%dT%H%M%S%.3f"), self.policy.me)
    }

    fn command(&mut self, command: &str, reply: Sender<Result<String, String>>) {
        if command != "create" {
            let _ = reply.send(Err(format!("\"{command}\" is no command of this version")));
            return;
        }
        let now = self.host.now();
        let alive = self.cluster.links.keys().any(|link| self.outlook.channel(link, now));
        let skew = self.skew_ms;
        let refusal = match (skew, &self.last_beat) {
            (Some(skew), _) if alive && skew > 1000 => Some(format!("the clocks differ by {skew} ms: repair the time synchronisation first (RX2)")),
            (_, Some(beat)) if alive && beat.config_hash != self.config_hash => Some("cluster.toml differs between the nodes".to_owned()),
            _ => None,
        };
        if let Some(text) = refusal {
            let _ = reply.send(Err(text));
            return;
        }
        match fresh_uuid(&self.host) {
            Ok(cluster_id) => {
                self.operator = Some(reply);
                let id = self.fresh_id();
                self.apply(Event::Found { id, cluster_id, peer_alive: alive });
            }
            Err(text) => {
                let _ = reply.send(Err(text));
            }
        }
    }
}
