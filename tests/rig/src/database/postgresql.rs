//! PostgreSQL servers and the streaming between them.

use super::{Folder, Process, answers, free_port, must, wait_for};
use crate::process::{Done, run};
use std::path::{Path, PathBuf};

/// A running server; `postgres` logs in over its socket without a password.
pub struct Postgresql {
    process: Process,
    /// Its port on both loopback addresses.
    pub port: u16,
    /// Folder of its socket, and of its data.
    pub home: PathBuf,
    _folder: Folder,
}

/// Debian keeps each major version in a folder of its own.
fn tool(name: &str) -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|all| all.flatten().map(|v| v.path().join("bin").join(name)).collect::<Vec<_>>());
    let newest = versions.unwrap_or_default().into_iter().filter(|p| p.is_file()).max();
    newest.expect("PostgreSQL is missing: apt install postgresql-15").display().to_string()
}

fn as_postgres(home: &Path, program: &str, args: &[&str]) -> Done {
    let home = format!("HOME={}", home.display());
    let before = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "/usr/bin/env", "-i", &home, "LC_ALL=C", program];
    run(Path::new("/usr/bin/setpriv"), &[&before, args].concat())
}

impl Postgresql {
    /// A new server with an empty database; over TCP it wants passwords (SCRAM). `more` are lines of its configuration.
    ///
    /// # Panics
    /// If the package is missing or the server does not start.
    pub fn create(more: &str) -> Self {
        let folder = Folder::new("postgres");
        let data = folder.0.join("data");
        let done = as_postgres(
            &folder.0,
            &tool("initdb"),
            &["-D", data.to_str().unwrap(), "-N", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256"],
        );
        assert_eq!(done.code, Some(0), "initdb: {}{}", done.stdout, done.stderr);
        let lines = "wal_level=replica\nfsync=off\nshared_buffers=16MB\nmax_wal_size=64MB\nmin_wal_size=32MB\nwal_sender_timeout=2s\nlisten_addresses='127.0.0.1,::1'\n";
        append(&data.join("postgresql.conf"), &format!("{lines}{more}\n"));
        // The first line that fits counts, and initdb wrote one for replication that wants a password.
        let rules = std::fs::read_to_string(data.join("pg_hba.conf")).unwrap();
        std::fs::write(data.join("pg_hba.conf"), format!("host replication all 127.0.0.1/32 trust\n{rules}")).unwrap();
        Self::start(folder)
    }

    /// A standby of the server at `127.0.0.1:port`, with the slot `name`, which is also its application name.
    ///
    /// # Panics
    /// If the copy fails or the server does not start.
    pub fn standby(port: u16, name: &str) -> Self {
        let folder = Folder::new("postgres");
        let data = folder.0.join("data");
        let connection = format!("host=127.0.0.1 port={port} user=postgres application_name={name}");
        let args = ["-w", "-d", &connection, "-D", data.to_str().unwrap(), "-R", "-C", "-S", name, "-c", "fast", "-X", "stream"];
        let done = as_postgres(&folder.0, &tool("pg_basebackup"), &args);
        assert_eq!(done.code, Some(0), "pg_basebackup: {}{}", done.stdout, done.stderr);
        append(&data.join("postgresql.auto.conf"), "wal_receiver_timeout=3s\nwal_receiver_status_interval=1s\nwal_retrieve_retry_interval=200ms\n");
        Self::start(folder)
    }

    fn start(folder: Folder) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let mut process = launch(&folder.0, port);
            if answers(&mut process, || client(&folder.0, port, "SELECT 1").code == Some(0)) {
                return Self { process, port, home: folder.0.clone(), _folder: folder };
            }
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(folder.0.join("log")).unwrap_or_default());
    }

    /// Starts it again with the same data and port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.process = launch(&self.home, self.port);
        let (home, port) = (&self.home, self.port);
        assert!(answers(&mut self.process, || client(home, port, "SELECT 1").code == Some(0)), "PostgreSQL does not start again");
    }

    /// Ends the process, fast and orderly.
    pub fn stop(&mut self) {
        self.process.signal("-INT");
        wait_for("end of PostgreSQL", || self.process.ended());
    }

    /// Adds a setting to the configuration; it counts from the next start on.
    pub fn set(&self, name: &str, value: &str) {
        append(&self.home.join("data/postgresql.auto.conf"), &format!("{name} = '{value}'\n"));
    }

    /// Makes it a standby from the next start on.
    pub fn demote(&self) {
        append(&self.home.join("data/standby.signal"), "");
    }

    /// Runs statements as the superuser; rows with `|` between the columns.
    ///
    /// # Panics
    /// If one fails.
    pub fn sql(&self, sql: &str) -> String {
        let done = client(&self.home, self.port, sql);
        assert_eq!(done.code, Some(0), "{sql}: {}", done.stderr);
        done.stdout.trim_end().to_owned()
    }

    /// Sends a signal to the postmaster, which then accepts nobody; sessions that run go on.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }
}

fn client(home: &Path, port: u16, sql: &str) -> Done {
    let (home, port) = (home.to_str().unwrap(), port.to_string());
    run(Path::new(&tool("psql")), &["-h", home, "-p", &port, "-U", "postgres", "-d", "postgres", "-XAtqc", sql])
}

fn append(path: &Path, text: &str) {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    std::fs::write(path, old + text).unwrap();
    must("/usr/bin/chown", &["postgres", path.to_str().unwrap()]);
}

fn launch(home: &Path, port: u16) -> Process {
    let socket = format!("unix_socket_directories={}", home.display());
    let data = home.join("data");
    let args = ["-D", data.to_str().unwrap(), "-p", &port.to_string(), "-c", &socket].map(str::to_owned);
    Process::start("postgres", &tool("postgres"), &args, &home.join("log"))
}
