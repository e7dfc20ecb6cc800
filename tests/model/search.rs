//! Breadth first over every state: the first broken one has the shortest story. States are kept as 128-bit fingerprints, the
//! worlds of one level only; a story is found again by walking the same moves.

use crate::moves::all;
use crate::world::{Bounds, Mutant, World};
use plugin_core::contract::status::Role;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// What a search found.
pub struct Found {
    pub states: usize,
    pub transitions: usize,
    pub depth: usize,
    /// Moves that completed a takeover.
    pub takeovers: usize,
    /// The shortest story that breaks something.
    pub broken: Option<String>,
}

/// Two lanes of 64 bits, each mixed by a multiplication and a fold: one pass over a world instead of two.
struct Lanes(u64, u64);

impl Lanes {
    fn mix(&mut self, word: u64) {
        let fold = |lane: u64, by: u64| {
            let product = u128::from(lane ^ word) * u128::from(by);
            (product as u64) ^ ((product >> 64) as u64) ^ lane.rotate_left(29)
        };
        (self.0, self.1) = (fold(self.0, 0x9e37_79b9_7f4a_7c15), fold(self.1, 0xc2b2_ae3d_27d4_eb4f));
    }
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn fingerprint(world: &World) -> u128 {
    let mut lanes = Lanes(0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
    world.hash(&mut lanes);
    (u128::from(lanes.0) << 64) | u128::from(lanes.1)
}

/// Where a state came from: its parent, and which of the parent's moves.
type Origin = (u32, u16);

/// What is known of a world: each combination of what was left when it was reached, unless another one covers it.
struct Graph {
    seen: HashMap<u128, Vec<(Bounds, u32)>>,
    origins: Vec<Origin>,
    /// A world that was reached with more left stands for the same world with less: whatever follows from the one follows from
    /// the other. Not for the way back, which needs every state.
    covering: bool,
}

impl Graph {
    fn new(root: &World, covering: bool) -> Self {
        let mut graph = Self { seen: HashMap::new(), origins: Vec::new(), covering };
        graph.number(root, 0, 0);
        graph
    }

    /// The number of a state, and whether it is new.
    fn number(&mut self, world: &World, from: u32, by: usize) -> (u32, bool) {
        let known = self.seen.entry(fingerprint(world)).or_default();
        let covers = |left: &Bounds| if self.covering { left.covers(&world.left) } else { *left == world.left };
        if let Some((_, number)) = known.iter().find(|(left, _)| covers(left)) {
            return (*number, false);
        }
        let next = u32::try_from(self.origins.len()).expect("fewer than 2^32 states");
        if self.covering {
            known.retain(|(left, _)| !world.left.covers(left));
        }
        known.push((world.left, next));
        self.origins.push((from, u16::try_from(by).expect("few moves")));
        (next, true)
    }

    /// The moves that lead to a state, in words; `last` is one more.
    fn story(&self, root: &World, mutant: Mutant, state: u32, last: Option<usize>) -> Vec<String> {
        let mut path: Vec<usize> = last.into_iter().collect();
        let mut at = state;
        while at != 0 {
            let (parent, by) = self.origins[at as usize];
            path.push(usize::from(by));
            at = parent;
        }
        let mut world = root.clone();
        let mut words = Vec::new();
        for by in path.into_iter().rev() {
            let (text, change) = all(&world, mutant).swap_remove(by);
            words.push(text);
            world = change.world;
        }
        words
    }
}

fn told(why: &str, story: &[String]) -> String {
    let lines: Vec<String> = story.iter().enumerate().map(|(n, line)| format!("{:3}. {line}", n + 1)).collect();
    format!("{why}\n{}", lines.join("\n"))
}

/// Visits every state within the bounds, until one breaks an invariant.
pub fn explore(groups: usize, bounds: Bounds, mutant: Mutant) -> Found {
    let root = World::founded(groups, bounds);
    let mut graph = Graph::new(&root, true);
    let mut level = vec![(0, root.clone())];
    let mut found = Found { states: 1, transitions: 0, depth: 0, takeovers: 0, broken: None };
    while !level.is_empty() {
        let mut next = Vec::new();
        for (number, world) in level {
            for (by, (_, change)) in all(&world, mutant).into_iter().enumerate() {
                found.transitions += 1;
                let masters = |w: &World| w.node.iter().flat_map(|n| n.state.groups.values()).filter(|g| g.role == Role::Master).count();
                found.takeovers += usize::from(masters(&change.world) > masters(&world));
                if let Some(why) = change.broken.or_else(|| change.world.broken()) {
                    found.broken = Some(told(why, &graph.story(&root, mutant, number, Some(by))));
                    found.states = graph.origins.len();
                    return found;
                }
                let (child, new) = graph.number(&change.world, number, by);
                if new {
                    next.push((child, change.world));
                }
            }
        }
        found.depth += 1;
        level = next;
        if std::env::var_os("TWINGUARD_MODEL_PROGRESS").is_some() {
            println!("level {}: {} states, {} of them new", found.depth, graph.origins.len(), level.len());
        }
    }
    found.states = graph.origins.len();
    found
}

/// The way back to service is wanted from every state up to this epoch …
const ASKED: u64 = 2;
/// … and searched up to this one: without an end to epochs, moves there and back would go on for ever.
const DEEPEST: u64 = 4;

/// A pair that was dissolved is none any more: its survivor is an ordinary machine.
fn dissolved(world: &World) -> bool {
    world.node.iter().any(|n| n.state.retired.is_some())
}

/// Visits every state and looks, backwards from those that serve, for one without a way back to service.
pub fn live(groups: usize, bounds: Bounds) -> Found {
    let root = World::founded(groups, bounds);
    let mut graph = Graph::new(&root, false);
    let mut level = vec![(0, root.clone())];
    let mut parents: Vec<Vec<u32>> = vec![Vec::new()];
    let mut asked = vec![true];
    let mut good: Vec<u32> = if root.serves() { vec![0] } else { Vec::new() };
    let mut found = Found { states: 1, transitions: 0, depth: 0, takeovers: 0, broken: None };
    while !level.is_empty() {
        let mut next = Vec::new();
        for (number, world) in level {
            for (by, (_, change)) in all(&world, Mutant::None).into_iter().enumerate() {
                found.transitions += 1;
                if change.world.highest() > DEEPEST {
                    continue;
                }
                let (child, new) = graph.number(&change.world, number, by);
                if new {
                    parents.push(Vec::new());
                    asked.push(change.world.highest() <= ASKED && !dissolved(&change.world));
                    if change.world.serves() {
                        good.push(child);
                    }
                    next.push((child, change.world));
                }
                parents[child as usize].push(number);
            }
        }
        found.depth += 1;
        level = next;
    }
    found.states = graph.origins.len();
    let mut reaches = vec![false; found.states];
    while let Some(state) = good.pop() {
        if !std::mem::replace(&mut reaches[state as usize], true) {
            good.extend(&parents[state as usize]);
        }
    }
    if let Some(stuck) = reaches.iter().zip(&asked).position(|(reaches, asked)| *asked && !reaches) {
        let stuck = u32::try_from(stuck).expect("a state's number");
        found.broken = Some(told("stuck", &graph.story(&root, Mutant::None, stuck, None)));
    }
    found
}
