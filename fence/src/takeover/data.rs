//! The data of a group: how fresh this node's copy is (gate G6), how it becomes the data (T2), and how it is given away.
//!
//! [`freshness`] judges, [`keeper`] looks, [`board`] is what both share with the loop. A policy is a file of its own: a replicating
//! [`database`] with copied [`folders`], LVM [`volumes`], a DRBD [`mirror`]. No path in here throws data away.

pub mod board;
pub mod database;
pub mod folders;
pub mod freshness;
pub mod keeper;
mod mariadb;
pub mod mirror;
pub mod position;
mod postgresql;
pub mod record;
pub mod volumes;

pub use board::{Board, DataBeat};
pub use freshness::Copy;

use super::machine::{Programs, must};
use super::ms;
use plugin_core::cluster::{Cluster, Data, Engine, Group};
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;
use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use std::sync::Arc;

/// What T2 rests on beside the proof.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is known of the copies.
    pub board: Arc<Board>,
    /// The other node.
    pub peer: String,
    /// When the peer had stopped writing at the latest (CLOCK_BOOTTIME, ms); `None` = it gave the data away itself, complete.
    pub end_ms: Option<u64>,
}

fn blind(code: Refusal) -> impl Fn(Blind) -> (Refusal, String) {
    move |b| (code, format!("cannot {b}"))
}

/// T2: this node's copy becomes the data. Judged once more, now that the master's end is known; then receivers stop, and the database, the
/// mirror or the volume group is made writable. Idempotent.
///
/// # Errors
/// The code and what was seen. Nothing was made writable unless the copy may be served.
pub fn take(host: &dyn Host, group: &Group, terms: &Terms) -> Result<String, (Refusal, String)> {
    if matches!(group.data, Data::Device | Data::None) {
        return Ok("nothing to take over".to_owned());
    }
    let _hands = terms.board.hands();
    let own = terms.board.place(&group.name, ms(host.now())).is_some_and(|p| p.own);
    // A takeover that goes on after a crash of the agent: its copy became the data before.
    let taken = writable(host, group).is_ok_and(|w| w.is_some());
    let mut said = Vec::new();
    if let Some(end_ms) = terms.end_ms.filter(|_| !own && !taken) {
        let copy = terms.board.copies().get(&group.name).cloned().unwrap_or_default();
        said.push(copy.judge(&group.data, end_ms)?);
    }
    for unit in &group.slave_only {
        must(host, &Command::new(Programs::SYSTEMCTL).args(["stop", "--", unit])).map_err(blind(Refusal::Service))?;
        said.push(format!("{unit} stopped"));
    }
    match &group.data {
        Data::Vg { vg, exclusive } => said.push(volumes::take(host, vg, *exclusive, &terms.peer)?),
        Data::Drbd { resource, .. } => said.push(mirror::take(host, resource).map_err(blind(Refusal::DataUnknown))?),
        _ => {}
    }
    if let Some(database) = group.data.database() {
        said.push(database::promote(host, database).map_err(blind(Refusal::DataUnknown))?);
    }
    Ok(said.join("; "))
}

/// Gives the data up, after services, address and mounts. To a peer that follows as SLAVE: complete, or not at all. Otherwise (this node
/// is behind, or a takeover failed) it only stops being writable.
///
/// # Errors
/// What could not be given up, or that the peer did not get everything.
pub fn release(host: &dyn Host, group: &Group, board: &Board, peer: &str) -> Result<(), String> {
    match &group.data {
        Data::Vg { vg, exclusive } => volumes::release(host, vg, *exclusive),
        Data::Drbd { resource, .. } => mirror::release(host, resource).map_err(|b| format!("cannot {b}")),
        _ => match group.data.database() {
            None => Ok(()),
            Some(database) => {
                let follows =
                    board.place(&group.name, ms(host.now())).is_some_and(|p| p.own && p.role == Role::Master && p.peer == Some(Role::Slave));
                let reached = || board.peer_at(&group.name);
                if follows { database::demote(host, database, peer, &reached) } else { database::abandon(host, database) }
            }
        },
    }
}

/// Takes back what this master gave up in vain.
///
/// # Errors
/// What could not be taken back.
pub fn restore(host: &dyn Host, group: &Group, peer: &str) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    match &group.data {
        Data::Vg { vg, exclusive } => volumes::take(host, vg, *exclusive, peer).map(drop).map_err(|(code, text)| format!("{code}: {text}")),
        Data::Drbd { resource, .. } => mirror::take(host, resource).map(drop).map_err(text),
        _ => group.data.database().map_or(Ok(()), |database| database::promote(host, database).map(drop).map_err(text)),
    }
}

/// This machine holds the group's data in no writable form: part of a promise.
///
/// # Errors
/// What it holds, or why it could not be seen.
pub fn clean(host: &dyn Host, group: &Group) -> Result<(), String> {
    match writable(host, group)? {
        Some(what) => Err(format!("{what} here")),
        None => Ok(()),
    }
}

/// This machine holds the group's data as a master does.
///
/// # Errors
/// What it lacks, or why it could not be seen.
pub fn lacks(host: &dyn Host, group: &Group) -> Result<(), String> {
    let kept = group.data.database().is_some() || matches!(group.data, Data::Vg { .. } | Data::Drbd { .. });
    if !kept || writable(host, group)?.is_some() { Ok(()) } else { Err("the data are not writable here".to_owned()) }
}

fn writable(host: &dyn Host, group: &Group) -> Result<Option<String>, String> {
    let text = |b: Blind| format!("cannot {b}");
    match &group.data {
        Data::Vg { vg, exclusive } => {
            let seen = volumes::look(host, vg, *exclusive).map_err(text)?;
            Ok(seen.active.first().map(|lv| format!("{vg}/{lv} is active")))
        }
        Data::Drbd { resource, .. } => {
            let seen = mirror::look(host, resource).map_err(text)?;
            Ok((seen.role == "Primary").then(|| format!("{resource} is Primary")))
        }
        _ => match group.data.database() {
            None => Ok(None),
            Some(database) => {
                let look = database::look(host, database, "-").map_err(text)?;
                Ok(look.filter(|l| l.writable).map(|_| format!("{} is writable", database.unit)))
            }
        },
    }
}

/// G12: what would make a copy writable, or take a volume group, at boot (SX16).
///
/// # Errors
/// Something could not be looked at.
pub fn boot_starts(host: &dyn Host, cluster: &Cluster) -> Result<Vec<String>, Blind> {
    let mut found = Vec::new();
    for group in &cluster.groups {
        match &group.data {
            Data::Vg { vg, exclusive } if volumes::look(host, vg, *exclusive)?.autoactivation => {
                found.push(format!("{vg} activates itself at boot; run: vgchange --setautoactivation n {vg}"));
            }
            Data::Drbd { resource, .. } => {
                let show = must(host, &Command::new(Programs::DRBDSETUP).args(["show", "--show-defaults", resource]))?.stdout;
                if show.lines().any(|l| l.split_whitespace().eq(["auto-promote", "yes;"])) {
                    found.push(format!("{resource} promotes itself when it is opened; set auto-promote no"));
                }
            }
            _ => {}
        }
        // MariaDB may start by itself, read-only as its configuration has to say; PostgreSQL would start as what it was.
        if let Some(database) = group.data.database() {
            let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "UnitFileState", "--value", "--", &database.unit]);
            let enabled = matches!(must(host, &show)?.stdout.trim(), "enabled" | "enabled-runtime");
            if enabled && (database.engine == Engine::Postgresql || !starts_read_only(host)?) {
                found.push(format!("{} is enabled", database.unit));
            }
        }
    }
    Ok(found)
}

fn starts_read_only(host: &dyn Host) -> Result<bool, Blind> {
    let defaults = must(host, &Command::new(Programs::MY_PRINT_DEFAULTS).args(["mysqld", "server", "mariadb", "mariadbd"]))?.stdout;
    let option = |line: &str| line.trim().trim_start_matches('-').replace('-', "_").to_lowercase();
    Ok(defaults
        .lines()
        .map(option)
        .rfind(|o| o.starts_with("read_only"))
        .is_some_and(|o| matches!(o.as_str(), "read_only" | "read_only=1" | "read_only=on")))
}
