//! A replicating database, whichever engine it is: looked at, promoted, demoted.

use super::position::Position;
use super::{mariadb, postgresql};
use crate::takeover::machine::unit_state;
use plugin_core::cluster::{Database, Engine};
use plugin_core::{Blind, Host};
use std::time::Duration;

/// How long the last writes may take to arrive at the other node in a graceful move.
const DRAIN: Duration = Duration::from_secs(30);

/// What a server looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of its own")]
pub struct Look {
    /// It takes writes.
    pub writable: bool,
    /// How far it is: what it wrote, or received.
    pub at: Option<Position>,
    /// It receives from a master now.
    pub follows: bool,
    /// Its commits wait for the other node.
    pub waits: bool,
    /// The other node is attached as the one that is waited for.
    pub synchronous: bool,
    /// The other node receives from it.
    pub attached: bool,
    /// The other node has everything.
    pub peer_complete: bool,
    /// For people.
    pub seen: String,
}

/// Looks at the server; `None` = its unit does not run.
///
/// # Errors
/// It runs and does not answer.
pub fn look(host: &dyn Host, database: &Database, peer: &str) -> Result<Option<Look>, Blind> {
    if unit_state(host, &database.unit)? != "active" {
        return Ok(None);
    }
    match database.engine {
        Engine::Postgresql => postgresql::look(host, database, peer),
        Engine::Mariadb => mariadb::look(host, database),
    }
    .map(Some)
}

/// T2.
///
/// # Errors
/// What the server or `systemctl` said.
pub fn promote(host: &dyn Host, database: &Database) -> Result<String, Blind> {
    match database.engine {
        Engine::Postgresql => postgresql::promote(host, database),
        Engine::Mariadb => mariadb::promote(host, database),
    }
}

/// Gives the database away to a peer that follows it. `reached` tells how far the peer is.
///
/// # Errors
/// The peer did not get everything.
pub fn demote(host: &dyn Host, database: &Database, peer: &str, reached: &dyn Fn() -> Option<Position>) -> Result<(), String> {
    match database.engine {
        Engine::Postgresql => postgresql::demote(host, database, peer, DRAIN),
        Engine::Mariadb => mariadb::demote(host, database, DRAIN, reached),
    }
}

/// Stops writing, for a peer that serves already or was never asked: what is here stays for an administrator.
///
/// # Errors
/// What could not be done.
pub fn abandon(host: &dyn Host, database: &Database) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    if look(host, database, "-").is_ok_and(|look| look.is_none_or(|l| !l.writable)) {
        return Ok(());
    }
    match database.engine {
        Engine::Postgresql => postgresql::stop(host, database),
        Engine::Mariadb => mariadb::read_only(host, database).map_err(text),
    }
}

/// Runs the server of a slave, which must not come up writable.
///
/// # Errors
/// Why it is not started.
pub fn follow(host: &dyn Host, database: &Database) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    if unit_state(host, &database.unit).map_err(text)? == "active" {
        return Ok(());
    }
    if database.engine == Engine::Postgresql && !postgresql::is_standby(host, database).map_err(text)? {
        let folder = database.directory();
        return Err(format!("{} is no standby: rebuild it from the master (pg_rewind or pg_basebackup -R)", folder.display()));
    }
    postgresql::start(host, database).map_err(text)?;
    if database.engine == Engine::Mariadb {
        mariadb::read_only(host, database).map_err(text)?;
    }
    Ok(())
}
