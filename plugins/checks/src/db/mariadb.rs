//! MariaDB and MySQL through the `mysql` crate.
//!
//! A statement of an administrator is prepared first and then run as text: preparing is how the server refuses a second
//! statement behind a semicolon, which would escape the read-only transaction.

use super::Fault;
use super::login::Target;
use super::session::{Session, Table};
use super::tls::Mode;
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, Error, OptsBuilder, SslOpts, Value};
use plugin_core::host::system::boottime;
use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Longest packet, and with it the longest row, that is accepted.
const PACKET: usize = 16 << 20;

/// An open session.
pub struct Mariadb {
    conn: Conn,
}

/// Logs in; every statement is read-only and limited to four fifths of what is left of `limit` from then on, so that the
/// server's own words come before ours.
pub fn connect(target: &Target, limit: Duration) -> Result<Mariadb, Fault> {
    let start = boottime();
    let mut conn = match login(target, limit, target.tls != Mode::Disable) {
        Err(Error::DriverError(DriverError::TlsNotSupported)) if target.tls == Mode::Prefer => login(target, limit, false),
        other => other,
    }
    .map_err(fault)?;
    let version: String = conn.query_first("SELECT VERSION()").map_err(fault)?.unwrap_or_default();
    let limit = limit.saturating_sub(boottime().saturating_sub(start)).mul_f64(0.8).max(Duration::from_millis(1));
    // MySQL knows another variable in another unit.
    let time = if version.contains("MariaDB") {
        format!("max_statement_time={:.3}", limit.as_secs_f64())
    } else {
        format!("max_execution_time={}", limit.as_millis().max(1))
    };
    conn.query_drop(format!("SET SESSION {time}")).map_err(fault)?;
    conn.query_drop("SET SESSION TRANSACTION READ ONLY").map_err(fault)?;
    Ok(Mariadb { conn })
}

fn login(target: &Target, limit: Duration, tls: bool) -> Result<Conn, Error> {
    let common = OptsBuilder::new()
        .user(Some(&target.user))
        .pass(target.password.as_ref().map(|p| p.expose().to_owned()))
        .db_name(target.database.clone())
        .prefer_socket(false)
        .max_allowed_packet(Some(PACKET))
        .stmt_cache_size(0)
        .read_timeout(Some(limit))
        .write_timeout(Some(limit))
        .ssl_opts(tls.then(|| options(target)));
    if let Some(path) = &target.socket {
        return Conn::new(common.socket(Some(path.display().to_string())));
    }
    let each = limit / u32::try_from(target.addresses.len() * 2).unwrap_or(2);
    let common = common.tcp_port(target.port).tcp_connect_timeout(Some(each));
    // The crate checks a certificate against the very text it connects to, so here it has to be given the name.
    if tls && target.tls == Mode::VerifyFull {
        return Conn::new(common.ip_or_hostname(Some(&target.name)));
    }
    let mut last = Error::DriverError(DriverError::CouldNotConnect(None));
    for address in &target.addresses {
        match Conn::new(common.clone().ip_or_hostname(Some(address.to_string()))) {
            Err(error @ (Error::IoError(_) | Error::DriverError(DriverError::ConnectTimeout | DriverError::CouldNotConnect(_)))) => last = error,
            other => return other,
        }
    }
    Err(last)
}

fn options(target: &Target) -> SslOpts {
    let accept = matches!(target.tls, Mode::Prefer | Mode::Require);
    SslOpts::default()
        .with_root_cert_path(target.ca.clone())
        .with_danger_accept_invalid_certs(accept)
        .with_danger_skip_domain_validation(target.tls == Mode::VerifyCa)
}

/// Sorts the crate's errors.
fn fault(error: Error) -> Fault {
    match error {
        Error::MySqlError(e) => Fault::Server { code: e.code.to_string(), text: e.message },
        Error::IoError(e) => broken(&e),
        Error::CodecError(e) => match e.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
            Some(cause) => broken(cause),
            None => Fault::Garbage(e.to_string()),
        },
        Error::DriverError(DriverError::ConnectTimeout) => Fault::Down("does not answer to the connection attempt".into()),
        Error::DriverError(DriverError::CouldNotConnect(Some((_, text, kind)))) => unreached(kind, &text),
        Error::DriverError(DriverError::TlsNotSupported) => Fault::Tls("the server offers none".into()),
        // The account wants a way of logging in that this client does not have, or refuses for its weakness.
        Error::DriverError(
            e @ (DriverError::UnknownAuthPlugin(_) | DriverError::OldMysqlPasswordDisabled | DriverError::CleartextPluginDisabled),
        ) => Fault::Server { code: "1251".into(), text: e.to_string() },
        Error::DriverError(e) => Fault::Garbage(e.to_string()),
        Error::TlsError(e) => Fault::Tls(e.to_string()),
        other => Fault::Garbage(other.to_string()),
    }
}

/// An error of a connection, or of what came over it: the kernel's words have a number, the crate's and those of TLS have none.
fn broken(error: &io::Error) -> Fault {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Fault::Tls(tls.to_string());
    }
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted => {
            Fault::Garbage(format!("it broke the connection ({error})"))
        }
        kind if error.raw_os_error().is_some() => unreached(kind, &error.to_string()),
        _ => Fault::Garbage(error.to_string()),
    }
}

fn unreached(kind: ErrorKind, text: &str) -> Fault {
    Fault::Down(match kind {
        ErrorKind::ConnectionRefused => "refuses the connection: nothing listens there".into(),
        ErrorKind::NotFound => "does not exist: no socket there".into(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "does not answer in time".into(),
        _ => format!("can't be reached: {text}"),
    })
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

impl Mariadb {
    fn rows(&mut self, sql: &str, most: usize) -> Result<Table, Error> {
        let mut result = self.conn.query_iter(sql)?;
        let mut table = Table::default();
        let Some(set) = result.iter() else { return Ok(table) };
        table.columns = set.columns().as_ref().iter().map(|c| c.name_str().into_owned()).collect();
        for row in set {
            if table.rows.len() == most {
                table.more = true;
                break;
            }
            table.rows.push(row?.unwrap().into_iter().map(text).collect());
        }
        Ok(table)
    }
}

impl Session for Mariadb {
    fn version(&mut self) -> Result<String, Fault> {
        let version = self.ask("SELECT VERSION()")?.first().unwrap_or_default().to_owned();
        Ok(match version.split_once("-MariaDB") {
            Some((number, _)) => format!("MariaDB {number}"),
            None => format!("MySQL {version}"),
        })
    }

    fn ask(&mut self, sql: &str) -> Result<Table, Fault> {
        self.rows(sql, usize::MAX).map_err(fault)
    }

    fn read(&mut self, sql: &str, most: usize) -> Result<Table, Fault> {
        self.conn.query_drop("START TRANSACTION READ ONLY").map_err(fault)?;
        let statement = self.conn.prep(sql).map_err(fault)?;
        self.conn.close(statement).map_err(fault)?;
        self.rows(sql, most).map_err(fault)
    }
}
