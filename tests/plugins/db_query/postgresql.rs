//! Against a real PostgreSQL.

use super::{Client, PASSWORD, certificates, hangs, said, secret, verdict};
use rig::database::{Folder, Postgresql};
use rig::process::{binary, run};

#[test]
fn postgresql_answers_and_is_never_written_to() {
    let folder = Folder::new("postgres");
    let certs = certificates(&folder, &["127.0.0.1", "localhost"], "postgres");
    let (cert, key) = (certs.cert(), certs.key());
    let server = Postgresql::create(&format!("ssl=on\nssl_cert_file='{}'\nssl_key_file='{}'", cert.display(), key.display()));
    server.sql(&format!("CREATE ROLE icinga LOGIN PASSWORD '{PASSWORD}'"));
    server.sql("CREATE TABLE a(i int primary key, s text); INSERT INTO a VALUES(1,'one'),(2,NULL),(30,'thirty'); CREATE TABLE hidden(i int); GRANT ALL ON a TO icinga");
    let password = secret(&folder, "password", PASSWORD);
    let mut client = Client::new("postgresql", server.port, &password);
    client.args.extend(["-d", "postgres"].map(str::to_owned));
    let at = format!("127.0.0.1:{}", server.port);

    // Values: number, text, NULL, no row, rows with labels, a statement that is no SELECT.
    let done = client.with(&["-q", "SELECT max(i) FROM a;", "-w", "20", "-c", "40"]);
    assert_eq!((done.code, verdict(&done)), (Some(1), "DB QUERY WARNING - value 30 (warning at 20)"));
    assert!(done.stdout.contains(&format!("\n{at}, PostgreSQL 15.")), "{}", done.stdout);
    assert_eq!(client.says(&["-q", "SELECT max(i) FROM a", "-c", "29"]), said(2, "DB QUERY CRITICAL - value 30 (critical at 29)"));
    assert_eq!(
        client.says(&["-q", "SELECT s FROM a WHERE i=1", "--expect", "two"]),
        said(2, "DB QUERY CRITICAL - value is \"one\" instead of \"two\"")
    );
    assert_eq!(client.says(&["-q", "SELECT pg_is_in_recovery()"]), said(0, "DB QUERY OK - value 0"));
    assert_eq!(client.says(&["-q", "SELECT s FROM a WHERE i=2"]), said(3, "DB QUERY UNKNOWN - value is NULL"));
    assert_eq!(client.says(&["-q", "SELECT s FROM a WHERE i=3", "--no-rows", "ok"]), said(0, "DB QUERY OK - the query returned no row"));
    assert_eq!(client.says(&["-q", "SHOW transaction_read_only", "--expect", "on"]), said(0, "DB QUERY OK - value \"on\""));
    let rows = ["-q", "-- all\nSELECT coalesce(s,'none'), i FROM a ORDER BY i", "--labelled", "-c", "2"];
    assert_eq!(client.says(&rows), said(2, "DB QUERY CRITICAL - thirty 30 (critical at 2)"));
    let many = client.with(&["-q", "SELECT generate_series(1,100000000)", "--max-rows", "5"]);
    assert!(many.code == Some(0) && many.stdout.contains("\nonly the first 5 rows were read (--max-rows)\n"), "{}", many.stdout);

    // Ways in: IPv6, name, socket, .pgpass.
    for place in [&["-H", "::1"][..], &["-H", "localhost"]] {
        assert_eq!(client.says(place), said(0, "DB QUERY OK - value 1"), "{place:?}");
    }
    let (port, home) = (server.port.to_string(), server.home.to_str().unwrap());
    let local = run(&binary("check_db_query"), &["--engine", "postgres", "-p", &port, "-S", home, "-u", "postgres", "-q", "SELECT current_user"]);
    assert_eq!((local.code, verdict(&local)), (Some(0), "DB QUERY OK - value \"postgres\""));
    let passes = secret(&folder, "pgpass", &format!("# passwords\n127.0.0.1:{port}:*:icinga:{PASSWORD}\n"));
    let by_file = ["--engine", "postgresql", "-p", &port, "-u", "icinga", "-d", "postgres", "--pgpass", &passes];
    assert_eq!(run(&binary("check_db_query"), &by_file).code, Some(0));

    // TLS: an unknown authority, a wrong name.
    let cipher = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let ca = certs.ca().display().to_string();
    for mode in [&["--tls", "require"][..], &["--tls", "verify-ca", "--ca", &ca], &["--tls", "verify-full", "--ca", &ca], &[]] {
        assert_eq!(client.says(&[&["-q", cipher, "--expect", "TLSv1.3"], mode].concat()).0, 0, "{mode:?}");
    }
    assert_eq!(client.says(&["-q", cipher, "--tls", "disable"]), said(3, "DB QUERY UNKNOWN - value is NULL"));
    let untrusted = client.says(&["--tls", "verify-full"]);
    assert!(untrusted.0 == 2 && untrusted.1.starts_with(&format!("DB QUERY CRITICAL - {at} gives no trusted TLS: ")), "{untrusted:?}");
    let other = client.says(&["-H", "::1", "--tls", "verify-full", "--ca", &ca]);
    assert!(
        other.0 == 2 && other.1.contains("gives no trusted TLS: ") && client.says(&["-H", "::1", "--tls", "verify-ca", "--ca", &ca]).0 == 0,
        "{other:?}"
    );

    // Nothing is ever written, whatever the account may do.
    for sql in [
        "DELETE FROM a",
        "SELECT 1; DELETE FROM a",
        "SELECT 1; COMMIT; DELETE FROM a",
        "COMMIT; DELETE FROM a",
        "WITH gone AS (DELETE FROM a RETURNING i) SELECT * FROM gone",
        "SELECT set_config('transaction_read_only','off',true); DELETE FROM a",
    ] {
        let (code, line) = client.says(&["-q", sql]);
        assert!(code == 3 && (line.contains("refuses to write (25006: ") || line.contains("does not understand the query (")), "{sql}: {line}");
    }
    assert_eq!(server.sql("SELECT count(*), max(i) FROM a"), "3|30");

    // What the server refuses.
    let wrong = secret(&folder, "wrong", "not-it");
    let line = Client::new("postgresql", server.port, &wrong).says(&["-d", "postgres"]);
    let expected = format!(
        "DB QUERY UNKNOWN - {at} refuses the login (28P01: password authentication failed for user \"icinga\"); correct user and password file"
    );
    assert_eq!(line, said(3, &expected));
    let none = run(&binary("check_db_query"), &["--engine", "postgresql", "-p", &port, "-u", "icinga", "-d", "postgres"]);
    assert!(none.code == Some(3) && none.stdout.contains("refuses the login (28P01: "), "{}", none.stdout);
    let line = client.says(&["-q", "SELECT * FROM hidden"]);
    assert_eq!(
        line,
        said(3, &format!("DB QUERY UNKNOWN - {at} refuses to show it (42501: permission denied for table hidden); grant the account this right"))
    );
    let line = client.says(&["-q", "SELECT * FROM gone"]);
    assert_eq!(line, said(2, &format!("DB QUERY CRITICAL - {at} lacks what is asked for (42P01: relation \"gone\" does not exist)")));
    let mut other = Client::new("postgresql", server.port, &password);
    other.args.extend(["-d", "gone"].map(str::to_owned));
    assert_eq!(other.says(&[]), said(2, &format!("DB QUERY CRITICAL - {at} lacks what is asked for (3D000: database \"gone\" does not exist)")));
    let line = client.says(&["-q", "SELECT pg_sleep(20)", "-t", "4"]);
    let expected = format!("DB QUERY CRITICAL - {at} does not finish the query in time (57014: canceling statement due to statement timeout)");
    assert_eq!(line, said(2, &expected));
    server.sql("ALTER ROLE icinga CONNECTION LIMIT 0");
    let line = client.says(&[]);
    assert_eq!(line, said(2, &format!("DB QUERY CRITICAL - {at} has no connection left (53300: too many connections for role \"icinga\")")));

    // A server whose process stands still.
    server.signal("-STOP");
    hangs(&client, server.port);
    server.signal("-CONT");
}
