//! The agent is killed in the middle of a takeover: it goes on where it was, and the end is the same.

use super::{end, n2_takes_over, scene, wait};
use rig::lab::audit::holds;
use rig::lab::scene::Scene;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan, bmc, node, tool, wait_for};
use std::time::Duration;

/// Process ids, on the host, of a node's agent. A child that it has just forked bears its name for a moment, and is none.
fn agents(scene: &Scene, node: Node) -> Vec<String> {
    let group = node::cgroup(&scene.lab.site, node).expect("cgroups");
    let is_agent = |pid: &u32| tool::read(format!("/proc/{pid}/cmdline")).replace('\0', " ").trim() == "/usr/sbin/twinguard agent";
    let named: Vec<u32> = group.processes().into_iter().filter(is_agent).collect();
    let parent = |pid: &u32| tool::read(format!("/proc/{pid}/status")).lines().find_map(|l| l.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
    named.iter().filter(|pid| !parent(pid).is_some_and(|p| named.contains(&p))).map(ToString::to_string).collect()
}

fn kill(pids: &[String]) {
    let mut argv = vec!["-KILL"];
    argv.extend(pids.iter().map(String::as_str));
    tool::run("kill", &argv).expect("kill");
}

fn went_on(scene: &mut Scene, crash: u64, killed: &[String]) {
    let now = agents(scene, Node::N2);
    assert!(!now.is_empty() && now != killed, "the agent was not killed and started again: {killed:?}, {now:?}");
    let opened = scene.watch.moments.iter().filter(|m| m.at_ms >= crash && m.sign == Sign::Opened).count();
    assert_eq!(opened, 1, "a second attempt was opened\n{}", scene.lab.last_words());
}

/// Matrix row 22: what was sent may arrive, so the attempt is never abandoned.
#[test]
fn killed_after_the_command_was_sent() {
    let mut scene = scene(&Plan::default());
    bmc::slow(&scene.lab.site, Node::N1, Duration::from_millis(1500)).expect("slow");
    let pids = agents(&scene, Node::N2);
    let crash = scene.crash_master().expect("crash");
    // The BMC has the command and is slow to obey; the journal's SENT alone would be a moment too early.
    wait(&mut scene, "the command at the BMC", crash, |m| m.sign == Sign::Told);
    kill(&pids);
    let phases = n2_takes_over(&mut scene, crash);
    went_on(&mut scene, crash, &pids);
    end(scene, "row 22: agent killed after SENT", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 24: the replay mounts nothing twice.
#[test]
fn killed_after_the_mount() {
    let mut scene = scene(&Plan::default());
    let pids = agents(&scene, Node::N2);
    let crash = scene.crash_master().expect("crash");
    let mounted = |scene: &mut Scene| {
        scene.watch.look(&scene.lab);
        holds(&scene.lab.site, Node::N2).mount
    };
    wait_for("the mount", Duration::from_mins(1), || mounted(&mut scene)).expect("mounted");
    kill(&pids);
    let phases = n2_takes_over(&mut scene, crash);
    went_on(&mut scene, crash, &pids);
    end(scene, "row 24: agent killed after the mount", "n1 nothing, n2 everything", Some(&phases));
}
