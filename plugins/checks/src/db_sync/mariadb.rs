//! What a MariaDB or MySQL server says of its replication.
//!
//! Columns are picked by the names that come back, not by the statement: MariaDB answers `SHOW REPLICA STATUS` with the old
//! names, MySQL 8.4 knows only the new ones.

mod judge;

pub use judge::judge;

use crate::db::{Fault, Session, Table};

/// A global transaction id of MariaDB, `domain-server-sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gtid {
    /// Replication domain.
    pub domain: u64,
    /// Server that made it.
    pub server: u64,
    /// Number within the domain.
    pub seq: u64,
}

/// One replication channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    /// Empty for the unnamed one.
    pub name: String,
    /// Whom it follows.
    pub source: String,
    /// `Yes`, `No`, `Connecting`, `Preparing`.
    pub io: String,
    /// `Yes`, `No`.
    pub sql: String,
    /// Seconds behind; NULL is not 0.
    pub lag: Option<f64>,
    /// Seconds that it is meant to stay behind.
    pub delay: f64,
    /// Number and text of the last error of the IO thread; 0 = none.
    pub io_error: (u32, String),
    /// Number and text of the last error of the SQL thread; 0 = none.
    pub sql_error: (u32, String),
}

/// What one server says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Product and version.
    pub version: String,
    /// Must differ between the nodes.
    pub server_id: u64,
    /// Refuses writes of normal accounts.
    pub read_only: bool,
    /// Newest transaction per domain in its own binary log.
    pub written: Vec<Gtid>,
    /// Newest transaction per domain and server in its own binary log.
    pub state: Vec<Gtid>,
    /// Newest transaction per domain that replication has applied.
    pub applied: Vec<Gtid>,
    /// Its own clock, Unix seconds.
    pub clock: f64,
    /// Channels over which it replicates.
    pub channels: Vec<Channel>,
}

/// Asks one server.
///
/// # Errors
/// [`Fault`].
pub fn look(session: &mut dyn Session) -> Result<Sight, Fault> {
    let version = session.version()?;
    let maria = version.starts_with("MariaDB");
    let gtid = if maria { "@@gtid_binlog_pos, @@gtid_slave_pos, @@gtid_binlog_state" } else { "'', '', ''" };
    let table = session.ask(&format!("SELECT @@global.server_id, @@global.read_only, {gtid}, UNIX_TIMESTAMP(NOW(6))"))?;
    let cell = |at: usize| table.rows.first().and_then(|row| row.get(at)).and_then(Option::as_deref).unwrap_or_default();
    let statuses = if maria {
        session.ask("SHOW ALL SLAVES STATUS")?
    } else {
        // Renamed in 8.0.22; the old name is gone in 8.4.
        match session.ask("SHOW REPLICA STATUS") {
            Err(Fault::Server { code, .. }) if code == "1064" => session.ask("SHOW SLAVE STATUS")?,
            other => other?,
        }
    };
    Ok(Sight {
        version,
        server_id: cell(0).parse().unwrap_or(0),
        read_only: matches!(cell(1), "1" | "ON"),
        written: gtids(cell(2))?,
        applied: gtids(cell(3))?,
        state: gtids(cell(4))?,
        clock: cell(5).parse().unwrap_or(f64::NAN),
        channels: channels(&statuses),
    })
}

/// `0-1-10,1-2-3`.
fn gtids(text: &str) -> Result<Vec<Gtid>, Fault> {
    let one = |part: &str| {
        let mut numbers = part.trim().splitn(3, '-').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Gtid { domain: next()?, server: next()?, seq: next()? })
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts.map(|part| one(part).ok_or_else(|| Fault::Garbage(format!("\"{part}\" is no GTID")))).collect()
}

fn channels(table: &Table) -> Vec<Channel> {
    let channel = |row: &Vec<Option<String>>| {
        let pick = |names: &[&str]| names.iter().find_map(|name| table.value(row, name));
        let text = |names: &[&str]| pick(names).unwrap_or_default().to_owned();
        let error = |number: &str, words: &str| (text(&[number]).parse().unwrap_or(0), text(&[words]));
        Channel {
            name: text(&["Connection_name", "Channel_Name"]),
            source: format!("{}:{}", text(&["Master_Host", "Source_Host"]), text(&["Master_Port", "Source_Port"])),
            io: text(&["Slave_IO_Running", "Replica_IO_Running"]),
            sql: text(&["Slave_SQL_Running", "Replica_SQL_Running"]),
            lag: pick(&["Seconds_Behind_Master", "Seconds_Behind_Source"]).and_then(|lag| lag.parse().ok()),
            delay: text(&["SQL_Delay"]).parse().unwrap_or(0.0),
            io_error: error("Last_IO_Errno", "Last_IO_Error"),
            sql_error: error("Last_SQL_Errno", "Last_SQL_Error"),
        }
    };
    table.rows.iter().map(channel).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn table(pairs: &[(&str, Option<&str>)]) -> Table {
        let columns = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
        Table { columns, rows: vec![pairs.iter().map(|(_, value)| value.map(str::to_owned)).collect()], more: false }
    }

    #[test]
    fn old_and_new_names_of_columns_mean_the_same() {
        // MariaDB 10.11 and MySQL 9.7, the columns that matter.
        let old = table(&[
            ("Connection_name", Some("")),
            ("Master_Host", Some("db1")),
            ("Master_Port", Some("3306")),
            ("Slave_IO_Running", Some("Yes")),
            ("Slave_SQL_Running", Some("No")),
            ("Seconds_Behind_Master", None),
            ("SQL_Delay", Some("0")),
            ("Last_SQL_Errno", Some("1062")),
            ("Last_SQL_Error", Some("Duplicate entry")),
        ]);
        let new = table(&[
            ("Replica_IO_Running", Some("Yes")),
            ("Replica_SQL_Running", Some("No")),
            ("Source_Host", Some("db1")),
            ("Source_Port", Some("3306")),
            ("Seconds_Behind_Source", None),
            ("Last_SQL_Errno", Some("1062")),
            ("Last_SQL_Error", Some("Duplicate entry")),
            ("Channel_Name", Some("")),
        ]);
        let expected = Channel {
            source: "db1:3306".into(),
            io: "Yes".into(),
            sql: "No".into(),
            sql_error: (1062, "Duplicate entry".into()),
            ..Channel::default()
        };
        assert_eq!(channels(&old), vec![expected.clone()]);
        assert_eq!(channels(&new), vec![expected]);
    }

    #[test]
    fn gtids_of_several_domains() {
        assert_eq!(gtids("0-1-10,7-2-3").unwrap(), [Gtid { domain: 0, server: 1, seq: 10 }, Gtid { domain: 7, server: 2, seq: 3 }]);
        assert_eq!(gtids(""), Ok(vec![]));
        assert!(gtids("0-1").is_err() && gtids("a-b-c").is_err());
    }
}
