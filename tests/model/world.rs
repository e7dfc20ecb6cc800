//! The world: two nodes with their durable states as the product keeps them, what their machines really hold, the wires, the
//! BMCs and what is on its way. No time: what needs time is a move that is possible once its condition holds.

use fence::takeover::durable::{Durable, Stage};
use fence::takeover::message::Message;
use fence::takeover::steps::Step;
use plugin_core::contract::status::{Life, Role};
use std::hash::{Hash, Hasher};

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub faults: u8,
    pub repairs: u8,
    pub crashes: u8,
    pub acts: u8,
}

/// A rule taken out (TAKEOVER 3.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    None,
    /// An accepted off command counts as fenced.
    AcceptedIsFenced,
    /// A node starts its services by itself at boot.
    StartsAtBoot,
    /// A node that boots alone serves because it was master.
    BootsAloneAsMaster,
    /// An operator's force does not ask the BMC.
    ForceWithoutOff,
    /// No witness is asked.
    NoWitness,
    /// An attempt may be abandoned after the shot.
    AbandonAfterSent,
    /// A master rolls back after the record DEMOTED.
    RollBackAfterDemoted,
}

/// What an agent's worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Idle,
    /// Fencing; `sent` = a command was accepted in this round, `off` = OFF readings in a row.
    Fence {
        sent: bool,
        off: u8,
    },
    Step(Step),
    /// A step whose effect is there, but not yet reported.
    StepDone(Step),
    Release,
    Released,
    Restore,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub power: bool,
    /// Frozen: on the wire, runs nothing.
    pub hung: bool,
    pub agent: bool,
    /// The boot marker is there.
    pub marker: bool,
    pub state: Durable,
    /// Its machine holds the group's resources.
    pub holds: bool,
    /// Its agent holds a proof.
    pub proof: bool,
    pub work: Work,
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, h: &mut H) {
        (self.power, self.hung, self.agent, self.marker, self.holds, self.proof, self.work).hash(h);
        self.state.hash(h);
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    pub node: [Node; 2],
    /// The heartbeat link; the clients' link of each node.
    pub heartbeat: bool,
    pub lan: [bool; 2],
    /// The BMC of each node can be reached.
    pub bmc: [bool; 2],
    /// What the shared data carry: the epoch, and who wrote it (T5).
    pub data: (u64, usize),
    /// An accepted off that has not taken effect yet.
    pub off: [bool; 2],
    /// A message on its way to each node; a newer one replaces it (loss), it may arrive late.
    pub mail: [Option<Message>; 2],
    pub left: Bounds,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.node.hash(h);
        (self.heartbeat, self.lan, self.bmc, self.data, self.off, self.left).hash(h);
        for mail in &self.mail {
            mail.as_ref().map(|m| serde_json::to_string(m).unwrap_or_default()).hash(h);
        }
    }
}

pub const NAMES: [&str; 2] = ["n1", "n2"];
pub const GROUP: &str = "web";

impl World {
    /// A founded pair: n1 serves, n2 is its slave.
    pub fn founded(left: Bounds) -> Self {
        let node = |me: usize| {
            let mut state = Durable::blank(NAMES[me], [GROUP]);
            state.cluster_id = "pair".into();
            state.peer.boot_starts = Some(vec![]);
            state.peer.config_hash = Some(String::new());
            state.peer.epochs.insert(GROUP.into(), 1);
            let role = if me == 0 { Role::Master } else { Role::Slave };
            let group = state.groups.get_mut(GROUP).unwrap();
            (group.role, group.was, group.epoch_seen, group.data_epoch, group.data_owner) = (role, role, 1, 1, Some("n1".into()));
            Node { power: true, hung: false, agent: true, marker: true, state, holds: me == 0, proof: false, work: Work::Idle }
        };
        Self { node: [node(0), node(1)], heartbeat: true, lan: [true; 2], bmc: [true; 2], data: (1, 0), off: [false; 2], mail: [None, None], left }
    }

    pub fn wired(&self) -> bool {
        self.heartbeat || (self.lan[0] && self.lan[1])
    }

    /// The agent of `me` runs.
    pub fn runs(&self, me: usize) -> bool {
        self.node[me].power && !self.node[me].hung && self.node[me].agent
    }

    /// The two agents can speak.
    pub fn speak(&self) -> bool {
        self.wired() && self.runs(0) && self.runs(1)
    }

    /// What `me`'s probes see of the other node. sshd lives as long as its node is not hung, whatever its agent does.
    pub fn life(&self, me: usize) -> Life {
        let other = &self.node[1 - me];
        match (other.power && self.wired(), other.hung) {
            (false, _) => Life::Silent,
            (true, true) => Life::Mute,
            (true, false) => Life::Alive,
        }
    }

    pub fn role(&self, me: usize) -> Role {
        self.node[me].state.groups[GROUP].role
    }

    pub fn epoch(&self, me: usize) -> u64 {
        self.node[me].state.groups[GROUP].epoch_seen
    }

    /// The data belong to somebody later than this taking (T3 refuses).
    pub fn data_newer(&self, me: usize) -> bool {
        self.data.0 > self.epoch(me) || (self.data.0 == self.epoch(me) && self.data.1 != me)
    }

    /// Where the attempt of `me` is.
    pub fn stage(&self, me: usize) -> Option<Stage> {
        self.node[me].state.attempt.as_ref().map(|a| a.stage)
    }

    /// Somebody serves.
    pub fn serves(&self) -> bool {
        (0..2).any(|me| self.runs(me) && self.node[me].holds && self.role(me) == Role::Master)
    }

    /// The invariant that this state breaks.
    pub fn broken(&self) -> Option<&'static str> {
        if self.node.iter().all(|n| n.power && n.holds) {
            return Some("I1: both powered nodes hold the resources");
        }
        if self.role(0) == Role::Master && self.role(1) == Role::Master && self.epoch(0) == self.epoch(1) {
            return Some("I8: two masters of one epoch");
        }
        None
    }
}
