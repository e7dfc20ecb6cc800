//! `check_sip` against a real Kamailio and a real `sipp`, with loss, and against what a real Asterisk said (MD17 Asterisk SIP).

mod srv;

use rig::daemon::{Folder, free_tcp, free_udp};
use rig::hostile::{Manner, seen_by_everybody, serve};
use rig::process::{Done, binary, command, run};
use rig::sip::{Kamailio, lossy, replay, sipp};
use rig::smtp::Certs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

const STRANGER: &str = include_str!("../fixtures/sip/asterisk-22-stranger.txt");

fn check(args: &[&str]) -> Done {
    let done = run(&binary("check_sip"), &[&["-H", "127.0.0.1"], args].concat());
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

/// Exit code and the first line without the measured time.
fn first(args: &[&str]) -> (Option<i32>, String) {
    let done = check(args);
    let line = done.stdout.lines().next().unwrap().split(" | ").next().unwrap();
    (done.code, line.rsplit_once(" in ").filter(|(_, time)| time.ends_with('s')).map_or(line, |(before, _)| before).to_owned())
}

fn ok(line: &str) -> (Option<i32>, String) {
    (Some(0), format!("SIP OK - {line}"))
}

fn critical(line: &str) -> (Option<i32>, String) {
    (Some(2), format!("SIP CRITICAL - {line}"))
}

fn certs(folder: &Folder) -> Certs {
    Certs::make(folder.path(), &["127.0.0.1"])
}

fn login<'a>(file: &'a Path, user: &'a str) -> [&'a str; 4] {
    ["--user", user, "--password-file", file.to_str().unwrap()]
}

#[test]
fn md17_a_real_kamailio_over_udp_tcp_and_tls() {
    let folder = Folder::new("sip-tls");
    let certs = certs(&folder);
    let server = Kamailio::start(&certs, "MD5");
    let (port, tls) = (server.port().to_string(), server.tls_port().to_string());
    let ca = certs.ca().to_str().unwrap().to_owned();
    let secure: &[&str] = &["-p", &tls, "--transport", "tls", "--ca", &ca, "--certificate-warning", "0:", "--certificate-critical", "0:"];
    for way in [&["-p", port.as_str()][..], &["-p", &port, "--transport", "tcp"], secure] {
        let at = |more: &[&str]| first(&[way, more].concat());
        assert_eq!(at(&[]), ok("127.0.0.1 answers 200 Keepalive"), "{way:?}");
        assert_eq!(
            at(&["--extension", "busy"]),
            critical("127.0.0.1 answers 503 Service Unavailable: overloaded or shutting down, it says: try again after 30 s")
        );
        assert_eq!(at(&["--extension", "trying", "--answer-timeout", "300ms"]), critical("127.0.0.1: no final answer in time, only 100"));
        assert_eq!(at(&["--extension", "drop", "--answer-timeout", "300ms"]), critical("127.0.0.1: no answer in time"));
        assert_eq!(at(&["--extension", "nosuch"]), (Some(1), "SIP WARNING - 127.0.0.1 answers 404 Not Found: no such extension".into()));
        assert_eq!(at(&["--server", "kamailio", "--allow", "OPTIONS,INVITE"]), ok("127.0.0.1 answers 200 Keepalive"));
    }
    let (code, line) = first(&["-p", &tls, "--transport", "tls"]);
    assert_eq!(code, Some(2));
    assert!(line.starts_with("SIP CRITICAL - 127.0.0.1: its certificate is signed by no authority that this node trusts; "), "{line}");
    assert_eq!(first(&["-p", &port, "--transport", "tls", "--insecure"]).0, Some(2), "a port without TLS");
}

#[test]
fn logins_by_md5_and_sha_256() {
    let folder = Folder::new("sip-login");
    let (right, wrong) = (folder.file("right", "hunter2\n", 0o600), folder.file("wrong", "letmein\n", 0o600));
    for algorithm in ["MD5", "SHA-256"] {
        let server = Kamailio::start(&certs(&folder), algorithm);
        let port = server.port().to_string();
        for how in [&["--extension", "auth"][..], &["--register"]] {
            let at = |file: &Path| first(&[&["-p", port.as_str()], how, &login(file, "mon")].concat());
            assert_eq!(at(&right), ok("127.0.0.1 answers 200 Keepalive: it lets mon in"), "{algorithm} {how:?}");
            assert_eq!(
                at(&wrong),
                critical("127.0.0.1 answers 401 Unauthorized: it refuses the login of mon (user, password or realm)"),
                "{algorithm}"
            );
        }
        assert_eq!(first(&["-p", &port, "--extension", "auth"]), ok("127.0.0.1 answers 401 Unauthorized: alive, it wants a login"));
    }
}

#[test]
fn a_real_sipp_whose_answer_has_a_body() {
    for over_tcp in [false, true] {
        let (_server, port, _folder) = sipp(over_tcp);
        let transport = if over_tcp { "tcp" } else { "udp" };
        assert_eq!(first(&["-p", &port.to_string(), "--transport", transport, "--server", "SIPp"]), ok("127.0.0.1 answers 200 OK"), "{transport}");
    }
}

#[test]
fn lost_datagrams_are_repeated_and_counted() {
    let folder = Folder::new("sip-loss");
    let server = Kamailio::start(&certs(&folder), "MD5");
    let port = lossy(([127, 0, 0, 1], server.port()).into(), |number| number < 2).port().to_string();
    let start = Instant::now();
    let done = check(&["-p", &port, "--repeat-warning", "2"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains(" 'repeated'=2;2;;;"), "{}", done.stdout);
    // RFC 3261: 0.5 s and 1 s after the questions that were lost.
    assert!(start.elapsed() >= Duration::from_millis(1500), "{:?}", start.elapsed());
    let port = lossy(([127, 0, 0, 1], server.port()).into(), |_| true).port().to_string();
    assert_eq!(first(&["-p", &port, "--answer-timeout", "700ms"]), critical("127.0.0.1: no answer in time"));
}

#[test]
fn what_a_real_asterisk_says_to_a_stranger() {
    let port = replay(STRANGER, None).port().to_string();
    assert_eq!(first(&["-p", &port, "--server", "Asterisk PBX 22"]), ok("127.0.0.1 answers 401 Unauthorized: alive, it wants a login"));
    assert_eq!(first(&["-p", &port, "--expect", "200"]), critical("127.0.0.1 answers 401 Unauthorized: not what --expect allows"));
    let folder = Folder::new("sip-asterisk");
    let secret = folder.file("secret", "hunter2\n", 0o600);
    assert_eq!(
        first(&[&["-p", port.as_str()][..], &login(&secret, "100")].concat()).0,
        Some(2),
        "its recorded answer to the login has the sequence number of the first question, so it is none"
    );
    let other = replay(STRANGER, Some("127.0.0.2:0")).port().to_string();
    let (code, line) = first(&["-p", &other, "--answer-timeout", "900ms"]);
    assert_eq!(code, Some(1), "{line}");
    assert!(line.starts_with("SIP WARNING - the answer came from 127.0.0.2:"), "{line}");
}

#[test]
fn down_hung_and_garbage() {
    let start = Instant::now();
    let closed = free_udp().to_string();
    assert_eq!(first(&["-p", &closed]), critical("127.0.0.1: connection refused: nothing listens there"));
    let closed = free_tcp().to_string();
    assert_eq!(first(&["-p", &closed, "--transport", "tcp"]), critical("127.0.0.1: connection refused: nothing listens there"));
    assert!(start.elapsed() < Duration::from_secs(3), "a closed port is known at once: {:?}", start.elapsed());
    let folder = Folder::new("sip-hung");
    let server = Kamailio::start(&certs(&folder), "MD5");
    server.freeze();
    let port = server.port().to_string();
    for transport in ["udp", "tcp"] {
        let at = |more: &[&str]| first(&[&["-p", port.as_str(), "--transport", transport], more].concat());
        assert_eq!(at(&["--answer-timeout", "300ms"]), critical("127.0.0.1: no answer in time"), "{transport}");
        assert_eq!(at(&["-t", "0.4"]), critical("127.0.0.1: no answer in time"), "the server's share of the deadline");
    }
    for (manner, line) in [
        (Manner::Says(b"SSH-2.0-OpenSSH_9.2\r\n"), "127.0.0.1: what answers there does not speak SIP: \"SSH-2.0-OpenSSH_9.2\""),
        (Manner::HangsUp, "127.0.0.1: it closed the connection"),
        (Manner::Mute, "127.0.0.1: no answer in time"),
        (Manner::Says(b"SIP/2.0 200 OK\r\nCall-ID: somebody's\r\n\r\n"), "127.0.0.1: no answer in time"),
    ] {
        let port = serve("127.0.0.1:0", manner).port().to_string();
        let seen = first(&["-p", &port, "--transport", "tcp", "--answer-timeout", "300ms"]);
        // A server that hangs up with our question unread resets the connection.
        let reset = manner == Manner::HangsUp && seen == critical("127.0.0.1: it broke the connection");
        assert!(reset || seen == critical(line), "{manner:?}: {seen:?}");
    }
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = noise.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        while let Ok((_, client)) = noise.recv_from(&mut [0; 8192]) {
            noise.send_to(b"what?", client).unwrap();
        }
    });
    let garbage = critical("127.0.0.1: what answers there does not speak SIP: \"what?\"");
    assert_eq!(first(&["-p", &port, "--answer-timeout", "300ms"]), garbage);
}

#[test]
fn ipv6_and_names() {
    let folder = Folder::new("sip-six");
    let server = Kamailio::start(&certs(&folder), "MD5");
    let port = server.port().to_string();
    let line = |args: &[&str]| run(&binary("check_sip"), args).stdout.lines().next().unwrap().to_owned();
    assert!(line(&["-6", "-H", "::1", "-p", &port]).starts_with("SIP OK - ::1 answers 200 Keepalive in "));
    assert_eq!(line(&["-4", "-H", "::1"]), "SIP UNKNOWN - cannot reach ::1: it has no IPv4 address");
    let unknown = "SIP UNKNOWN - cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server";
    assert_eq!(line(&["-H", "name.invalid"]), unknown);
}

#[test]
fn the_password_stays_in_its_file() {
    let folder = Folder::new("sip-secret");
    let secret = folder.file("secret", "hunter2\n", 0o600);
    let seen = seen_by_everybody(|server| {
        let port = server.port().to_string();
        let args = [&["-H", "127.0.0.1", "-p", port.as_str(), "--transport", "tcp"][..], &login(&secret, "mon")].concat();
        command(&binary("check_sip"), &args)
    });
    assert!(!seen.contains("hunter2"), "{seen}");
}
