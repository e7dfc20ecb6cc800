//! The mains of a node: on, off, and what the BMC says of it. The test, the chassis hook and the tear-down all come through here,
//! one at a time (a lock for each node). The state that the BMC reads is a file, because a crashed node still draws power.

use super::site::{Link, Node, Site};
use super::tool::{read, write};
use super::{disk, net, node};
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::path::PathBuf;

/// What the node's power supply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mains {
    /// Power is on, whatever the node does with it.
    On,
    /// Power is off.
    Off,
}

fn file(site: &Site, node: Node) -> PathBuf {
    site.run.join(format!("{}.power", node.name()))
}

/// Holds the node's switch.
struct Hand(#[expect(dead_code, reason = "holds the lock until it is dropped")] fs::File);

fn hand(site: &Site, node: Node) -> Result<Hand, String> {
    let path = site.run.join(format!("{}.lock", node.name()));
    let file = fs::File::create(&path).map_err(|e| format!("cannot lock {}: {e}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).map_err(|e| format!("cannot lock {}: {e}", path.display()))?;
    Ok(Hand(file))
}

/// What the BMC reads.
pub fn mains(site: &Site, node: Node) -> Mains {
    if read(file(site, node)).starts_with("on") { Mains::On } else { Mains::Off }
}

/// Switches on: the BMC reads ON at once, the node's init starts after the time of its firmware. Nothing happens if it is on.
///
/// # Errors
/// The starter can't be started.
pub fn on(site: &Site, node: Node) -> Result<(), String> {
    let _hand = hand(site, node)?;
    if mains(site, node) == Mains::On {
        return Ok(());
    }
    let token = format!("on {}", read("/proc/sys/kernel/random/uuid").trim());
    write(&file(site, node), token.as_bytes())?;
    let run = site.run.to_string_lossy().into_owned();
    let hook = site.hook.to_string_lossy().into_owned();
    node::start_helper(site, None, "post.log", &[&hook, &run, node.name(), "boot", &token])
}

/// The end of the firmware's time: starts the node unless its power changed meanwhile.
///
/// # Errors
/// As [`node::boot`].
pub fn boot(site: &Site, node: Node, token: &str) -> Result<(), String> {
    std::thread::sleep(std::time::Duration::from_millis(site.post_ms));
    let _hand = hand(site, node)?;
    if read(file(site, node)) == token { node::boot(site, node) } else { Ok(()) }
}

/// The plug is pulled, or the BMC was told "off": dead, and the BMC reads OFF only once nothing of the node is left.
///
/// # Errors
/// Something of the node survives.
pub fn off(site: &Site, node: Node) -> Result<(), String> {
    let _hand = hand(site, node)?;
    die(site, node)?;
    net::remove_node(site, node);
    write(&file(site, node), b"off")
}

/// The machine crashes: dead, but the BMC goes on reading ON.
///
/// # Errors
/// Something of the node survives.
pub fn crash(site: &Site, node: Node) -> Result<(), String> {
    let _hand = hand(site, node)?;
    die(site, node)
}

/// Cables first, so that no FIN, no RST and no ARP answer leaks; then the disks, so that nothing is written any more; then every
/// process at once.
fn die(site: &Site, node: Node) -> Result<(), String> {
    // A node that is off, or still in its firmware, has no cables.
    let _ = net::cable(site, node.name(), &Link::ALL, false);
    if let Some(root) = node::root(site, node) {
        disk::lose_power(site, node, &root)?;
    }
    node::cgroup(site, node)?.kill()?;
    disk::wait_unmounted(site, node)
}
