//! Two real PostgreSQL servers, the standby behind a relay.

use super::{PASSWORD, Pair, said};
use rig::database::{Postgresql, Relay, Wire, wait_for};

struct Servers {
    primary: Postgresql,
    standby: Postgresql,
    relay: Relay,
    pair: Pair,
}

const FINE: &str = "DB SYNC OK - A is the primary, lag ";

impl Servers {
    fn start() -> Self {
        let primary = Postgresql::create("max_slot_wal_keep_size=32MB\nwal_keep_size=0");
        primary.sql(&format!(
            "CREATE ROLE icinga LOGIN PASSWORD '{PASSWORD}'; GRANT pg_monitor TO icinga; CREATE ROLE blind LOGIN PASSWORD '{PASSWORD}'"
        ));
        primary.sql("CREATE TABLE a(i int primary key, s text); INSERT INTO a VALUES(1,'one'),(2,NULL); GRANT SELECT ON a TO icinga");
        let relay = Relay::start(primary.port);
        let standby = Postgresql::standby(relay.port, "b");
        let mut pair = Pair::new("postgresql", primary.port, standby.port);
        pair.args.extend(["-d", "postgres"].map(str::to_owned));
        pair.comes_to(&[], 0, FINE);
        Self { primary, standby, relay, pair }
    }
}

#[test]
fn postgresql_streaming_and_everything_that_stops_it() {
    let Servers { primary, standby, relay, pair } = &Servers::start();
    let done = pair.run(&["--role", "standby", "-w", "5", "-c", "10", "--behind-critical", "100000", "-v"]);
    let text = pair.named(&done.stdout);
    assert!(text.starts_with("DB SYNC OK - A is the primary, lag 0.0 ms | 'behind'=0B;;100000;0; 'lag'=0s;5;10;0; 'arrival'="), "{text}");
    assert!(
        text.contains("\nB had the primary's position after ") && text.contains("\nA: PostgreSQL 15.") && text.contains(", timeline 1\n"),
        "{text}"
    );
    let (here, there) = (primary.port.to_string(), standby.port.to_string());
    let done = pair.run(&["--role", "primary", "-p", &here, "--peer-port", &there]);
    assert!(done.code == Some(0) && pair.named(&done.stdout).starts_with(FINE), "{}", done.stdout);

    // An idle primary is no lag, however old its last commit is.
    primary.sql("UPDATE a SET s='one' WHERE i=1");
    wait_for("age of the last commit", || standby.sql("SELECT now() - pg_last_xact_replay_timestamp() > interval '2 seconds'") == "t");
    assert_eq!(pair.says(&["-c", "1"]), said(0, "DB SYNC OK - A is the primary, lag 0.0 ms"));

    // Replay paused: bytes and seconds grow, the receiver goes on.
    standby.sql("SELECT pg_wal_replay_pause()");
    primary.sql("INSERT INTO a SELECT i, repeat('x', 100) FROM generate_series(100, 1100) i");
    pair.comes_to(&[], 1, "DB SYNC WARNING - replay on B is paused; run there: SELECT pg_wal_replay_resume()");
    pair.comes_to(&["--behind-critical", "10000"], 2, "DB SYNC CRITICAL - behind ");
    pair.comes_to(&["-c", "1"], 2, "DB SYNC CRITICAL - lag ");
    standby.sql("SELECT pg_wal_replay_resume()");
    pair.comes_to(&["-c", "1"], 0, FINE);

    // A delay that is wanted.
    standby.sql("ALTER SYSTEM SET recovery_min_apply_delay='300s'");
    standby.sql("SELECT pg_reload_conf()");
    primary.sql("INSERT INTO a VALUES(3,'later')");
    wait_for("delay", || pair.run(&["--role", "standby"]).stdout.contains(" is kept 300.0 s behind on purpose\n"));
    pair.comes_to(&["-c", "5"], 0, "DB SYNC OK - A is the primary, lag 0.0 ms");
    standby.sql("ALTER SYSTEM RESET recovery_min_apply_delay");
    standby.sql("SELECT pg_reload_conf()");
    pair.comes_to(&["--behind-critical", "0"], 0, FINE);

    // The link: frozen, cut, healed.
    relay.set(Wire::Frozen);
    primary.sql("INSERT INTO a VALUES(4,'unheard')");
    let dead = "DB SYNC CRITICAL - B claims to be in sync and has not got within 300.0 ms what the primary wrote: the link between them is dead";
    assert_eq!(pair.says(&["--settle", "300ms"]), said(2, dead));
    relay.set(Wire::Cut);
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - B receives nothing: it has no connection to its primary");
    wait_for("unused slot", || {
        let alone = pair.run(&["--role", "primary", "-p", &here, "--peer-port", &there]);
        pair.named(&alone.stdout).contains("\nWARNING: slot b of A is not in use and keeps ")
    });
    relay.set(Wire::Whole);
    pair.comes_to(&[], 0, FINE);

    // Contents and a heartbeat.
    pair.comes_to(&["--compare", "a"], 0, FINE);
    primary.sql("CREATE TABLE heartbeat(ts text, server_id int); GRANT SELECT ON heartbeat TO icinga");
    let heartbeat = ["--heartbeat", "public.heartbeat", "-c", "60"];
    pair.comes_to(&heartbeat, 3, "DB SYNC UNKNOWN - the heartbeat table is empty; is its writer running?");
    primary.sql(
        "INSERT INTO heartbeat VALUES(to_char(clock_timestamp() AT TIME ZONE 'UTC' - interval '100 seconds', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), 1)",
    );
    pair.comes_to(&heartbeat, 2, "DB SYNC CRITICAL - heartbeat 10");

    // A slot that lost its WAL, and the standby that needs it.
    relay.set(Wire::Cut);
    pair.comes_to(&[], 2, "DB SYNC CRITICAL - B receives nothing");
    wait_for("lost slot", || {
        primary.sql("INSERT INTO a SELECT i, repeat('y', 1000) FROM generate_series(10000, 20000) i; DELETE FROM a WHERE i >= 10000; SELECT pg_switch_wal(); CHECKPOINT");
        primary.sql("SELECT wal_status FROM pg_replication_slots") == "lost"
    });
    relay.set(Wire::Whole);
    // It connects, is told so, and tries again.
    wait_for("standby that needs what is lost", || {
        let (code, line) = pair.says(&[]);
        assert!(code == 2 && line.contains("slot b of A is lost: its standby has to be copied anew"), "{line}");
        line.contains("B receives nothing: it has no connection to its primary")
    });
}

#[test]
fn postgresql_nodes_that_are_not_what_they_should_be() {
    let Servers { mut primary, standby, pair, relay: _relay } = Servers::start();
    let alone = |port: u16, more: &[&str]| {
        let port = port.to_string();
        let mut args = vec!["--engine", "postgresql", "-u", "icinga", "-d", "postgres", "-p", &port, "--password-file", &pair.args[5]];
        args.extend(more);
        let done = rig::process::run(&rig::process::binary("check_db_sync"), &args);
        (done.code.unwrap(), pair.named(crate::db_query::verdict(&done)))
    };
    let status = ["--status", "/nonexistent/status.json"];
    assert_eq!(alone(primary.port, &status), said(3, "DB SYNC UNKNOWN - A is no standby, and whether it should be one is not known"));
    assert_eq!(alone(standby.port, &status), said(0, "DB SYNC OK - lag 0.0 ms"));
    assert_eq!(alone(primary.port, &["--role", "primary"]), said(0, "DB SYNC OK - A is the primary"));
    assert_eq!(alone(primary.port, &["--role", "standby"]), said(2, "DB SYNC CRITICAL - A is no standby: it is a writable primary on timeline 1"));
    assert_eq!(alone(standby.port, &["--role", "primary"]), said(2, "DB SYNC CRITICAL - B is a standby and not the primary"));

    // Rights.
    let blind = pair.says(&["-u", "blind"]);
    assert_eq!(blind.0, 3);
    assert!(blind.1.contains("B shows this account no details of its receiver; run: GRANT pg_monitor TO it"), "{blind:?}");

    // Promoted behind the primary's back: two histories of one cluster.
    standby.sql("SELECT pg_promote()");
    primary.sql("INSERT INTO a VALUES(10,'old primary')");
    standby.sql("INSERT INTO a VALUES(10,'new primary')");
    let split = "DB SYNC CRITICAL - SPLIT BRAIN: A and B are both writable primaries, on timelines 1 and 2";
    assert_eq!(pair.says(&[]), said(2, split), "the control file of B still says 1");
    assert_eq!(alone(standby.port, &["--role", "standby"]), said(2, "DB SYNC CRITICAL - B is no standby: it is a writable primary on timeline 2"));
    assert_eq!(pair.says(&["--compare", "a"]).1, format!("{split}, a differs: 3 rows on both nodes, not the same ones"));

    // The old primary comes back as a standby of the new one, with writes that the new one never had.
    primary.stop();
    primary.demote();
    primary.set("primary_conninfo", &format!("host=127.0.0.1 port={} user=postgres", standby.port));
    primary.start_again();
    let pair = Pair { args: pair.args.clone(), a: pair.b.clone(), b: pair.a.clone(), folder: pair.folder };
    let (here, there) = (primary.port.to_string(), standby.port.to_string());
    pair.comes_to(
        &["-p", &here, "--peer-port", &there],
        2,
        "DB SYNC CRITICAL - B follows timeline 1, the primary writes timeline 2: their histories differ",
    );

    // A frozen node, then a dead one.
    standby.signal("-STOP");
    let frozen = pair.says(&["-p", &here, "--peer-port", &there, "-t", "2"]);
    standby.signal("-CONT");
    let hung = "DB SYNC CRITICAL - A hangs: no answer while logging in within its time, its kernel still accepts connections, ";
    assert!(frozen.0 == 2 && frozen.1.starts_with(hung), "{frozen:?}");
    standby.signal("-KILL");
    pair.comes_to(&["-p", &here, "--peer-port", &there], 2, "DB SYNC CRITICAL - A refuses the connection: nothing listens there, ");
}
