//! The walk: several threads take directories from one stack, newest first, so that few are open at a time; the last child
//! of a directory to be done makes its parent's digest.

use super::cache::Harvest;
use super::entry::{Digest, Entry, Kind, Sight, digest};
use super::forest::{Forest, join};
use super::wire::{Place, Trees};
use rustix::io::Errno;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A directory whose entries are being digested.
struct Node {
    place: Place,
    /// The directory that holds it, and the number of its entry there; a top has none.
    parent: Option<(Arc<Node>, usize)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// Directories below that are not digested yet.
    waiting: usize,
}

#[derive(Default)]
struct Work {
    stack: Vec<Arc<Node>>,
    /// Directories that are on the stack or being read.
    open: usize,
}

struct Crew<'a> {
    forest: &'a Forest,
    work: Mutex<Work>,
    wake: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Walks all trees; what is at their tops, with digests, and what may be remembered.
pub fn walk(forest: &Forest, threads: usize) -> (Trees, Vec<Harvest>) {
    let mut tops = forest.tops();
    let mut stack = Vec::new();
    for (number, top) in (0_u32..).zip(&tops) {
        if top.as_ref().is_some_and(|top| top.kind == Kind::Directory && top.sight == Sight::Whole) {
            stack.push(Arc::new(Node { place: (number, Vec::new()), parent: None, state: Mutex::default() }));
        }
    }
    let open = stack.len();
    let crew = Crew { forest, work: Mutex::new(Work { stack, open }), wake: Condvar::new() };
    let harvests = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(|| crew.toil())).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let digests = lock(&forest.digests);
    for (number, top) in (0_u32..).zip(&mut tops) {
        if let Some(top) = top.as_mut().filter(|top| top.kind == Kind::Directory) {
            match digests.get(&(number, Vec::new())) {
                Some(digest) => top.content = *digest,
                None => top.sight = Sight::Unreadable,
            }
        }
    }
    drop(digests);
    (forest.trees(tops), harvests)
}

impl Crew<'_> {
    fn toil(&self) -> Harvest {
        let mut harvest = Harvest::default();
        let mut work = lock(&self.work);
        loop {
            if let Some(node) = work.stack.pop() {
                drop(work);
                let below = self.look(node, &mut harvest);
                work = lock(&self.work);
                work.open += below.len();
                work.open -= 1;
                work.stack.extend(below);
                self.wake.notify_all();
            } else if work.open == 0 {
                return harvest;
            } else {
                work = self.wake.wait(work).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Reads one directory; those below it.
    fn look(&self, node: Arc<Node>, harvest: &mut Harvest) -> Vec<Arc<Node>> {
        let content = match self.forest.read(&node.place, harvest) {
            Ok(content) => content,
            Err(error) => {
                if error != Errno::NOENT {
                    self.forest.tally.fail(&self.forest.path(&node.place), error);
                }
                self.finish(node, None);
                return Vec::new();
            }
        };
        let mut entries = Vec::with_capacity(content.entries.len());
        let mut below = Vec::new();
        for (entry, inside) in content.entries {
            if entry.kind == Kind::Directory && inside {
                let place = (node.place.0, join(&node.place.1, &entry.name));
                below.push(Arc::new(Node { place, parent: Some((Arc::clone(&node), entries.len())), state: Mutex::default() }));
            }
            entries.push(entry);
        }
        if below.is_empty() {
            let digest = digest(&entries);
            self.finish(node, Some(digest));
        } else {
            *lock(&node.state) = State { entries, waiting: below.len() };
        }
        below
    }

    /// Hands a digest up, as far as it was the last one that was missing. `None` = it could not be read.
    fn finish(&self, mut node: Arc<Node>, mut done: Option<Digest>) {
        loop {
            if let Some(digest) = done {
                lock(&self.forest.digests).insert(node.place.clone(), digest);
            }
            let Some((parent, number)) = &node.parent else { return };
            let mut state = lock(&parent.state);
            if let Some(entry) = state.entries.get_mut(*number) {
                match done {
                    Some(digest) => entry.content = digest,
                    None => entry.sight = Sight::Unreadable,
                }
            }
            state.waiting -= 1;
            if state.waiting > 0 {
                return;
            }
            done = Some(digest(&std::mem::take(&mut state.entries)));
            drop(state);
            let parent = Arc::clone(parent);
            node = parent;
        }
    }
}
