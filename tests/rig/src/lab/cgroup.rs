//! Control groups: one for each node, one for the lab's helper programs. `cgroup.kill` ends every process of a node at once and
//! `cgroup.freeze` hangs it. Works on unified hosts and on hybrid ones (version 1 controllers with a unified hierarchy beside them).

use super::tool::{read, wait_for};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One control group, in each hierarchy where systemd needs one.
#[derive(Clone, Debug)]
pub struct Cgroup {
    unified: PathBuf,
    /// The `name=systemd` hierarchy of a hybrid host: without a group of its own there, all containers share one `/payload`.
    named: Option<PathBuf>,
}

impl Cgroup {
    /// The group `twinguard-lab/<path>`.
    ///
    /// # Errors
    /// This host has no unified hierarchy.
    pub fn at(path: &str) -> Result<Self, String> {
        let mounts = read("/proc/self/mountinfo");
        let place = |wanted: &dyn Fn(&str, &str) -> bool| {
            mounts.lines().find_map(|line| {
                let (left, right) = line.split_once(" - ")?;
                let mut right = right.split(' ');
                let (fs, options) = (right.next()?, right.nth(1)?);
                wanted(fs, options).then(|| PathBuf::from(left.split(' ').nth(4).unwrap_or_default()))
            })
        };
        let unified = place(&|fs, _| fs == "cgroup2").ok_or("this host has no cgroup2 hierarchy, which the lab needs to switch a node off")?;
        let named = place(&|fs, options| fs == "cgroup" && options.split(',').any(|o| o == "name=systemd"));
        let below = |root: PathBuf| root.join("twinguard-lab").join(path);
        Ok(Self { unified: below(unified), named: named.map(below) })
    }

    /// Makes it.
    ///
    /// # Errors
    /// A folder can't be made.
    pub fn make(&self) -> Result<(), String> {
        self.folders().try_for_each(|f| fs::create_dir_all(f).map_err(|e| format!("cannot make the control group {}: {e}", f.display())))
    }

    /// Shell text that moves the shell into the group.
    pub fn enter(&self) -> String {
        self.folders().map(|f| format!("echo $$ > {}/cgroup.procs\n", f.display())).collect::<Vec<_>>().concat()
    }

    /// It is still there.
    pub fn exists(&self) -> bool {
        self.folders().any(|f| f.exists())
    }

    /// Some process lives in it.
    pub fn populated(&self) -> bool {
        read(self.unified.join("cgroup.events")).contains("populated 1")
    }

    /// Kills every process in it at once and waits until the last one is gone.
    ///
    /// # Errors
    /// A process survives, which means that it hangs in the kernel.
    pub fn kill(&self) -> Result<(), String> {
        if !self.unified.exists() {
            return Ok(());
        }
        fs::write(self.unified.join("cgroup.kill"), "1").map_err(|e| format!("cannot kill {}: {e}", self.unified.display()))?;
        wait_for(&format!("end of every process in {}", self.unified.display()), Duration::from_secs(10), || !self.populated()).map(drop)
    }

    /// Freezes or thaws every process in it.
    ///
    /// # Errors
    /// The group does not reach that state.
    pub fn freeze(&self, frozen: bool) -> Result<(), String> {
        let value = if frozen { "1" } else { "0" };
        fs::write(self.unified.join("cgroup.freeze"), value).map_err(|e| format!("cannot freeze {}: {e}", self.unified.display()))?;
        let state = format!("frozen {value}");
        wait_for(&format!("{} {state}", self.unified.display()), Duration::from_secs(5), || read(self.unified.join("cgroup.events")).contains(&state))
            .map(drop)
    }

    /// Every process in it and below.
    pub fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let mut folders = vec![self.unified.clone()];
        while let Some(folder) = folders.pop() {
            found.extend(read(folder.join("cgroup.procs")).lines().filter_map(|l| l.parse::<u32>().ok()));
            folders.extend(fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_dir()));
        }
        found
    }

    /// Removes it with everything below; it has to be empty of processes.
    ///
    /// # Errors
    /// It stays busy.
    pub fn remove(&self) -> Result<(), String> {
        for folder in self.folders() {
            wait_for(&format!("removal of {}", folder.display()), Duration::from_secs(5), || remove_tree(folder))?;
        }
        Ok(())
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.unified).chain(self.named.as_ref())
    }
}

/// Deepest first; true once the folder is gone.
fn remove_tree(folder: &PathBuf) -> bool {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_tree(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
    !folder.exists()
}
