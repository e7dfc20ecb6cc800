//! `check_time` against real time services and against one that lies (MD17 Time, RX2).

use rig::ntp::{Chronyd, Liar, Lie};
use rig::process::{Done, binary, run};
use std::time::{Duration, Instant};

/// Quick answers, and no look at the time service of the machine that runs the test.
fn check(args: &[&str]) -> Done {
    let mut all = args.to_vec();
    for (option, value) in [("--pause", "5ms"), ("--answer-timeout", "2s"), ("--daemon", "none"), ("-w", "0.5"), ("-c", "1")] {
        if !args.contains(&option) {
            all.extend([option, value]);
        }
    }
    let done = run(&binary("check_time"), &all);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

fn first(done: &Done) -> (Option<i32>, String) {
    let line = done.stdout.lines().next().unwrap();
    (done.code, line.split(" | ").next().unwrap().to_owned())
}

fn at(liar: &Liar) -> String {
    liar.address().to_string()
}

/// The first line with the measured uncertainty left out, since that is this machine's load.
fn judged(done: &Done) -> (Option<i32>, String) {
    let (code, line) = first(done);
    let Some((before, after)) = line.split_once(" ±") else { return (code, line) };
    (code, format!("{before}{}", after.splitn(3, ' ').nth(2).map_or(String::new(), |rest| format!(" {rest}"))))
}

#[test]
fn md17_a_real_server_with_the_right_and_with_a_wrong_time() {
    let right = Chronyd::serving(None);
    let done = check(&["-H", "127.0.0.1", "-p", &right.port().to_string()]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains(" 'stratum'=5;;;; ") && done.stdout.contains("stratum 5, 4 of 4 answers"), "{}", done.stdout);
    let wrong = Chronyd::serving(Some("+2.5s"));
    let server = format!("127.0.0.1:{}", wrong.port());
    let line = format!("TIME CRITICAL - this clock is 2.5 s behind {server} (critical at 1)");
    assert_eq!(judged(&check(&["-H", &server])), (Some(2), line));
    let line = format!("TIME WARNING - this clock is 2.5 s behind {server} (warning at 0.5)");
    assert_eq!(judged(&check(&["-H", &server, "-c", "3"])), (Some(1), line));
}

#[test]
fn rx2_the_other_node_is_compared_while_no_server_answers() {
    let unsynchronised = Chronyd::unsynchronised();
    let peer = format!("127.0.0.1:{}", unsynchronised.port());
    let mute = Liar::start("127.0.0.1:0", Lie::Mute);
    let done = check(&["-H", &at(&mute), "--peer", &peer, "--peer-critical", "1", "--answer-timeout", "300ms"]);
    assert_eq!(done.code, Some(1), "the two nodes agree, the server is missed: {}", done.stdout);
    assert!(done.stdout.contains(&format!("the other node {peer} is not synchronised itself")), "{}", done.stdout);
    let ahead = Liar::start("127.0.0.1:0", Lie::Offset(-1.5, 3, 0.001));
    let done = check(&["-H", &at(&mute), "--peer", &at(&ahead), "--peer-critical", "1", "--answer-timeout", "300ms"]);
    assert_eq!(judged(&done), (Some(2), format!("TIME CRITICAL - 1.5 s ahead of the other node {} (critical at 1)", at(&ahead))));
}

#[test]
fn an_unsynchronised_server_is_no_time_and_no_kiss_of_death() {
    let server = Chronyd::unsynchronised();
    let name = format!("127.0.0.1:{}", server.port());
    let done = check(&["-H", &name]);
    assert_eq!(first(&done), (Some(3), "TIME UNKNOWN - nobody told the time".into()));
    assert!(done.stdout.ends_with(&format!("WARNING: {name} is not synchronised itself (leap 3, stratum 0)\n")), "{}", done.stdout);
    let kiss = Liar::start("127.0.0.1:0", Lie::Kiss(b"RATE"));
    let done = check(&["-H", &at(&kiss)]);
    assert!(done.stdout.contains(&format!("{} refuses to tell this node the time (RATE): ask it less often", at(&kiss))), "{}", done.stdout);
    assert_eq!(kiss.asked(), 1, "who refuses is not asked again");
}

#[test]
fn down_hung_garbage_and_forged() {
    let closed = format!("127.0.0.1:{}", rig::daemon::free_udp());
    let start = Instant::now();
    let done = check(&["-H", &closed, "--no-answer", "critical"]);
    assert_eq!(first(&done), (Some(2), "TIME CRITICAL - nobody told the time".into()));
    assert!(done.stdout.contains(&format!("WARNING: {closed}: connection refused: nothing listens there")), "{}", done.stdout);
    assert!(start.elapsed() < Duration::from_millis(1500), "a closed port is known at once: {:?}", start.elapsed());
    let hung = Chronyd::serving(None);
    hung.freeze();
    let server = format!("127.0.0.1:{}", hung.port());
    let done = check(&["-H", &server, "--answer-timeout", "300ms"]);
    assert_eq!(first(&done), (Some(3), "TIME UNKNOWN - nobody told the time".into()));
    assert!(done.stdout.contains(&format!("{server}: no answer in time")), "{}", done.stdout);
    for (lie, text) in [
        (Lie::Garbage, "what answers is no NTP server: 28 bytes"),
        (Lie::Held, "its answer is impossible: it held the question longer than the exchange took"),
    ] {
        let liar = Liar::start("127.0.0.1:0", lie);
        let done = check(&["-H", &at(&liar), "--answer-timeout", "400ms"]);
        assert_eq!(done.code, Some(3), "{}", done.stdout);
        assert!(done.stdout.contains(&format!("{}: {text}", at(&liar))), "{}", done.stdout);
    }
    let forged = Liar::start("127.0.0.1:0", Lie::ForgeFirst);
    assert_eq!(check(&["-H", &at(&forged)]).code, Some(0), "a forged answer is not believed and not an obstacle");
    let lossy = Liar::start("127.0.0.1:0", Lie::Loses);
    let done = check(&["-H", &at(&lossy), "--answer-timeout", "800ms"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("2 of 4 answers"), "{}", done.stdout);
}

#[test]
fn the_majority_of_three_decides() {
    let servers: Vec<Liar> = [0.0, 2.5, 0.0].iter().map(|offset| Liar::start("127.0.0.1:0", Lie::Offset(*offset, 2, 0.01))).collect();
    let [a, b, c] = [at(&servers[0]), at(&servers[1]), at(&servers[2])];
    let done = check(&["-H", &a, "-H", &b, "-H", &c]);
    assert_eq!(first(&done), (Some(1), format!("TIME WARNING - {b} tells another time than the majority: +2.5 s")));
    assert!(done.stdout.contains("'servers'=3;;;0;3 "), "{}", done.stdout);
}

#[test]
fn ipv6_and_names() {
    let six = Liar::start("[::1]:0", Lie::Offset(2.5, 2, 0.001));
    let (server, port) = (at(&six), six.address().port().to_string());
    let line = format!("TIME CRITICAL - this clock is 2.5 s behind {server} (critical at 1)");
    assert_eq!(judged(&check(&["-H", &server])), (Some(2), line));
    let line = "TIME CRITICAL - this clock is 2.5 s behind ::1 (critical at 1)".to_owned();
    assert_eq!(judged(&check(&["-6", "-H", "::1", "-p", &port])), (Some(2), line));
    assert_eq!(
        first(&check(&["-4", "-H", "::1"])),
        (Some(3), "TIME UNKNOWN - cannot reach ::1: it has no IPv4 address, nobody told the time".into())
    );
    assert_eq!(
        first(&check(&["-H", "name.invalid"])),
        (
            Some(3),
            "TIME UNKNOWN - cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server, nobody told the time".into()
        )
    );
}

#[test]
fn the_deadline_ends_a_wait_for_many_mute_servers() {
    let mute = Liar::start("127.0.0.1:0", Lie::Mute);
    let start = Instant::now();
    let done = check(&["-H", &at(&mute), "-H", &at(&mute), "--answer-timeout", "1m", "-t", "0.6"]);
    assert_eq!(first(&done), (Some(3), "TIME UNKNOWN - nobody told the time".into()), "mute servers are the fault, not the check's own deadline");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn the_local_service_tells_whom_it_follows_and_why_not() {
    let serving = Chronyd::serving(None);
    let server = format!("127.0.0.1:{}", serving.port());
    let with = |chronyd: &Chronyd| check_with_daemon(&server, chronyd.command_port());
    let lost = Chronyd::unsynchronised();
    assert_eq!(first(&with(&lost)), (Some(1), "TIME WARNING - chronyd is not synchronised: it has no source".into()));
    let alone = Chronyd::following(&format!("server 127.0.0.2 port {} iburst", rig::daemon::free_udp()));
    assert_eq!(first(&with(&alone)), (Some(1), "TIME WARNING - chronyd is not synchronised: none of its 1 sources answers".into()));
    let own = with(&serving);
    assert_eq!(own.code, Some(0), "{}", own.stdout);
    assert!(own.stdout.contains("chronyd follows "), "{}", own.stdout);
    let dead = check_with_daemon(&server, rig::daemon::free_udp());
    assert_eq!(first(&dead), (Some(1), "TIME WARNING - chronyd is not synchronised: it does not answer; is it running?".into()));
}

fn check_with_daemon(server: &str, command_port: u16) -> Done {
    let port = command_port.to_string();
    run(&binary("check_time"), &["-H", server, "--pause", "5ms", "--daemon", "chrony", "--chrony-port", &port, "-w", "0.5", "-c", "1"])
}
