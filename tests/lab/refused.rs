//! Takeovers that must not happen: without a proof that the master is off, the slave stays a slave, says why, and tells it by mail.

use super::{end, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::scene::Scene;
use rig::lab::watch::{Moment, Sign};
use rig::lab::{Done, Link, Node, Plan, bmc};
use std::time::Duration;

/// Crashes the master and waits for a mail that tells the refusal; then looks for a while: the slave takes nothing.
fn crash_and_no_takeover(scene: &mut Scene, expected: &str) -> Done {
    let crash = scene.crash_master().expect("crash");
    let refused = |m: &Moment| m.sign == Sign::Refused(expected.to_owned()) || m.text.contains(&format!("FENCE_FAILED {expected}"));
    wait(scene, &format!("refusal {expected}"), crash, refused);
    wait(scene, "a mail of the refusal", crash, |m| m.sign == Sign::Mail && m.text.contains("CRITICAL") && m.text.contains(expected));
    let idle = |s: &Scene| s.lab.role(Node::N2) == Some(Role::Slave) && s.held() == "n1 nothing, n2 nothing";
    scene.stays("n2 SLAVE and idle", Duration::from_secs(6), idle).unwrap_or_else(|e| panic!("{e}"));
    assert!(scene.watch.first(crash, |m| m.sign == Sign::Master).is_none());
    let check = scene.check_master_alive(Node::N2).expect("check");
    assert_eq!(check.code, Some(2), "{check:?}");
    check
}

/// The same, and the check says the code on its second line.
fn crash_and_refusal(scene: &mut Scene, expected: &str) {
    let check = crash_and_no_takeover(scene, expected);
    let second = check.stdout.lines().nth(1).unwrap_or_default();
    assert!(second.contains(expected), "the second line does not say {expected}: {}", check.stdout);
}

/// Matrix rows 1 and 16: the proof is missing.
#[test]
fn no_takeover_while_the_bmc_is_unreachable() {
    let mut scene = scene(&Plan::default());
    bmc::reachable(&scene.lab.site, Node::N1, false).expect("cut");
    crash_and_refusal(&mut scene, "DEVICE_SILENT");
    end(scene, "rows 1, 16: BMC unreachable: refused with DEVICE_SILENT", "n1 nothing, n2 nothing", None);
}

#[test]
fn no_takeover_without_stonith() {
    let mut scene = scene(&Plan { stonith: false, ..Plan::default() });
    crash_and_refusal(&mut scene, "NO_STONITH");
    end(scene, "no STONITH configured: refused with NO_STONITH", "n1 nothing, n2 nothing", None);
}

/// Matrix row 26. The attempt stays open and shoots again: what was sent may still take effect (F4).
#[test]
fn a_bmc_that_says_done_and_stays_on_is_no_fence() {
    let mut scene = scene(&Plan { budget: "5s", ..Plan::default() });
    bmc::stuck(&scene.lab.site, Node::N1, true).expect("stuck");
    crash_and_no_takeover(&mut scene, "FENCE_FAILED");
    end(scene, "row 26: BMC says done and stays ON: FENCE_FAILED", "n1 nothing, n2 nothing", None);
}

/// Matrix row 14 (the strict policy's shot of the master at the slave is no part of this version).
#[test]
fn an_isolated_slave_does_nothing() {
    let mut scene = scene(&Plan::default());
    for link in [Link::Lan, Link::Heartbeat] {
        scene.lab.cut(Node::N2, link).expect("cut");
    }
    let serves = |s: &Scene| s.held() == "n1 everything, n2 nothing" && s.lab.role(Node::N2) == Some(Role::Slave);
    scene.stays("n1 serves, n2 SLAVE", Duration::from_secs(10), serves).unwrap_or_else(|e| panic!("{e}"));
    let check = scene.check_master_alive(Node::N2).expect("check");
    assert_eq!(check.code, Some(3), "an isolated node is blind, it sees no dead master: {check:?}");
    assert!(!scene.watch.moments.iter().any(|m| matches!(m.sign, Sign::Opened | Sign::Told) && m.node.is_some_and(|n| n == Node::N2)), "n2 acted");
    end(scene, "row 14: both cables of the slave cut", "n1 everything, n2 nothing", None);
}
