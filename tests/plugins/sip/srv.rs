//! `check_sip --srv` with a real name server (dnsmasq), and many questions in one run through a way that loses some.

use super::{critical, first, ok};
use rig::daemon::{Daemon, Folder, free_udp, listens_udp};
use rig::process::{Done, binary, run};
use rig::sip::{lossy, sipp};
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

/// A name server that knows these lines of dnsmasq's configuration and nothing else; where it listens.
fn names(lines: &[String]) -> (Daemon, String, Folder) {
    let folder = Folder::new("dns");
    let port = free_udp();
    let fixed = format!("port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\nlocal=/test/\nuser=root\npid-file\n");
    let config = folder.file("dnsmasq.conf", &(fixed + &lines.join("\n") + "\n"), 0o644);
    let mut command = Command::new("/usr/sbin/dnsmasq");
    command.arg("--keep-in-foreground").arg(format!("--conf-file={}", config.display()));
    let daemon = Daemon::start(command, &folder, || listens_udp(port));
    (daemon, format!("127.0.0.1:{port}"), folder)
}

fn check(args: &[&str]) -> Done {
    let done = run(&binary("check_sip"), args);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

fn line(done: &Done) -> &str {
    done.stdout.lines().next().unwrap().split(" | ").next().unwrap()
}

#[test]
fn the_servers_of_a_domain_are_asked_in_their_order() {
    let (_server, port, _folder) = sipp(false);
    let dead = free_udp();
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mute = mute.local_addr().unwrap().port();
    let record =
        |domain: &str, target: &str, port: u16, priority: u32| format!("srv-host=_sip._udp.{domain}.test,{target}.test,{port},{priority},10");
    let (_names, server, _files) = names(&[
        "host-record=a.test,127.0.0.1".into(),
        "host-record=b.test,127.0.0.1".into(),
        record("one", "a", port, 10),
        record("order", "b", dead, 20),
        record("order", "a", port, 10),
        record("second", "b", dead, 10),
        record("second", "a", port, 20),
        record("down", "a", dead, 10),
        record("down", "b", mute, 20),
        record("nowhere", "nosuch", port, 10),
    ]);
    let ask = |domain: &str| {
        let done = check(&["-H", &format!("{domain}.test"), "--srv", "--nameserver", &server, "--answer-timeout", "1s"]);
        let line = line(&done).to_owned();
        (done.code, line.rsplit_once(" in ").filter(|(_, time)| time.ends_with('s')).map_or(line.clone(), |(before, _)| before.to_owned()))
    };
    assert_eq!(ask("one"), ok("one.test answers 200 OK"));
    assert_eq!(ask("order"), ok("order.test answers 200 OK"), "the first one by priority");
    let silent = format!("b.test:{dead}: connection refused: nothing listens there; the next server of the domain answers");
    assert_eq!(ask("second"), (Some(1), format!("SIP WARNING - {silent}")));
    // The socket of the mute one is gone by now; what counts is that every server was asked.
    let (code, all) = ask("down");
    assert_eq!(code, Some(2), "{all}");
    assert!(all.contains(&format!("a.test:{dead}: ")) && all.contains(&format!("; b.test:{mute}: ")), "{all}");
    let unknown = |domain: &str| {
        let (code, line) = ask(domain);
        assert_eq!(code, Some(3), "{line}");
        line
    };
    assert_eq!(
        unknown("nosuch"),
        format!("SIP UNKNOWN - cannot reach _sip._udp.nosuch.test: the name server {server} says: there is no such name (NXDOMAIN)")
    );
    let nowhere = unknown("nowhere");
    assert!(nowhere.starts_with("SIP UNKNOWN - cannot reach nosuch.test: the name has no address"), "{nowhere}");
}

#[test]
fn a_name_server_that_is_away_mute_or_talks_rubbish_is_unknown() {
    let ask = |server: &str| {
        let done = check(&["-H", "pbx.test", "--srv", "--nameserver", server, "-t", "4"]);
        assert_eq!(done.code, Some(3), "{}", done.stdout);
        line(&done).to_owned()
    };
    let dead = format!("127.0.0.1:{}", free_udp());
    assert!(
        ask(&dead).starts_with(&format!("SIP UNKNOWN - cannot reach _sip._udp.pbx.test: the name server {dead} does not answer")),
        "{}",
        ask(&dead)
    );
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    assert_eq!(ask(&address), format!("SIP UNKNOWN - cannot reach _sip._udp.pbx.test: the name server {address} does not answer"));
    let rubbish = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = rubbish.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = rubbish.recv_from(&mut buffer) {
            // The right number, and then nothing that makes sense.
            buffer[2] |= 0x80;
            buffer[7] = 0xff;
            let _ = rubbish.send_to(&buffer[..length], from);
        }
    });
    assert_eq!(ask(&address), format!("SIP UNKNOWN - cannot reach _sip._udp.pbx.test: the name server {address} does not answer"));
}

#[test]
fn many_questions_count_what_is_lost() {
    let (_server, port, _folder) = sipp(false);
    let server: SocketAddr = ([127, 0, 0, 1], port).into();
    let at = |address: SocketAddr, more: &[&str]| {
        check(&[&["-H", "127.0.0.1", "-p", &address.port().to_string(), "-t", "40", "--answer-timeout", "30s"], more].concat())
    };
    let done = at(server, &["-n", "10"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(
        done.stdout.contains(" 'loss'=0%;40;80;0;100 'time min'=") && done.stdout.contains("\n10 of 10 questions answered, 0 sent again\n"),
        "{}",
        done.stdout
    );
    // Every second datagram is lost: each question has to be sent twice.
    let half = lossy(server, |number| number % 2 == 0);
    let done = at(half, &["-n", "4"]);
    assert_eq!((done.code, line(&done)), (Some(1), "SIP WARNING - loss 50.0% (warning at 40)"), "{}", done.stdout);
    assert!(done.stdout.contains("\n4 of 4 questions answered, 4 sent again\n"), "{}", done.stdout);
    let all = lossy(server, |_| true);
    let args = ["-p", &all.port().to_string(), "-n", "3", "--answer-timeout", "600ms"];
    assert_eq!(first(&args), critical("127.0.0.1: no answer in time"));
}
