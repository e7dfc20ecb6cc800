//! Against a real MariaDB.

use super::{Client, PASSWORD, certificates, hangs, said, secret, verdict};
use rig::database::{Folder, Mariadb};
use rig::process::{binary, run};

#[test]
fn mariadb_answers_and_is_never_written_to() {
    let folder = Folder::new("mysql");
    let certs = certificates(&folder, &["127.0.0.1", "localhost"], "mysql");
    let tls = [format!("--ssl-cert={}", certs.cert().display()), format!("--ssl-key={}", certs.key().display())];
    let server = Mariadb::create(1, &[&tls[0], &tls[1], "--plugin-load-add=auth_ed25519"]);
    server.sql(&format!(
        "CREATE DATABASE t; CREATE TABLE t.a(i INT PRIMARY KEY, s VARCHAR(30)) ENGINE=InnoDB; INSERT INTO t.a VALUES(1,'one'),(2,NULL),(30,'thirty');
         CREATE TABLE t.hidden(i INT); CREATE USER icinga IDENTIFIED BY '{PASSWORD}'; GRANT SELECT, INSERT, DELETE, UPDATE ON t.a TO icinga;
         CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}'); GRANT SELECT ON t.a TO ed"
    ));
    let password = secret(&folder, "password", PASSWORD);
    let client = Client::new("mariadb", server.port, &password);
    let at = format!("127.0.0.1:{}", server.port);

    // Values: number, text, NULL, no row, rows with labels.
    let done = client.with(&["-q", "SELECT MAX(i) FROM t.a;", "-w", "20", "-c", "40"]);
    assert_eq!((done.code, verdict(&done)), (Some(1), "DB QUERY WARNING - value 30 (warning at 20)"));
    assert!(done.stdout.contains(" | 'value'=30;20;40;; 'rows'=1;;;; 'connect'=0."), "{}", done.stdout);
    assert!(done.stdout.contains(&format!("\n{at}, MariaDB 10.")), "{}", done.stdout);
    assert_eq!(client.says(&[]), said(0, "DB QUERY OK - value 1"));
    assert_eq!(client.says(&["-q", "SELECT MAX(i) FROM t.a", "-c", "29"]), said(2, "DB QUERY CRITICAL - value 30 (critical at 29)"));
    assert_eq!(client.says(&["-q", "SELECT s FROM t.a WHERE i=1", "--expect", "one"]), said(0, "DB QUERY OK - value \"one\""));
    assert_eq!(
        client.says(&["-q", "SELECT s FROM t.a WHERE i=1", "--regex", "^t"]),
        said(2, "DB QUERY CRITICAL - value is \"one\", which /^t/ does not match")
    );
    assert_eq!(client.says(&["-q", "SELECT s FROM t.a WHERE i=2"]), said(3, "DB QUERY UNKNOWN - value is NULL"));
    assert_eq!(client.says(&["-q", "SELECT s FROM t.a WHERE i=3"]), said(3, "DB QUERY UNKNOWN - the query returned no row"));
    let rows = ["-q", "SELECT IFNULL(s,'none'), i FROM t.a ORDER BY i", "--labelled", "-c", "2"];
    assert_eq!(client.says(&rows), said(2, "DB QUERY CRITICAL - thirty 30 (critical at 2)"));
    let many = client.with(&["-q", "SELECT 1 FROM information_schema.COLUMNS", "--max-rows", "5"]);
    assert!(many.code == Some(0) && many.stdout.contains("\nonly the first 5 rows were read (--max-rows)\n"), "{}", many.stdout);

    // Ways in: IPv6, name, socket, option file, ed25519.
    for place in [&["-H", "::1"][..], &["-H", "localhost"], &["-4", "-H", "localhost"], &["-S", server.socket.to_str().unwrap()]] {
        assert_eq!(client.says(place), said(0, "DB QUERY OK - value 1"), "{place:?}");
    }
    let options = secret(&folder, "my.cnf", &format!("[client]\nuser=ed\npassword='{PASSWORD}'\n"));
    let port = server.port.to_string();
    let ed = run(&binary("check_db_query"), &["--engine", "mysql", "-p", &port, "--defaults-file", &options, "-q", "SELECT CURRENT_USER()"]);
    assert_eq!((ed.code, verdict(&ed)), (Some(0), "DB QUERY OK - value \"ed@%\""));

    // TLS: an unknown authority, a wrong name.
    let cipher = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME='Ssl_version'";
    let ca = certs.ca().display().to_string();
    for mode in [&["--tls", "require"][..], &["--tls", "verify-ca", "--ca", &ca], &["--tls", "verify-full", "--ca", &ca], &[]] {
        assert_eq!(client.says(&[&["-q", cipher, "--regex", "^TLSv1\\.[23]$"], mode].concat()).0, 0, "{mode:?}");
    }
    assert_eq!(client.says(&["-q", cipher, "--tls", "disable", "--expect", ""]), said(0, "DB QUERY OK - value \"\""));
    let untrusted = client.says(&["--tls", "verify-full"]);
    assert!(untrusted.0 == 2 && untrusted.1.starts_with(&format!("DB QUERY CRITICAL - {at} gives no trusted TLS: ")), "{untrusted:?}");
    let other = client.says(&["-H", "::1", "--tls", "verify-full", "--ca", &ca]);
    assert!(
        other.0 == 2 && other.1.contains("gives no trusted TLS: ") && client.says(&["-H", "::1", "--tls", "verify-ca", "--ca", &ca]).0 == 0,
        "{other:?}"
    );
    assert_eq!(client.says(&["-H", "localhost", "-4", "--tls", "verify-full", "--ca", &ca]).0, 0);

    // Nothing is ever written, whatever the account may do.
    for sql in [
        "DELETE FROM t.a",
        "SELECT 1; DELETE FROM t.a",
        "COMMIT; DELETE FROM t.a",
        "SET SESSION TRANSACTION READ WRITE; DELETE FROM t.a",
        "INSERT INTO t.a VALUES(4,'four')",
    ] {
        let (code, line) = client.says(&["-q", sql]);
        assert!(code == 3 && (line.contains("refuses to write (1792: ") || line.contains("does not understand the query (1064: ")), "{sql}: {line}");
    }
    assert_eq!(server.sql("SELECT COUNT(*), MAX(i) FROM t.a"), "3\t30");

    // What the server refuses.
    let wrong = secret(&folder, "wrong", "not-it");
    let line = Client::new("mariadb", server.port, &wrong).says(&[]);
    assert!(
        line.0 == 3 && line.1.starts_with(&format!("DB QUERY UNKNOWN - {at} refuses the login (1045: Access denied for user 'icinga'@")),
        "{line:?}"
    );
    let line = client.says(&["-q", "SELECT * FROM t.hidden"]);
    assert!(line.0 == 3 && line.1.contains("refuses to show it (1142: SELECT command denied"), "{line:?}");
    let line = client.says(&["-q", "SELECT nosuch FROM t.a"]);
    assert!(line.0 == 3 && line.1.contains("does not understand the query (1054: "), "{line:?}");
    server.sql("GRANT SELECT ON gone.* TO icinga; GRANT SELECT ON t.* TO icinga");
    let line = client.says(&["-d", "gone"]);
    assert_eq!(line, said(2, &format!("DB QUERY CRITICAL - {at} lacks what is asked for (1049: Unknown database 'gone')")));
    let line = client.says(&["-q", "SELECT * FROM t.gone"]);
    assert_eq!(line, said(2, &format!("DB QUERY CRITICAL - {at} lacks what is asked for (1146: Table 't.gone' doesn't exist)")));
    let line = client.says(&["-q", "SELECT SLEEP(20)", "-t", "4"]);
    assert!(line.0 == 2 && line.1.starts_with(&format!("DB QUERY CRITICAL - {at} does not finish the query in time (1969: ")), "{line:?}");
    server.sql("ALTER USER icinga WITH MAX_QUERIES_PER_HOUR 1");
    let line = client.says(&[]);
    assert!(line.0 == 2 && line.1.starts_with(&format!("DB QUERY CRITICAL - {at} has no connection left (1226: ")), "{line:?}");

    // A server whose process stands still.
    server.signal("-STOP");
    hangs(&client, server.port);
    server.signal("-CONT");
}
