//! The physical world: two machines, their mains and BMCs, cables, a shared disk, and what is broken about them. No agent is in
//! here; it knows nothing of the product but the names of the resources that a machine can hold.

use crate::chance::Chance;
use fence::takeover::durable::Durable;
use plugin_core::contract::{MailKind, Refusal};
use std::sync::{Arc, Mutex, MutexGuard};

/// Links by number.
pub const LINKS: [&str; 2] = ["lan", "heartbeat"];
pub const LAN: usize = 0;
pub const HEARTBEAT: usize = 1;
/// Nodes by number.
pub const NAMES: [&str; 2] = ["n1", "n2"];
/// Groups by number; a history has one or both.
pub const GROUPS: [&str; 2] = ["web", "mail"];

/// How a BMC behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Says "done" and does nothing.
    Lies,
    /// Does it and its answer is lost.
    Mumbles,
    /// Refuses power commands.
    Refuses,
    /// The password was changed.
    Denies,
    /// It is the BMC of the other node.
    Crossed,
}

#[derive(Clone, Debug)]
pub struct Bmc {
    /// It can be reached.
    pub net: bool,
    pub manner: Manner,
    /// When its cable was swapped with the other's.
    pub crossed_at: u64,
    /// Time to each answer, ms.
    pub latency: u64,
    /// Time from "done" to off, ms.
    pub off_after: u64,
    /// When an accepted command takes effect.
    pub off_at: Option<u64>,
    /// Commands "off" that were accepted.
    pub told: u32,
    /// Reads OFF although the node runs: no honest device does; for proving that the audit sees it.
    pub blind: bool,
}

/// What a machine holds of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub mount: bool,
    pub address: bool,
    pub unit: bool,
}

impl Held {
    pub const fn any(self) -> bool {
        self.mount || self.address || self.unit
    }
    pub const fn all(self) -> bool {
        self.mount && self.address && self.unit
    }
}

/// Which commands fail on a machine.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    pub fsck: bool,
    pub mount: bool,
    pub start: [bool; 2],
    pub stop: bool,
    pub umount: bool,
    /// Somebody else answers for the failover address.
    pub stranger: bool,
    /// The check by which a node reports itself is CRITICAL.
    pub fault: bool,
    /// The state can't be written.
    pub disk_full: bool,
}

#[derive(Clone, Debug)]
pub struct Machine {
    pub power: bool,
    /// The system runs: set at the end of a boot.
    pub up: bool,
    /// Stopped like a paused virtual machine: its wires are dead, its time goes on.
    pub frozen: bool,
    /// The kernel answers, no program does.
    pub mute: bool,
    pub cables: [bool; 2],
    pub booted_at: u64,
    pub boots: u32,
    /// Its wall clock is ahead by this, ms.
    pub skew: i64,
    pub held: [Held; 2],
    pub broken: Broken,
    pub bmc: Bmc,
    /// A second level: the outlets of its power supplies.
    pub pdu: Option<Bmc>,
    /// Durable: the state file, and the number of journal writes.
    pub state: Option<Durable>,
    pub writes: u64,
    pub journal: Vec<String>,
    /// `/run` holds the boot marker.
    pub marker: bool,
    /// Since when no witness can be reached.
    pub isolated_since: Option<u64>,
    /// Commands that changed something, for the audit of refusals.
    pub touched: Vec<String>,
    pub mails: Vec<(MailKind, String)>,
    /// What a look at the machine finds wrong.
    pub boot_starts: Vec<String>,
    pub unfit: Option<Refusal>,
    /// Hash of its configuration.
    pub hash: String,
    /// Its state file can not be trusted.
    pub corrupt: bool,
}

/// Where an agent is to die: at its write number `write`, before it, after it, or between the journal and the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    pub node: usize,
    pub write: u64,
    pub at: Moment,
    /// The machine loses power; else only the agent is killed.
    pub power: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    BeforeJournal,
    BetweenJournalAndState,
    AfterState,
}

#[derive(Debug)]
pub struct World {
    /// Milliseconds since the beginning.
    pub now: u64,
    pub chance: Chance,
    pub machines: [Machine; 2],
    /// Epoch markers of the shared devices.
    pub devices: [Option<String>; 2],
    /// The switch of the clients' network, the cable between the nodes, the gateway.
    pub switch: bool,
    pub between: bool,
    pub gateway: bool,
    pub groups: usize,
    /// Percent of messages that get lost, arrive late, arrive twice.
    pub wire: [u64; 3],
    pub death: Option<Death>,
    /// Owner of each epoch, by group.
    pub epochs: [Vec<(u64, usize)>; 2],
    pub takeovers: u32,
    pub trace: Option<Vec<String>>,
    pub violation: Option<String>,
}

/// The world, shared with the workers; only one of all threads runs at a time.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(seed: u64, groups: usize, trace: bool) -> Self {
        let bmc = Bmc { net: true, manner: Manner::Good, crossed_at: 0, latency: 10, off_after: 0, off_at: None, told: 0, blind: false };
        let machine = Machine {
            power: true,
            up: true,
            frozen: false,
            mute: false,
            cables: [true; 2],
            booted_at: 0,
            boots: 1,
            skew: 0,
            held: [Held::default(); 2],
            broken: Broken::default(),
            bmc,
            pdu: None,
            state: None,
            writes: 0,
            journal: Vec::new(),
            marker: false,
            isolated_since: None,
            touched: Vec::new(),
            mails: Vec::new(),
            boot_starts: Vec::new(),
            unfit: None,
            hash: "same".to_owned(),
            corrupt: false,
        };
        Self(Arc::new(Mutex::new(World {
            now: 1000,
            chance: Chance::new(seed),
            machines: [machine.clone(), machine],
            devices: [None, None],
            switch: true,
            between: true,
            gateway: true,
            groups,
            wire: [0; 3],
            death: None,
            epochs: [Vec::new(), Vec::new()],
            takeovers: 0,
            trace: trace.then(Vec::new),
            violation: None,
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World {
    pub fn say(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {}", now as f64 / 1000.0, text()));
        }
    }

    pub fn break_law(&mut self, what: String) {
        self.say(|| format!("!!! {what}"));
        self.violation.get_or_insert(what);
    }

    /// The kernel of `node` runs and its network card works.
    pub fn answers(&self, node: usize) -> bool {
        let m = &self.machines[node];
        m.power && m.up && !m.frozen
    }

    /// Its programs run.
    pub fn alive(&self, node: usize) -> bool {
        self.answers(node) && !self.machines[node].mute
    }

    /// A frame gets from one node to the other.
    pub fn path(&self, link: usize) -> bool {
        let middle = if link == LAN { self.switch && self.between } else { self.between };
        middle && self.machines.iter().all(|m| m.cables[link])
    }

    /// The clients' network is there for `node`: it reaches its gateway.
    pub fn network(&self, node: usize) -> bool {
        self.machines[node].cables[LAN] && self.switch && self.gateway
    }

    /// Which node answers clients for a group.
    pub fn serves(&self, group: usize) -> Option<usize> {
        (0..2).find(|n| self.alive(*n) && self.machines[*n].held[group].all() && self.machines[*n].cables[LAN] && self.switch)
    }

    pub fn power_off(&mut self, node: usize) {
        self.say(|| format!("{} loses power", NAMES[node]));
        let m = &mut self.machines[node];
        m.power = false;
        m.up = false;
        m.frozen = false;
        m.mute = false;
        m.marker = false;
        m.held = [Held::default(); 2];
        m.bmc.off_at = None;
    }

    /// Looks whether the law still holds; called after everything that happens.
    pub fn audit(&mut self) {
        for node in 0..2 {
            let isolated = !self.network(node);
            let since = &mut self.machines[node].isolated_since;
            *since = isolated.then(|| since.unwrap_or(self.now));
        }
        for group in 0..self.groups {
            let both = self.machines.iter().all(|m| m.power && m.held[group].any());
            if both && self.violation.is_none() {
                let held: Vec<String> = (0..2).map(|n| format!("{} {:?}", NAMES[n], self.machines[n].held[group])).collect();
                self.break_law(format!("I1: two nodes hold {}: {}", GROUPS[group], held.join(", ")));
            }
        }
    }

    /// `node` serves `group` with `epoch` from now on (I8).
    pub fn master(&mut self, node: usize, group: usize, epoch: u64) {
        match self.epochs[group].iter().find(|(e, _)| *e == epoch) {
            Some((_, owner)) if *owner != node => {
                self.break_law(format!("I8: epoch {epoch} of {} belongs to {} and {}", GROUPS[group], NAMES[*owner], NAMES[node]));
            }
            Some(_) => {}
            None => {
                self.takeovers += 1;
                self.epochs[group].push((epoch, node));
                self.say(|| format!("{} is MASTER of {} with epoch {epoch}", NAMES[node], GROUPS[group]));
            }
        }
    }
}
