//! The exact findings of every case that needs no server.

use super::*;

fn running() -> Channel {
    Channel { source: "a:3306".into(), io: "Yes".into(), sql: "Yes".into(), lag: Some(0.0), ..Channel::default() }
}

fn primary() -> Sight {
    let gtid = Gtid { domain: 0, server: 1, seq: 10 };
    Sight { version: "MariaDB 10.11.14".into(), server_id: 1, written: vec![gtid], state: vec![gtid], ..Sight::default() }
}

fn standby() -> Sight {
    Sight { server_id: 2, read_only: true, applied: vec![Gtid { domain: 0, server: 1, seq: 10 }], channels: vec![running()], ..primary() }
}

fn said(primary: Option<&Sight>, standby: Option<&Sight>) -> (Option<f64>, String) {
    let mut report = Report::default();
    let limits = Limits { warning: "30".parse().ok(), critical: "300".parse().ok() };
    let lag = judge(primary.map(|s| ("a", s)), standby.map(|s| ("b", s)), &limits, &Limits::default(), &mut report);
    let text = report.render("T", 0);
    (lag, text.lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default().to_owned())
}

fn with(change: impl FnOnce(&mut Channel)) -> (Option<f64>, String) {
    let mut sight = standby();
    sight.channels = vec![running()];
    if let Some(channel) = sight.channels.first_mut() {
        change(channel);
    }
    said(Some(&primary()), Some(&sight))
}

#[test]
fn null_is_not_zero_and_connecting_is_not_connected() {
    assert_eq!(with(|_| ()), (Some(0.0), "T OK - a is the primary, lag 0.0 ms".into()));
    assert_eq!(with(|c| c.lag = Some(31.0)), (Some(31.0), "T WARNING - lag 31.0 s (warning at 30)".into()));
    assert_eq!(with(|c| c.lag = None), (None, "T UNKNOWN - b: both threads run, but the server does not know how far behind they are".into()));
    assert_eq!(with(|c| c.io = "Connecting".into()), (None, "T CRITICAL - b: the IO thread is not connected to a:3306".into()));
    assert_eq!(with(|c| c.io = "Preparing".into()).1, "T CRITICAL - b: the IO thread is not connected to a:3306");
}

#[test]
fn a_wanted_delay_is_no_lag() {
    let delayed = |lag| {
        with(|c| {
            c.delay = 3600.0;
            c.lag = Some(lag);
        })
    };
    assert_eq!(delayed(3600.0).0, Some(0.0));
    assert_eq!(delayed(20.0).0, Some(0.0));
    assert_eq!(delayed(4000.0), (Some(400.0), "T CRITICAL - lag 400.0 s (critical at 300)".into()));
}

#[test]
fn every_channel_has_to_run() {
    let mut sight = standby();
    let broken = Channel { name: "crm".into(), sql: "No".into(), sql_error: (1950, "out of order".into()), ..running() };
    sight.channels.push(broken);
    assert_eq!(said(None, Some(&sight)).1, "T CRITICAL - b: the SQL thread of channel crm is stopped (error 1950: out of order)");
}

#[test]
fn transactions_of_its_own_are_seen_with_and_without_the_primary() {
    let mut sight = standby();
    sight.state = vec![Gtid { domain: 0, server: 1, seq: 10 }, Gtid { domain: 0, server: 2, seq: 11 }];
    let text = "T CRITICAL - b has transactions of its own (0-2-11): somebody wrote to the standby";
    assert_eq!((said(Some(&primary()), Some(&sight)).1.as_str(), said(None, Some(&sight)).1.as_str()), (text, text));
    // Later transactions of the primary hide them from a lone standby, but not from both.
    sight.applied = vec![Gtid { domain: 0, server: 1, seq: 12 }];
    assert_eq!(said(Some(&primary()), Some(&sight)).1, text);
    // What it wrote as the primary of earlier days, its primary has got.
    let mut known = primary();
    known.state.push(Gtid { domain: 0, server: 2, seq: 11 });
    assert_eq!(said(Some(&known), Some(&sight)).1, "T OK - a is the primary, lag 0.0 ms");
    let copied = Sight { applied: vec![Gtid { domain: 0, server: 2, seq: 11 }], ..primary() };
    assert_eq!(said(Some(&copied), Some(&sight)).1, "T OK - a is the primary, lag 0.0 ms", "a primary that was made from a dump");
}

#[test]
fn a_pair_has_one_writable_node_and_two_identities() {
    let writable = Sight { read_only: false, ..standby() };
    assert_eq!(
        said(Some(&primary()), Some(&writable)).1,
        "T CRITICAL - SPLIT BRAIN: a and b are both writable, b has a replica's channel but read_only=0"
    );
    assert_eq!(said(None, Some(&writable)).1, "T WARNING - b is a replica and writable; run there: SET GLOBAL read_only=1");
    let twin = Sight { server_id: 1, ..standby() };
    assert_eq!(said(Some(&primary()), Some(&twin)).1, "T CRITICAL - a and b have the same server_id 1");
    let closed = Sight { read_only: true, ..primary() };
    assert_eq!(said(Some(&closed), None).1, "T CRITICAL - a is the primary and read-only");
}

#[test]
fn long_errors_are_cut() {
    let text = with(|c| {
        c.sql = "No".into();
        c.sql_error = (1, "x".repeat(500));
    });
    assert!(text.1.ends_with(&format!("(error 1: {}...)", "x".repeat(160))), "{text:?}");
}
