//! The agents of the two machines: started, fed, killed; what they order is carried out by workers.

use crate::bmc::{Switch, identity};
use crate::machine::Seat;
use crate::outside::{Order, Orders, Surroundings, number};
use crate::pair::{Due, Pair};
use crate::worker::{Killed, Turn, Word, Worker};
use crate::world::{NAMES, Shared};
use fence::power::{self, FenceFailure, Level, Power, Times, Watch};
use fence::takeover::agent::{Agent, Input, Origin};
use fence::takeover::data::board::Board;
use fence::takeover::decide::Recheck;
use fence::takeover::durable::Found;
use fence::takeover::steps;
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::status::Status;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

/// One running agent.
pub struct Brain {
    pub agent: Agent,
    pub inbox: Receiver<Input>,
    pub tell: Sender<Input>,
    pub orders: Orders,
    pub status: Rc<RefCell<Option<Status>>>,
    pub board: Arc<Board>,
    /// Full rounds until this time (world ms).
    pub probing_until: u64,
    pub asked_devices: Option<u64>,
    pub answers: Vec<Receiver<Result<String, String>>>,
}

impl Pair {
    pub fn start_agent(&mut self, node: usize) {
        let mut world = self.shared.lock();
        if !world.machines[node].up || self.brains[node].is_some() {
            return;
        }
        let booted = !world.machines[node].marker;
        world.machines[node].marker = true;
        let found = world.machines[node].state.clone().map_or(Found::Nothing, |s| Found::State(Box::new(s)));
        let found = if world.machines[node].corrupt { Found::Corrupt("the checksum does not fit".to_owned()) } else { found };
        let config_hash = world.machines[node].hash.clone();
        let boot_id = format!("boot-{}", world.machines[node].boots);
        world.say(|| format!("the agent of {} starts{}", NAMES[node], if booted { " after a boot" } else { "" }));
        drop(world);
        let (tell, inbox) = channel();
        let orders: Orders = Rc::default();
        let status = Rc::default();
        let board = Arc::new(Board::new(&boot_id, BTreeMap::new()));
        let outside =
            Surroundings { shared: self.shared.clone(), node, orders: Rc::clone(&orders), status: Rc::clone(&status), board: Arc::clone(&board) };
        let origin = Origin { cluster: Arc::clone(&self.cluster), config_hash, me: NAMES[node].to_owned(), found, booted, boot_id };
        let started = catch_unwind(AssertUnwindSafe(|| Agent::start(origin, Box::new(outside)).expect("one of the two nodes")));
        self.life[node] += 1;
        let life = self.life[node];
        match started {
            Ok(agent) => {
                self.brains[node] =
                    Some(Brain { agent, inbox, tell, orders, status, board, probing_until: 0, asked_devices: None, answers: Vec::new() });
                let planned = self.now();
                self.soon(1, Due::Tick(node, life));
                self.soon(2, Due::Round(node, life, planned + 2));
                self.soon(3, Due::Devices(node, life));
                self.soon(150, Due::Ready(node, life));
                self.think(node);
            }
            Err(end) => self.ended(node, end),
        }
    }

    /// An agent's thread ended: the history killed it, or it panicked.
    pub fn ended(&mut self, node: usize, end: Box<dyn std::any::Any + Send>) {
        if !end.is::<Killed>() {
            resume_unwind(end);
        }
        self.brains[node] = self.brains[node].take();
        if self.brains[node].is_some() {
            self.kill_agent(node);
        } else if self.shared.lock().machines[node].up {
            let life = self.life[node];
            self.soon(300, Due::StartAgent(node, life));
        }
    }

    /// The agent takes in what came, and its orders are started. `first` runs before.
    pub fn with(&mut self, node: usize, act: impl FnOnce(&mut Agent)) {
        let Some(brain) = &mut self.brains[node] else { return };
        let ran = catch_unwind(AssertUnwindSafe(|| {
            act(&mut brain.agent);
            while let Ok(input) = brain.inbox.try_recv() {
                brain.agent.input(input);
            }
        }));
        if let Err(end) = ran {
            return self.ended(node, end);
        }
        self.think(node);
    }

    /// Orders of the agent, its words to the peer, its answers.
    pub fn think(&mut self, node: usize) {
        let Some(brain) = &mut self.brains[node] else { return };
        let orders: Vec<Order> = brain.orders.borrow_mut().drain(..).collect();
        for receiver in std::mem::take(&mut brain.answers) {
            match receiver.try_recv() {
                Ok(answer) => self.heard.operator.push(answer),
                Err(TryRecvError::Empty) => brain.answers.push(receiver),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        let heard = &mut self.heard.handler;
        self.replies.retain(|(of, reply)| match reply.try_recv() {
            Ok(answer) => {
                heard.push((*of, answer));
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => false,
        });
        for order in orders {
            self.carry_out(node, order);
        }
        self.post(node);
    }

    pub fn carry_out(&mut self, node: usize, order: Order) {
        let shared = self.shared.clone();
        let cluster = Arc::clone(&self.cluster);
        let life = self.life[node];
        let worker = match order {
            Order::Probe(until) => {
                let world = self.shared.lock();
                let until = world.machines[node].booted_at + u64::try_from(until.as_millis()).expect("a short history");
                drop(world);
                if let Some(brain) = &mut self.brains[node] {
                    brain.probing_until = brain.probing_until.max(until);
                }
                return;
            }
            Order::AskDevices => return self.soon(1, Due::Devices(node, life)),
            Order::Fence(delay) => Worker::new(node, move |turn| Some(Input::FenceDone(fence(&shared, &cluster, node, delay, turn)))),
            Order::Recheck(service) => {
                let fault = self.shared.lock().machines[node].broken.fault;
                let outcome = if fault { Recheck::Confirmed("FAULT CRITICAL".to_owned()) } else { Recheck::Cleared("FAULT OK".to_owned()) };
                Worker::new(node, move |_| Some(Input::Rechecked { service, outcome }))
            }
            Order::Mask => Worker::new(node, |_| Some(Input::Masked(Ok(())))),
            Order::Step(promotion, group, step, epoch) => Worker::new(node, move |turn| {
                let result = promotion.run(|limit| Seat::new(&shared, node, turn, limit), &group, step, epoch);
                Some(Input::StepEnded { step, result })
            }),
            Order::Release(groups) => Worker::new(node, move |turn| {
                let seat = Seat::new(&shared, node, turn, Duration::from_mins(2));
                Some(Input::Undone(groups.iter().try_for_each(|g| steps::release(&seat, &cluster, &cluster.groups[number(g)]))))
            }),
            Order::Restore(groups) => Worker::new(node, move |turn| {
                let seat = Seat::new(&shared, node, turn, Duration::from_mins(2));
                Some(Input::Restored(groups.iter().try_for_each(|g| steps::restore(&seat, &cluster, &cluster.groups[number(g)]))))
            }),
        };
        self.next += 1;
        let id = self.next;
        self.workers.insert(id, (worker, life));
        self.soon(1, Due::Work(id));
    }

    pub fn work(&mut self, id: u64) {
        let Some((worker, _)) = self.workers.get(&id) else { return };
        let node = worker.node;
        if self.shared.lock().machines[node].frozen {
            return self.soon(50, Due::Work(id));
        }
        match worker.run() {
            Word::Sleep(at) => {
                let at = at.max(self.now());
                self.at(at, Due::Work(id));
            }
            Word::Say(input) => {
                self.with(node, |agent| agent.input(input));
                self.soon(1, Due::Work(id));
            }
            Word::Done(last) => {
                self.workers.remove(&id);
                if let Some(input) = last {
                    self.with(node, |agent| agent.input(input));
                }
            }
        }
    }
}

/// The product's fence, against the simulated BMC.
fn fence(shared: &Shared, cluster: &Cluster, node: usize, delay: Duration, turn: &Turn) -> Result<power::Fenced, FenceFailure> {
    struct Line<'a> {
        shared: &'a Shared,
        turn: &'a Turn,
    }
    impl Line<'_> {
        fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Input) -> Option<T> {
            let (reply, answer) = channel();
            self.turn.say(question(reply));
            self.turn.answer(&answer, || self.shared.lock().now)
        }
    }
    impl Watch for Line<'_> {
        fn may_send(&mut self, level: u8, device: &str) -> Result<(), String> {
            let device = device.to_owned();
            self.ask(|reply| Input::MaySend { level, device, reply }).unwrap_or_else(|| Err("the agent stops".to_owned()))
        }
        fn accepted(&mut self, level: u8, device: &str) {
            self.turn.say(Input::Accepted { level, device: device.to_owned() });
        }
        fn read(&mut self, level: u8, device: &str, power: Power) {
            self.turn.say(Input::Read { level, device: device.to_owned(), power });
        }
        fn note(&mut self, _text: &str) {}
        fn peer_answers(&mut self) -> bool {
            self.ask(|reply| Input::PeerAnswers { reply }).unwrap_or(true)
        }
    }
    let host = Seat::new(shared, node, turn, Duration::MAX);
    host.wait(delay);
    let began = shared.lock().now;
    let times = Times { off_gap: cluster.fence.off_gap.or_forever(), budget: cluster.fence.budget.or_forever() };
    let target = 1 - node;
    let switch = |pdu: bool| Switch { shared: shared.clone(), target, pdu, began };
    let mut levels = vec![Level { level: 1, devices: vec![(Box::new(switch(false)), identity(target))] }];
    if shared.lock().machines[target].pdu.is_some() {
        levels.push(Level { level: 2, devices: vec![(Box::new(switch(true)), identity(target))] });
    }
    power::fence(&host, NAMES[target], levels, times, &mut Line { shared, turn })
}
