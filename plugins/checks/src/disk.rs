//! `check_disk`: how full are the file systems, which of them went read-only, which are missing, which hang?
//!
//! Reads the mount table before any mount is touched, and asks each file system in a thread of its own: a hung NFS is one
//! CRITICAL line and the rest is reported. Never lists disks through a crate that refreshes them all.

mod bound;
mod data;
mod forecast;
mod judge;
pub(crate) mod mounts;
mod probe;
mod select;
mod style;
mod words;

use data::Preset;
use forecast::{Forecast, Past};
use mounts::Mount;
use plugin_core::cluster::Span;
use plugin_core::contract::{Status, paths};
use plugin_core::host::read_status;
use plugin_core::memory::{Memory, Recall};
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Report, State};
use select::{Chosen, Filter};
use std::path::{Path, PathBuf};
use style::Style;
use words::Words;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// Space, inodes and health of mounted file systems.
///
/// The thresholds are those of the stock `check_disk`: the least free space. Percents are available / (used + available to
/// users), as df prints them. A file system that the kernel has switched to read-only, a named path that is not mounted, and
/// one that does not answer are CRITICAL. Thresholds and -g stand for the paths after them, up to the next -C.
///
/// Example: `check_disk -w 20% -c 10% -W 10% -K 5% -p / -C -w 5% -c 2% -p /srv/mail`
///
/// Example: `check_disk -w 10% -c 5% -g data -r '^/srv' --forecast-warning 48: --forecast-critical 8:`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Disk {
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    style: Style,
    /// The time from whose growth the forecast is made
    #[arg(long, value_name = "TIME", default_value = "6h")]
    forecast_window: Span,
    /// Folder in which the growth is remembered
    #[arg(long, value_name = "DIR", default_value = paths::MEMORY)]
    state_dir: PathBuf,
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
    /// Patterns that match no mount.
    lost: Vec<String>,
    /// Directories of data and the mounts under and in them.
    data: Vec<(PathBuf, Option<Mount>, Vec<Mount>)>,
    /// The role, where there are directories of data.
    status: Option<Result<Status, Blind>>,
    /// What happened to the memory.
    notes: Vec<String>,
    /// Why there is no forecast at the next run.
    blind: Option<Blind>,
}

/// One mount and what the kernel says about its space.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What was asked for.
    chosen: Chosen,
    /// What was found there.
    sight: Sight,
    /// When it is full, where that was asked.
    forecast: Option<Forecast>,
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

impl Space {
    /// Both together.
    fn with(self, other: &Space) -> Space {
        Space {
            total: self.total + other.total,
            used: self.used + other.used,
            available: self.available + other.available,
            inodes: self.inodes + other.inodes,
            inodes_used: self.inodes_used + other.inodes_used,
        }
    }
}

impl Disk {
    /// Foretells for each when it is full, and remembers what it shows now.
    fn foretell(&self, host: &dyn Host, facts: &mut Facts) {
        if !self.style.foretells() {
            return;
        }
        let memory = Memory::new(&self.state_dir, "disk", &format!("{:?}{:?}", self.words, self.filter));
        let mut past: Past = match memory.recall(host) {
            Recall::Known(past) => past,
            Recall::Nothing => Past::default(),
            Recall::Lost(why) => {
                facts.notes.push(why);
                Past::default()
            }
        };
        let now = u64::try_from(host.wall_ms()).unwrap_or(0);
        for seen in &mut facts.seen {
            if let (Sight::Space(space, _), None, false) = (&seen.sight, &seen.chosen.group, seen.chosen.touch) {
                let path = seen.chosen.path.display().to_string();
                seen.forecast = Some(past.foretell(&path, now, space.used, space.available, self.forecast_window.or_forever()));
            }
        }
        past.only(&facts.seen.iter().map(|s| s.chosen.path.display().to_string()).collect::<Vec<_>>());
        facts.blind = memory.keep(&past).err();
    }
}

impl Check for Disk {
    const TITLE: &'static str = "DISK";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let table = mounts::parse(&host.read(Path::new(MOUNTINFO))?)?;
        let (chosen, lost) = select::select(&self.words.0, &table, &self.filter);
        stage("waiting for the file systems");
        let data = self.data.iter().cloned().chain(self.preset.into_iter().flat_map(Preset::paths));
        let data: Vec<_> = data
            .map(|path| {
                let (under, below) = data::mounts(&table, &path);
                (path.clone(), under.cloned(), below.into_iter().cloned().collect())
            })
            .collect();
        let status = (!data.is_empty()).then(|| read_status(host, &self.status));
        let sights = probe::ask(host, &chosen, self.mount_timeout.or_forever());
        let seen = chosen.into_iter().zip(sights).map(|(chosen, sight)| Seen { chosen, sight, forecast: None }).collect();
        let mut facts = Facts { seen, lost, data, status, notes: Vec::new(), blind: None };
        self.foretell(host, &mut facts);
        Ok(facts)
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(&facts.seen, &self.style, report);
        for pattern in &facts.lost {
            report.say(State::Unknown, format!("no mount matches \"{pattern}\""));
        }
        if let Some(status) = &facts.status {
            for (path, mount, below) in &facts.data {
                data::judge(path, mount.as_ref(), below, status, report);
            }
        }
        facts.notes.iter().for_each(|note| report.note(note));
        if let Some(blind) = &facts.blind {
            report.say(State::Unknown, format!("no forecast: cannot {blind}"));
        }
    }
}
