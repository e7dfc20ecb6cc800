//! `check_ami` against what a real Asterisk 22 said (MD17 Asterisk AMI). `tests/run asterisk` asks a real one.

use rig::ami::Replay;
use rig::daemon::{Folder, free_tcp};
use rig::hostile::{Manner, seen_by_everybody, serve};
use rig::process::{Done, binary, command, run};
use rig::rsyncd::tunnel;
use rig::smtp::Certs;
use std::path::Path;
use std::time::{Duration, Instant};

const IDLE: &str = include_str!("../fixtures/ami/asterisk-22-idle.txt");
const CALL: &str = include_str!("../fixtures/ami/asterisk-22-call.txt");
const WITHOUT_RIGHTS: &str = include_str!("../fixtures/ami/asterisk-22-without-rights.txt");

fn check(args: &[&str]) -> Done {
    let done = run(&binary("check_ami"), &[&["-H", "127.0.0.1"], args].concat());
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

fn first(args: &[&str]) -> (Option<i32>, String) {
    let done = check(args);
    (done.code, done.stdout.lines().next().unwrap().split(" | ").next().unwrap().to_owned())
}

fn critical(line: &str) -> (Option<i32>, String) {
    (Some(2), format!("AMI CRITICAL - {line}"))
}

fn ok(line: &str) -> (Option<i32>, String) {
    (Some(0), format!("AMI OK - {line}"))
}

/// A folder with the right and with a wrong secret.
struct Secrets(Folder);

impl Secrets {
    fn new() -> Self {
        let folder = Folder::new("ami");
        folder.file("right", "hunter2\n", 0o600);
        folder.file("wrong", "letmein\n", 0o600);
        Self(folder)
    }

    fn login(&self, which: &str) -> [String; 4] {
        ["--user", "mon", "--password-file", self.0.path().join(which).to_str().unwrap()].map(str::to_owned)
    }

    fn at(&self, port: u16, which: &str, more: &[&str]) -> (Option<i32>, String) {
        let (port, login) = (port.to_string(), self.login(which));
        let login: Vec<&str> = login.iter().map(String::as_str).collect();
        first(&[&["-p", port.as_str()], login.as_slice(), more].concat())
    }
}

#[test]
fn md17_a_recorded_asterisk_idle_and_with_a_call() {
    let secrets = Secrets::new();
    let idle = Replay::start(&[IDLE]);
    let port = idle.address().port();
    assert_eq!(secrets.at(port, "right", &[]), ok("127.0.0.1 answers, 0 calls"));
    assert_eq!(
        idle.heard(),
        ["Challenge", "Login", "Ping", "CoreStatus", "CoreSettings", "CoreShowChannels", "Logoff"],
        "it only reads, and says goodbye"
    );
    assert_eq!(secrets.at(port, "right", &["--registrations"]), critical("not registered: trunk (Rejected)"));
    assert_eq!(secrets.at(port, "right", &["--peers"]), ok("127.0.0.1 answers, 0 calls"), "no contact is no error");
    assert_eq!(secrets.at(port, "right", &["--peer", "100"]), critical("100 is not registered here"));
    assert_eq!(first(&["-p", &port.to_string()]), ok("127.0.0.1 greets with AMI 11.0.0"));
    let up = |range| secrets.at(port, "right", &["--uptime-warning", range]);
    assert_eq!(up("600:"), ok("127.0.0.1 answers, 0 calls"));
    assert_eq!(up("9000:"), (Some(1), "AMI WARNING - uptime 4711.0 s (warning at 9000:)".into()));
    let call = Replay::start(&[IDLE, CALL]);
    let port = call.address().port();
    assert_eq!(secrets.at(port, "right", &["--calls-critical", "1"]), critical("calls 2 (critical at 1)"));
    assert_eq!(secrets.at(port, "right", &["--longest-warning", "1"]).0, Some(1));
    let login = secrets.login("right");
    let login: Vec<&str> = login.iter().map(String::as_str).collect();
    let done = check(&[&["-p", &port.to_string(), "-v"], login.as_slice()].concat());
    assert!(done.stdout.contains("'calls'=2;;;; 'processed calls'=1c;;;0; 'channels'=2;;;; "), "{}", done.stdout);
    assert!(done.stdout.contains("\nAMI 11.0.0, Asterisk 22.10.1+dfsg"), "{}", done.stdout);
}

#[test]
fn a_refused_login_is_critical_and_never_repeated() {
    let secrets = Secrets::new();
    let server = Replay::start(&[IDLE]);
    let refused = critical("127.0.0.1 refuses the login of mon (password, user, or permit/deny in manager.conf)");
    assert_eq!(secrets.at(server.address().port(), "wrong", &[]), refused);
    assert_eq!(server.heard(), ["Challenge", "Login"]);
}

#[test]
fn an_account_without_rights_is_told_apart_from_a_broken_pbx() {
    let server = Replay::start(&[WITHOUT_RIGHTS]);
    let (code, line) = Secrets::new().at(server.address().port(), "right", &[]);
    assert_eq!(code, Some(1), "{line}");
    assert_eq!(line, "AMI WARNING - CoreStatus (Permission denied) refused: give the account write = system,reporting");
}

#[test]
fn down_hung_and_garbage() {
    let secrets = Secrets::new();
    let start = Instant::now();
    assert_eq!(secrets.at(free_tcp(), "right", &[]), critical("127.0.0.1: connection refused: nothing listens there"));
    for (manner, line) in [
        // What a frozen Asterisk does: the kernel accepts, and no banner comes.
        (Manner::Mute, "127.0.0.1: no answer in time"),
        (Manner::Drips, "127.0.0.1: no answer in time"),
        (Manner::HangsUp, "127.0.0.1: it closed the connection before its banner (authlimit: too many sessions wait for a login?)"),
        (Manner::Says(b"SSH-2.0-OpenSSH_9.2\r\n"), "what answers at 127.0.0.1 does not speak AMI: \"SSH-2.0-OpenSSH_9.2\""),
        (Manner::Says(b"Asterisk Call Manager/11.0.0\r\n"), "127.0.0.1: no answer in time"),
        (Manner::Answers(b"Asterisk Call Manager/11.0.0\r\n", b"Event: x\r\n\r\n"), "127.0.0.1: no answer in time"),
    ] {
        let port = serve("127.0.0.1:0", manner).port();
        assert_eq!(secrets.at(port, "right", &["--answer-timeout", "300ms"]), critical(line), "{manner:?}");
    }
    let mute = serve("127.0.0.1:0", Manner::Mute).port();
    assert_eq!(secrets.at(mute, "right", &["-t", "0.4"]), critical("127.0.0.1: no answer in time"), "the server's share of the deadline");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let short = IDLE.replace("ListItems: 0", "ListItems: 3");
    let server = Replay::start(&[&short]);
    assert_eq!(
        secrets.at(server.address().port(), "right", &[]),
        critical("what answers at 127.0.0.1 does not speak AMI: \"CoreShowChannels promises 3 items and sends 0\"")
    );
}

#[test]
fn ipv6_names_and_tls() {
    let six = serve("[::1]:0", Manner::Says(b"Asterisk Call Manager/9.0.0\r\n")).port().to_string();
    let line = |args: &[&str]| run(&binary("check_ami"), args).stdout.lines().next().unwrap().split(" | ").next().unwrap().to_owned();
    assert_eq!(line(&["-H", "::1", "-p", &six]), "AMI OK - ::1 greets with AMI 9.0.0");
    assert_eq!(line(&["-4", "-H", "::1"]), "AMI UNKNOWN - cannot reach ::1: it has no IPv4 address");
    let unknown = "AMI UNKNOWN - cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server";
    assert_eq!(line(&["-H", "name.invalid"]), unknown);
    let secrets = Secrets::new();
    let server = Replay::start(&[IDLE]);
    let certs = Certs::make(secrets.0.path(), &["127.0.0.1"]);
    let (_tunnel, port) = tunnel(server.address().port(), &certs, &secrets.0);
    let ca = certs.ca().to_str().unwrap().to_owned();
    let young = ["--tls", "--ca", &ca, "--certificate-warning", "0:", "--certificate-critical", "0:"];
    assert_eq!(secrets.at(port, "right", &young), ok("127.0.0.1 answers, 0 calls"));
    assert_eq!(secrets.at(port, "right", &[&young[..], &["--plain"]].concat()), ok("127.0.0.1 answers, 0 calls"));
    assert_eq!(server.heard().iter().filter(|a| *a == "Challenge").count(), 1, "plain needs none");
    let usage = secrets.at(port, "right", &["--plain"]);
    assert!(usage.0 == Some(3) && usage.1.contains("usage: "), "a secret in clear only under TLS: {usage:?}");
}

#[test]
fn the_secret_stays_in_its_file() {
    let secrets = Secrets::new();
    let login = secrets.login("right");
    let seen = seen_by_everybody(|server| {
        let port = server.port().to_string();
        let login: Vec<&str> = login.iter().map(String::as_str).collect();
        command(&binary("check_ami"), &[&["-H", "127.0.0.1", "-p", port.as_str()], login.as_slice()].concat())
    });
    assert!(!seen.contains("hunter2"), "{seen}");
    let open = secrets.0.file("open", "hunter2\n", 0o644);
    let refused = first(&["--user", "mon", "--password-file", Path::new(&open).to_str().unwrap()]);
    assert!(refused.0 == Some(3) && refused.1.contains("chmod 0600") && !refused.1.contains("hunter2"), "{refused:?}");
}
