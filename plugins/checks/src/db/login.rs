//! Who logs in where: the options that both database checks share, and the files that hold secrets.

use super::tls::Mode;
use plugin_core::secret::{self, Secret};
use plugin_core::{Blind, Host, State, net};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// MariaDB or MySQL
    #[value(name = "mariadb", alias = "mysql")]
    Mariadb,
    /// PostgreSQL
    #[value(name = "postgresql", alias = "postgres")]
    Postgresql,
}

impl Engine {
    const fn port(self) -> u16 {
        match self {
            Engine::Mariadb => 3306,
            Engine::Postgresql => 5432,
        }
    }
}

/// Options of every login.
#[derive(Clone, Debug, clap::Args)]
pub struct Login {
    /// Kind of server (mysql and postgres are understood too)
    #[arg(long, value_enum)]
    pub engine: Engine,
    /// Name or address of the server
    #[arg(short = 'H', long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// TCP port. Default: 3306 or 5432
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Only over IPv4
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Only over IPv6
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Unix socket instead of HOST: the socket's path (MariaDB) or its folder (PostgreSQL)
    #[arg(short = 'S', long, value_name = "PATH", conflicts_with_all = ["ipv4", "ipv6"])]
    pub socket: Option<PathBuf>,
    /// Database to connect to
    #[arg(short, long, value_name = "NAME")]
    database: Option<String>,
    /// Account to log in with
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// File (mode 0600) with the password and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["defaults_file", "pgpass"])]
    password_file: Option<PathBuf>,
    /// MariaDB option file (mode 0600): user and password of its [client] section
    #[arg(long, value_name = "FILE", conflicts_with = "pgpass")]
    defaults_file: Option<PathBuf>,
    /// PostgreSQL password file (mode 0600), HOST:PORT:DATABASE:USER:PASSWORD a line
    #[arg(long, value_name = "FILE")]
    pgpass: Option<PathBuf>,
    /// How much TLS: prefer = if the server offers it, require = without looking at the certificate. Only verify-full keeps the
    /// password from an impostor: a PostgreSQL server may ask for it in the clear
    #[arg(long, value_enum, default_value = "prefer")]
    tls: Mode,
    /// PEM file with the certificate authority for verify-ca and verify-full. Default: the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Everything that a session needs.
#[derive(Clone, Debug)]
pub struct Target {
    /// Kind of server.
    pub engine: Engine,
    /// As the administrator wrote it; the name that a certificate has to bear.
    pub name: String,
    /// Where to try, in this order.
    pub addresses: Vec<IpAddr>,
    /// TCP port.
    pub port: u16,
    /// Instead of addresses.
    pub socket: Option<PathBuf>,
    /// Account.
    pub user: String,
    /// Its password, if it has one.
    pub password: Option<Secret>,
    /// Database.
    pub database: Option<String>,
    /// How much TLS.
    pub tls: Mode,
    /// Certificate authority, PEM.
    pub ca: Option<PathBuf>,
}

impl Target {
    /// `db1:3306`, `[::1]:5432`, `/run/mysqld/mysqld.sock`.
    pub fn label(&self) -> String {
        match &self.socket {
            Some(path) => path.display().to_string(),
            None if self.name.contains(':') => format!("[{}]:{}", self.name.trim_matches(['[', ']']), self.port),
            None => format!("{}:{}", self.name, self.port),
        }
    }
}

impl Login {
    /// The server that `--host` or `--socket` names.
    ///
    /// # Errors
    /// [`Blind`]: the name has no address, a file with secrets can't be read or lacks what is needed.
    pub fn target(&self, host: &dyn Host) -> Result<Target, Blind> {
        self.at(host, &self.host, self.port, self.socket.clone())
    }

    /// The same login on another server.
    ///
    /// # Errors
    /// As [`Login::target`].
    pub fn at(&self, host: &dyn Host, name: &str, port: Option<u16>, socket: Option<PathBuf>) -> Result<Target, Blind> {
        let mut addresses = if socket.is_some() { Vec::new() } else { net::resolve(host, name)? };
        addresses.retain(|a| !(self.ipv4 && a.is_ipv6() || self.ipv6 && a.is_ipv4()));
        if addresses.is_empty() && socket.is_none() {
            let reason = format!("it has no {} address", if self.ipv4 { "IPv4" } else { "IPv6" });
            return Err(Blind::Net { target: name.to_owned(), reason });
        }
        let port = port.unwrap_or(self.engine.port());
        let (mut user, mut password) = (self.user.clone(), None);
        if let Some(path) = &self.password_file {
            password = Some(secret::read(host, path)?);
        } else if let Some(path) = &self.defaults_file {
            let client = client_section(secret::read(host, path)?.expose());
            password = client.1;
            user = user.or(client.0);
        }
        let missing = |what: &str| Blind::Parse { what: "the command line".into(), reason: format!("no account to log in with; {what}") };
        let user = user.ok_or_else(|| missing("give --user, or --defaults-file with user= in its [client] section"))?;
        if let Some(path) = &self.pgpass {
            password = from_pgpass(host, path, &[name, &port.to_string(), self.database.as_deref().unwrap_or(&user), &user])?;
        }
        let (tls, ca, database) = (self.tls, self.ca.clone(), self.database.clone());
        Ok(Target { engine: self.engine, name: name.to_owned(), addresses, port, socket, user, password, database, tls, ca })
    }
}

/// The password of the first line that fits host, port, database and user.
fn from_pgpass(host: &dyn Host, path: &Path, wanted: &[&str; 4]) -> Result<Option<Secret>, Blind> {
    let text = secret::read(host, path)?;
    let found = text.expose().lines().filter_map(pgpass_line).find(|(keys, _)| keys.iter().zip(wanted).all(|(key, want)| key == "*" || key == want));
    let reason = || format!("no line fits {}; add one", wanted.join(":"));
    found.map(|(_, password)| Some(Secret::new(password))).ok_or_else(|| Blind::Read { path: path.to_owned(), reason: reason() })
}

/// `user` and `password` of the section that every client reads.
fn client_section(text: &str) -> (Option<String>, Option<Secret>) {
    let (mut inside, mut user, mut password) = (false, None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[client]";
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside && !line.starts_with(['#', ';'])) {
            let value = value.trim();
            let bare = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
            match key.trim() {
                "user" => user = Some(bare.to_owned()),
                "password" => password = Some(Secret::new(bare)),
                _ => {}
            }
        }
    }
    (user, password)
}

/// Host, port, database, user; password. `\:` and `\\` stand for the characters themselves (PostgreSQL section 34.16).
fn pgpass_line(line: &str) -> Option<(Vec<String>, String)> {
    let mut fields = vec![String::new()];
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(signs.next()),
            other => fields.last_mut()?.push(other),
        }
    }
    let password = fields.pop().filter(|_| fields.len() == 4 && !line.starts_with('#'))?;
    Some((fields, password))
}

/// A state by its name.
///
/// # Errors
/// The offending text and what was expected.
pub fn state(text: &str) -> Result<State, String> {
    match text.to_ascii_lowercase().as_str() {
        "ok" => Ok(State::Ok),
        "warning" => Ok(State::Warning),
        "critical" => Ok(State::Critical),
        "unknown" => Ok(State::Unknown),
        _ => Err(format!("\"{text}\" is no state: write ok, warning, critical or unknown")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn only_the_client_section_counts() {
        let text = "[mysqld]\nuser=mysql\n[client]\n# password=no\nuser = icinga\npassword=\"a=b'c\"\nport=1\n[other]\npassword=x\n";
        let (user, password) = client_section(text);
        assert_eq!((user.as_deref(), password.unwrap().expose()), (Some("icinga"), "a=b'c"));
        assert_eq!(client_section("user=x\npassword=y"), (None, None));
    }

    #[test]
    fn pgpass_lines_with_colons_and_comments() {
        let (keys, password) = pgpass_line("db\\:1:*:app:icinga:pa\\:ss\\\\:w").unwrap();
        assert_eq!((keys, password.as_str()), (["db:1", "*", "app", "icinga"].map(str::to_owned).to_vec(), "pa:ss\\:w"));
        assert!(pgpass_line("# comment:1:2:3:4").is_none() && pgpass_line("a:b:c").is_none());
    }
}
