//! PostgreSQL through the `postgres` crate.
//!
//! A statement of an administrator is prepared first and then run as text: preparing is how the server refuses a second
//! statement behind a semicolon, which would escape the read-only transaction.

use super::Fault;
use super::login::Target;
use super::session::{Session, Table};
use super::tls::{self, Mode};
use plugin_core::host::system::boottime;
use postgres::config::SslMode;
use postgres::{Client, Config, Error, NoTls, SimpleQueryMessage, SimpleQueryRow};
use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// An open session.
pub struct Postgresql {
    client: Client,
}

/// Logs in; every statement is read-only and limited to four fifths of what is left of `limit` from then on, so that the
/// server's own words come before ours.
pub fn connect(target: &Target, limit: Duration) -> Result<Postgresql, Fault> {
    let start = boottime();
    let mut config = Config::new();
    config.user(&target.user).port(target.port).application_name("twinguard");
    config.dbname(target.database.as_deref().unwrap_or(&target.user));
    if let Some(password) = &target.password {
        config.password(password.expose());
    }
    let places = u32::try_from(target.addresses.len().max(1) * 2).unwrap_or(2);
    config.connect_timeout(limit / places).tcp_user_timeout(limit);
    if let Some(folder) = &target.socket {
        config.host_path(folder);
    }
    for address in &target.addresses {
        config.host(target.name.trim_matches(['[', ']'])).hostaddr(*address);
    }
    let mut client = if target.tls == Mode::Disable || target.socket.is_some() {
        config.ssl_mode(SslMode::Disable).connect(NoTls)
    } else {
        let mode = if target.tls == Mode::Prefer { SslMode::Prefer } else { SslMode::Require };
        config.ssl_mode(mode).connect(MakeRustlsConnect::new(tls::config(target.tls, target.ca.as_deref())?))
    }
    .map_err(|e| fault(&e))?;
    let limit = limit.saturating_sub(boottime().saturating_sub(start)).mul_f64(0.8).as_millis().max(1);
    let settings = format!("SET statement_timeout={limit}; SET lock_timeout={limit}; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    client.batch_execute(&settings).map_err(|e| fault(&e))?;
    Ok(Postgresql { client })
}

/// Sorts the crate's errors; its kinds are private, so what is not the server's word is known by its text and its cause.
fn fault(error: &Error) -> Fault {
    if let Some(server) = error.as_db_error() {
        return Fault::Server { code: server.code().code().to_owned(), text: server.message().to_owned() };
    }
    let text = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    let kind = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let what = error.to_string();
    match kind {
        _ if what.contains("TLS") => Fault::Tls(text),
        Some(ErrorKind::ConnectionRefused) => Fault::Down("refuses the connection: nothing listens there".into()),
        Some(ErrorKind::NotFound) => Fault::Down("does not exist: no socket there".into()),
        Some(ErrorKind::TimedOut) => Fault::Down("does not answer to the connection attempt".into()),
        Some(_) if what == "error connecting to server" => Fault::Down(format!("can't be reached: {text}")),
        // The server wants a password and there is none.
        _ if what == "invalid configuration" => Fault::Server { code: "28P01".into(), text },
        _ => Fault::Garbage(text),
    }
}

fn table(messages: Vec<SimpleQueryMessage>) -> Table {
    let mut table = Table::default();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => table.columns = columns.iter().map(|c| c.name().to_owned()).collect(),
            SimpleQueryMessage::Row(row) => table.rows.push(cells(&row)),
            _ => {}
        }
    }
    table
}

fn cells(row: &SimpleQueryRow) -> Vec<Option<String>> {
    (0..row.len()).map(|at| row.try_get(at).ok().flatten().map(str::to_owned)).collect()
}

/// The first keyword, after comments and brackets.
fn first_word(sql: &str) -> String {
    let rest = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let after = if let Some(comment) = rest.strip_prefix("--") {
        comment.split_once('\n')
    } else if let Some(comment) = rest.strip_prefix("/*") {
        comment.split_once("*/")
    } else {
        return rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase();
    };
    after.map_or_else(String::new, |(_, rest)| first_word(rest))
}

impl Session for Postgresql {
    fn version(&mut self) -> Result<String, Fault> {
        let version = self.ask("SHOW server_version")?;
        Ok(format!("PostgreSQL {}", version.first().unwrap_or_default().split(' ').next().unwrap_or_default()))
    }

    fn ask(&mut self, sql: &str) -> Result<Table, Fault> {
        self.client.simple_query(sql).map(table).map_err(|e| fault(&e))
    }

    fn read(&mut self, sql: &str, most: usize) -> Result<Table, Fault> {
        self.client.batch_execute("BEGIN TRANSACTION READ ONLY").map_err(|e| fault(&e))?;
        self.client.prepare(sql).map_err(|e| fault(&e))?;
        // A cursor is what keeps a table without end out of this node's memory; SHOW and EXPLAIN can't have one and are short.
        if !["SELECT", "WITH", "VALUES", "TABLE"].contains(&first_word(sql).as_str()) {
            return self.ask(sql);
        }
        let declare = format!("DECLARE twinguard NO SCROLL CURSOR FOR {sql}");
        self.client.simple_query(&declare).map_err(|e| fault(&e))?;
        let mut table = self.ask(&format!("FETCH FORWARD {} FROM twinguard", most.saturating_add(1)))?;
        table.more = table.rows.len() > most;
        table.rows.truncate(most);
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keyword_is_found_behind_comments() {
        for sql in ["select 1", " (SELECT 1)", "-- all\n--\nSelect 1", "/* a\n */ SELECT/**/1"] {
            assert_eq!(first_word(sql), "SELECT", "{sql}");
        }
        assert_eq!((first_word("SHOW all").as_str(), first_word("-- x").as_str(), first_word("").as_str()), ("SHOW", "", ""));
    }
}
