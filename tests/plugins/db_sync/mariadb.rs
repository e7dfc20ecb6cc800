//! Two real MariaDB servers, the standby behind a relay.

use super::{PASSWORD, Pair, said};
use rig::database::{Mariadb, Relay, Wire, wait_for};

struct Servers {
    primary: Mariadb,
    standby: Mariadb,
    relay: Relay,
    pair: Pair,
}

impl Servers {
    fn start() -> Self {
        let mut primary = Mariadb::create(1, &[]);
        primary.sql(&format!(
            "CREATE USER repl IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO repl; CREATE USER blind IDENTIFIED BY '{PASSWORD}';
             CREATE USER icinga IDENTIFIED BY '{PASSWORD}'; GRANT REPLICA MONITOR ON *.* TO icinga; GRANT SELECT ON t.* TO icinga;
             CREATE DATABASE t; CREATE TABLE t.a(i INT PRIMARY KEY, s TEXT) ENGINE=InnoDB; INSERT INTO t.a VALUES(1,'one'),(2,NULL),(3,'')"
        ));
        let standby = primary.copy(2, &["--read-only=1"]);
        let at = primary.sql("SELECT @@gtid_binlog_pos");
        standby.sql(&format!("RESET MASTER; SET GLOBAL gtid_slave_pos='{at}'"));
        let relay = Relay::start(primary.port);
        standby.follow(relay.port);
        let pair = Pair::new("mariadb", primary.port, standby.port);
        let servers = Self { primary, standby, relay, pair };
        servers.healed();
        servers
    }

    fn healed(&self) {
        self.standby.sql("START SLAVE");
        self.pair.comes_to(&[], 0, "DB SYNC OK - A is the primary, lag 0.0 ms");
    }
}

#[test]
fn mariadb_replication_and_everything_that_stops_it() {
    let Servers { primary, standby, relay, pair } = &Servers::start();
    let healed = || {
        standby.sql("START SLAVE");
        pair.comes_to(&[], 0, "DB SYNC OK - A is the primary, lag 0.0 ms");
    };
    let done = pair.run(&["--role", "standby", "-w", "5", "-c", "10", "--behind-critical", "100", "-v"]);
    let text = pair.named(&done.stdout);
    assert!(text.starts_with("DB SYNC OK - A is the primary, lag 0.0 ms | 'missing'=0;;100;; 'lag'=0s;5;10;0; 'arrival'="), "{text}");
    assert!(text.contains("\nB had the primary's position after ") && text.contains("\nA: MariaDB 10."), "{text}");
    let done = pair.run(&["--role", "primary", "-p", &primary.port.to_string(), "--peer-port", &standby.port.to_string()]);
    assert!(done.code == Some(0) && pair.named(&done.stdout).starts_with("DB SYNC OK - A is the primary, lag 0.0 ms"), "{}", done.stdout);

    // Threads.
    standby.sql("STOP SLAVE SQL_THREAD");
    assert_eq!(pair.says(&[]), said(2, "DB SYNC CRITICAL - B: the SQL thread is stopped"));
    standby.sql("START SLAVE; STOP SLAVE IO_THREAD");
    assert_eq!(pair.says(&[]), said(2, "DB SYNC CRITICAL - B: the IO thread is stopped"));
    healed();

    // Errors: a duplicate key, a missing row.
    standby.sql("SET sql_log_bin=0; INSERT INTO t.a VALUES(10,'only here')");
    primary.sql("INSERT INTO t.a VALUES(10,'clash')");
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - B: the SQL thread is stopped (error 1062: Could not execute Write_rows_v1 event on table t.a; Duplicate entry '10' for key");
    standby.sql("SET sql_log_bin=0; DELETE FROM t.a WHERE i=10");
    healed();
    standby.sql("SET sql_log_bin=0; DELETE FROM t.a WHERE i=10");
    primary.sql("UPDATE t.a SET s='new' WHERE i=10");
    pair.comes_to(
        &[],
        2,
        "DB SYNC CRITICAL - B: the SQL thread is stopped (error 1032: Could not execute Update_rows_v1 event on table t.a; Can't find record",
    );
    standby.sql("SET sql_log_bin=0; INSERT INTO t.a VALUES(10,'clash')");
    healed();

    // Lag, and a delay that is wanted.
    standby.sql("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=300; START SLAVE");
    primary.sql("INSERT INTO t.a VALUES(11,'later')");
    pair.comes_to(&["-c", "5"], 0, "DB SYNC OK - A is the primary, lag 0.0 ms");
    assert!(pair.run(&["--role", "standby"]).stdout.contains(" is kept 300.0 s behind on purpose\n"));
    let behind = pair.says(&["--behind-warning", "0"]);
    assert_eq!(behind, said(1, "DB SYNC WARNING - missing 1 (warning at 0)"));
    standby.sql("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=0");
    healed();
    std::thread::scope(|scope| {
        let lock = scope.spawn(|| standby.sql("LOCK TABLES t.a READ; SELECT SLEEP(6)"));
        wait_for("lock", || standby.sql("SHOW PROCESSLIST").contains("SLEEP(6)"));
        primary.sql("INSERT INTO t.a VALUES(12,'slow')");
        pair.comes_to(&["-c", "1", "--settle", "100ms"], 2, "DB SYNC CRITICAL - lag ");
        lock.join().unwrap();
    });
    healed();

    // The link: cut, frozen, healed.
    relay.set(Wire::Cut);
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - B: the IO thread is not connected to 127.0.0.1:");
    relay.set(Wire::Whole);
    healed();
    relay.set(Wire::Frozen);
    primary.sql("INSERT INTO t.a VALUES(13,'unheard')");
    assert_eq!((standby.replica("Slave_IO_Running"), standby.replica("Seconds_Behind_Master")), ("Yes".into(), "0".into()));
    let dead = "DB SYNC CRITICAL - B claims to be in sync and has not got within 500.0 ms what the primary wrote: the link between them is dead";
    assert_eq!(pair.says(&["--settle", "500ms"]), said(2, dead));
    relay.set(Wire::Whole);
    healed();

    // Content that replication does not know of.
    let compare = ["--compare", "t.a"];
    assert_eq!(pair.says(&compare).0, 0);
    standby.sql("SET sql_log_bin=0; UPDATE t.a SET s='' WHERE i=2");
    assert_eq!(pair.says(&compare), said(2, "DB SYNC CRITICAL - t.a differs: 7 rows on both nodes, not the same ones"));
    standby.sql("SET sql_log_bin=0; DELETE FROM t.a WHERE i=2");
    assert_eq!(pair.says(&compare), said(2, "DB SYNC CRITICAL - t.a differs: 7 rows on the primary, 6 on the standby"));
    standby.sql("SET sql_log_bin=0; INSERT INTO t.a VALUES(2,NULL)");
    assert_eq!(pair.says(&compare).0, 0);
    let gone = pair.says(&["--compare", "t.gone"]);
    assert!(gone.0 == 2 && gone.1.contains("comparing t.gone: a server lacks what is asked for (1146: "), "{gone:?}");

    // A heartbeat as pt-heartbeat --utc writes it.
    primary.sql("CREATE TABLE t.heartbeat(ts VARCHAR(26) NOT NULL, server_id INT UNSIGNED PRIMARY KEY)");
    let heartbeat = ["--heartbeat", "t.heartbeat", "-c", "60"];
    pair.comes_to(&heartbeat, 3, "DB SYNC UNKNOWN - the heartbeat table is empty; is its writer running?");
    primary.sql("INSERT INTO t.heartbeat VALUES(DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f'), 1)");
    pair.comes_to(&heartbeat, 0, "DB SYNC OK - A is the primary, lag 0.0 ms, heartbeat ");
    primary.sql("UPDATE t.heartbeat SET ts=DATE_FORMAT(UTC_TIMESTAMP(6) - INTERVAL 100 SECOND, '%Y-%m-%dT%H:%i:%s.%f')");
    pair.comes_to(&heartbeat, 2, "DB SYNC CRITICAL - heartbeat 10");
}

#[test]
fn mariadb_nodes_that_are_not_what_they_should_be() {
    let Servers { primary, standby, pair, relay: _relay } = &Servers::start();
    let alone = |more: &[&str]| {
        let mut alone = Pair::new("mariadb", primary.port, primary.port);
        alone.args.truncate(8);
        alone.b = "B".into();
        let done = alone.run(more);
        (done.code.unwrap(), alone.named(crate::db_query::verdict(&done)))
    };
    // Roles: the agent's word, none, one that does not fit.
    let status = ["--status", "/nonexistent/status.json"];
    assert_eq!(alone(&status), said(3, "DB SYNC UNKNOWN - A is no standby, and whether it should be one is not known"));
    let paired = pair.run(&status);
    assert!(
        paired.code == Some(0) && paired.stdout.contains("\nthe role of this node is not known: cannot read /nonexistent/status.json: "),
        "{}",
        paired.stdout
    );
    assert_eq!(alone(&["--role", "primary"]), said(0, "DB SYNC OK - A is the primary"));
    assert_eq!(alone(&["--role", "standby"]), said(2, "DB SYNC CRITICAL - A is no replica: it replicates from nobody"));
    let swapped = pair.run(&["--role", "primary"]);
    assert_eq!(swapped.code, Some(2));
    assert!(
        pair.named(&swapped.stdout).starts_with("DB SYNC CRITICAL - B is a replica and not the primary, A is no replica: "),
        "{}",
        swapped.stdout
    );

    // Rights.
    let blind = pair.run(&["--role", "standby", "-u", "blind"]);
    let text = pair.named(&blind.stdout);
    assert!(blind.code == Some(3) && text.contains(" refuses to show it (1227: Access denied; you need (at least one of) the "), "{text}");
    assert!(text.contains("\nrun there: GRANT REPLICA MONITOR ON *.* TO the account (MySQL: REPLICATION CLIENT)\n"), "{text}");

    // A standby that writes for itself.
    standby.sql("INSERT INTO t.a VALUES(20,'errant')");
    let own = pair.says(&[]);
    assert!(own.0 == 2 && own.1.starts_with("DB SYNC CRITICAL - B has transactions of its own (0-2-"), "{own:?}");
    standby.sql("SET GLOBAL read_only=0");
    let both =
        "DB SYNC CRITICAL - SPLIT BRAIN: A and B are both writable, B has a replica's channel but read_only=0, B has transactions of its own (0-2-";
    assert!(pair.says(&[]).1.starts_with(both), "{:?}", pair.says(&[]));
    standby.sql("STOP SLAVE; RESET SLAVE ALL");
    let both = "DB SYNC CRITICAL - SPLIT BRAIN: A and B are both writable, B replicates from nobody, B is no replica: it replicates from nobody";
    assert_eq!(pair.says(&[]), said(2, both));
    primary.sql("SET GLOBAL read_only=1");
    standby.sql("SET GLOBAL read_only=1");
    assert!(pair.says(&[]).1.starts_with("DB SYNC CRITICAL - A and B are both read-only: nobody accepts a write, "));
    primary.sql("SET GLOBAL read_only=0");

    // The log that the standby still needs is gone.
    standby.sql("RESET MASTER; SET GLOBAL gtid_slave_pos='0-1-1'");
    primary.sql("FLUSH BINARY LOGS; INSERT INTO t.a VALUES(21,'x'); FLUSH BINARY LOGS");
    let newest = primary.sql("SHOW MASTER STATUS").split('\t').next().unwrap().to_owned();
    wait_for("purge", || {
        primary.sql(&format!("PURGE BINARY LOGS TO '{newest}'"));
        primary.sql("SHOW BINARY LOGS").lines().count() == 1
    });
    standby.follow(primary.port);
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - B: the IO thread is stopped (error 1236: ");

    // A frozen node, then a dead one.
    primary.signal("-STOP");
    let frozen = pair.says(&["-t", "2"]);
    primary.signal("-CONT");
    let hung = "DB SYNC CRITICAL - A hangs: no answer while logging in within its time, its kernel still accepts connections, B: the IO thread is stopped (error 1236: ";
    assert!(frozen.0 == 2 && frozen.1.starts_with(hung), "{frozen:?}");
    primary.signal("-KILL");
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - A refuses the connection: nothing listens there, B: the IO thread is stopped (error 1236: ");
}
