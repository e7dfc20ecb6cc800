//! `check_services`: do the services run that have to, and only those?
//!
//! Asks systemd by `systemctl show`, whose text form is stable, and the kernel's listeners by `ss`. On a cluster's node it
//! knows from the agent which services belong here now. Starts, stops and enables nothing.

mod judge;
pub(crate) mod listen;
mod memory;
pub(crate) mod probe;
mod roles;
pub(crate) mod unit;

use listen::{Listen, Socket};
use memory::Count;
use plugin_core::cluster::Span;
use plugin_core::contract::paths;
use plugin_core::{Blind, Check, Host, Limits, Range, Report};
use regex_lite::Regex;
use std::path::PathBuf;
use std::time::Duration;
use unit::Unit;

/// Units of systemd: what must run, what must not, what fails, flaps or starts by itself.
///
/// Without a selection all loaded services, timers, sockets, mounts and paths are looked at for failures. With --by-role the
/// services of cluster.toml are judged by this node's role: on the master they must run, elsewhere they must not, and on no
/// node may one of them start at boot (SX16).
///
/// Example: `check_services --by-role --must-run ssh,cron --listen 25=any`
///
/// Example: `check_services --include '^php.*-fpm' --restarts-warning 2 --restarts-critical 10`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Services {
    /// Unit that must run; repeat or separate by commas (without a suffix: .service)
    #[arg(short = 'u', long = "must-run", visible_alias = "unit", value_name = "UNIT", value_delimiter = ',')]
    must_run: Vec<String>,
    /// Unit that must not run here; repeat or separate by commas
    #[arg(long, value_name = "UNIT", value_delimiter = ',')]
    must_not_run: Vec<String>,
    /// Unit that must not start at boot; repeat or separate by commas
    #[arg(long, value_name = "UNIT", value_delimiter = ',')]
    no_autostart: Vec<String>,
    /// Look at all loaded units whose name matches, for failures; repeat
    #[arg(short, long, value_name = "REGEX")]
    include: Vec<Regex>,
    /// Leave out units whose name matches; repeat
    #[arg(short = 'x', long, value_name = "REGEX")]
    exclude: Vec<Regex>,
    /// Judge the services of cluster.toml by this node's role
    #[arg(long)]
    by_role: bool,
    /// Named units must be enabled, and enabled ones must run
    #[arg(long)]
    drift: bool,
    /// A port and what its server has to be bound to: any (RX6: IPv4 or both), any6 or an address; PORT/udp for UDP; repeat or separate by commas
    #[arg(long, value_name = "PORT[/udp]=any|any6|ADDRESS", value_delimiter = ',')]
    listen: Vec<Listen>,
    /// WARNING when the number of automatic restarts of one unit within --restart-window leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    restarts_warning: Option<Range>,
    /// CRITICAL when the number of automatic restarts of one unit within --restart-window leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    restarts_critical: Option<Range>,
    /// Time over which restarts are counted
    #[arg(long, value_name = "TIME", default_value = "15m")]
    restart_window: Span,
    /// WARNING when the memory of one named unit leaves this range (bytes)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    memory_warning: Option<Range>,
    /// CRITICAL when the memory of one named unit leaves this range (bytes)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    memory_critical: Option<Range>,
    /// Time that a unit may take to start or stop
    #[arg(long, value_name = "TIME", default_value = "2m")]
    grace: Span,
    /// What the agent on this node publishes
    #[arg(long, value_name = "FILE", default_value = paths::STATUS)]
    status: PathBuf,
    /// The pair's configuration
    #[arg(long, value_name = "FILE", default_value = paths::CONFIG)]
    config: PathBuf,
    /// Folder in which the numbers of restarts are remembered
    #[arg(long, value_name = "DIR", default_value = paths::MEMORY)]
    state_dir: PathBuf,
}

/// What is asked of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It has to run.
    Run,
    /// It must not run; why.
    Rest(String),
    /// It may do as it likes, but not fail.
    Look,
}

/// One unit, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Seen {
    unit: Unit,
    rule: Rule,
    /// It must not start at boot.
    never_at_boot: bool,
    /// One of the units that start it on demand is active.
    triggered: bool,
    /// Automatic restarts within the window; `None` = nobody asked, or this is the first run.
    restarts: Option<Count>,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    /// CLOCK_BOOTTIME.
    now: Duration,
    units: Vec<Seen>,
    /// This node's role in words.
    roles: Vec<String>,
    /// Why the role or the past is not known; each is UNKNOWN.
    blind: Vec<String>,
    /// What happened to the memory.
    notes: Vec<String>,
    /// What listens, where that was asked.
    sockets: Vec<Socket>,
}

impl Services {
    fn restarts(&self) -> Limits {
        Limits { warning: self.restarts_warning.clone(), critical: self.restarts_critical.clone() }
    }

    /// The past is needed.
    const fn counts(&self) -> bool {
        self.restarts_warning.is_some() || self.restarts_critical.is_some()
    }
}

impl Check for Services {
    const TITLE: &'static str = "SERVICES";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        probe::look(self, host)
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(self, facts, report);
        for wanted in &self.listen {
            listen::judge(wanted, &facts.sockets, report);
        }
    }
}
