//! How far a database has come: a place in PostgreSQL's log, or MariaDB's GTIDs. Pure; compares, never looks.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How far one server has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(tag = "engine", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Position {
    /// PostgreSQL.
    Wal {
        /// `system_identifier`: made by `initdb`, the same on every copy.
        system: String,
        /// Timeline: counts promotions.
        timeline: u32,
        /// Place in the log, bytes.
        lsn: u64,
    },
    /// MariaDB: highest sequence number of each replication domain.
    Gtid {
        /// Domain → sequence number.
        domains: BTreeMap<u32, u64>,
    },
}

impl Position {
    /// Both are places of one history: of two histories neither ever covers the other.
    pub fn is_of_history(&self, other: &Position) -> bool {
        match (self, other) {
            (Position::Wal { system, timeline, .. }, Position::Wal { system: s, timeline: t, .. }) => system == s && timeline == t,
            (Position::Gtid { .. }, Position::Gtid { .. }) => true,
            _ => false,
        }
    }

    /// A server at this position has everything that one at `other` has. Logs of different servers or timelines do not compare.
    pub fn covers(&self, other: &Position) -> bool {
        match (self, other) {
            (Position::Wal { system, timeline, lsn }, Position::Wal { system: s, timeline: t, lsn: l }) => system == s && timeline == t && lsn >= l,
            (Position::Gtid { domains }, Position::Gtid { domains: others }) => {
                others.iter().all(|(d, seq)| domains.get(d).is_some_and(|own| own >= seq))
            }
            _ => false,
        }
    }

    /// From PostgreSQL's `16/B374D848` (two hexadecimal halves).
    pub fn lsn(text: &str) -> Option<u64> {
        let (high, low) = text.trim().split_once('/')?;
        Some((u64::from(u32::from_str_radix(high, 16).ok()?) << 32) | u64::from(u32::from_str_radix(low, 16).ok()?))
    }

    /// From MariaDB's `0-1-100,1-1-7` (domain-server-sequence). An empty list is a server that was never written to.
    pub fn gtid(text: &str) -> Option<Position> {
        let mut domains = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let numbers: Vec<&str> = part.split('-').collect();
            let [domain, server, sequence] = numbers.as_slice() else { return None };
            server.parse::<u32>().ok()?;
            let sequence = sequence.parse::<u64>().ok()?;
            let known = domains.entry(domain.parse::<u32>().ok()?).or_insert(0);
            *known = sequence.max(*known);
        }
        Some(Position::Gtid { domains })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Wal { timeline, lsn, .. } => write!(f, "timeline {timeline} {:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff),
            Position::Gtid { domains } => {
                let parts: Vec<String> = domains.iter().map(|(d, seq)| format!("{d}:{seq}")).collect();
                write!(f, "GTID {}", if parts.is_empty() { "none".to_owned() } else { parts.join(",") })
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn wal(system: &str, timeline: u32, lsn: &str) -> Position {
        Position::Wal { system: system.to_owned(), timeline, lsn: Position::lsn(lsn).unwrap() }
    }

    #[test]
    fn a_log_is_compared_within_one_server_and_timeline_only() {
        assert!(wal("7", 1, "0/3000148").covers(&wal("7", 1, "0/3000148")));
        assert!(wal("7", 1, "1/0").covers(&wal("7", 1, "0/FFFFFFFF")));
        assert!(!wal("7", 1, "0/3000147").covers(&wal("7", 1, "0/3000148")));
        assert!(!wal("7", 2, "0/9000000").covers(&wal("7", 1, "0/3000148")), "a promoted copy is another history");
        assert!(!wal("8", 1, "0/9000000").covers(&wal("7", 1, "0/3000148")), "another server");
        for odd in ["", "3000148", "0/", "x/1", "0/100000000"] {
            assert_eq!(Position::lsn(odd), None, "{odd}");
        }
    }

    #[test]
    fn gtids_are_compared_in_every_domain() {
        let at = |text| Position::gtid(text).unwrap();
        assert!(at("0-1-100").covers(&at("0-1-100")));
        assert!(at("0-1-100,1-1-7").covers(&at("0-1-99")));
        assert!(!at("0-1-99").covers(&at("0-1-100")));
        assert!(!at("0-1-100").covers(&at("0-1-100,1-1-7")), "a domain is missing");
        assert!(at("0-2-100").covers(&at("0-1-100")), "the server's number changes with the master");
        assert!(at("").covers(&at("")), "nothing was ever written");
        assert!(!at("0-1-1").covers(&wal("7", 1, "0/0")));
        for odd in ["0-1", "0-1-x", "0-1-1-1", "a-1-1"] {
            assert_eq!(Position::gtid(odd), None, "{odd}");
        }
    }
}
