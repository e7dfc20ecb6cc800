//! Tables: their names as an administrator writes them and as each server wants them quoted, their age and their contents.
//! Nothing else of a command line ever becomes SQL text here.

use crate::db::{Engine, Fault, Session};
use std::fmt;
use std::str::FromStr;

/// `table` or `database.table` (PostgreSQL: `schema.table`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    place: Option<String>,
    name: String,
}

impl TableName {
    /// For use in SQL text.
    pub fn quoted(&self, engine: Engine) -> String {
        let quote = |part: &str| match engine {
            Engine::Mariadb => format!("`{part}`"),
            Engine::Postgresql => format!("\"{part}\""),
        };
        self.place.as_deref().map_or_else(|| quote(&self.name), |place| format!("{}.{}", quote(place), quote(&self.name)))
    }

    /// Database and table as SQL strings of MariaDB; without a database, the current one.
    fn strings(&self) -> (String, String) {
        (self.place.as_deref().map_or_else(|| "DATABASE()".to_owned(), |place| format!("'{place}'")), format!("'{}'", self.name))
    }
}

/// Asks for the age in seconds of the newest row, by the server's own clock. `ts` is UTC, a text or a time.
pub fn heartbeat(name: &TableName, engine: Engine) -> String {
    let table = name.quoted(engine);
    match engine {
        Engine::Mariadb => format!("SELECT TIMESTAMPDIFF(MICROSECOND, MAX(ts), UTC_TIMESTAMP(6)) / 1e6 FROM {table}"),
        Engine::Postgresql => format!("SELECT extract(epoch FROM (clock_timestamp() AT TIME ZONE 'UTC') - max(ts)::timestamp) FROM {table}"),
    }
}

/// Number of rows and a hash of all of them, in any order. 64 bits of MD5, because CRC32 cancels out too easily.
///
/// # Errors
/// [`Fault`]; a table that does not exist is one.
pub fn digest(session: &mut dyn Session, name: &TableName, engine: Engine) -> Result<(String, String), Fault> {
    let table = name.quoted(engine);
    let sql = match engine {
        Engine::Mariadb => {
            let (place, own) = name.strings();
            let columns = format!(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = {place} AND table_name = {own} ORDER BY ordinal_position"
            );
            // NULL and the empty string differ, and so do numbers and their texts in bytes.
            let cell = |column: &str| {
                let column = format!("`{}`", column.replace('`', "``"));
                format!("ISNULL({column}), COALESCE(HEX(CAST({column} AS BINARY)), '')")
            };
            let cells: Vec<String> = session.ask(&columns)?.rows.iter().filter_map(|row| row.first()?.as_deref().map(cell)).collect();
            if cells.is_empty() {
                return Err(Fault::Server { code: "1146".into(), text: format!("Table '{name}' doesn't exist or may not be seen") });
            }
            let hash = format!("CAST(CONV(LEFT(MD5(CONCAT_WS('#', {})), 16), 16, 10) AS UNSIGNED)", cells.join(", "));
            format!("SELECT COUNT(*), COALESCE(BIT_XOR({hash}), 0) FROM {table}")
        }
        Engine::Postgresql => format!("SELECT count(*), coalesce(bit_xor(hashtextextended(t::text, 0)), 0) FROM {table} AS t"),
    };
    let result = session.ask(&sql)?;
    let mut cells = result.rows.into_iter().flatten().map(Option::unwrap_or_default);
    Ok((cells.next().unwrap_or_default(), cells.next().unwrap_or_default()))
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fine = |part: &str| !part.is_empty() && part.len() <= 64 && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
        let (place, name) = text.split_once('.').map_or((None, text), |(place, name)| (Some(place), name));
        if fine(name) && place.is_none_or(fine) {
            Ok(Self { place: place.map(str::to_owned), name: name.to_owned() })
        } else {
            Err(format!("\"{text}\" is no name of a table: write TABLE or DATABASE.TABLE"))
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_nothing_else_is_a_name() {
        let name: TableName = "pbx.cdr-2026".parse().unwrap();
        assert_eq!((name.quoted(Engine::Mariadb), name.quoted(Engine::Postgresql)), ("`pbx`.`cdr-2026`".into(), "\"pbx\".\"cdr-2026\"".into()));
        assert_eq!(name.strings(), ("'pbx'".into(), "'cdr-2026'".into()));
        for wrong in ["", ".", "a.", ".b", "a.b.c", "a`b", "a\"b", "a b", "a;b", "a'b", "a\\b"] {
            assert!(wrong.parse::<TableName>().is_err(), "{wrong}");
        }
    }
}
