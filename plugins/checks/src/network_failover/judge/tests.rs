#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

use super::*;
use crate::network_failover::Device;
use crate::network_failover::device::Bond;
use plugin_core::Blind;

fn status(network_ok: Option<bool>) -> Status {
    let mut status = crate::ready_made::status("pbx2", &[("pbx", Role::Slave)]);
    status.peer.roles = [("pbx".to_owned(), Role::Master)].into();
    status.peer.network_ok = network_ok;
    // Heard over the heartbeat alone: the lan is what is looked at.
    status.peer.links.iter_mut().filter(|link| link.name == "lan").for_each(|link| link.channel = false);
    status
}

fn blind(reason: &str) -> Blind {
    Blind::Net { target: "192.0.2.1".into(), reason: reason.into() }
}

fn round(here: bool, there: Option<bool>) -> Round {
    Round {
        carriers: vec![("eth0".into(), Ok(true))],
        witnesses: vec![("arp:192.0.2.1".into(), Ok(here)), ("tcp:192.0.2.25:25".into(), Ok(false))],
        status: Ok(status(there)),
    }
}

fn sight(rounds: Vec<Round>) -> Sight {
    let agree = rounds.len() / 2 + 1;
    Sight { rounds, agree, need: 1, devices: vec![] }
}

/// State and first line without performance data.
fn first(sight: &Sight, failover: bool) -> (State, String) {
    let mut report = Report::default();
    judge(sight, failover, &mut report);
    let text = report.render("NETWORK FAILOVER", 0);
    (report.state(), text.lines().next().unwrap().split(" | ").next().unwrap().to_owned())
}

#[test]
fn md16_the_four_pairs_of_views() {
    let ok = "NETWORK FAILOVER OK - both nodes see their clients: here eth0, 1 of 2 witnesses answer; pbx1 says so over heartbeat";
    let masters = "NETWORK FAILOVER CRITICAL - pbx1 has lost its clients' network and serves; here eth0, 1 of 2 witnesses answer (3 of 3 rounds agree); pbx1 said so over heartbeat";
    let mine = "NETWORK FAILOVER UNKNOWN - this node has lost its clients' network, pbx1 has not: here eth0, 0 of 2 witnesses answer";
    let both = |state: &str| {
        format!(
            "NETWORK FAILOVER {state} - both nodes have lost their clients' network, a takeover would cure nothing: here eth0, 0 of 2 witnesses answer"
        )
    };
    for (here, there, failover, notify) in [
        (true, true, (State::Ok, ok.to_owned()), (State::Ok, ok.to_owned())),
        (true, false, (State::Critical, masters.to_owned()), (State::Critical, masters.to_owned())),
        (false, true, (State::Unknown, mine.to_owned()), (State::Unknown, mine.to_owned())),
        (false, false, (State::Ok, both("OK")), (State::Warning, both("WARNING"))),
    ] {
        let seen = sight(vec![round(here, Some(there)); 3]);
        assert_eq!((first(&seen, true), first(&seen, false)), (failover, notify), "{here} {there}");
    }
}

#[test]
fn every_blind_path_ends_unknown() {
    let with = |change: &dyn Fn(&mut Round)| {
        let mut one = round(true, Some(false));
        change(&mut one);
        sight(vec![one; 3])
    };
    let status_of = |change: &dyn Fn(&mut Status)| {
        let mut changed = status(Some(false));
        change(&mut changed);
        with(&|r| r.status = Ok(changed.clone()))
    };
    let old = Blind::Read { path: "/run/x".into(), reason: "the agent has not written it for 11 s".into() };
    for (seen, said) in [
        (with(&|r| r.status = Err(old.clone())), "the master's view is not known: cannot read /run/x: the agent has not written it for 11 s"),
        (status_of(&|s| s.peer.links.iter_mut().for_each(|l| l.channel = false)), "the view of pbx1 is not known: its agent speaks over no link"),
        (status_of(&|s| s.peer.links.clear()), "its agent speaks over no link"),
        (status_of(&|s| s.peer.network_ok = None), "the view of pbx1 is not known: its agent has not told it"),
        (status_of(&|s| s.peer.roles.clear()), "its role is not known"),
        (with(&|r| r.witnesses.clear()), "no witness is named"),
        (with(&|r| r.witnesses.iter_mut().for_each(|w| w.1 = Err(blind("needs cap_net_raw")))), "cannot reach 192.0.2.1: needs cap_net_raw"),
        (with(&|r| (r.carriers[0].1, r.witnesses[0].1) = (Err(blind("no such interface")), Ok(false))), "no such interface"),
        (with(&|r| (r.witnesses[0].1, r.witnesses[1].1) = (Ok(false), Err(blind("no handles")))), "no handles"),
        (sight(vec![]), "no round was probed"),
    ] {
        for failover in [true, false] {
            let (state, text) = first(&seen, failover);
            assert_eq!(state, State::Unknown, "{text}");
            assert!(text.contains(said), "{said} in {text}");
        }
    }
}

#[test]
fn a_verdict_needs_enough_rounds_of_its_kind() {
    let (fine, bad, mine) = (round(true, Some(true)), round(true, Some(false)), round(false, Some(true)));
    let of = |rounds: [&Round; 3]| sight(rounds.into_iter().cloned().collect());
    let (state, text) = first(&of([&fine, &bad, &bad]), true);
    assert!(state == State::Critical && text.contains("(2 of 3 rounds agree)"), "{text}");
    assert_eq!(first(&of([&bad, &fine, &fine]), true).0, State::Ok);
    let (state, text) = first(&of([&fine, &bad, &mine]), true);
    assert!(state == State::Unknown && text.contains("the rounds disagree (1 of 3 rounds agree, 2 must): the network comes and goes"), "{text}");
    let unanimous = Sight { agree: 3, ..of([&fine, &bad, &bad]) };
    assert_eq!(first(&unanimous, true).0, State::Unknown, "--agree 3");
}

#[test]
fn a_pulled_cable_is_this_nodes_own_loss_whatever_the_witnesses_would_say() {
    let mut cut = round(true, Some(false));
    cut.carriers[0].1 = Ok(false);
    let (state, text) = first(&sight(vec![cut.clone(); 3]), true);
    assert_eq!(state, State::Ok, "{text}");
    assert!(text.contains("here eth0 without carrier"), "{text}");
    cut.carriers.push(("eth2".into(), Ok(true)));
    assert_eq!(first(&sight(vec![cut; 3]), true).0, State::Critical, "the other interface to the clients lives");
}

#[test]
fn a_master_that_serves_nobody_costs_nobody_anything() {
    let mut idle = round(true, Some(false));
    idle.status.as_mut().unwrap().peer.roles.insert("pbx".into(), Role::Standby);
    let seen = sight(vec![idle; 3]);
    assert_eq!((first(&seen, true).0, first(&seen, false).0), (State::Ok, State::Warning));
    assert!(first(&seen, true).1.contains("pbx1 has lost its clients' network and serves nobody"));
}

#[test]
fn degraded_interfaces_warn_in_the_notify_twin_only_and_counters_are_exported() {
    let bond = Bond { mode: "active-backup".into(), active: None, members: vec![("eth0".into(), true), ("eth2".into(), false)] };
    let device = Device { name: "bond0".into(), counters: vec![("rx_errors", 3)], bond: Some(bond), ..Device::default() };
    let seen = Sight { devices: vec![device], ..sight(vec![round(true, Some(true)); 3]) };
    assert_eq!(first(&seen, false), (State::Warning, "NETWORK FAILOVER WARNING - bond0 has lost its member eth2".into()));
    let mut report = Report::default();
    judge(&seen, true, &mut report);
    let text = report.render("NETWORK FAILOVER", 0);
    assert_eq!(report.state(), State::Ok);
    assert!(text.contains(" | 'bond0_rx_errors'=3c;;;0; 'witnesses'=1;;;0;2\n"), "{text}");
    assert!(text.contains("\nbond0: bond active-backup of eth0 up and eth2 down, rx_errors 3\n"), "{text}");
}
