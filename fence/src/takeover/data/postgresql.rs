//! PostgreSQL, streaming: asked and told by `psql` as the user `postgres` over its own socket. Never `pg_rewind` or
//! `pg_basebackup`: what is thrown away is an administrator's decision.

use super::database::Look;
use super::position::Position;
use crate::takeover::machine::{Programs, must, unit_state};
use plugin_core::cluster::Database;
use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use std::time::Duration;

/// One row of everything. `received` counts what is on this node's disk; an idle pair is in sync by place, not by time.
const LOOK: &str = "SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), \
    CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver) \
         ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END, \
    CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_flush_lsn() END, \
    (SELECT status FROM pg_stat_wal_receiver), current_setting('synchronous_standby_names'), current_setting('synchronous_commit'), \
    (SELECT count(*) FROM pg_stat_replication WHERE application_name = :'peer' AND state = 'streaming' AND sync_state IN ('sync', 'quorum')), \
    (SELECT count(*) FROM pg_stat_replication WHERE application_name = :'peer' AND state = 'streaming'), \
    CASE WHEN pg_is_in_recovery() THEN false ELSE coalesce((SELECT bool_or(flush_lsn >= pg_current_wal_flush_lsn()) \
         FROM pg_stat_replication WHERE application_name = :'peer' AND state = 'streaming'), false) END;\n";

/// A statement by `psql`, variables by `-v`, so that no text is ever pasted into SQL.
fn psql(database: &Database, variables: &[(&str, &str)], sql: &str) -> Command {
    let port = database.port.unwrap_or(5432).to_string();
    let mut command = as_owner(Programs::PSQL).args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-p", &port, "-h"]);
    command = command.arg(database.socket());
    for (name, value) in variables {
        command = command.arg("-v").arg(format!("{name}={value}"));
    }
    command.stdin = Some(sql.as_bytes().to_vec());
    command
}

fn as_owner(program: &str) -> Command {
    Command::new(Programs::SETPRIV).args(["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--", program])
}

/// Looks at the server; `peer` is the other node's name, which its `application_name` has to be.
///
/// # Errors
/// It does not answer.
pub fn look(host: &dyn Host, database: &Database, peer: &str) -> Result<Look, Blind> {
    let out = must(host, &psql(database, &[("peer", peer)], LOOK))?;
    parse(&out.stdout, peer).ok_or_else(|| Blind::Parse { what: "PostgreSQL's answer".to_owned(), reason: format!("\"{}\"", out.stdout.trim()) })
}

fn parse(text: &str, peer: &str) -> Option<Look> {
    let fields: Vec<&str> = text.trim_end_matches('\n').split('|').collect();
    let [recovery, system, timeline, lsn, receiver, names, commit, synchronous, attached, complete] = fields.as_slice() else { return None };
    let writable = match *recovery {
        "f" => true,
        "t" => false,
        _ => return None,
    };
    let wal = |timeline, lsn| Position::Wal { system: (*system).to_owned(), timeline, lsn };
    let at = timeline.parse().ok().zip(Position::lsn(lsn)).map(|(t, l)| wal(t, l));
    let waits = *names == names_peer(peer) && !matches!(*commit, "off" | "local");
    let state = if receiver.is_empty() { "not connected" } else { receiver };
    let place = at.as_ref().map_or("no place yet".to_owned(), ToString::to_string);
    Some(Look {
        writable,
        at,
        follows: *receiver == "streaming",
        waits,
        synchronous: synchronous.parse::<u32>().ok()? > 0,
        attached: attached.parse::<u32>().ok()? > 0,
        peer_complete: *complete == "t",
        seen: if writable { format!("PostgreSQL is primary, {place}") } else { format!("PostgreSQL is standby, {state}, {place}") },
    })
}

/// The value of `synchronous_standby_names` that makes every commit wait for `peer`.
fn names_peer(peer: &str) -> String {
    format!("\"{peer}\"")
}

/// From now on commits wait for `peer`, or for nobody.
///
/// # Errors
/// What `psql` said.
pub fn wait_for_peer(host: &dyn Host, database: &Database, peer: Option<&str>) -> Result<(), Blind> {
    let names = peer.map(names_peer).unwrap_or_default();
    let sql = "ALTER SYSTEM SET synchronous_standby_names = :'names';\nSELECT pg_reload_conf();\n";
    must(host, &psql(database, &[("names", &names)], sql)).map(drop)
}

/// T2: the standby becomes the primary, with everything that it has received. Done already = nothing happens.
///
/// # Errors
/// What `psql` or `systemctl` said.
pub fn promote(host: &dyn Host, database: &Database) -> Result<String, Blind> {
    start(host, database)?;
    let answers = || look(host, database, "-");
    // A server that was just started replays its log first.
    let mut look = answers();
    while look.is_err() && !host.left().is_zero() {
        host.wait(Duration::from_millis(200));
        look = answers();
    }
    if look?.writable {
        // A primary that waited for the other node would wait for ever.
        return wait_for_peer(host, database, None).map(|()| "PostgreSQL is primary already".to_owned());
    }
    // Before it is writable: no commit may wait for a node that is gone.
    wait_for_peer(host, database, None)?;
    let said = must(host, &psql(database, &[], "SELECT pg_promote(true, 60);\n"))?.stdout;
    if said.trim() != "t" {
        let reason = "pg_promote did not end within 60 s; see the server's log".to_owned();
        return Err(Blind::Command { program: "psql".to_owned(), reason });
    }
    let look = answers()?;
    Ok(look.seen)
}

/// Runs the server; it may already run.
///
/// # Errors
/// What `systemctl` said.
pub fn start(host: &dyn Host, database: &Database) -> Result<(), Blind> {
    if unit_state(host, &database.unit)? == "active" {
        return Ok(());
    }
    must(host, &Command::new(Programs::SYSTEMCTL).args(["start", "--", &database.unit])).map(drop)
}

/// Graceful demotion: nobody writes any more; once the other node has everything, this server ends and starts as its standby. An orderly
/// end sends the rest of the log first, so the new primary's history contains all of it and nothing has to be rebuilt.
///
/// # Errors
/// The other node did not get everything in time: the server still is the primary.
pub fn demote(host: &dyn Host, database: &Database, peer: &str, limit: Duration) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    if unit_state(host, &database.unit).map_err(text)? == "active" {
        let end = host.now() + limit;
        loop {
            let look = look(host, database, peer).map_err(text)?;
            if !look.writable {
                return Ok(());
            }
            if look.peer_complete {
                break;
            }
            if host.now() >= end {
                let why = if look.attached { "lags" } else { "is not connected" };
                return Err(format!(
                    "the PostgreSQL of {peer} {why}: it did not get everything within {} s, so nothing is given away",
                    limit.as_secs()
                ));
            }
            host.wait(Duration::from_millis(50));
        }
        stop(host, database)?;
    }
    let signal = database.directory().join("standby.signal");
    must(host, &as_owner(Programs::TOUCH).arg(signal)).map_err(text)?;
    start(host, database).map_err(text)
}

/// Ends the server: what it holds may be another history than the new primary's, and is left for an administrator.
///
/// # Errors
/// What `systemctl` said.
pub fn stop(host: &dyn Host, database: &Database) -> Result<(), String> {
    must(host, &Command::new(Programs::SYSTEMCTL).args(["stop", "--", &database.unit])).map(drop).map_err(|b| format!("cannot {b}"))
}

/// The server would start as a standby. Read as its owner, who alone may look into the folder.
///
/// # Errors
/// The folder can't be looked at.
pub fn is_standby(host: &dyn Host, database: &Database) -> Result<bool, Blind> {
    let test = as_owner(Programs::TEST).arg("-e").arg(database.directory().join("standby.signal"));
    Ok(host.run(&test)?.success())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Rows as PostgreSQL 15 wrote them.
    const PRIMARY: &str = "f|7444839263049583102|1|0/3000148|||on|0|0|f\n";
    const STRICT: &str = "f|7444839263049583102|2|0/5000148||\"n2\"|on|1|1|t\n";
    const STANDBY: &str = "t|7444839263049583102|1|0/3000148|streaming||on|0|0|f\n";
    const ALONE: &str = "t|7444839263049583102||0/3000148||\"n2\"|on|0|0|f\n";

    #[test]
    fn the_four_states_of_a_server() {
        let look = |text| parse(text, "n2").unwrap();
        let primary = look(PRIMARY);
        assert!(primary.writable && !primary.waits && !primary.attached && !primary.peer_complete);
        let strict = look(STRICT);
        assert!(strict.waits && strict.synchronous && strict.peer_complete);
        assert_eq!(strict.seen, "PostgreSQL is primary, timeline 2 0/5000148");
        let standby = look(STANDBY);
        assert!(!standby.writable && standby.follows);
        assert!(standby.at.unwrap().covers(&primary.at.unwrap()));
        let alone = look(ALONE);
        assert!(!alone.follows && alone.at.is_none(), "without a receiver its history is not known");
        assert_eq!(alone.seen, "PostgreSQL is standby, not connected, no place yet");
    }

    #[test]
    fn a_commit_that_does_not_wait_is_not_strict() {
        let with = |from: &str, to: &str| parse(&STRICT.replace(from, to), "n2").unwrap().waits;
        assert!(!with("|on|", "|off|") && !with("|on|", "|local|"));
        assert!(with("|on|", "|remote_apply|"));
        assert!(!with("\"n2\"", "\"n3\"") && !with("\"n2\"", "ANY 1 (\"n2\", \"n3\")"), "another's receipt proves nothing here");
    }

    #[test]
    fn an_answer_of_another_shape_is_not_understood() {
        for odd in ["", "f|1|1", "x|1|1|0/1|||on|0|0|f", "f|1|1|0/1|||on|||f"] {
            assert_eq!(parse(odd, "n2"), None, "{odd}");
        }
    }
}
