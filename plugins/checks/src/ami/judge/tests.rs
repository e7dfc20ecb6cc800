#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;
use clap::{Args, Command, FromArgMatches};
use plugin_core::Check;
use std::time::Duration;

const LOGIN: &[&str] = &["x", "-H", "pbx1", "--user", "mon", "--password-file", "f"];

fn said(args: &[&str], met: &Met) -> String {
    let args = LOGIN.iter().chain(args);
    let check = Ami::from_arg_matches(&Ami::augment_args(Command::new("x")).try_get_matches_from(args).unwrap()).unwrap();
    let mut report = Report::default();
    check.evaluate(met, &mut report);
    report.render("AMI", 0)
}

fn seen() -> Seen {
    Seen {
        protocol: "11.0.0".into(),
        logged_in: true,
        pong: true,
        calls: Some(2.0),
        processed: Some(7.0),
        channels: Some(vec![("PJSIP/100-1".into(), 30.0), ("PJSIP/100-2".into(), 7200.0)]),
        uptime: Some(3600.0),
        time: Duration::from_millis(20),
        ..Seen::default()
    }
}

fn first(args: &[&str], seen: Seen) -> String {
    said(args, &Met::Seen(Box::new(seen))).split(" | ").next().unwrap().lines().next().unwrap().to_owned()
}

fn items(all: &[(&str, &str)]) -> Vec<Item> {
    all.iter().map(|(name, state)| Item { name: (*name).into(), state: (*state).into() }).collect()
}

#[test]
fn the_exact_line_with_its_performance_data() {
    assert_eq!(
        said(&["-w", "1"], &Met::Seen(Box::new(seen()))),
        "AMI OK - pbx1 answers, 2 calls | 'time'=0.02s;1;;0; 'calls'=2;;;; 'processed calls'=7c;;;0; 'channels'=2;;;; \
         'longest call'=7200s;;;0; 'uptime'=3600s;;;0;\n"
    );
}

#[test]
fn down_garbage_refused_and_elsewhere() {
    assert_eq!(said(&[], &Met::Down("no answer in time".into())), "AMI CRITICAL - pbx1: no answer in time\n");
    assert_eq!(said(&[], &Met::Garbage("SSH-2.0".into())), "AMI CRITICAL - what answers at pbx1 does not speak AMI: \"SSH-2.0\"\n");
    assert_eq!(said(&[], &Met::Refused), "AMI CRITICAL - pbx1 refuses the login of mon (password, user, or permit/deny in manager.conf)\n");
    assert_eq!(said(&[], &Met::Elsewhere("checked there".into())), "AMI OK - checked there\n");
}

#[test]
fn how_far_the_session_came() {
    let banner = Seen { protocol: "11.0.0".into(), ..Seen::default() };
    assert_eq!(first(&[], banner), "AMI OK - pbx1 greets with AMI 11.0.0");
    assert_eq!(first(&[], Seen { pong: false, ..seen() }), "AMI CRITICAL - pbx1 does not answer Ping");
    let denied = vec![("CoreStatus", "Permission denied".to_owned())];
    assert_eq!(
        first(&[], Seen { calls: None, denied, ..seen() }),
        "AMI WARNING - CoreStatus (Permission denied) refused: give the account write = system,reporting"
    );
    assert_eq!(
        first(&["--uptime-warning", "600:"], Seen { uptime: None, ..seen() }),
        "AMI UNKNOWN - it does not tell since when it is up: the account needs read = system"
    );
}

#[test]
fn calls_channels_the_longest_call_and_the_uptime_have_limits() {
    assert_eq!(first(&["--calls-warning", "1", "--calls-critical", "5"], seen()), "AMI WARNING - calls 2 (warning at 1)");
    assert_eq!(first(&["--channels-critical", "1"], seen()), "AMI CRITICAL - channels 2 (critical at 1)");
    let long = said(&["--longest-warning", "3600"], &Met::Seen(Box::new(seen())));
    assert!(long.starts_with("AMI WARNING - longest call 7200.0 s (warning at 3600) | "), "{long}");
    assert!(long.contains("\nthe longest call is PJSIP/100-2\n"), "{long}");
    assert_eq!(first(&["--uptime-warning", "7200:"], seen()), "AMI WARNING - uptime 3600.0 s (warning at 7200:)");
}

#[test]
fn trunks_have_to_be_registered() {
    let with = |all| said(&["--registrations"], &Met::Seen(Box::new(Seen { registrations: Some(items(all)), ..seen() })));
    let text = with(&[("trunk", "Rejected"), ("other", "Registered")]);
    assert!(text.starts_with("AMI CRITICAL - not registered: trunk (Rejected) | 'registered'=1;;;0;2 "), "{text}");
    assert!(with(&[("other", "Registered")]).starts_with("AMI OK - "));
}

#[test]
fn peers_are_reachable_lost_or_not_asked() {
    let all = items(&[("100", "Reachable"), ("101", "Unreachable"), ("102", "NonQualified"), ("fax", "OK (12 ms)")]);
    let with = |args: &[&str]| first(args, Seen { peers: Some(all.clone()), ..seen() });
    assert_eq!(with(&["--peers"]), "AMI WARNING - 1 of 4 peers unreachable: 101");
    assert_eq!(with(&["--peer", "100"]), "AMI OK - pbx1 answers, 2 calls");
    assert_eq!(with(&["--peer", "101", "--peer", "999"]), "AMI CRITICAL - 101 is Unreachable, 999 is not registered here");
}
