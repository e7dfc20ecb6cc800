//! `check_raid`: does a RAID controller, or a RAID of the kernel, report a fault (MD16)? Runs on the master.
//!
//! Each back end is a file of its own and declares the tool or the files that it reads; the ones that are there are asked. Never
//! changes anything, and never calls an array broken because a tool could not be asked.

mod arcconf;
mod areca;
mod btrfs;
mod cciss;
mod dm;
mod drbd;
mod judge;
mod mdstat;
mod megacli;
mod mpt;
mod part;
mod remembered;
mod sas_ircu;
mod ssacli;
mod storcli;
mod tw_cli;
mod zfs;

use crate::machine::{Access, Machine};
use crate::place::Place;
use part::Part;
use plugin_core::cluster::Span;
use plugin_core::contract::paths;
use plugin_core::memory::Memory;
use plugin_core::{Blind, Check, Host, Range, Report, State};
use remembered::Past;
use std::path::PathBuf;

/// State of the machine's RAID arrays, drives, spares, write caches and batteries.
///
/// Asks what is installed: `tw_cli` (3ware), storcli, perccli, `MegaCli`, arcconf, ssacli, hpssacli, hpacucli,
/// `cciss_vol_status`, mpt-status, sas2ircu, sas3ircu, cli64 (Areca), and the kernel's md, ZFS, btrfs, device-mapper RAID and DRBD. Degraded arrays and
/// failed drives are CRITICAL, predicted failures, foreign configurations and worn batteries WARNING. With --failover CRITICAL
/// only for what a move to the other node cures, and only on the master. What can't be asked is UNKNOWN.
///
/// Example: `check_raid --sudo --if-present`
///
/// Example: `check_raid --failover --failover-on failed`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Raid {
    /// Ask only this back end; repeat: 3ware, storcli, megacli, arcconf, ssacli, cciss, mpt, sas-ircu, areca, md, zfs, btrfs, dm, drbd
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(BACKENDS.iter().map(|b| b.name)), hide_possible_values = true)]
    backend: Vec<String>,
    /// The controllers are asked at most once in this time, and the last answer stands meanwhile: many hold back the data while
    /// they answer; 0s = at each call
    #[arg(long, value_name = "TIME", default_value = "0s")]
    every: Span,
    /// Folder in which their answers are remembered
    #[arg(long, value_name = "DIR", default_value = paths::MEMORY)]
    state_dir: PathBuf,
    /// What arrays and drives are to be, and what their faults mean
    #[command(flatten)]
    policy: Policy,
    /// Where the check belongs; with --failover on the master
    #[command(flatten)]
    place: Place,
    /// How tools are reached
    #[command(flatten)]
    access: Access,
}

/// What each condition means.
#[derive(Clone, Debug, clap::Args)]
pub struct Policy {
    /// State of a rebuild, initialisation or migration
    #[arg(long, value_name = "STATE", default_value = "warning", value_parser = state)]
    resync: State,
    /// State of a battery that learns
    #[arg(long, value_name = "STATE", default_value = "warning", value_parser = state)]
    bbulearn: State,
    /// State of a write cache that is there, protected, and off
    #[arg(long, value_name = "STATE", default_value = "warning", value_parser = state)]
    cache_fail: State,
    /// State of a running verify, patrol read or scrub
    #[arg(long, value_name = "STATE", default_value = "ok", value_parser = state)]
    check: State,
    /// WARNING when a temperature in degrees Celsius leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    temperature: Option<Range>,
    /// WARNING when a drive's media errors leave this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    media_errors: Option<Range>,
    /// Part to leave out, as it is named in the output (c0/p3), or a beginning and *; repeat
    #[arg(long, value_name = "PART")]
    ignore: Vec<String>,
    /// Nothing to check is OK
    #[arg(long)]
    if_present: bool,
    /// For the service with the event handler: OK, CRITICAL or UNKNOWN only, and only on the master
    #[arg(long)]
    failover: bool,
    /// What counts as severe with --failover: failed = data out of reach, degraded = also lost redundancy
    #[arg(long, value_name = "STATE", default_value = "failed", value_enum, hide_possible_values = true)]
    failover_on: FailoverOn,
}

/// What counts as severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FailoverOn {
    /// Data can't be reached.
    Failed,
    /// Redundancy is lost.
    Degraded,
}

fn state(text: &str) -> Result<State, String> {
    match text.to_ascii_lowercase().as_str() {
        "ok" => Ok(State::Ok),
        "warning" => Ok(State::Warning),
        "critical" => Ok(State::Critical),
        "unknown" => Ok(State::Unknown),
        _ => Err(format!("\"{text}\" is no state: write ok, warning, critical or unknown")),
    }
}

/// Parts, empty if there is no such controller; `None` if neither tool nor file is there.
type Look = fn(&Machine<'_>) -> Option<Result<Vec<Part>, Blind>>;

/// One kind of RAID.
struct Backend {
    name: &'static str,
    look: Look,
}

/// The back ends; 3ware first, it is the one that the source system names.
const BACKENDS: [Backend; 14] = [
    Backend { name: "3ware", look: tw_cli::look },
    Backend { name: "storcli", look: storcli::look },
    Backend { name: "megacli", look: megacli::look },
    Backend { name: "arcconf", look: arcconf::look },
    Backend { name: "ssacli", look: ssacli::look },
    Backend { name: "cciss", look: cciss::look },
    Backend { name: "mpt", look: mpt::look },
    Backend { name: "sas-ircu", look: sas_ircu::look },
    Backend { name: "areca", look: areca::look },
    Backend { name: "md", look: mdstat::look },
    Backend { name: "zfs", look: zfs::look },
    Backend { name: "btrfs", look: btrfs::look },
    Backend { name: "dm", look: dm::look },
    Backend { name: "drbd", look: drbd::look },
];

/// What one back end saw.
#[derive(Debug)]
pub struct Seen {
    backend: &'static str,
    parts: Result<Vec<Part>, Blind>,
}

/// What was seen.
#[derive(Debug)]
pub enum Facts {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// What the back ends saw, and what is to be said of the memory.
    Seen(Vec<Seen>, Vec<String>),
}

impl Check for Raid {
    const TITLE: &'static str = "RAID";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let elsewhere = if self.policy.failover { self.place.not_master(host)? } else { self.place.elsewhere(host)? };
        if let Some(why) = elsewhere {
            return Ok(Facts::Elsewhere(why));
        }
        let every = self.every.or_forever();
        let memory = Memory::new(&self.state_dir, "raid", &format!("{:?}{:?}", self.backend, self.access));
        let mut notes = Vec::new();
        if !every.is_zero() {
            let (remembered, lost) = Past::recall(&memory, host, every);
            notes.extend(lost);
            if let Some((seen, age)) = remembered {
                notes.push(format!("asked {} s ago", age.as_secs()));
                return Ok(Facts::Seen(seen, notes));
            }
        }
        let machine = Machine::new(host, &self.access);
        let wanted = BACKENDS.iter().filter(|back| self.backend.is_empty() || self.backend.iter().any(|name| name == back.name));
        let seen = wanted.filter_map(|back| {
            let absent = || Blind::Command { program: back.name.to_owned(), reason: "neither its tool nor its files are there; install it".into() };
            let parts = (back.look)(&machine).or_else(|| (!self.backend.is_empty() && !self.policy.if_present).then(|| Err(absent())))?;
            Some(Seen { backend: back.name, parts })
        });
        let seen: Vec<Seen> = seen.collect();
        if !every.is_zero() {
            notes.extend(Past::keep(&memory, host, &seen));
        }
        Ok(Facts::Seen(seen, notes))
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        match facts {
            Facts::Elsewhere(why) => report.say(State::Ok, why.as_str()),
            Facts::Seen(seen, notes) => {
                judge::judge(seen, &self.policy, report);
                for note in notes {
                    report.note(note);
                }
            }
        }
    }
}
