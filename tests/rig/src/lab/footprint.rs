//! What a refusal may leave behind: nothing outside the state folder. Lists the files that a node has written, from its own
//! overlay layer, so that nothing in the node has to be asked.

use super::site::{Node, Site};
use super::tool::read;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders in which writing is no side effect: state and spool of the product (journal, state, the mails of the refusal), and what
/// init, Icinga and its checks write all the time.
const ALLOWED: [&str; 8] =
    ["var/lib/twinguard", "var/spool/twinguard", "var/log", "var/lib/icinga2", "var/cache", "var/lib/systemd", "var/lib/private", "tmp"];

/// The files of a node's layer with their time of change, and the power commands that its BMC was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    files: BTreeMap<PathBuf, (i64, i64)>,
    power_commands: usize,
}

impl Footprint {
    /// As it is now, over both nodes.
    pub fn of(site: &Site) -> Self {
        let mut files = BTreeMap::new();
        let mut power_commands = 0;
        for node in Node::BOTH {
            let root = site.upper(node);
            walk(&root, &root, node, &mut files);
            power_commands += read(site.run.join(format!("{}.chassis", node.name()))).lines().filter(|l| l.contains("set power")).count();
        }
        Self { files, power_commands }
    }

    /// What was done since `before`; empty after a refusal.
    pub fn since(&self, before: &Self) -> Vec<String> {
        let touched = self.files.iter().filter(|(path, time)| before.files.get(*path) != Some(time)).map(|(path, _)| path.display().to_string());
        let gone = before.files.keys().filter(|path| !self.files.contains_key(*path)).map(|path| format!("{} is gone", path.display()));
        let told = self.power_commands - before.power_commands;
        touched.chain(gone).chain((told > 0).then(|| format!("{told} power commands"))).collect()
    }
}

fn walk(root: &Path, folder: &Path, node: Node, files: &mut BTreeMap<PathBuf, (i64, i64)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let inside = path.strip_prefix(root).unwrap_or(&path);
        if ALLOWED.iter().any(|allowed| inside.starts_with(allowed)) {
            continue;
        }
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            walk(root, &path, node, files);
        } else {
            files.insert(Path::new(node.name()).join(inside), (meta.ctime(), meta.ctime_nsec()));
        }
    }
}
