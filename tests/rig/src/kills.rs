//! The agent is killed, or its machine loses power, right after every record of the journal of a takeover, on real machines. The records
//! are those of a first takeover that nobody disturbs; nothing is listed by hand. Both nodes are audited all the time.

use crate::lab::scene::Scene;
use crate::lab::watch::Sign;
use crate::lab::{Node, Plan, node, tool, wait_for};
use plugin_core::contract::status::Role;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Kills at every record. `[FIRST [LAST]]` plays only these.
///
/// # Errors
/// An end that is not allowed, with its story.
pub fn main(args: &[String]) -> Result<String, String> {
    let number = |at: usize| args.get(at).map(|a| a.parse::<usize>().map_err(|_| "usage: tests/run kills [FIRST [LAST]]".to_owned())).transpose();
    let kinds = reference()?;
    let (first, last) = (number(0)?.unwrap_or(1), number(1)?.unwrap_or(kinds.len()));
    let mut ends: BTreeMap<(bool, String), usize> = BTreeMap::new();
    for (at, kind) in kinds.iter().enumerate().map(|(at, kind)| (at + 1, kind)).filter(|(at, _)| (first..=last).contains(at)) {
        for power in [false, true] {
            let end = dies(at, power).map_err(|e| format!("record {at} ({kind}), {}: {e}", word(power)))?;
            eprintln!("   record {at:>2} of {} {kind:<14} {}: {end}", kinds.len(), word(power));
            *ends.entry((power, end)).or_default() += 1;
        }
    }
    let lines = ends.iter().map(|((power, end), count)| format!("{:<13} {end} ({count})", word(*power)));
    let total: usize = ends.values().sum();
    Ok(format!("{}\nkill points: {total}; never two mounts, failover IPs or services\n", lines.collect::<Vec<_>>().join("\n")))
}

const fn word(power: bool) -> &'static str {
    if power { "power lost" } else { "agent killed" }
}

/// Lines of n2's journal; they outlive its processes.
fn journal(scene: &Scene) -> Vec<String> {
    let text = tool::read(scene.lab.site.upper(Node::N2).join("var/lib/twinguard/journal"));
    text.split_inclusive('\n').filter(|l| l.ends_with('\n')).map(str::to_owned).collect()
}

/// The kinds of the records of a takeover.
fn reference() -> Result<Vec<String>, String> {
    let mut scene = Scene::set(&Plan::default())?;
    let before = journal(&scene).len();
    let crash = scene.crash_master()?;
    scene.wait("n2 master", crash, |m| m.sign == Sign::Master && m.node == Some(Node::N2))?;
    scene.wait("the mail", crash, |m| m.sign == Sign::Mail && m.text.contains(" took web over from n1"))?;
    let kind = |line: &String| line.split("\"record\":\"").nth(1).and_then(|r| r.split('"').next()).unwrap_or("?").to_owned();
    Ok(journal(&scene).iter().skip(before).map(kind).collect())
}

/// A takeover with one death right after its record number `at`; how it ended.
fn dies(at: usize, power: bool) -> Result<String, String> {
    let mut scene = Scene::set(&Plan::default())?;
    let before = journal(&scene).len();
    let agent = scene.lab.run(Node::N2, &["systemctl", "show", "-p", "MainPID", "--value", "twinguard.service"])?;
    let crash = scene.crash_master()?;
    // Read again and again: the death has to come before the next record.
    let end = Instant::now() + Duration::from_mins(1);
    while journal(&scene).len() < before + at {
        if Instant::now() > end {
            return Err(format!("the record did not come\n{}", scene.lab.last_words()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if power {
        scene.lab.plug(Node::N2)?;
        for node in Node::BOTH {
            scene.lab.power_on(node)?;
        }
        for node in Node::BOTH {
            scene.lab.wait_up(node)?;
        }
        let quiet = |n| scene.lab.role(n).is_some_and(|r| r != Role::Taking);
        wait_for("roles after the boot", Duration::from_mins(1), || Node::BOTH.into_iter().all(quiet))?;
        scene.stays("one master at most", Duration::from_secs(5), |s| {
            Node::BOTH.into_iter().filter(|n| s.lab.role(*n) == Some(Role::Master)).count() < 2
        })?;
    } else {
        node::exec(&scene.lab.site, Node::N2, &["kill", "-KILL", agent.trim()])?;
        scene.wait("n2 master", crash, |m| m.sign == Sign::Master && m.node == Some(Node::N2))?;
        scene.lab.wait_role(Node::N2, Role::Master, Duration::from_secs(30))?;
        scene.wait("a reply from n2", crash, |m| m.sign == Sign::Reply && m.node == Some(Node::N2))?;
    }
    scene.audited().map_err(|e| format!("two masters: {e}"))?;
    let role = |n: Node| scene.lab.role(n).map_or("off".to_owned(), |r| r.to_string());
    Ok(format!("n1 {}, n2 {}; {}", role(Node::N1), role(Node::N2), scene.held()))
}
