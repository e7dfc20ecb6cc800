//! MariaDB servers and the replication between them.

use super::{Folder, Process, answers, free_port, must, wait_for};
use crate::process::{Done, run};
use std::path::{Path, PathBuf};

const SERVER: &str = "/usr/sbin/mariadbd";
const CLIENT: &str = "/usr/bin/mariadb";
const INSTALL: &str = "/usr/bin/mariadb-install-db";
const MISSING: &str = "MariaDB is missing: apt install mariadb-server-core mariadb-client-core";

/// A running server; root logs in over its socket without a password.
pub struct Mariadb {
    process: Process,
    /// Its port on both loopback addresses.
    pub port: u16,
    /// Its Unix socket.
    pub socket: PathBuf,
    data: PathBuf,
    id: u32,
    more: Vec<String>,
    _folder: Folder,
}

impl Mariadb {
    /// A new server with an empty database. `more` are options of the server.
    ///
    /// # Panics
    /// If the packages are missing or the server does not start.
    pub fn create(id: u32, more: &[&str]) -> Self {
        assert!(Path::new(SERVER).is_file() && Path::new(INSTALL).is_file(), "{MISSING}");
        let folder = Folder::new("mysql");
        let data = folder.0.join("data");
        let place = format!("--datadir={}", data.display());
        must(
            INSTALL,
            &["--no-defaults", "--user=mysql", &place, "--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal"],
        );
        Self::start(&data, id, more, folder)
    }

    fn start(data: &Path, id: u32, more: &[&str], folder: Folder) -> Self {
        let tmp = folder.0.join(format!("tmp{id}"));
        std::fs::create_dir_all(&tmp).unwrap();
        must("/usr/bin/chown", &["mysql", tmp.to_str().unwrap()]);
        let socket = folder.0.join(format!("{id}.sock"));
        let more: Vec<String> = more.iter().map(|o| (*o).to_owned()).collect();
        for _ in 0..5 {
            let port = free_port();
            let mut process = launch(data, id, port, &socket, &more);
            if answers(&mut process, || client(&socket, "SELECT 1").code == Some(0)) {
                return Self { process, port, socket, data: data.to_owned(), id, more, _folder: folder };
            }
        }
        panic!("MariaDB does not start: {}", std::fs::read_to_string(folder.0.join(format!("{id}.log"))).unwrap_or_default());
    }

    fn launch_again(&mut self) {
        self.process = launch(&self.data, self.id, self.port, &self.socket, &self.more);
        let socket = &self.socket;
        assert!(answers(&mut self.process, || client(socket, "SELECT 1").code == Some(0)), "MariaDB does not start again");
    }

    /// Runs statements as root; tab-separated rows.
    ///
    /// # Panics
    /// If one fails.
    pub fn sql(&self, sql: &str) -> String {
        let done = self.try_sql(sql);
        assert_eq!(done.code, Some(0), "{sql}: {}", done.stderr);
        done.stdout.trim_end().to_owned()
    }

    fn try_sql(&self, sql: &str) -> Done {
        client(&self.socket, sql)
    }

    /// Sends a signal (`-STOP`, `-CONT`, `-KILL`).
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// A copy of this server, with its data as they are now, as another server. This one is stopped meanwhile.
    ///
    /// # Panics
    /// If one of them does not start.
    #[must_use]
    pub fn copy(&mut self, id: u32, more: &[&str]) -> Self {
        self.sql("SET GLOBAL innodb_fast_shutdown=0");
        self.try_sql("SHUTDOWN");
        wait_for("end of MariaDB", || self.process.ended());
        let folder = Folder::new("mysql");
        let data = folder.0.join("data");
        must("/usr/bin/cp", &["-a", self.data.to_str().unwrap(), data.to_str().unwrap()]);
        let other = Self::start(&data, id, more, folder);
        self.launch_again();
        other
    }

    /// Replicates from `127.0.0.1:port` as `repl` with the password `repl`, by GTID.
    pub fn follow(&self, port: u16) {
        self.sql(&format!(
            "STOP SLAVE; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='repl', MASTER_PASSWORD='repl', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5, MASTER_DELAY=0, MASTER_USE_GTID=slave_pos; START SLAVE"
        ));
    }

    /// One field of SHOW SLAVE STATUS.
    ///
    /// # Panics
    /// If the server does not answer.
    pub fn replica(&self, field: &str) -> String {
        let text = must(CLIENT, &["--no-defaults", "-uroot", "-S", self.socket.to_str().unwrap(), "-e", "SHOW SLAVE STATUS\\G"]);
        let line = text.lines().find_map(|l| l.trim().strip_prefix(field)?.strip_prefix(':').map(|v| v.trim().to_owned()));
        line.unwrap_or_default()
    }
}

fn client(socket: &Path, sql: &str) -> Done {
    run(Path::new(CLIENT), &["--no-defaults", "-uroot", "-N", "-S", socket.to_str().unwrap(), "-e", sql])
}

fn launch(data: &Path, id: u32, port: u16, socket: &Path, more: &[String]) -> Process {
    let home = data.parent().unwrap();
    // A temporary folder for each: a starting server deletes the other's files in a common one.
    let mut args: Vec<String> =
        ["--no-defaults", "--bind-address=127.0.0.1,::1", "--log-bin=bin", "--binlog-format=ROW", "--log-slave-updates"].map(str::to_owned).to_vec();
    args.extend(
        ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]
            .map(str::to_owned),
    );
    args.extend(["--relay-log=relay", "--slave-net-timeout=60", "--performance-schema=OFF", "--gtid-strict-mode=0"].map(str::to_owned));
    args.push(format!("--datadir={}", data.display()));
    args.push(format!("--tmpdir={}", home.join(format!("tmp{id}")).display()));
    args.push(format!("--socket={}", socket.display()));
    args.push(format!("--pid-file={}", home.join(format!("{id}.pid")).display()));
    args.push(format!("--port={port}"));
    args.push(format!("--server-id={id}"));
    args.extend(more.iter().cloned());
    Process::start("mysql", SERVER, &args, &home.join(format!("{id}.log")))
}
