//! The keeper of the copies: looks once a second how far each copy is, tells the board, and runs what a slave needs to follow. A
//! thread of its own: a database that hangs never delays a decision.
//!
//! Starts receivers on SLAVE and STANDBY only while the peer serves, and never touches a group that is being taken. Makes nothing
//! writable, promotes nothing, rebuilds nothing.

use super::board::{Board, Place};
use super::database::{self, Look};
use super::freshness::Word;
use super::record::Records;
use super::{folders, mirror, postgresql, volumes};
use crate::takeover::machine::{Programs, must, unit_state};
use crate::takeover::{ms, publish};
use plugin_core::Host;
use plugin_core::cluster::{Cluster, Data, Group};
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;
use plugin_core::host::{Command, System};
use std::collections::BTreeMap;
use std::time::Duration;

/// Each group is looked at this often.
const EVERY: Duration = Duration::from_secs(1);
/// One look may take this long; starting a database longer.
const LOOK: Duration = Duration::from_secs(5);
const START: Duration = Duration::from_mins(1);
/// The settings of a server are in force in all of its processes after this, ms.
const SETTLED_MS: u64 = 1_000;
/// Even without news the record is written this often, ms.
const SAVE_MS: u64 = 5_000;

/// What the keeper remembers between two looks.
#[derive(Debug, Default)]
struct Memory {
    /// Since when the peer is attached as the one that every commit waits for, ms.
    strict_since: BTreeMap<String, u64>,
    /// What was complained about last, by group.
    said: BTreeMap<String, String>,
    stamped_ms: u64,
    saved_ms: u64,
    saved_strict: bool,
}

/// Keeps the copies for as long as the agent runs.
pub fn run(cluster: &Cluster, peer: &str, board: &Board, records: &Records) {
    let mut memory = Memory::default();
    let clock = System::new(None);
    // Data without a copy need no keeper.
    let kept: Vec<&Group> = cluster.groups.iter().filter(|g| !matches!(g.data, Data::Device | Data::None)).collect();
    while !kept.is_empty() {
        let start = clock.now();
        for group in &kept {
            if let Err(text) = look(group, peer, board, &mut memory) {
                complain(&group.name, text, &mut memory);
            }
        }
        save(board, records, ms(clock.now()), &mut memory);
        clock.wait(EVERY.saturating_sub(clock.now().saturating_sub(start)).max(Duration::from_millis(200)));
    }
}

/// Said once, until it changes.
fn complain(group: &str, text: String, memory: &mut Memory) {
    if memory.said.get(group) != Some(&text) {
        publish::log(&format!("data of {group}: {text}"));
        memory.said.insert(group.to_owned(), text);
    }
}

fn save(board: &Board, records: &Records, now_ms: u64, memory: &mut Memory) {
    let copies = board.copies();
    let strict = copies.values().any(|c| c.strict);
    if strict == memory.saved_strict && now_ms.saturating_sub(memory.saved_ms) < SAVE_MS {
        return;
    }
    match records.save(board.boot(), &copies) {
        Ok(()) => (memory.saved_ms, memory.saved_strict) = (now_ms, strict),
        Err(text) => complain("all groups", text, memory),
    }
}

fn look(group: &Group, peer: &str, board: &Board, memory: &mut Memory) -> Result<(), String> {
    let host = System::new(Some(LOOK));
    let now_ms = || ms(host.now());
    let Some(place) = board.place(&group.name, now_ms()) else { return Ok(()) };
    match &group.data {
        Data::Drbd { resource, policy, .. } => {
            if board.wants_outdated(resource) && !matches!(place.role, Role::Master | Role::Taking) {
                mirror::outdate(&host, resource).map_err(|b| format!("cannot {b}"))?;
                board.is_outdated(resource, mirror::look(&host, resource).map_err(|b| format!("cannot {b}"))?.disk);
            }
            let started = now_ms();
            let seen = mirror::judge(&mirror::look(&host, resource), *policy);
            board.copy(&group.name, |copy| mirror::note(copy, seen, started));
            return Ok(());
        }
        Data::Vg { vg, exclusive } => {
            let seen = volumes::judge(&volumes::look(&host, vg, *exclusive), peer);
            board.copy(&group.name, |copy| {
                copy.trouble = seen.as_ref().err().cloned();
                copy.seen = seen.unwrap_or_else(|(_, text)| text);
            });
            return Ok(());
        }
        _ => {}
    }
    let result = follow(group, peer, board, &place);
    if let Some(database) = group.data.database() {
        // Before the look: what the master had at this stamp is at most what is seen now.
        let echo = board.peer_stamp();
        let look = database::look(&host, database, peer);
        let word = match &look {
            Ok(Some(look)) => Word { echo, at: look.at.clone(), strict: strict(group, look, &place, peer, memory, now_ms()) },
            _ => Word::default(),
        };
        board.word(&group.name, word);
        board.copy(&group.name, |copy| {
            copy.seen = match &look {
                Ok(Some(look)) => look.seen.clone(),
                Ok(None) => format!("{} does not run", database.unit),
                Err(blind) => format!("cannot {blind}"),
            };
            let look = look.ok().flatten();
            let two = look.as_ref().is_some_and(|l| l.writable) && place.peer == Some(Role::Master) && place.role != Role::Master;
            copy.trouble = two.then(|| (Refusal::DataSplit, "the database is writable here while the peer serves".to_owned()));
            let follows = look.as_ref().is_some_and(|l| l.follows) && place.role != Role::Master;
            copy.reached(look.as_ref().and_then(|l| l.at.as_ref()), follows, now_ms());
        });
    }
    if place.role == Role::Master {
        if let Some(stamp) = board.peer_stamp().filter(|_| now_ms().saturating_sub(memory.stamped_ms) >= stamp_every(&group.data)) {
            memory.stamped_ms = now_ms();
            folders::stamp(group.data.folders(), &stamp)?;
        }
    } else if let Some(ms) = folders::complete_ms(&host, group.data.folders(), board.boot(), now_ms()) {
        board.copy(&group.name, |copy| copy.files_ms = copy.files_ms.max(Some(ms)));
    }
    result
}

/// A tenth of the accepted loss, between one second and one minute, ms.
fn stamp_every(data: &Data) -> u64 {
    data.max_loss().map_or(60_000, |m| ms(m) / 10).clamp(1_000, 60_000)
}

/// A slave's receivers and its database run while the master serves. On INERT nothing runs: whoever booted knows nothing yet.
fn follow(group: &Group, peer: &str, board: &Board, place: &Place) -> Result<(), String> {
    let follows = |p: &Place| matches!(p.role, Role::Slave | Role::Standby) && p.peer == Some(Role::Master);
    if !follows(place) {
        return Ok(());
    }
    let _hands = board.hands();
    let host = System::new(Some(START));
    // A takeover may have begun while the hands were full.
    if !board.place(&group.name, ms(host.now())).is_some_and(|p| follows(&p)) {
        return Ok(());
    }
    let text = |b: plugin_core::Blind| format!("cannot {b}");
    for unit in &group.slave_only {
        if unit_state(&host, unit).map_err(text)? != "active" {
            must(&host, &Command::new(Programs::SYSTEMCTL).args(["start", "--", unit])).map_err(text)?;
        }
    }
    group.data.database().map_or(Ok(()), |database| database::follow(&host, database).map_err(|e| format!("{e} ({peer} serves)")))
}

/// The strict policy of a master: from when on its commits wait for the slave, and when they no longer do. They go on waiting for a slave
/// that is merely silent: nothing is acknowledged that it could lack. Only a slave that says itself that it is not eligible is left behind.
fn strict(group: &Group, look: &Look, place: &Place, peer: &str, memory: &mut Memory, now_ms: u64) -> bool {
    // Only PostgreSQL may be configured so.
    let Some(database) = group.data.database().filter(|_| group.data.max_loss() == Some(Duration::ZERO)) else { return false };
    if place.role != Role::Master || !look.writable {
        memory.strict_since.remove(&group.name);
        return false;
    }
    let change = match place.peer {
        Some(Role::Slave) if look.attached && !look.waits => Some(Some(peer)),
        Some(Role::Standby | Role::Failed) if look.waits => Some(None),
        _ => None,
    };
    if let Some(names) = change {
        memory.strict_since.remove(&group.name);
        if let Err(blind) = postgresql::wait_for_peer(&System::new(Some(LOOK)), database, names) {
            complain(&group.name, format!("cannot {blind}"), memory);
        }
        return false;
    }
    if !look.waits {
        memory.strict_since.remove(&group.name);
        return false;
    }
    if look.synchronous {
        memory.strict_since.entry(group.name.clone()).or_insert(now_ms);
    }
    memory.strict_since.get(&group.name).is_some_and(|since| now_ms.saturating_sub(*since) >= SETTLED_MS)
}
