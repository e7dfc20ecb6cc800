//! `check_rsync` against a real daemon, in clear and under TLS (MD17 Rsync Server).

use rig::daemon::{Folder, free_tcp};
use rig::hostile::{Manner, seen_by_everybody, serve};
use rig::process::{Done, binary, command, run};
use rig::rsyncd::Rsyncd;
use rig::smtp::Certs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

fn check(args: &[&str]) -> Done {
    let done = run(&binary("check_rsync"), args);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

/// Exit code and the first line without performance data.
fn first(args: &[&str]) -> (Option<i32>, String) {
    let done = check(args);
    let line = done.stdout.lines().next().unwrap();
    (done.code, line.split(" | ").next().unwrap().to_owned())
}

fn ok(line: &str) -> (Option<i32>, String) {
    (Some(0), format!("RSYNC OK - {line}"))
}

fn critical(line: &str) -> (Option<i32>, String) {
    (Some(2), format!("RSYNC CRITICAL - {line}"))
}

#[test]
fn md17_a_real_daemon_in_every_state_of_a_module() {
    let daemon = Rsyncd::start("127.0.0.1");
    let port = daemon.port().to_string();
    let folder = Folder::new("rsync-check");
    let (right, wrong) = (folder.file("right", "hunter2\n", 0o600), folder.file("wrong", "letmein\n", 0o600));
    let at = |more: &[&str]| first(&[&["-H", "127.0.0.1", "-p", &port], more].concat());
    let with = |file: &Path, user: &str| at(&["-m", "closed", "--user", user, "--password-file", file.to_str().unwrap()]);
    assert_eq!(at(&[]), ok("127.0.0.1 answers, modules open, closed, gone, denied, full"), "the message of the day is no module");
    assert_eq!(at(&["-m", "open"]), ok("open is open"));
    assert_eq!(at(&["-m", "hidden"]), ok("hidden is open"), "not listed, and served");
    assert_eq!(at(&["-m", "closed"]), ok("closed wants a login (none was given)"));
    assert_eq!(with(&right, "mon"), ok("closed lets mon in"));
    assert_eq!(with(&wrong, "mon"), critical("closed refuses the login of mon (password, user or \"auth users\")"));
    assert_eq!(with(&right, "eve"), critical("closed refuses the login of eve (password, user or \"auth users\")"));
    assert_eq!(at(&["-m", "nosuch"]), critical("nosuch: Unknown module 'nosuch'"));
    assert_eq!(at(&["-m", "gone"]), critical("gone: chdir failed"));
    assert_eq!(at(&["-m", "open", "-m", "gone", "-m", "nosuch"]), critical("gone: chdir failed, nosuch: Unknown module 'nosuch'"));
    let (code, line) = at(&["-m", "denied"]);
    assert_eq!(code, Some(1), "{line}");
    assert!(line.starts_with("RSYNC WARNING - denied does not allow this node (\"hosts allow\"): access denied to denied from "), "{line}");
    let done = check(&["-H", "127.0.0.1", "-p", &port, "-m", "open", "-w", "0", "-c", "5"]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.starts_with("RSYNC WARNING - time ") && done.stdout.contains(" | 'open'="), "{}", done.stdout);
}

#[test]
fn a_full_module_is_critical_until_it_has_room_again() {
    let daemon = Rsyncd::start("127.0.0.1");
    let port = daemon.port().to_string();
    let holder = hold(daemon.port());
    assert_eq!(first(&["-H", "127.0.0.1", "-p", &port, "-m", "full"]), critical("full: max connections (1) reached -- try again later"));
    drop(holder);
    let start = Instant::now();
    while first(&["-H", "127.0.0.1", "-p", &port, "-m", "full"]) != ok("full is open") {
        assert!(start.elapsed() < Duration::from_secs(10), "the place is not given back");
    }
}

/// A client that has opened the module `full` and stays.
fn hold(port: u16) -> TcpStream {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"@RSYNCD: 31.0 md5\nfull\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "@RSYNCD: OK"));
    stream
}

#[test]
fn down_hung_and_garbage_are_critical_within_their_time() {
    let closed = free_tcp().to_string();
    assert_eq!(first(&["-H", "127.0.0.1", "-p", &closed]), critical("127.0.0.1: connection refused: nothing listens there"));
    let hung = Rsyncd::start("127.0.0.1");
    hung.freeze();
    let start = Instant::now();
    let port = hung.port().to_string();
    assert_eq!(first(&["-H", "127.0.0.1", "-p", &port, "--answer-timeout", "300ms"]), critical("127.0.0.1: no answer in time"));
    assert_eq!(first(&["-H", "127.0.0.1", "-p", &port, "-t", "0.5"]), critical("127.0.0.1: no answer in time"), "the server's share of the deadline");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    for (manner, line) in [
        (Manner::Mute, "127.0.0.1: no answer in time"),
        (Manner::Drips, "127.0.0.1: no answer in time"),
        (Manner::HangsUp, "127.0.0.1: it closed the connection"),
        (Manner::Says(b"SSH-2.0-OpenSSH_9.2\r\n"), "what answers at 127.0.0.1 is no rsync daemon: \"SSH-2.0-OpenSSH_9.2\""),
        (Manner::Says(b"@RSYNCD: 31.0 md5\n"), "127.0.0.1: no answer in time"),
        (Manner::Answers(b"@RSYNCD: 31.0 md5\n", b"@ERROR: out of memory\n"), "127.0.0.1: it refuses to list its modules: out of memory"),
    ] {
        let port = serve("127.0.0.1:0", manner).port().to_string();
        assert_eq!(first(&["-H", "127.0.0.1", "-p", &port, "--answer-timeout", "300ms"]), critical(line), "{manner:?}");
    }
}

#[test]
fn ipv6_names_and_a_source_address() {
    let daemon = Rsyncd::start("::1");
    let port = daemon.port().to_string();
    assert_eq!(first(&["-H", "::1", "-p", &port, "-m", "open", "--source", "::1"]), ok("open is open"));
    let unknown = |line: &str| (Some(3), format!("RSYNC UNKNOWN - {line}"));
    assert_eq!(first(&["-4", "-H", "::1"]), unknown("cannot reach ::1: it has no IPv4 address"));
    assert_eq!(first(&["-H", "name.invalid"]), unknown("cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server"));
    let (code, line) = first(&["-H", "::1", "-p", &port, "--source", "2001:db8::77"]);
    assert_eq!(code, Some(3));
    assert!(line.starts_with(&format!("RSYNC UNKNOWN - cannot reach [::1]:{port}: 2001:db8::77 is no address of this node")), "{line}");
}

#[test]
fn tls_is_verified_by_authority_name_and_fingerprint() {
    let daemon = Rsyncd::start("127.0.0.1");
    let folder = Folder::new("rsync-tls");
    let certs = Certs::make(folder.path(), &["127.0.0.1", "backup.example.org"]);
    let (_tunnel, port) = daemon.behind_tls(&certs);
    let port = port.to_string();
    let ca = certs.ca().to_str().unwrap().to_owned();
    // The certificates of the tests live for two days.
    let at = |more: &[&str]| {
        first(
            &[&["-H", "127.0.0.1", "-p", &port, "--tls", "-m", "open", "--certificate-critical", "0:", "--certificate-warning", "0:"], more].concat(),
        )
    };
    assert_eq!(at(&["--ca", &ca]), ok("open is open"));
    assert_eq!(at(&["--ca", &ca, "--tls-name", "backup.example.org"]), ok("open is open"));
    assert_eq!(at(&["--insecure"]), ok("open is open"));
    assert_eq!(
        at(&["--ca", &ca, "--tls-name", "other.example.org"]),
        critical("127.0.0.1: its certificate is for another name; give the right one with --tls-name")
    );
    let (code, line) = at(&[]);
    assert_eq!(code, Some(2));
    let (before, pin) = line.rsplit_once(" --fingerprint ").unwrap();
    assert_eq!(before, "RSYNC CRITICAL - 127.0.0.1: its certificate is signed by no authority that this node trusts; if it is the right one:");
    assert_eq!(at(&["--fingerprint", pin]), ok("open is open"));
    let (code, line) = at(&["--fingerprint", &"0".repeat(64)]);
    assert_eq!((code, line.starts_with("RSYNC CRITICAL - 127.0.0.1: its certificate is not the pinned one; ")), (Some(2), true), "{line}");
    let (code, line) = first(&["-H", "127.0.0.1", "-p", &port, "--tls", "--ca", &ca]);
    assert_eq!((code, line.as_str()), (Some(2), "RSYNC CRITICAL - certificate days 1 (critical at 3:)"));
    let clear = daemon.port().to_string();
    assert_eq!(first(&["-H", "127.0.0.1", "-p", &clear, "--tls", "--ca", &ca]), critical("127.0.0.1: what answers there does not speak TLS"));
}

#[test]
fn the_password_stays_in_its_file() {
    let folder = Folder::new("rsync-secret");
    let secret = folder.file("secret", "hunter2\n", 0o600);
    let open = folder.file("open", "hunter2\n", 0o644);
    let args = |file: &Path| ["-H", "127.0.0.1", "-m", "a", "--user", "mon", "--password-file", file.to_str().unwrap()].map(str::to_owned);
    let refused = args(&open);
    let (code, line) = first(&refused.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(3));
    assert!(line.contains("its mode is 0644, so others can read the secret; run: chmod 0600 ") && !line.contains("hunter2"), "{line}");
    let seen = seen_by_everybody(|server| {
        let port = server.port().to_string();
        let all = [args(&secret).as_slice(), &["-p".to_owned(), port]].concat();
        command(&binary("check_rsync"), &all.iter().map(String::as_str).collect::<Vec<_>>())
    });
    assert!(!seen.contains("hunter2"), "{seen}");
}
