//! The scheduler: virtual time, and everything that happens in it, one thing after the other. On each machine the product's own
//! agent; between them its own sessions over wires that lose, delay and repeat.

use crate::agents::Brain;
use crate::config::configuration;
use crate::machine::{boottime, wall_ms};
use crate::wires::Wire;
use crate::worker::Worker;
use crate::world::{GROUPS, NAMES, Shared, World};
use fence::takeover::agent::{Agent, Input};
use fence::takeover::data::board::Board;
use fence::takeover::durable::Durable;
use fence::takeover::message::Message;
use fence::takeover::outlook::Round;
use fence::takeover::view::{DeviceView, Readiness};
use plugin_core::cluster::Cluster;
use plugin_core::contract::request::{Answer, Request};
use plugin_core::contract::status::{Role, Status};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// The loop looks at the clock this often. The product does every 50 ms; the difference is no decision's.
const TICK: u64 = 100;

/// What happens at a time. Numbers are a node, a worker, or a link.
pub enum Due {
    Tick(usize, u32),
    Round(usize, u32, u64),
    RoundEnds(usize, u32, Round),
    Devices(usize, u32),
    DevicesAnswer(usize, u32, Vec<DeviceView>),
    Ready(usize, u32),
    Work(u64),
    Arrives(usize, u64, Box<Message>),
    Wires,
    StartAgent(usize, u32),
    Boots(usize, u32),
    Icinga(usize),
}

/// What an operator was told, what a handler was told.
#[derive(Default)]
pub struct Heard {
    pub operator: Vec<Result<String, String>>,
    pub handler: Vec<(usize, Answer)>,
}

pub struct Pair {
    pub shared: Shared,
    pub heard: Heard,
    pub cluster: Arc<Cluster>,
    pub brains: [Option<Brain>; 2],
    /// Counts starts and stops of each agent: what was meant for an earlier one is void.
    pub life: [u32; 2],
    pub wires: [Option<Wire>; 2],
    pub workers: HashMap<u64, (Worker, u32)>,
    pub due: BTreeMap<(u64, u64), Due>,
    pub next: u64,
    pub replies: Vec<(usize, Receiver<Answer>)>,
    /// Checks of each node's Icinga that failed in a row.
    pub failures: [u32; 2],
    /// Icinga runs on the nodes.
    pub icinga: bool,
}

impl Pair {
    /// Two machines that run, with agents that have never decided anything.
    pub fn new(seed: u64, groups: usize, trace: bool) -> Self {
        Self::with_configuration(&configuration(groups), seed, groups, trace)
    }

    fn with_configuration(text: &str, seed: u64, groups: usize, trace: bool) -> Self {
        let cluster = Arc::new(Cluster::parse(text).expect("a good configuration"));
        let mut pair = Self {
            shared: Shared::new(seed, groups, trace),
            heard: Heard::default(),
            cluster,
            brains: [None, None],
            life: [0; 2],
            wires: [None, None],
            workers: HashMap::new(),
            due: BTreeMap::new(),
            next: 1,
            replies: Vec::new(),
            failures: [0; 2],
            icinga: true,
        };
        pair.at(1000, Due::Wires);
        for node in 0..2 {
            pair.at(1000 + node as u64 * 7, Due::StartAgent(node, 0));
            pair.at(1500 + node as u64 * 13, Due::Icinga(node));
        }
        pair
    }

    /// A pair that serves: founded by an operator, n1 master of its groups.
    pub fn founded(seed: u64, groups: usize, trace: bool) -> Self {
        Self::founded_with(&configuration(groups), seed, groups, trace)
    }

    /// The same with another configuration.
    pub fn founded_with(text: &str, seed: u64, groups: usize, trace: bool) -> Self {
        let mut pair = Self::with_configuration(text, seed, groups, trace);
        pair.run_for(3000);
        for node in 0..groups {
            pair.order(node, "create");
            pair.run_for(4000);
        }
        let world = pair.shared.lock();
        let serve = (0..groups).all(|g| world.machines[g].held[g].all());
        assert!(serve, "founding failed: {:?} {:?}", pair.heard.operator, world.trace);
        drop(world);
        pair
    }

    pub fn at(&mut self, ms: u64, due: Due) {
        self.next += 1;
        self.due.insert((ms, self.next), due);
    }

    pub fn soon(&mut self, ms: u64, due: Due) {
        let at = self.shared.lock().now + ms;
        self.at(at, due);
    }

    pub fn now(&self) -> u64 {
        self.shared.lock().now
    }

    /// The same machines and roles under another configuration: both agents start again with it.
    pub fn under(self, text: &str) -> Self {
        let groups = self.shared.lock().groups;
        let mut pair = Self::with_configuration(text, 1, groups, true);
        let old = self.shared.lock();
        let mut new = pair.shared.lock();
        new.devices.clone_from(&old.devices);
        new.epochs.clone_from(&old.epochs);
        for (to, from) in new.machines.iter_mut().zip(&old.machines) {
            (to.state, to.held, to.marker) = (from.state.clone(), from.held, true);
        }
        drop(new);
        drop(old);
        pair.run_for(6000);
        pair
    }

    /// What the agent of `node` knows of the data.
    pub fn board(&self, node: usize) -> Arc<Board> {
        Arc::clone(&self.brains[node].as_ref().expect("an agent").board)
    }

    pub fn state(&self, node: usize) -> Option<Durable> {
        self.brains[node].as_ref().map(|b| b.agent.state().clone())
    }

    pub fn status(&self, node: usize) -> Option<Status> {
        self.brains[node].as_ref().and_then(|b| b.status.borrow().clone())
    }

    /// Lets time pass.
    pub fn run_for(&mut self, ms: u64) {
        let end = self.now() + ms;
        while let Some((key, _)) = self.due.first_key_value() {
            let key = *key;
            if key.0 > end || self.shared.lock().violation.is_some() {
                break;
            }
            let due = self.due.remove(&key).expect("just seen");
            self.pass_to(key.0);
            self.happens(due);
            self.shared.lock().audit();
        }
        self.pass_to(end);
    }

    /// Lets time pass until something is so, at most `ms`; whether it came.
    pub fn run_until(&mut self, ms: u64, so: impl Fn(&Pair) -> bool) -> bool {
        let end = self.now() + ms;
        while self.now() < end {
            if so(self) {
                return true;
            }
            self.run_for(50);
        }
        so(self)
    }

    /// The clock moves; accepted power commands take effect on the way.
    fn pass_to(&mut self, ms: u64) {
        loop {
            let mut world = self.shared.lock();
            let offs: Vec<(u64, usize)> = (0..2).filter_map(|n| world.machines[n].bmc.off_at.filter(|at| *at <= ms).map(|at| (at, n))).collect();
            let Some((at, node)) = offs.into_iter().min() else {
                world.now = world.now.max(ms);
                return;
            };
            world.now = world.now.max(at);
            drop(world);
            self.power_off(node);
        }
    }

    pub fn power_off(&mut self, node: usize) {
        self.shared.lock().power_off(node);
        self.kill_agent(node);
    }

    /// The machine gets power and boots.
    pub fn power_on(&mut self, node: usize) {
        let mut world = self.shared.lock();
        if world.machines[node].power {
            return;
        }
        world.say(|| format!("{} gets power", NAMES[node]));
        world.machines[node].power = true;
        let boots = world.machines[node].boots;
        let time = world.chance.between(2000, 8000);
        drop(world);
        self.soon(time, Due::Boots(node, boots));
    }

    /// `kill -9`; the service manager starts it again, if the machine is on.
    pub fn kill_agent(&mut self, node: usize) {
        if self.brains[node].take().is_none() {
            return;
        }
        self.life[node] += 1;
        let life = self.life[node];
        self.workers.retain(|_, (worker, _)| worker.node != node);
        for wire in &mut self.wires {
            if let Some(old) = wire.take() {
                let id = old.id;
                if let Some(other) = &self.brains[1 - node] {
                    let _ = other.tell.send(Input::SessionDown(id));
                }
            }
        }
        if self.shared.lock().machines[node].up {
            let time = self.shared.lock().chance.between(100, 1200);
            self.soon(time, Due::StartAgent(node, life));
        }
    }

    fn happens(&mut self, due: Due) {
        let frozen = |pair: &Pair, node: usize| pair.shared.lock().machines[node].frozen;
        match due {
            Due::Wires => {
                self.wires();
                self.soon(100, Due::Wires);
            }
            Due::Boots(node, boots) => {
                let mut world = self.shared.lock();
                let now = world.now;
                let m = &mut world.machines[node];
                if !m.power || m.up || m.boots != boots {
                    return;
                }
                (m.up, m.booted_at, m.boots) = (true, now, boots + 1);
                drop(world);
                let life = self.life[node];
                self.soon(500, Due::StartAgent(node, life));
            }
            Due::StartAgent(node, life) => {
                if life == self.life[node] {
                    if frozen(self, node) {
                        return self.soon(100, Due::StartAgent(node, life));
                    }
                    self.start_agent(node);
                }
            }
            Due::Icinga(node) => {
                self.icinga(node);
                self.soon(500, Due::Icinga(node));
            }
            Due::Work(id) => self.work(id),
            Due::Arrives(node, session, message) => {
                if frozen(self, node) {
                    return self.soon(50, Due::Arrives(node, session, message));
                }
                if self.shared.lock().alive(node) {
                    self.with(node, |agent| agent.input(Input::Said { session, message: *message }));
                }
            }
            Due::Tick(node, life)
            | Due::Round(node, life, _)
            | Due::RoundEnds(node, life, _)
            | Due::Devices(node, life)
            | Due::DevicesAnswer(node, life, _)
            | Due::Ready(node, life)
                if life != self.life[node] || !self.shared.lock().machines[node].up => {}
            // A frozen machine does it when it thaws.
            Due::Tick(node, _)
            | Due::Round(node, ..)
            | Due::RoundEnds(node, ..)
            | Due::Devices(node, _)
            | Due::DevicesAnswer(node, ..)
            | Due::Ready(node, _)
                if frozen(self, node) || self.shared.lock().machines[node].mute =>
            {
                self.soon(50, due);
            }
            Due::Tick(node, life) => {
                self.with(node, Agent::tick);
                self.soon(TICK, Due::Tick(node, life));
            }
            Due::Round(node, life, planned) => self.round(node, life, planned),
            Due::RoundEnds(node, _, mut round) => {
                round.ended = boottime(&self.shared.lock(), node);
                self.with(node, |agent| agent.input(Input::Round(round)));
            }
            Due::Devices(node, life) => self.ask_devices(node, life),
            Due::DevicesAnswer(node, _, views) => self.with(node, |agent| agent.input(Input::Devices(views))),
            Due::Ready(node, life) => {
                let world = self.shared.lock();
                let machine = &world.machines[node];
                let unfit = machine.unfit.map(|code| (code, "seen on the machine".to_owned()));
                let seen = Readiness::Seen { boot_starts: machine.boot_starts.clone(), unfit };
                drop(world);
                self.with(node, |agent| agent.input(Input::Ready(seen)));
                self.soon(5000, Due::Ready(node, life));
            }
        }
    }

    /// A handler calls the agent of `node`.
    pub fn call(&mut self, node: usize, state: &str, kind: &str) {
        self.report(node, "twinguard-master-alive", state, kind);
    }

    /// Icinga of `node` calls the handler for one of its services.
    pub fn report(&mut self, node: usize, service: &str, state: &str, kind: &str) {
        let wall = wall_ms(&self.shared.lock(), node);
        let request = Request {
            host: NAMES[1 - node].to_owned(),
            service: service.to_owned(),
            state: state.to_owned(),
            state_type: kind.to_owned(),
            attempt: 1,
            downtime_depth: 0,
            host_downtime_depth: 0,
            flapping: false,
            last_check: Some(wall as f64 / 1000.0),
        };
        self.request(node, request);
    }

    pub fn request(&mut self, node: usize, request: Request) {
        let (reply, answer) = channel();
        self.replies.push((node, answer));
        self.with(node, |agent| agent.input(Input::Call { request, uid: 108, reply }));
    }

    /// An operator's command, as it comes over the control socket.
    pub fn order(&mut self, node: usize, act: &str) {
        let act = if act.starts_with('{') { act.to_owned() } else { format!("\"{act}\"") };
        self.shared.lock().say(|| format!("an operator on {}: {act}", NAMES[node]));
        let command = format!("{{\"who\":\"root\",\"act\":{act}}}");
        let (reply, answer) = channel();
        if let Some(brain) = &mut self.brains[node] {
            brain.answers.push(answer);
        }
        self.with(node, |agent| agent.input(Input::Operator { command, reply }));
    }

    /// Nodes that are master of a group by their own state.
    pub fn masters(&self, group: usize) -> BTreeSet<usize> {
        (0..2).filter(|n| self.state(*n).is_some_and(|s| s.groups[GROUPS[group]].role == Role::Master)).collect()
    }

    /// Does something to the world between two happenings.
    pub fn change<T>(&mut self, what: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.shared.lock();
        let result = what(&mut world);
        world.audit();
        result
    }

    /// A line of the story.
    pub fn note(&mut self, text: String) {
        self.shared.lock().say(|| text);
    }
}
