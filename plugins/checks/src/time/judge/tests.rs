#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::super::daemon::Daemon;
use super::super::select::Clock;
use super::*;
use clap::{Args, Command, FromArgMatches};
use plugin_core::Blind;

fn check(args: &[&str]) -> Time {
    let usual = ["x", "-w", "0.5", "-c", "1", "--peer-critical", "1"];
    let command = Time::augment_args(Command::new("x").args_override_self(true));
    Time::from_arg_matches(&command.try_get_matches_from(usual.iter().chain(args)).unwrap()).unwrap()
}

fn clock(offset: f64) -> Sight {
    let best = Sample { offset, delay: 0.002, error: 0.004 };
    Sight::Clock { clock: Clock { best, jitter: 0.0001, answers: 4 }, stratum: 2, leap: 0, root: 0.002, synchronised: true }
}

fn unsynchronised(offset: f64) -> Sight {
    match clock(offset) {
        Sight::Clock { clock, root, .. } => Sight::Clock { clock, stratum: 0, leap: 3, root, synchronised: false },
        other => other,
    }
}

fn silent() -> Sight {
    Sight::Silent("no answer in time".into())
}

fn seen(servers: Vec<Sight>, peer: Option<Sight>) -> Seen {
    let name = |n: usize| ["ntp1", "ntp2", "ntp3", "ntp4"].get(n).unwrap().to_string();
    Seen { servers: servers.into_iter().enumerate().map(|(n, s)| (name(n), s)).collect(), peer: peer.map(|s| ("pbx2".into(), s)), ..Seen::default() }
}

fn said(args: &[&str], seen: &Seen) -> String {
    let mut report = Report::default();
    judge(&check(args), seen, &mut report);
    report.render("TIME", 0)
}

fn first(args: &[&str], seen: &Seen) -> String {
    said(args, seen).split(" | ").next().unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn a_right_and_a_wrong_clock() {
    assert_eq!(
        said(&[], &seen(vec![clock(0.0123)], None)),
        "TIME OK - this clock is 12.3 ms ±4.0 ms behind ntp1 | 'offset'=0.0123s;0.5;1;; 'uncertainty'=0.004s;;;0; 'delay'=0.002s;;;0; \
         'jitter'=0.0001s;;;0; 'stratum'=2;;;; 'root distance'=0.002s;1.5;;0;\nntp1: stratum 2, 4 of 4 answers, delay 2.0 ms\n"
    );
    assert_eq!(first(&[], &seen(vec![clock(-0.75)], None)), "TIME WARNING - this clock is 750.0 ms ±4.0 ms ahead of ntp1 (warning at 0.5)");
    assert_eq!(first(&[], &seen(vec![clock(2.5)], None)), "TIME CRITICAL - this clock is 2.5 s ±4.0 ms behind ntp1 (critical at 1)");
}

#[test]
fn what_is_not_seen_is_not_a_wrong_clock() {
    let blind = Sight::Blind(Blind::Net { target: "ntp9".into(), reason: "the name has no address".into() });
    assert_eq!(first(&[], &seen(vec![silent()], None)), "TIME UNKNOWN - nobody told the time");
    assert_eq!(first(&[], &seen(vec![blind], None)), "TIME UNKNOWN - cannot reach ntp9: the name has no address, nobody told the time");
    assert_eq!(first(&[], &seen(vec![Sight::Kiss("RATE".into())], None)), "TIME UNKNOWN - nobody told the time");
    assert_eq!(first(&[], &seen(vec![unsynchronised(99.0)], None)), "TIME UNKNOWN - nobody told the time");
    assert_eq!(first(&["--no-answer", "critical"], &seen(vec![silent()], None)), "TIME CRITICAL - nobody told the time");
    assert_eq!(first(&["-c", "~:"], &seen(vec![], None)), "TIME UNKNOWN - nothing was found to judge", "nothing asked is nothing known");
}

#[test]
fn each_trouble_of_one_server_is_named_while_another_tells_the_time() {
    for (sight, line) in [
        (silent(), "ntp2: no answer in time"),
        (Sight::Kiss("RATE".into()), "ntp2 refuses to tell this node the time (RATE): ask it less often"),
        (unsynchronised(0.0), "ntp2 is not synchronised itself (leap 3, stratum 0)"),
    ] {
        assert_eq!(first(&[], &seen(vec![clock(0.0), sight], None)), format!("TIME WARNING - {line}"));
    }
}

#[test]
fn the_majority_decides_and_a_liar_is_named() {
    let text = said(&[], &seen(vec![clock(0.001), clock(2.5), clock(0.002)], None));
    assert!(text.starts_with("TIME WARNING - ntp2 tells another time than the majority: +2.5 s | 'servers'=3;;;0;3 'offset'=0.001s"), "{text}");
    assert!(text.ends_with("OK: this clock is 1.0 ms ±4.0 ms behind ntp1\n"), "{text}");
    assert_eq!(
        first(&[], &seen(vec![clock(0.0), clock(2.5)], None)),
        "TIME UNKNOWN - the servers disagree, none has a majority: ntp1 +0.0 ms, ntp2 +2.5 s"
    );
}

#[test]
fn rx2_the_two_nodes_are_compared_even_without_any_server() {
    assert_eq!(
        first(&[], &seen(vec![silent()], Some(unsynchronised(1.5)))),
        "TIME CRITICAL - 1.5 s ±4.0 ms behind the other node pbx2 (critical at 1)"
    );
    let fine = said(&[], &seen(vec![clock(0.0)], Some(clock(-0.2))));
    assert!(fine.starts_with("TIME OK - this clock is 0.0 ms ±4.0 ms behind ntp1, 200.0 ms ±4.0 ms ahead of the other node pbx2 | "), "{fine}");
    assert!(fine.contains(" 'peer offset'=-0.2s;;1;;\n"), "{fine}");
    assert_eq!(
        first(&[], &seen(vec![clock(0.0)], Some(silent()))),
        "TIME WARNING - the other node pbx2: no answer in time; does its time service allow this node?"
    );
}

#[test]
fn limits_finer_than_the_measurement_are_said() {
    let line = first(&["-w", "0.001", "-c", "0.002"], &seen(vec![clock(0.0)], None));
    assert_eq!(line, "TIME UNKNOWN - ntp1 tells the time only within ±4.0 ms, which the limits don't allow");
}

#[test]
fn stratum_jitter_and_root_distance_have_limits() {
    let line = first(&["--stratum-warning", "1", "--jitter-warning", "0.00001", "--root-warning", "0.001"], &seen(vec![clock(0.0)], None));
    assert_eq!(line, "TIME WARNING - jitter 0.1 ms (warning at 0.00001), stratum 2 (warning at 1), root distance 2.0 ms (warning at 0.001)");
}

#[test]
fn the_local_service_has_to_run_alone_and_to_be_synchronised() {
    let with = |daemons: &[(&'static str, Result<&str, &str>)]| {
        let daemons = daemons.iter().map(|(name, s)| Daemon { name, synchronised: s.map(str::to_owned).map_err(str::to_owned) }).collect();
        first(&[], &Seen { daemons, daemon_wanted: true, ..seen(vec![clock(0.0)], None) })
    };
    assert!(with(&[("chronyd", Ok("ntp1, stratum 3"))]).starts_with("TIME OK"));
    assert_eq!(with(&[("chronyd", Err("it has no source"))]), "TIME WARNING - chronyd is not synchronised: it has no source");
    assert_eq!(with(&[("chronyd", Ok("a")), ("ntpd", Ok("b"))]), "TIME WARNING - chronyd and ntpd both set this clock: stop one");
    let daemons = vec![Daemon { name: "chronyd", synchronised: Ok("ntp1, stratum 3".into()) }];
    assert_eq!(first(&[], &Seen { daemons, daemon_wanted: true, ..Seen::default() }), "TIME OK - chronyd follows ntp1, stratum 3");
    assert_eq!(with(&[]), "TIME WARNING - no time service runs on this node: start chronyd");
}
