//! MariaDB, replicating by GTID: asked and told by `mariadb` as root over its own socket.

use super::database::Look;
use super::position::Position;
use crate::takeover::machine::{Programs, must};
use plugin_core::host::Command;
use plugin_core::{Blind, Host, cluster::Database};
use std::collections::BTreeMap;
use std::time::Duration;

/// Writable or not, and the last transaction in its own log.
const OWN: &str = "SELECT CONCAT('read_only=', @@global.read_only, ' binlog=', @@global.gtid_binlog_pos);\n";
/// The state of its replication, column by column; nothing for a server that replicates from nobody.
const REPLICA: &str = "SHOW SLAVE STATUS\\G\n";

fn client(database: &Database, options: &[&str], sql: &str) -> Command {
    let mut command =
        Command::new(Programs::MARIADB).args(["--batch", "--raw"]).args(options.iter().copied()).args(["--protocol=socket", "--socket"]);
    command = command.arg(database.socket());
    command.stdin = Some(sql.as_bytes().to_vec());
    command
}

/// Statements whose values are wanted, without their names.
fn mariadb(database: &Database, sql: &str) -> Command {
    client(database, &["--skip-column-names"], sql)
}

fn replica(host: &dyn Host, database: &Database) -> Result<String, Blind> {
    must(host, &client(database, &[], REPLICA)).map(|out| out.stdout)
}

/// Looks at the server.
///
/// # Errors
/// It does not answer.
pub fn look(host: &dyn Host, database: &Database) -> Result<Look, Blind> {
    let own = must(host, &mariadb(database, OWN))?.stdout;
    let replica = replica(host, database)?;
    parse(&own, &replica)
        .ok_or_else(|| Blind::Parse { what: "MariaDB's answer".to_owned(), reason: format!("\"{} {}\"", own.trim(), replica.trim()) })
}

/// `Name: value` lines of `\G`. An answer without them is a server that replicates from nobody.
fn columns(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|l| l.trim().split_once(": ").or_else(|| l.trim().strip_suffix(':').map(|name| (name, "")))).collect()
}

fn parse(own: &str, replica: &str) -> Option<Look> {
    let (read_only, binlog) = own.trim_end().strip_prefix("read_only=")?.split_once(" binlog=")?;
    let writable = match read_only {
        "OFF" => true,
        // Versions from 12 on know stricter kinds of it.
        "ON" | "NO_LOCK" | "NO_LOCK_NO_ADMIN" => false,
        _ => return None,
    };
    let columns = columns(replica);
    let column = |name| columns.get(name).copied();
    let (io, sql) = (column("Slave_IO_Running"), column("Slave_SQL_Running"));
    let by_gtid = column("Using_Gtid").is_some_and(|v| v != "No");
    let follows = io == Some("Yes") && sql == Some("Yes") && by_gtid;
    let at = if writable { Position::gtid(binlog)? } else { Position::gtid(column("Gtid_IO_Pos").unwrap_or(binlog))? };
    let state = match (io, by_gtid) {
        (None, _) => "replicates from nobody".to_owned(),
        (Some(_), false) => "replicates without GTID".to_owned(),
        (Some(io), true) => {
            let error = ["Last_IO_Error", "Last_SQL_Error"].into_iter().filter_map(column).find(|e| !e.is_empty());
            format!("IO {io}, SQL {}{}", sql.unwrap_or("?"), error.map(|e| format!(", {e}")).unwrap_or_default())
        }
    };
    let seen = if writable { format!("MariaDB is writable, {at}") } else { format!("MariaDB is read-only, {state}, {at}") };
    Some(Look { writable, at: Some(at), follows, waits: false, synchronous: false, attached: false, peer_complete: false, seen })
}

/// T2: what was received is applied, then the replica becomes a server of its own. Done already = nothing happens.
///
/// # Errors
/// What `mariadb` said, or that what was received could not be applied in time.
pub fn promote(host: &dyn Host, database: &Database) -> Result<String, Blind> {
    must(host, &Command::new(Programs::SYSTEMCTL).args(["start", "--", &database.unit]))?;
    let text = replica(host, database)?;
    if let Some(received) = columns(&text).get("Gtid_IO_Pos") {
        must(host, &mariadb(database, "STOP SLAVE IO_THREAD;\n"))?;
        // Its own checked text: digits, dashes and commas.
        if Position::gtid(received).is_some() && !received.is_empty() {
            let applied = must(host, &mariadb(database, &format!("SELECT MASTER_GTID_WAIT('{received}', 60);\n")))?.stdout;
            if applied.trim() != "0" {
                let reason = format!("{received} was received but could not be applied within 60 s; see SHOW SLAVE STATUS");
                return Err(Blind::Command { program: "mariadb".to_owned(), reason });
            }
        }
        must(host, &mariadb(database, "STOP SLAVE;\nRESET SLAVE ALL;\n"))?;
    }
    must(host, &mariadb(database, "SET GLOBAL read_only = 0;\n"))?;
    Ok(look(host, database)?.seen)
}

/// Graceful demotion: read-only, running transactions ended, and the other node has everything. `reached` tells how far it is.
///
/// # Errors
/// It did not get everything in time; this server is read-only then, and is made writable again by who called.
pub fn demote(host: &dyn Host, database: &Database, limit: Duration, reached: &dyn Fn() -> Option<Position>) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    if !look(host, database).map_err(text)?.writable {
        return Ok(());
    }
    read_only(host, database).map_err(text)?;
    let wanted = must(host, &mariadb(database, "SELECT @@global.gtid_binlog_pos;\n")).map_err(text)?.stdout;
    let wanted = Position::gtid(&wanted).ok_or_else(|| format!("cannot understand MariaDB's position \"{}\"", wanted.trim()))?;
    let end = host.now() + limit;
    while !reached().is_some_and(|there| there.covers(&wanted)) {
        if host.now() >= end {
            return Err(format!("the other node's MariaDB did not reach {wanted} within {} s, so nothing is given away", limit.as_secs()));
        }
        host.wait(Duration::from_millis(50));
    }
    Ok(())
}

/// Nobody but an administrator writes any more.
///
/// # Errors
/// What `mariadb` said.
pub fn read_only(host: &dyn Host, database: &Database) -> Result<(), Blind> {
    must(host, &mariadb(database, "SET GLOBAL read_only = 1;\nFLUSH TABLES WITH READ LOCK;\nUNLOCK TABLES;\n")).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// As MariaDB 10.11 wrote it, columns that nobody reads left out.
    const OWN: &str = "read_only=ON binlog=0-1-10\n";
    const REPLICA: &str = "*************************** 1. row ***************************\n                Slave_IO_State: Waiting for master to send event\n\
                   Master_Host: 192.168.250.1\n              Slave_IO_Running: Yes\n             Slave_SQL_Running: Yes\n\
                 Last_IO_Error: \n                Last_SQL_Error: \n         Seconds_Behind_Master: 0\n                    Using_Gtid: Slave_Pos\n\
                   Gtid_IO_Pos: 0-1-12\n";

    #[test]
    fn a_replica_counts_what_it_received_and_only_while_both_threads_run() {
        let look = |text: &str| parse(OWN, text).unwrap();
        let good = look(REPLICA);
        assert!(!good.writable && good.follows);
        assert_eq!(good.at, Position::gtid("0-1-12"));
        assert!(!look(&REPLICA.replace("Slave_IO_Running: Yes", "Slave_IO_Running: Connecting")).follows);
        assert!(!look(&REPLICA.replace("Slave_SQL_Running: Yes", "Slave_SQL_Running: No")).follows);
        let by_file = look(&REPLICA.replace("Slave_Pos", "No"));
        assert!(!by_file.follows && by_file.seen.contains("without GTID"), "{}", by_file.seen);
        let broken = look(&REPLICA.replace("Last_IO_Error: ", "Last_IO_Error: error connecting to master"));
        assert!(broken.seen.contains("error connecting to master"), "{}", broken.seen);
    }

    #[test]
    fn a_master_counts_its_own_log() {
        let master = parse("read_only=OFF binlog=0-1-99\n", "").unwrap();
        assert!(master.writable && !master.follows);
        assert_eq!((master.at, master.seen.as_str()), (Position::gtid("0-1-99"), "MariaDB is writable, GTID 0:99"));
        let alone = parse("read_only=ON binlog=\n", "").unwrap();
        assert!(alone.seen.contains("replicates from nobody"), "{}", alone.seen);
    }

    #[test]
    fn an_answer_of_another_shape_is_not_understood() {
        for odd in ["", "read_only=ON\n", "read_only=2 binlog=\n", "read_only=OFF binlog=x\n"] {
            assert_eq!(parse(odd, ""), None, "{odd}");
        }
    }
}
