//! The agent: one loop that owns the state. Threads look and act; they only send what they saw to the loop, which asks
//! [`decide`], writes what has to survive, and only then acts (I10).

mod drill;
mod fencing;
mod hear;
mod input;
mod live;
mod look;
mod operator;
mod outside;
mod perform;
mod report;
mod start;

pub use drill::News;
pub use input::Input;
pub use operator::{Act, Order};
pub use outside::Outside;
pub use start::run;

use super::data::{Board, Terms};
use super::decide::{Event, Policy, ProofKind};
use super::durable::{Durable, Found, Stage};
use super::gates::{self, Gate};
use super::message::{Beat, Message, PROTOCOL};
use super::ms;
use super::outlook::Outlook;
use super::peer::{Keys, Session, Sessions};
use super::proof::Proof;
use super::steps::{Failure, Promotion, promote};
use super::view::{DeviceView, Readiness};
use crate::power::Power;
use plugin_core::cluster::Cluster;
use plugin_core::contract::request::{Answer, Request};
use plugin_core::contract::status::Role;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
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
    outside: Box<dyn Outside>,
    /// What is known of the groups' data, shared with the keeper of the copies and with the steps.
    data: Arc<Board>,
    cluster: Arc<Cluster>,
    policy: Policy,
    boot_id: String,
    config_hash: String,
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
    /// What this node's own checks of kind `self` find wrong here.
    faults: Vec<String>,
    gates: Vec<Gate>,
    sessions: Sessions,
    /// Sessions of visitors that have not said HELLO yet, and the link of each that has.
    strangers: BTreeMap<u64, Session>,
    session_link: BTreeMap<u64, String>,
    last_beat: Option<Beat>,
    /// Difference of the nodes' clocks at the last beat.
    skew_ms: Option<u64>,
    /// Product version of the peer, from its last greeting.
    peer_version: Option<String>,
    promotion: Option<Arc<Promotion>>,
    ask: Option<Ask>,
    off_ask: Option<Sender<bool>>,
    /// Since when every reading says OFF.
    off_since: Option<Duration>,
    /// The drill that runs.
    drilling: Option<drill::Running>,
    /// Until then the off of a drill that failed may still arrive.
    drill_drains: Duration,
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

/// Who this agent is, and what was found on its disk.
pub struct Origin {
    /// The configuration.
    pub cluster: Arc<Cluster>,
    /// Its hash.
    pub config_hash: String,
    /// This node.
    pub me: String,
    /// The state file.
    pub found: Found,
    /// First start since the machine booted.
    pub booted: bool,
    /// Id of this boot.
    pub boot_id: String,
}

impl Agent {
    /// An agent that has decided what follows from its start.
    ///
    /// # Errors
    /// This node is none of the two.
    pub fn start(origin: Origin, outside: Box<dyn Outside>) -> Result<Self, String> {
        let Origin { cluster, config_hash, me, found, booted, boot_id } = origin;
        let policy = policy(&cluster, &me)?;
        let blank = Durable::blank(&me, policy.groups.iter().map(|(name, _)| name.as_str()));
        let (state, corrupt) = match found {
            Found::Nothing => (blank, None),
            Found::State(mut state) => {
                for (name, standing) in blank.groups {
                    state.groups.entry(name).or_insert(standing);
                }
                (*state, None)
            }
            // Row 57: a serving node goes on serving; it only never acts again until a person has looked.
            Found::Corrupt(why) => (Durable { frozen: Some(why.clone()), ..blank }, Some(why)),
        };
        let now = outside.now();
        let data = outside.board(&boot_id);
        let mut agent = Self {
            outside,
            data,
            cluster,
            policy,
            boot_id: boot_id.clone(),
            config_hash,
            state,
            corrupt,
            unwritable: None,
            stalled: VecDeque::new(),
            outlook: Outlook::new(now),
            devices: Vec::new(),
            readiness: Readiness::Unknown("not looked at yet".to_owned()),
            faults: Vec::new(),
            gates: Vec::new(),
            sessions: Sessions::default(),
            strangers: BTreeMap::new(),
            session_link: BTreeMap::new(),
            last_beat: None,
            skew_ms: None,
            peer_version: None,
            promotion: None,
            ask: None,
            off_ask: None,
            off_since: None,
            drilling: None,
            drill_drains: Duration::ZERO,
            handler: None,
            operator: None,
            timeline: Vec::new(),
            timeline_start: None,
            last_tick: now,
            last_said: Duration::ZERO,
            last_status: Duration::ZERO,
        };
        agent.place_data();
        if agent.corrupt.is_none() {
            agent.apply(Event::Started { booted, boot_id });
            agent.verify_masters();
            agent.drill_interrupted();
        }
        Ok(agent)
    }

    /// The durable state, for looking at.
    pub const fn state(&self) -> &Durable {
        &self.state
    }

    /// The loop.
    fn turn(&mut self, inbox: &Receiver<Input>) {
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(input) => self.input(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = self.outside.now();
            if now.saturating_sub(self.last_tick) >= TICK {
                self.last_tick = now;
                self.tick();
            }
        }
    }

    /// Something came in.
    pub fn input(&mut self, input: Input) {
        let now = self.outside.now();
        match input {
            Input::Round(round) => self.outlook.round(round),
            Input::DevicesAsked(at) => self.devices.iter_mut().for_each(|d| d.asked = at),
            Input::Devices(devices) => self.devices = devices,
            Input::Ready(readiness) => self.readiness = readiness,
            Input::Call { request, uid, reply } => self.call(&request, uid, reply),
            Input::Operator { command, reply } => self.command(&command, reply),
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
            Input::Drill(news) => self.drill_news(news),
            Input::FenceDone(Ok(fenced)) => {
                self.mark("OFF confirmed");
                let proof = Proof::Fenced(fenced);
                self.prove(proof);
            }
            Input::FenceDone(Err(failure)) => self.apply(Event::FenceEnded { failure, now_ms: ms(now) }),
            Input::StepEnded { step, result: Ok(evidence) } => {
                self.mark(&step.to_string());
                self.apply(Event::StepDone { step, evidence, wall_ms: self.outside.wall_ms() });
            }
            Input::StepEnded { step, result: Err(Failure { code, text }) } => {
                self.apply(Event::StepFailed { step, code, text, wall_ms: self.outside.wall_ms() });
            }
            Input::Undone(clean) => self.apply(Event::Undone { clean }),
            Input::Restored(result) => self.apply(Event::Restored { result }),
            Input::Rechecked { service, outcome } => self.rechecked(service, outcome, now),
            Input::Faults(faults) => self.faults = faults,
            Input::Masked(result) => self.apply(Event::Masked { result }),
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
        let awaited = |stage| matches!(stage, Stage::Intent | Stage::Sent | Stage::Yielding);
        if !self.state.attempt.as_ref().is_some_and(|a| awaited(a.stage)) {
            return;
        }
        let by = match &proof {
            Proof::Fenced(_) => ProofKind::Fenced,
            Proof::Yielded(_) => ProofKind::Yielded,
            Proof::Attested(_) => ProofKind::Attested,
        };
        let end_ms = (by != ProofKind::Yielded).then(|| self.data.ended(ms(self.outside.now())));
        let terms = Terms { board: Arc::clone(&self.data), peer: self.policy.peer.clone(), end_ms };
        let promotion = promote((*self.cluster).clone(), proof, terms);
        let evidence = promotion.evidence();
        self.promotion = Some(Arc::new(promotion));
        self.apply(Event::Proven { by, evidence });
    }

    /// After a restart of the agent: does the machine hold what the state says?
    fn verify_masters(&mut self) {
        let masters: Vec<_> = self.cluster.groups.iter().filter(|g| self.state.groups.get(&g.name).is_some_and(|s| s.role == Role::Master)).collect();
        let found: Vec<(String, Option<String>)> = masters.iter().map(|g| (g.name.clone(), self.outside.lacks(g).err())).collect();
        for (group, lacks) in found {
            self.apply(Event::Verified { group, lacks });
        }
    }

    fn call(&mut self, request: &Request, uid: u32, reply: Sender<Answer>) {
        let call = gates::judge(&self.cluster, request, self.outside.wall_ms());
        match &call {
            gates::Call::Prime => self.mark(&format!("{} SOFT", request.service)),
            gates::Call::Accept(_) => self.mark(&format!("{} HARD", request.service)),
            gates::Call::Refuse(..) => {}
        }
        self.handler = Some(reply);
        let now_ms = ms(self.outside.now());
        self.apply(Event::Called { call, id: self.fresh_id(), service: request.service.clone(), uid, now_ms });
        self.handler = None;
    }

    /// Time of day and node: unique, since one node opens one attempt at a time.
    pub(super) fn fresh_id(&self) -> String {
        let time = chrono::DateTime::from_timestamp_millis(self.outside.wall_ms()).unwrap_or_default();
        format!("{}-{}", time.format("%Y%m%dT%H%M%S%.3f"), self.policy.me)
    }
}

/// Who is who, and the groups.
fn policy(cluster: &Cluster, me: &str) -> Result<Policy, String> {
    let Some(peer) = cluster.peer_of(me).map(str::to_owned) else {
        let nodes: Vec<&str> = cluster.nodes.keys().map(String::as_str).collect();
        return Err(format!("this host is \"{me}\"; [nodes] names {}", nodes.join(" and ")));
    };
    Ok(Policy {
        me: me.to_owned(),
        peer,
        groups: cluster.groups.iter().map(|g| (g.name.clone(), g.home.clone())).collect(),
        demote_ms: cluster.fence.demote.0.map_or(u64::MAX / 2, ms),
    })
}

/// The first word on every session.
pub fn hello(cluster: &Cluster, me: &str, link: &str) -> Message {
    Message::Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: cluster.name.clone(),
        node: me.to_owned(),
        link: link.to_owned(),
    }
}
