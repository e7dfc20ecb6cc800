//! Which labs exist on this host and who owns them: a folder for each below `/run/twinguard-lab`, with the owner's process id and
//! start time. Removes labs, and at each start those whose owner is dead.

use super::cgroup::Cgroup;
use super::site::{Node, Site};
use super::tool::{read, run, write};
use super::{disk, net, power};
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const ROOT: &str = "/run/twinguard-lab";

/// Holds the registry.
struct Desk(#[expect(dead_code, reason = "holds the lock until it is dropped")] fs::File);

fn desk() -> Result<Desk, String> {
    let path = Path::new(ROOT).join("lock");
    let file = fs::create_dir_all(ROOT)
        .and_then(|()| fs::File::create(&path))
        .map_err(|e| format!("cannot make {}: {e}; the lab needs root", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).map_err(|e| format!("cannot lock {}: {e}", path.display()))?;
    Ok(Desk(file))
}

/// Registers a new lab of this process; its unique name and its folder.
///
/// # Errors
/// The folder can't be made.
pub fn claim() -> Result<(String, PathBuf), String> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let _desk = desk()?;
    sweep();
    let pid = std::process::id();
    let id = format!("tglab{pid}x{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let run = Path::new(ROOT).join(&id);
    write(&run.join("owner"), format!("{pid} {}", started(&pid.to_string())).as_bytes())?;
    Ok((id, run))
}

/// When a process started, in clock ticks since the boot: a process id alone may have been used again. Empty: no such process.
fn started(pid: &str) -> String {
    let stat = read(format!("/proc/{pid}/stat"));
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    after_name.split_whitespace().nth(19).unwrap_or_default().to_owned()
}

/// Removes what crashed labs left behind.
///
/// # Errors
/// The registry can't be locked.
pub fn clean() -> Result<(), String> {
    let _desk = desk()?;
    sweep();
    Ok(())
}

fn sweep() {
    for entry in fs::read_dir(ROOT).into_iter().flatten().flatten().filter(|e| e.path().is_dir()) {
        let owner = read(entry.path().join("owner"));
        let (pid, start) = owner.split_once(' ').unwrap_or_default();
        if start.is_empty() || started(pid) != start {
            remove(&entry.file_name().to_string_lossy());
        }
    }
}

/// Removes a lab: nodes, helper programs, namespaces, control groups, loop devices, folders. Does what it can whatever is missing.
pub fn remove(id: &str) {
    let run_folder = Path::new(ROOT).join(id);
    let site = Site::load(&run_folder);
    if let Ok(site) = &site {
        for node in Node::BOTH {
            let _ = power::off(site, node);
        }
    }
    if let Ok(group) = Cgroup::at(id) {
        let _ = group.kill();
    }
    for pid in net::processes(id) {
        let _ = run("kill", &["-KILL", &pid]);
    }
    net::remove(id);
    if let Ok(group) = Cgroup::at(id) {
        let _ = group.remove();
    }
    if let Ok(site) = &site {
        disk::remove(&site.disk);
        let _ = fs::remove_dir_all(&site.disk);
    }
    let _ = fs::remove_dir_all(&run_folder);
}
