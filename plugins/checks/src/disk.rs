//! `check_disk`: how full are the file systems, which of them went read-only, which are missing, which hang?
//!
//! Reads the mount table before any mount is touched, and asks each file system in a thread of its own: a hung NFS is one
//! CRITICAL line and the rest is reported. Never lists disks through a crate that refreshes them all.

mod data;
mod judge;
pub(crate) mod mounts;
mod probe;

use data::Preset;
use mounts::Mount;
use plugin_core::cluster::Span;
use plugin_core::contract::{Status, paths};
use plugin_core::host::read_status;
use plugin_core::range::{Range, percent};
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Limits, Report};
use std::path::{Path, PathBuf};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// Space, inodes and health of mounted file systems.
///
/// Percents are used / (used + available to users), as df prints them. A file system that the kernel has switched to
/// read-only, a named path that is not mounted, and one that does not answer are CRITICAL.
///
/// Example: `check_disk -w 80 -c 90 --inodes-critical 95 -p / -p /srv/mail`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Disk {
    /// Mount point to check; repeat. Default: all, without pseudo file systems and second views of the same device
    #[arg(short, long, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// Type of file system to leave out; repeat
    #[arg(short = 'X', long, value_name = "TYPE")]
    exclude_type: Vec<String>,
    /// Mount point to leave out; repeat
    #[arg(short = 'x', long, value_name = "PATH")]
    exclude_path: Vec<PathBuf>,
    /// WARNING when the used percent leaves this range
    #[arg(short, long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true)]
    warning: Option<Range>,
    /// CRITICAL when the used percent leaves this range
    #[arg(short, long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true)]
    critical: Option<Range>,
    /// WARNING when the percent of used inodes leaves this range
    #[arg(long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true)]
    inodes_warning: Option<Range>,
    /// CRITICAL when the percent of used inodes leaves this range
    #[arg(long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true)]
    inodes_critical: Option<Range>,
    /// Directory of managed data: CRITICAL on NFS (BM4), on the master's root file system, or mounted on another node than the master (BM5); repeat
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Also the directories of data of this product
    #[arg(long, value_name = "PRODUCT")]
    preset: Option<Preset>,
    /// What the agent on this node publishes; read for --data
    #[arg(long, value_name = "FILE", default_value = paths::STATUS)]
    status: PathBuf,
    /// Time after which one file system counts as hung
    #[arg(long, value_name = "TIME", default_value = "2s")]
    mount_timeout: Span,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    seen: Vec<Seen>,
    /// Directories of data and the mounts under them.
    data: Vec<(PathBuf, Option<Mount>)>,
    /// The role, where there are directories of data.
    status: Option<Result<Status, Blind>>,
}

/// One mount and what the kernel says about its space.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Where it is mounted.
    path: PathBuf,
    /// What was found there.
    sight: Sight,
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq)]
enum Sight {
    /// Nothing is mounted there.
    Missing,
    /// No answer in time.
    Hung,
    /// The call failed; an input/output error of a file system is a fact about it.
    Failed(String),
    /// Its space, and whether the kernel has switched it to read-only.
    Space(Space, bool),
}

/// Space of one file system.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Space {
    /// All bytes.
    total: f64,
    /// Bytes in use.
    used: f64,
    /// Bytes that users may still write.
    available: f64,
    /// All inodes; 0 where the file system has no fixed number.
    inodes: f64,
    /// Inodes in use.
    inodes_used: f64,
}

impl Check for Disk {
    const TITLE: &'static str = "DISK";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let table = mounts::parse(&host.read(Path::new(MOUNTINFO))?)?;
        let chosen = if self.path.is_empty() { mounts::by_default(&table) } else { mounts::named(&table, &self.path) };
        let excluded = |path: &Path, mount: Option<&Mount>| {
            self.exclude_path.iter().any(|x| x == path) || mount.is_some_and(|m| self.exclude_type.contains(&m.kind))
        };
        let chosen: Vec<_> = chosen.into_iter().filter(|(path, mount)| !excluded(path, mount.as_ref())).collect();
        stage("waiting for the file systems");
        let data = self.data.iter().cloned().chain(self.preset.into_iter().flat_map(Preset::paths));
        let data: Vec<_> = data.map(|path| (path.clone(), data::under(&table, &path).cloned())).collect();
        let status = (!data.is_empty()).then(|| read_status(host, &self.status));
        Ok(Facts { seen: probe::ask(host, chosen, self.mount_timeout.or_forever()), data, status })
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        let space = Limits { warning: self.warning.clone(), critical: self.critical.clone() };
        let inodes = Limits { warning: self.inodes_warning.clone(), critical: self.inodes_critical.clone() };
        for seen in &facts.seen {
            judge::judge(seen, &space, &inodes, report);
        }
        if let Some(status) = &facts.status {
            for (path, mount) in &facts.data {
                data::judge(path, mount.as_ref(), status, report);
            }
        }
    }
}
