//! The judge: looks at both nodes from outside, all the time, for what must never happen: the shared disk mounted twice, the
//! failover IP held twice, nginx running twice. A frozen node holds what it holds. Reads the nodes' `/proc`, never their own word.

use super::disk;
use super::node;
use super::site::{CLUSTER_IP, Node, Site};
use super::tool::{now_ms, read};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The shared disk is mounted.
    pub mount: bool,
    /// The failover IP is on an interface.
    pub address: bool,
    /// nginx runs.
    pub service: bool,
}

impl Holds {
    /// All three.
    pub const EVERYTHING: Holds = Holds { mount: true, address: true, service: true };
}

/// Looks at a node. One whose every process is dead holds nothing, though its network cards may still be there.
pub fn holds(site: &Site, node: Node) -> Holds {
    let Some(init) = node::init(site, node) else { return Holds::default() };
    let mount = !disk::mount_points(site, node, &read(format!("/proc/{init}/mountinfo"))).is_empty();
    let address = read(format!("/proc/{init}/net/fib_trie")).lines().any(|l| l.trim_start_matches([' ', '|', '-']).trim() == CLUSTER_IP);
    let nginx = |pid: u32| read(format!("/proc/{pid}/comm")).trim() == "nginx" && !read(format!("/proc/{pid}/stat")).contains(") Z ");
    let service = node::cgroup(site, node).is_ok_and(|g| g.processes().into_iter().any(nginx));
    Holds { mount, address, service }
}

/// Watches both nodes until it is asked for its verdict.
#[derive(Debug)]
pub struct Audit {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    rounds: u64,
    /// What was held twice, and when it was first seen (Unix milliseconds).
    violations: BTreeMap<&'static str, u64>,
}

impl Audit {
    /// Starts watching.
    pub fn start(site: &Site) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let (site, stop_here, seen_here) = (site.clone(), Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            while !stop_here.load(Ordering::Relaxed) {
                let found = look(&site);
                let mut seen = seen_here.lock().unwrap_or_else(PoisonError::into_inner);
                seen.rounds += 1;
                for what in found {
                    seen.violations.entry(what).or_insert_with(now_ms);
                }
                drop(seen);
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        Self { stop, seen, thread: Some(thread) }
    }

    /// How many looks were taken; an error for everything that was held twice.
    ///
    /// # Errors
    /// What was held twice, and when.
    pub fn verdict(mut self) -> Result<u64, String> {
        self.end();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.violations.is_empty() {
            return Ok(seen.rounds);
        }
        Err(seen.violations.iter().map(|(what, at)| format!("{what} on both nodes since {at} ms")).collect::<Vec<_>>().join("; "))
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.end();
    }
}

fn look(site: &Site) -> Vec<&'static str> {
    let [a, b] = Node::BOTH.map(|n| holds(site, n));
    let twice = [
        ("the shared disk is mounted", a.mount && b.mount),
        ("the failover IP is held", a.address && b.address),
        ("nginx runs", a.service && b.service),
    ];
    twice.into_iter().filter(|(_, both)| *both).map(|(what, _)| what).collect()
}
