//! Two real MariaDB servers: what the agent asks and tells them. Units are the only thing that is played.

use fence::takeover::data::database::{self, Look};
use plugin_core::cluster::{Database, Engine};
use plugin_core::host::{Command, Output, System};
use plugin_core::{Blind, Host};
use rig::database::{Mariadb, wait_for};
use std::path::Path;
use std::time::Duration;

/// The real machine, but every unit runs.
struct Machine(System);

impl Host for Machine {
    fn now(&self) -> Duration {
        self.0.now()
    }
    fn wall_ms(&self) -> i64 {
        self.0.wall_ms()
    }
    fn left(&self) -> Duration {
        self.0.left()
    }
    fn wait(&self, time: Duration) {
        self.0.wait(time);
    }
    fn read(&self, path: &Path) -> Result<String, Blind> {
        self.0.read(path)
    }
    fn run(&self, command: &Command) -> Result<Output, Blind> {
        if command.program.ends_with("systemctl") {
            return Ok(Output { code: Some(0), stdout: "active\n".to_owned(), stderr: String::new() });
        }
        self.0.run(command)
    }
}

struct Pair {
    primary: Mariadb,
    standby: Mariadb,
    host: Machine,
}

fn settings(server: &Mariadb) -> Database {
    Database { engine: Engine::Mariadb, unit: "mariadb.service".into(), socket: Some(server.socket.clone()), port: None, directory: None }
}

impl Pair {
    fn start() -> Self {
        let mut primary = Mariadb::create(1, &[]);
        primary.sql(
            "CREATE USER repl IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO repl; CREATE DATABASE t; CREATE TABLE t.a(i INT PRIMARY KEY) \
             ENGINE=InnoDB; INSERT INTO t.a VALUES(1)",
        );
        let standby = primary.copy(2, &["--read-only=1"]);
        let at = primary.sql("SELECT @@gtid_binlog_pos");
        standby.sql(&format!("RESET MASTER; SET GLOBAL gtid_slave_pos='{at}'"));
        standby.follow(primary.port);
        let pair = Self { primary, standby, host: Machine(System::new(Some(Duration::from_mins(1)))) };
        wait_for("the replica", || pair.look(&pair.standby).follows);
        pair
    }

    fn look(&self, server: &Mariadb) -> Look {
        database::look(&self.host, &settings(server), "-").unwrap().unwrap()
    }
}

/// One test, one pair after the other: servers that are being made delete each other's files in the common temporary folder.
#[test]
fn a_mariadb_copy_is_promoted_with_all_that_it_received_and_a_master_is_given_away_complete() {
    let pair = &Pair::start();
    let Pair { primary, standby, host } = pair;
    primary.sql("INSERT INTO t.a VALUES(2)");
    let wanted = pair.look(primary);
    assert!(wanted.writable && !pair.look(standby).writable, "{wanted:?}");
    wait_for("the replica's receipt", || pair.look(standby).at.unwrap().covers(wanted.at.as_ref().unwrap()));

    // Given away: read-only here, everything there.
    let reached = || pair.look(standby).at;
    primary.sql("INSERT INTO t.a VALUES(3)");
    database::demote(host, &settings(primary), "standby", &reached).unwrap();
    assert!(!pair.look(primary).writable);
    // In vain: taken back.
    assert!(database::promote(host, &settings(primary)).unwrap().contains("MariaDB is writable"));

    // Received and not yet applied: that counts, and promotion applies it first.
    wait_for("3 applied", || standby.sql("SELECT count(*) FROM t.a") == "3");
    standby.sql("STOP SLAVE SQL_THREAD");
    primary.sql("INSERT INTO t.a VALUES(4)");
    let four = pair.look(primary).at.unwrap();
    wait_for("the receipt of 4", || pair.look(standby).at.unwrap().covers(&four));
    assert!(!pair.look(standby).follows, "a stopped thread does not follow");
    assert_eq!(standby.sql("SELECT count(*) FROM t.a"), "3", "4 is not applied yet");
    standby.sql("START SLAVE SQL_THREAD");
    let said = database::promote(host, &settings(standby)).unwrap();
    assert!(said.contains("MariaDB is writable"), "{said}");
    assert_eq!(standby.sql("SELECT count(*) FROM t.a"), "4");
    assert_eq!(standby.replica("Slave_IO_Running"), "", "it replicates from nobody any more");
    standby.sql("INSERT INTO t.a VALUES(5)");
    assert!(database::promote(host, &settings(standby)).unwrap().contains("writable"), "done already");

    // A master that is behind is only kept from writing.
    database::abandon(host, &settings(primary)).unwrap();
    assert!(!pair.look(primary).writable);
}
