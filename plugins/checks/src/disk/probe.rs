//! statvfs(3) of each mount in a thread of its own, with a common deadline. A thread that hangs is left behind.

use super::select::Chosen;
use super::{Sight, Space};
use plugin_core::Host;
use rustix::fs::{StatVfs, statvfs};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Asks all mounts at once; one sight each, in their order.
pub fn ask(host: &dyn Host, chosen: &[Chosen], timeout: Duration) -> Vec<Sight> {
    let (sender, receiver) = channel();
    let mut seen: Vec<Sight> = chosen.iter().map(|c| if c.mount.is_some() { Sight::Hung } else { Sight::Missing }).collect();
    for (at, each) in chosen.iter().enumerate() {
        if let Some(mount) = &each.mount {
            let (sender, path, flipped) = (sender.clone(), mount.path.clone(), mount.flipped);
            std::thread::spawn(move || sender.send((at, look(&path, flipped))));
        }
    }
    drop(sender);
    // A little less than the check's own deadline, so that the mounts that did answer are still reported.
    let timeout = timeout.min(host.left().mul_f64(0.8));
    let end = host.now().saturating_add(timeout);
    while let Ok((at, sight)) = receiver.recv_timeout(end.saturating_sub(host.now())) {
        if let Some(entry) = seen.get_mut(at) {
            *entry = sight;
        }
    }
    seen
}

fn look(path: &PathBuf, flipped: bool) -> Sight {
    match statvfs(path) {
        Ok(stat) => Sight::Space(space(&stat), flipped),
        Err(e) => Sight::Failed(std::io::Error::from(e).to_string()),
    }
}

fn space(stat: &StatVfs) -> Space {
    // Fragments count, not preferred block sizes; a "negative" number of free blocks is none.
    let bytes = |blocks: u64| if blocks > u64::MAX / 2 { 0.0 } else { blocks as f64 * stat.f_frsize as f64 };
    let free = |all: u64, free: u64| all.saturating_sub(free);
    Space {
        total: bytes(stat.f_blocks),
        used: bytes(free(stat.f_blocks, stat.f_bfree)),
        available: bytes(stat.f_bavail),
        inodes: stat.f_files as f64,
        inodes_used: free(stat.f_files, stat.f_ffree) as f64,
    }
}
