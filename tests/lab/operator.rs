//! What an administrator does with a pair: moves it, works on it, takes a repaired node back, and speaks for a dead one.

use super::{end, n2_takes_over, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::scene::Scene;
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan, bmc, table, wait_for};
use rig::speed::outage;
use std::time::Duration;

/// Runs `twinguard` and wants it refused (exit 2) with a code.
pub fn refused(scene: &Scene, node: Node, argv: &[&str], code: &str) {
    let done = scene.lab.exec(node, argv).expect("twinguard");
    assert_eq!(done.code, Some(2), "{argv:?}: {done:?}");
    assert!(done.stderr.contains(code), "{argv:?} does not say {code}: {done:?}");
}

/// RX10, RX11, MD1: both roles swap, run on the master only, there and back.
#[test]
fn a_graceful_move_swaps_the_roles_and_back() {
    let mut scene = scene(&Plan::default());
    refused(&scene, Node::N2, &["/usr/sbin/twinguard", "migrate", "--confirm", "n2"], "WRONG_NODE");
    refused(&scene, Node::N1, &["/usr/sbin/twinguard", "migrate", "--confirm", "n2"], "NAME_MISMATCH");
    for (from, to) in [(Node::N1, Node::N2), (Node::N2, Node::N1)] {
        let since = now_ms();
        scene.lab.run(from, &["/usr/sbin/twinguard", "migrate", "--confirm", from.name()]).expect("migrate");
        scene.lab.wait_role(to, Role::Master, Duration::from_secs(10)).expect("master");
        scene.lab.wait_role(from, Role::Slave, Duration::from_secs(10)).expect("slave");
        // The new slave has asked the new master's BMC.
        let armed = || scene.lab.status(from).is_some_and(|s| s.armed);
        wait_for("the new slave armed", Duration::from_secs(30), armed).expect("armed");
        wait(&mut scene, "a reply of the new master", since, |m| m.sign == Sign::Reply && m.node == Some(to));
        table::note(&format!("move {} to {}: outage {} ms", from.name(), to.name(), outage(&scene, since)), &scene.held(), None);
    }
    assert!(!scene.watch.moments.iter().any(|m| m.sign == Sign::Told), "a graceful move shoots nobody");
    end(scene, "graceful move and back", "n1 everything, n2 nothing", None);
}

/// Matrix rows 1 and 60: the device is silent, a person looks and attests; while anything answers it is refused.
#[test]
fn a_person_attests_that_the_master_is_off() {
    let mut scene = scene(&Plan::default());
    refused(&scene, Node::N2, &["/usr/sbin/twinguard", "confirm-fenced", "n1"], "PEER_ALIVE");
    bmc::reachable(&scene.lab.site, Node::N1, false).expect("cut");
    let crash = scene.crash_master().expect("crash");
    wait(&mut scene, "the refusal", crash, |m| m.sign == Sign::Refused("DEVICE_SILENT".to_owned()));
    refused(&scene, Node::N2, &["/usr/sbin/twinguard", "confirm-fenced", "n2"], "NAME_MISMATCH");
    let said = scene.lab.run(Node::N2, &["/usr/sbin/twinguard", "confirm-fenced", "n1"]).expect("confirm-fenced");
    assert!(said.contains("n2 took web over from n1"), "{said}");
    wait(&mut scene, "a reply from n2", crash, |m| m.sign == Sign::Reply && m.node == Some(Node::N2));
    end(scene, "rows 1, 60: BMC silent, a person attests", "n1 nothing, n2 everything", None);
}

/// Matrix row 41: nothing is automatic until the maintenance is ended; then the case goes on by itself.
#[test]
fn maintenance_holds_a_takeover_until_it_is_ended() {
    let mut scene = scene(&Plan::default());
    scene.lab.run(Node::N1, &["/usr/sbin/twinguard", "maintenance", "on"]).expect("maintenance");
    let known = |s: &Scene| s.lab.status(Node::N2).is_some_and(|s| !s.armed);
    wait_for("n2 knows", Duration::from_secs(5), || known(&scene)).expect("not armed");
    let crash = scene.crash_master().expect("crash");
    wait(&mut scene, "the refusal", crash, |m| m.sign == Sign::Refused("MAINTENANCE".to_owned()));
    let idle = |s: &Scene| s.held() == "n1 nothing, n2 nothing";
    scene.stays("nobody serves", Duration::from_secs(4), idle).unwrap_or_else(|e| panic!("{e}"));
    table::note("row 41: maintenance on: refused with MAINTENANCE", &scene.held(), None);
}

/// MD19, MD4: a repaired node is rejoined by a person, and is a slave that can take over again.
#[test]
fn a_returned_node_is_rejoined_and_takes_over_again() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    n2_takes_over(&mut scene, crash);
    scene.lab.power_on(Node::N1).expect("power on");
    scene.lab.wait_up(Node::N1).expect("n1 boots");
    scene.lab.wait_role(Node::N1, Role::Standby, Duration::from_secs(20)).expect("standby");
    // F4: a power command may still arrive for a minute; until then the master declines.
    let rejoined = || scene.lab.exec(Node::N1, &["/usr/sbin/twinguard", "rejoin"]).is_ok_and(|d| d.code == Some(0));
    wait_for("rejoin", Duration::from_secs(90), rejoined).expect("rejoin");
    assert!(now_ms() - crash >= 60_000, "rejoined within the drain time");
    scene.lab.wait_role(Node::N1, Role::Slave, Duration::from_secs(5)).expect("slave");
    let armed = |s: &Scene| s.lab.status(Node::N1).is_some_and(|s| s.armed);
    wait_for("n1 armed", Duration::from_secs(30), || armed(&scene)).expect("armed");
    let since = now_ms();
    scene.lab.crash(Node::N2).expect("crash");
    wait(&mut scene, "a reply from n1", since, |m| m.sign == Sign::Reply && m.node == Some(Node::N1));
    scene.lab.wait_role(Node::N1, Role::Master, Duration::from_secs(5)).expect("master");
    end(scene, "rejoined, then the other one crashes", "n1 everything, n2 nothing", None);
}

/// Matrix row 31: both nodes lose power and boot; the last master leads by agreement, nothing starts before it.
#[test]
fn after_a_site_loss_the_last_master_leads() {
    let scene = scene(&Plan::default());
    for node in Node::BOTH {
        scene.lab.plug(node).expect("plug");
    }
    for node in Node::BOTH {
        scene.lab.power_on(node).expect("power on");
    }
    for node in Node::BOTH {
        scene.lab.wait_up(node).expect("boots");
    }
    scene.lab.wait_role(Node::N1, Role::Master, Duration::from_secs(30)).expect("n1 leads");
    scene.lab.wait_role(Node::N2, Role::Slave, Duration::from_secs(10)).expect("n2 is slave");
    end(scene, "row 31: both nodes lose power and boot", "n1 everything, n2 nothing", None);
}
