//! Roles, blindness and what both engines share: the exact lines.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;
use clap::{Args, FromArgMatches};
use plugin_core::Blind;
use std::time::Duration;

fn check(args: &[&str]) -> DbSync {
    let command = DbSync::augment_args(clap::Command::new("x"));
    let args = ["x", "--engine", "mariadb"].iter().chain(args);
    DbSync::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap()
}

fn primary() -> mariadb::Sight {
    mariadb::Sight { server_id: 1, ..Default::default() }
}

fn standby(lag: f64) -> mariadb::Sight {
    let channel = mariadb::Channel { io: "Yes".into(), sql: "Yes".into(), lag: Some(lag), ..Default::default() };
    mariadb::Sight { server_id: 2, read_only: true, channels: vec![channel], ..Default::default() }
}

fn facts(here: Result<mariadb::Sight, Fault>, peer: Option<Result<mariadb::Sight, Fault>>) -> Facts {
    let node = |name: &str, sight: Result<mariadb::Sight, Fault>| Node { name: name.into(), sight: sight.map(Sight::Mariadb) };
    Facts { role: Ok(Expect::Standby), here: node("b", here), peer: peer.map(|p| node("a", p)), arrival: None, heartbeat: None, compared: vec![] }
}

fn said(facts: &Facts) -> String {
    let mut report = Report::default();
    judge(&check(&["-w", "30", "-c", "300"]), facts, &mut report);
    report.render("DB SYNC", 0).lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default().to_owned()
}

fn unread() -> Blind {
    Blind::Read { path: "/run/status.json".into(), reason: "gone".into() }
}

#[test]
fn every_way_of_not_seeing_is_unknown() {
    let server = |code: &str| Fault::Server { code: code.into(), text: "no".into() };
    // Login refused, right missing; by either node.
    assert_eq!(said(&facts(Err(server("1045")), None)), "DB SYNC UNKNOWN - b refuses the login (1045: no); correct user and password file");
    let line = said(&facts(Ok(standby(0.0)), Some(Err(server("1227")))));
    assert_eq!(line, "DB SYNC UNKNOWN - a refuses to show it (1227: no); grant the account this right");
    // The role is not known and nothing else tells it.
    let mut alone = facts(Ok(primary()), None);
    alone.role = Err(unread());
    assert_eq!(said(&alone), "DB SYNC UNKNOWN - b is no standby, and whether it should be one is not known");
    let mut mute = facts(Err(server("1045")), None);
    mute.role = Err(unread());
    assert_eq!(said(&mute), "DB SYNC UNKNOWN - b refuses the login (1045: no); correct user and password file");
    // A lag that the server does not know, a heartbeat that nobody wrote or that may not be read.
    let mut unknown = standby(0.0);
    unknown.channels.iter_mut().for_each(|c| c.lag = None);
    assert_eq!(said(&facts(Ok(unknown), None)), "DB SYNC UNKNOWN - b: both threads run, but the server does not know how far behind they are");
    let mut empty = facts(Ok(standby(0.0)), None);
    empty.heartbeat = Some(Ok(None));
    assert_eq!(said(&empty), "DB SYNC UNKNOWN - the heartbeat table is empty; is its writer running?");
    empty.heartbeat = Some(Err(server("1142")));
    assert_eq!(said(&empty), "DB SYNC UNKNOWN - the heartbeat's server refuses to show it (1142: no); grant the account this right");
    // Seen through all the same: both nodes without the agent.
    let mut paired = facts(Ok(standby(0.0)), Some(Ok(primary())));
    paired.role = Err(unread());
    assert_eq!(said(&paired), "DB SYNC OK - a is the primary, lag 0.0 ms");
}

#[test]
fn a_position_that_does_not_arrive_convicts_only_a_standby_that_claims_to_be_in_sync() {
    let late = |lag| {
        let mut facts = facts(Ok(standby(lag)), Some(Ok(primary())));
        facts.arrival = Some(Ok(Arrival::Missing(Duration::from_secs(2))));
        said(&facts)
    };
    assert_eq!(
        late(0.0),
        "DB SYNC CRITICAL - b claims to be in sync and has not got within 2.0 s what the primary wrote: the link between them is dead"
    );
    assert_eq!(late(20.0), "DB SYNC OK - a is the primary, lag 20.0 s", "busy, within its limits, and honest about it");
    assert_eq!(late(40.0), "DB SYNC WARNING - lag 40.0 s (warning at 30)");
}

#[test]
fn a_heartbeat_is_lag_and_tables_are_compared() {
    let mut facts = facts(Ok(standby(0.0)), Some(Ok(primary())));
    facts.heartbeat = Some(Ok(Some(-0.002)));
    assert_eq!(said(&facts), "DB SYNC OK - a is the primary, lag 0.0 ms, heartbeat 0.0 ms", "clocks differ by less than their reading");
    facts.heartbeat = Some(Ok(Some(301.0)));
    assert_eq!(said(&facts), "DB SYNC CRITICAL - heartbeat 301.0 s (critical at 300)");
    facts.heartbeat = None;
    let side = |rows: &str, hash: &str| (rows.to_owned(), hash.to_owned());
    facts.compared = vec![("t.a".into(), Ok(Compared { primary: side("3", "x"), standby: side("3", "y") }))];
    assert_eq!(said(&facts), "DB SYNC CRITICAL - t.a differs: 3 rows on both nodes, not the same ones");
    facts.compared = vec![("t.a".into(), Ok(Compared { primary: side("3", "x"), standby: side("2", "x") }))];
    assert_eq!(said(&facts), "DB SYNC CRITICAL - t.a differs: 3 rows on the primary, 2 on the standby");
}
