//! Breadth first over every state: the first broken one has the shortest story. States are kept as 128-bit fingerprints, the
//! worlds of one level only; a story is found again by walking the same moves.

use crate::moves::all;
use crate::world::{Bounds, Mutant, World};
use fence::takeover::durable::Stage;
use plugin_core::contract::status::Role;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

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

fn fingerprint(world: &World) -> u128 {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        world.hash(&mut hasher);
        hasher.finish()
    };
    (u128::from(half(1)) << 64) | u128::from(half(2))
}

/// Where a state came from: its parent, and which of the parent's moves.
type Origin = (u32, u16);

struct Graph {
    seen: HashMap<u128, u32>,
    origins: Vec<Origin>,
}

impl Graph {
    fn new(root: &World) -> Self {
        Self { seen: HashMap::from([(fingerprint(root), 0)]), origins: vec![(0, 0)] }
    }

    /// The number of a state, and whether it is new.
    fn number(&mut self, world: &World, from: u32, by: usize) -> (u32, bool) {
        let next = u32::try_from(self.origins.len()).expect("fewer than 2^32 states");
        let number = *self.seen.entry(fingerprint(world)).or_insert(next);
        if number == next {
            self.origins.push((from, u16::try_from(by).expect("few moves")));
        }
        (number, number == next)
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
pub fn explore(bounds: Bounds, mutant: Mutant) -> Found {
    let root = World::founded(bounds);
    let mut graph = Graph::new(&root);
    let mut level = vec![(0, root.clone())];
    let mut found = Found { states: 1, transitions: 0, depth: 0, takeovers: 0, broken: None };
    while !level.is_empty() {
        let mut next = Vec::new();
        for (number, world) in level {
            for (by, (_, change)) in all(&world, mutant).into_iter().enumerate() {
                found.transitions += 1;
                let masters = |w: &World| (0..2).filter(|me| w.role(*me) == Role::Master).count();
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

/// A held takeover waits for a person at the machine: this version has no command that ends it.
fn held(world: &World) -> bool {
    (0..2).any(|me| world.stage(me) == Some(Stage::Held))
}

fn epoch(world: &World) -> u64 {
    world.epoch(0).max(world.epoch(1))
}

/// Visits every state and looks, backwards from those that serve, for one without a way back to service.
pub fn live(bounds: Bounds) -> Found {
    let root = World::founded(bounds);
    let mut graph = Graph::new(&root);
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
                if epoch(&change.world) > DEEPEST {
                    continue;
                }
                let (child, new) = graph.number(&change.world, number, by);
                if new {
                    parents.push(Vec::new());
                    asked.push(epoch(&change.world) <= ASKED && !held(&change.world));
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
