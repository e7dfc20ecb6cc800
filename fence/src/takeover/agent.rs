//! The agent: one loop that owns the state. Threads look and act; they only send what they saw to the loop, which asks
//! [`decide`], writes what has to survive, and only then acts (I10).

mod fencing;
mod input;
mod look;
mod perform;
mod start;

pub use input::Input;
pub use start::run;

use super::decide::{Event, PeerSaid, Policy};
use super::durable::{Durable, Store};
use super::gates::{self, Gate};
use super::journal::Journal;
use super::machine;
use super::message::{Beat, Message, PROTOCOL};
use super::ms;
use super::outlook::Outlook;
use super::peer::{self, Keys, Session, Sessions};
use super::prober::Steering;
use super::proof::{Proof, Yielded};
use super::publish;
use super::steps::{Failure, Promotion, promote};
use super::view::{DeviceView, Readiness};
use crate::power::Power;
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::MailEvent;
use plugin_core::contract::request::{Answer, Request};
use plugin_core::contract::status::Role;
use plugin_core::host::System;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
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

/// The fence's question before a power command.
struct Ask {
    level: u8,
    device: String,
    reply: Sender<Result<(), String>>,
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
    ask: Option<Ask>,
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

impl Agent {
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
            Input::MaySend { level, device, reply } => self.ask = Some(Ask { level, device, reply }),
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
            Input::FenceDone(Err(failure)) => self.apply(Event::FenceEnded { failure, now_ms: ms(now) }),
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
        let now_ms = ms(self.host.now());
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
        match start::fresh_uuid(&self.host) {
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
