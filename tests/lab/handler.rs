//! What Icinga says is necessary, never sufficient; and Icinga may die.

use super::{end, n2_takes_over, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::scene::Scene;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan};
use std::time::Duration;

/// Calls the event handler as Icinga does; `changes` replace what a right call says.
pub fn call(scene: &Scene, changes: &[(&str, &str)]) {
    let now = (rig::lab::tool::now_ms() / 1000).to_string();
    let mut options = vec![
        ("--host", "n2"),
        ("--service", "twinguard-master-alive"),
        ("--state", "CRITICAL"),
        ("--state-type", "HARD"),
        ("--attempt", "1"),
        ("--downtime-depth", "0"),
        ("--host-downtime-depth", "0"),
        ("--flapping", "0"),
        ("--last-check", now.as_str()),
    ];
    for (name, value) in changes {
        options.retain(|(n, _)| n != name);
        options.push((name, value));
    }
    let mut argv = vec!["runuser", "-u", "nagios", "--", "/usr/lib/twinguard/event_takeover"];
    argv.extend(options.iter().flat_map(|(name, value)| [*name, *value]));
    scene.lab.run(Node::N2, &argv).unwrap_or_else(|e| panic!("{e}"));
}

/// Matrix row 19: none of these calls opens an attempt, though the master is really dead.
#[test]
fn calls_that_must_not_act_do_not() {
    let mut scene = scene(&Plan::default());
    scene.lab.run(Node::N2, &["systemctl", "stop", "icinga2.service"]).expect("stop");
    let crash = scene.crash_master().expect("crash");
    let wrong: [&[(&str, &str)]; 9] = [
        &[("--state-type", "SOFT")],
        &[("--state", "WARNING")],
        &[("--state", "UNKNOWN")],
        &[("--state", "OK")],
        &[("--downtime-depth", "1")],
        &[("--host-downtime-depth", "1")],
        &[("--flapping", "1")],
        &[("--last-check", "1700000000")],
        &[("--service", "twinguard-disk")],
    ];
    let idle = |s: &Scene| s.lab.role(Node::N2) == Some(Role::Slave) && s.held() == "n1 nothing, n2 nothing";
    for changes in wrong {
        call(&scene, changes);
        scene.stays(&format!("idle after {changes:?}"), Duration::from_millis(500), idle).unwrap_or_else(|e| panic!("{e}"));
    }
    scene.stays("idle", Duration::from_secs(4), idle).unwrap_or_else(|e| panic!("{e}"));
    assert!(scene.watch.first(crash, |m| m.sign == Sign::Opened).is_none(), "an attempt was opened");
    call(&scene, &[]);
    let phases = n2_takes_over(&mut scene, crash);
    end(scene, "row 19: nine wrong calls, then a right one", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 20: the agent goes on without Icinga.
#[test]
fn icinga_dies_in_the_middle() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    wait(&mut scene, "an attempt", crash, |m| m.sign == Sign::Opened);
    scene.lab.run(Node::N2, &["systemctl", "kill", "-s", "KILL", "icinga2.service"]).expect("kill");
    let phases = n2_takes_over(&mut scene, crash);
    end(scene, "row 20: Icinga killed after the attempt opened", "n1 nothing, n2 everything", Some(&phases));
}
