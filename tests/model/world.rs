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

impl Bounds {
    /// Everything that may happen within `other` may happen here too.
    pub fn covers(&self, other: &Bounds) -> bool {
        self.faults >= other.faults && self.repairs >= other.repairs && self.crashes >= other.crashes && self.acts >= other.acts
    }
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
    /// A retired node goes on as the slave that it was.
    RetiredForgets,
}

/// Groups of the world, as bits.
pub type Groups = u8;

/// What an agent's worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Idle,
    /// Fencing; `sent` = a command was accepted in this round, `off` = OFF readings in a row.
    Fence {
        sent: bool,
        off: u8,
    },
    Step(usize, Step),
    /// A step whose effect is there, but not yet reported.
    StepDone(usize, Step),
    /// Groups that are still to be released, one after the other.
    Release(Groups),
    Released,
    Restore(Groups),
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    pub power: bool,
    /// Frozen: on the wire, runs nothing.
    pub hung: bool,
    pub agent: bool,
    /// The boot marker is there.
    pub marker: bool,
    pub state: Durable,
    /// Groups whose resources its machine holds.
    pub holds: Groups,
    /// Its agent holds a proof.
    pub proof: bool,
    pub work: Work,
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
    /// What the shared data of each group carry: the epoch, and who wrote it (T5).
    pub data: [(u64, usize); 2],
    /// An accepted off that has not taken effect yet.
    pub off: [bool; 2],
    /// A message on its way to each node; a newer one replaces it (loss), it may arrive late.
    pub mail: [Option<Message>; 2],
    pub left: Bounds,
}

/// What is left is no part of what a world is: see [`crate::search`].
impl Hash for World {
    fn hash<H: Hasher>(&self, h: &mut H) {
        (&self.node, self.heartbeat, self.lan, self.bmc, self.data, self.off, &self.mail).hash(h);
    }
}

pub const NAMES: [&str; 2] = ["n1", "n2"];
/// A group is at home on the node of the same number.
pub const GROUPS: [&str; 2] = ["web", "mail"];

/// The number of a group.
pub fn number(name: &str) -> usize {
    usize::from(name == GROUPS[1])
}

/// The bits of groups.
pub fn bits(names: &[String]) -> Groups {
    names.iter().fold(0, |bits, name| bits | 1 << number(name))
}

impl World {
    /// A founded pair with so many groups: each node serves those whose home it is, and is slave of the others.
    pub fn founded(groups: usize, left: Bounds) -> Self {
        let node = |me: usize| {
            let mut state = Durable::blank(NAMES[me], GROUPS[..groups].iter().copied());
            state.cluster_id = "pair".into();
            state.peer.boot_starts = Some(vec![]);
            state.peer.config_hash = Some(String::new());
            for (home, name) in GROUPS[..groups].iter().enumerate() {
                state.peer.epochs.insert((*name).into(), 1);
                let role = if home == me { Role::Master } else { Role::Slave };
                let group = state.groups.get_mut(*name).unwrap();
                (group.role, group.was, group.epoch_seen, group.data_epoch, group.data_owner) = (role, role, 1, 1, Some(NAMES[home].into()));
            }
            let holds = if me < groups { 1 << me } else { 0 };
            Node { power: true, hung: false, agent: true, marker: true, state, holds, proof: false, work: Work::Idle }
        };
        Self {
            node: [node(0), node(1)],
            heartbeat: true,
            lan: [true; 2],
            bmc: [true; 2],
            data: [(1, 0), (1, 1)],
            off: [false; 2],
            mail: [None, None],
            left,
        }
    }

    /// The groups of this world.
    pub fn groups(&self) -> &'static [&'static str] {
        &GROUPS[..self.node[0].state.groups.len()]
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

    pub fn role(&self, me: usize, group: usize) -> Role {
        self.node[me].state.groups[GROUPS[group]].role
    }

    pub fn epoch(&self, me: usize, group: usize) -> u64 {
        self.node[me].state.groups[GROUPS[group]].epoch_seen
    }

    /// The highest epoch of any group on any node.
    pub fn highest(&self) -> u64 {
        self.node.iter().flat_map(|n| n.state.groups.values()).map(|g| g.epoch_seen).max().unwrap_or(0)
    }

    /// `me` has this role for some group.
    pub fn is(&self, me: usize, role: Role) -> bool {
        self.node[me].state.groups.values().any(|g| g.role == role)
    }

    /// The data belong to somebody later than this taking (T3 refuses).
    pub fn data_newer(&self, me: usize, group: usize) -> bool {
        let (epoch, owner) = self.data[group];
        epoch > self.epoch(me, group) || (epoch == self.epoch(me, group) && owner != me)
    }

    /// Where the attempt of `me` is.
    pub fn stage(&self, me: usize) -> Option<Stage> {
        self.node[me].state.attempt.as_ref().map(|a| a.stage)
    }

    /// Somebody serves every group.
    pub fn serves(&self) -> bool {
        let by = |me: usize, group: usize| self.runs(me) && self.node[me].holds & 1 << group != 0 && self.role(me, group) == Role::Master;
        (0..self.groups().len()).all(|group| (0..2).any(|me| by(me, group)))
    }

    /// The invariant that this state breaks.
    pub fn broken(&self) -> Option<&'static str> {
        if self.node.iter().all(|n| n.power) && self.node[0].holds & self.node[1].holds != 0 {
            return Some("I1: both powered nodes hold the resources");
        }
        let twice = |group: usize| (0..2).all(|me| self.role(me, group) == Role::Master) && self.epoch(0, group) == self.epoch(1, group);
        if (0..self.groups().len()).any(twice) {
            return Some("I8: two masters of one epoch");
        }
        if self.node.iter().any(|n| n.state.retired.is_some() && n.power && n.holds != 0) {
            return Some("RX13: a retired node holds the resources");
        }
        None
    }
}
