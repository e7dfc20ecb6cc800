//! The exact findings of every case that needs no server.

use super::super::{Receiver, Sender, Slot};
use super::*;

fn primary() -> Sight {
    let sender = Sender { name: "b".into(), state: Some("streaming".into()) };
    Sight { version: "PostgreSQL 15.18".into(), system: "77".into(), timeline: 1, position: 1000.0, senders: vec![sender], ..Sight::default() }
}

fn standby() -> Sight {
    let receiver = Receiver { status: Some("streaming".into()), timeline: 1, silence: 0.1 };
    Sight { recovery: true, received: Some(1000.0), age: Some(4.8), receiver: Some(receiver), senders: vec![], ..primary() }
}

fn said(primary: Option<&Sight>, standby: Option<&Sight>) -> (Option<f64>, String) {
    let mut report = Report::default();
    let limits = Limits { warning: "30".parse().ok(), critical: "300".parse().ok() };
    let behind = Limits { warning: None, critical: "2048".parse().ok() };
    let lag = judge(primary.map(|s| ("a", s)), standby.map(|s| ("b", s)), &limits, &behind, &mut report);
    let text = report.render("T", 0);
    (lag, text.lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default().to_owned())
}

#[test]
fn an_idle_primary_is_no_lag() {
    let idle = Sight { age: Some(86_400.0), ..standby() };
    assert_eq!(said(Some(&primary()), Some(&idle)), (Some(0.0), "T OK - a is the primary, lag 0.0 ms".into()));
    assert_eq!(said(None, Some(&idle)), (Some(0.0), "T OK - lag 0.0 ms".into()));
    let late = Sight { age: Some(40.0), received: Some(1100.0), ..standby() };
    assert_eq!(said(None, Some(&late)), (Some(40.0), "T WARNING - lag 40.0 s (warning at 30)".into()));
    let delayed = Sight { delay: 35.0, ..late };
    assert_eq!(said(None, Some(&delayed)), (Some(5.0), "T OK - lag 5.0 s".into()));
}

#[test]
fn equal_positions_after_the_primarys_death_are_no_proof() {
    let cut = Sight { receiver: None, ..standby() };
    assert_eq!(said(None, Some(&cut)), (None, "T CRITICAL - b receives nothing: it has no connection to its primary".into()));
    let waiting = Sight { receiver: Some(Receiver { status: Some("waiting".into()), timeline: 1, silence: 9.0 }), ..standby() };
    assert_eq!(said(None, Some(&waiting)).1, "T CRITICAL - the receiver of b is waiting and not streaming");
}

#[test]
fn bytes_count_from_what_the_primary_has() {
    let ahead = Sight { position: 5000.0, ..primary() };
    assert_eq!(said(Some(&ahead), Some(&standby())).1, "T CRITICAL - behind 3.9 KiB (critical at 2048)");
    assert_eq!(said(None, Some(&Sight { received: Some(5000.0), ..standby() })).1, "T CRITICAL - behind 3.9 KiB (critical at 2048)");
}

#[test]
fn missing_rights_are_unknown_and_not_missing_replication() {
    let blind = Sight { receiver: Some(Receiver { status: None, timeline: 0, silence: 0.0 }), ..standby() };
    assert_eq!(said(None, Some(&blind)).1, "T UNKNOWN - b shows this account no details of its receiver; run: GRANT pg_monitor TO it");
    let blind = Sight { senders: vec![Sender { name: "b".into(), state: None }], ..primary() };
    assert_eq!(said(Some(&blind), None).1, "T UNKNOWN - a shows this account no details of its standbys; run: GRANT pg_monitor TO it");
}

#[test]
fn one_history_and_one_primary() {
    let promoted = Sight { recovery: false, timeline: 2, receiver: None, ..standby() };
    assert_eq!(said(Some(&primary()), Some(&promoted)).1, "T CRITICAL - SPLIT BRAIN: a and b are both writable primaries, on timelines 1 and 2");
    assert_eq!(said(None, Some(&promoted)).1, "T CRITICAL - b is no standby: it is a writable primary on timeline 2");
    assert_eq!(said(Some(&standby()), Some(&standby())).1, "T CRITICAL - a and b are both standbys: nobody accepts a write");
    assert_eq!(said(Some(&standby()), None).1, "T CRITICAL - a is a standby and not the primary");
    let ahead = Sight { timeline: 2, ..primary() };
    assert_eq!(said(Some(&ahead), Some(&standby())).1, "T CRITICAL - b follows timeline 1, the primary writes timeline 2: their histories differ");
    let stranger = Sight { system: "78".into(), ..standby() };
    assert_eq!(said(Some(&primary()), Some(&stranger)).1, "T CRITICAL - a and b are no pair: different system identifiers 77 and 78");
}

#[test]
fn slots_and_streams_of_a_lone_primary() {
    let slot = |status: &str, active| Slot { name: "r1".into(), active, status: status.into(), kept: 4096.0 };
    let with = |slots: Vec<Slot>| said(Some(&Sight { slots, ..primary() }), None).1;
    assert_eq!(with(vec![slot("reserved", true)]), "T OK - a is the primary");
    assert_eq!(with(vec![slot("extended", false)]), "T WARNING - slot r1 of a is not in use and keeps 4.0 KiB of WAL");
    assert_eq!(with(vec![slot("unreserved", true)]), "T CRITICAL - slot r1 of a is about to be lost: it keeps 4.0 KiB of WAL");
    assert_eq!(with(vec![slot("lost", false)]), "T CRITICAL - slot r1 of a is lost: its standby has to be copied anew");
    assert_eq!(said(Some(&Sight { senders: vec![], ..primary() }), None).1, "T CRITICAL - a streams to no standby");
    let paused = Sight { paused: true, ..standby() };
    assert_eq!(said(None, Some(&paused)).1, "T WARNING - replay on b is paused; run there: SELECT pg_wal_replay_resume()");
}
