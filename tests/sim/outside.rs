//! The agent's surroundings in the simulator. What takes time becomes an order for the scheduler.

use crate::machine::{address, boottime, folder, wall_ms};
use crate::worker::Killed;
use crate::world::{Death, GROUPS, Moment, NAMES, Shared, World};
use fence::takeover::agent::Outside;
use fence::takeover::data::board::Board;
use fence::takeover::drills::Drills;
use fence::takeover::durable::{Durable, Stage};
use fence::takeover::journal::Record;
use fence::takeover::steps::{Promotion, Step};
use plugin_core::cluster::Group;
use plugin_core::contract::MailEvent;
use plugin_core::contract::status::{Role, Status};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What the scheduler has to start.
pub enum Order {
    Probe(Duration),
    AskDevices,
    Fence(Duration),
    Step(Arc<Promotion>, String, Step, u64),
    Release(Vec<String>),
    Restore(Vec<String>),
    Recheck(String),
    Mask,
}

pub type Orders = Rc<RefCell<Vec<Order>>>;

pub struct Surroundings {
    pub shared: Shared,
    pub node: usize,
    pub orders: Orders,
    /// The last status that was shown, for the rows of the matrix.
    pub status: Rc<RefCell<Option<Status>>>,
    /// What is known of the data; the world's own keeper writes there.
    pub board: Arc<Board>,
}

/// How long a node can be without its witnesses before a new shot of it is wrong: its last good round and the fence's own pace.
const STALE_WITNESS_MS: u64 = 5000;

impl Surroundings {
    fn order(&self, order: Order) {
        self.orders.borrow_mut().push(order);
    }

    /// The history wants the agent, or its machine, to end here.
    fn perhaps_die(&self, at: Moment) {
        let mut world = self.shared.lock();
        let here = Death { node: self.node, write: world.machines[self.node].writes, at, power: false };
        let Some(death) = world.death.filter(|d| Death { power: false, ..*d } == here) else { return };
        world.death = None;
        world.say(|| format!("{} ends at write {} ({at:?})", if death.power { "the machine" } else { "the agent" }, death.write));
        if death.power {
            world.power_off(self.node);
        }
        drop(world);
        resume_unwind(Box::new(Killed));
    }
}

/// What the law says of a change of the durable state.
fn lawful(world: &mut World, node: usize, next: &Durable) {
    let Some(before) = world.machines[node].state.clone() else { return };
    for (name, group) in &next.groups {
        if before.groups.get(name).is_some_and(|old| old.epoch_seen > group.epoch_seen) {
            world.break_law(format!("I8: an epoch of {name} decreased on {}", NAMES[node]));
        }
        if group.role == Role::Master && before.groups.get(name).is_some_and(|old| old.role == Role::Taking) {
            let number = GROUPS.iter().position(|g| g == name).expect("a known group");
            world.master(node, number, group.epoch_seen);
        }
    }
    let shot = before.attempt.as_ref().is_some_and(|a| matches!(a.stage, Stage::Sent | Stage::Draining { .. }));
    let pending = world.machines[1 - node].bmc.off_at.is_some();
    let young = boottime(world, node) < Duration::from_secs(1);
    if shot && next.attempt.is_none() && pending && !young {
        world.break_law(format!("I7: {} gave an attempt up while its shot was on its way", NAMES[node]));
    }
}

impl Outside for Surroundings {
    fn board(&self, _boot_id: &str) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    fn now(&self) -> Duration {
        boottime(&self.shared.lock(), self.node)
    }

    fn wall_ms(&self) -> i64 {
        wall_ms(&self.shared.lock(), self.node)
    }

    fn fresh_uuid(&self) -> Result<String, String> {
        let world = self.shared.lock();
        Ok(format!("00000000-0000-4000-8000-{:012}", world.now * 2 + self.node as u64))
    }

    fn append(&mut self, records: &[Record]) -> Result<(), String> {
        self.shared.lock().machines[self.node].writes += 1;
        self.perhaps_die(Moment::BeforeJournal);
        let mut world = self.shared.lock();
        if world.machines[self.node].broken.disk_full {
            return Err("cannot write /var/lib/twinguard/journal: no space left on device".to_owned());
        }
        for record in records {
            let text = serde_json::to_string(record).expect("a record is JSON");
            world.say(|| format!("{} journals {text}", NAMES[self.node]));
            let isolated = world.machines[self.node].isolated_since.is_some_and(|at| world.now - at > STALE_WITNESS_MS);
            if matches!(record, Record::Sent { .. }) && isolated {
                world.break_law(format!("I6: {} shoots although it sees no witness", NAMES[self.node]));
            }
            world.machines[self.node].journal.push(text);
        }
        drop(world);
        self.perhaps_die(Moment::BetweenJournalAndState);
        Ok(())
    }

    fn save(&mut self, state: &Durable) -> Result<(), String> {
        let mut world = self.shared.lock();
        if world.machines[self.node].broken.disk_full {
            return Err("cannot write /var/lib/twinguard/state: no space left on device".to_owned());
        }
        // What is on disk is what comes back: through its text, as the real file.
        let text = serde_json::to_string(state).expect("a state is JSON");
        let state = serde_json::from_str(&text).expect("a state comes back");
        lawful(&mut world, self.node, &state);
        world.machines[self.node].state = Some(state);
        drop(world);
        self.perhaps_die(Moment::AfterState);
        Ok(())
    }

    fn clean(&self, group: &Group) -> Result<(), String> {
        let held = self.shared.lock().machines[self.node].held[number(&group.name)];
        if held.any() { Err(format!("{held:?}")) } else { Ok(()) }
    }

    fn lacks(&self, group: &Group) -> Result<(), String> {
        let held = self.shared.lock().machines[self.node].held[number(&group.name)];
        let of = number(&group.name);
        if held.all() { Ok(()) } else { Err(format!("{} or {} is missing: {held:?}", folder(of), address(of))) }
    }

    fn probe(&mut self, until: Duration) {
        self.order(Order::Probe(until));
    }

    fn serving(&mut self, _groups: BTreeSet<String>) {}

    fn ask_devices(&mut self) {
        self.order(Order::AskDevices);
    }

    fn fence(&mut self, delay: Duration) {
        self.order(Order::Fence(delay));
    }

    fn drill(&mut self, level: u8) {
        self.shared.lock().break_law(format!("{} drills level {level}, and no operator of this world asked for it", NAMES[self.node]));
    }

    fn drills(&self) -> Drills {
        Drills::default()
    }

    fn keep_drills(&mut self, _: &Drills) -> Result<(), String> {
        Ok(())
    }

    fn step(&mut self, promotion: Arc<Promotion>, group: String, step: Step, epoch: u64) {
        // I10: the journal announces what is done.
        let mut world = self.shared.lock();
        let announced = world.machines[self.node].journal.last().is_some_and(|l| l.contains("\"BEGIN\"") && l.contains(&group));
        if !announced {
            world.break_law(format!("I10: {step} of {group} is not announced in the journal"));
        }
        drop(world);
        self.order(Order::Step(promotion, group, step, epoch));
    }

    fn release(&mut self, groups: Vec<String>) {
        self.order(Order::Release(groups));
    }

    fn restore(&mut self, groups: Vec<String>) {
        self.order(Order::Restore(groups));
    }

    fn recheck(&mut self, service: String) {
        self.order(Order::Recheck(service));
    }

    fn mask(&mut self) {
        self.order(Order::Mask);
    }

    fn mail(&mut self, event: MailEvent) {
        let mut world = self.shared.lock();
        world.say(|| format!("{} mails {:?}: {}", NAMES[self.node], event.kind, event.summary));
        world.machines[self.node].mails.push((event.kind, event.summary));
    }

    fn publish(&mut self, status: &Status) {
        *self.status.borrow_mut() = Some(status.clone());
    }

    fn log(&self, _text: &str) {}
}

pub fn number(group: &str) -> usize {
    GROUPS.iter().position(|g| *g == group).expect("a known group")
}
