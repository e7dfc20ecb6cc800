//! A fence on purpose: refused where it would hurt, measured and recorded where it does not, and worth a takeover on the day when only
//! the drilled device is left.

use super::operator::refused;
use super::{end, n2_takes_over, scene, wait};
use plugin_core::contract::status::{Drill, Role};
use rig::lab::scene::Scene;
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan, bmc, wait_for};
use std::time::Duration;

const TWINGUARD: &str = "/usr/sbin/twinguard";

/// The drill of a device of the other node, as `by`'s agent publishes it.
fn drilled(scene: &Scene, by: Node, level: u8) -> Option<Drill> {
    scene.lab.status(by)?.devices.iter().find(|device| device.level == level)?.drill.clone()
}

/// Fences `node` from the other one, which serves, and waits until it is slave again.
fn drill(scene: &Scene, node: Node, level: &str) {
    let argv = [TWINGUARD, "drill", "fence", node.name(), "--level", level, "--confirm", node.name()];
    let said = scene.lab.run(node.other(), &argv).unwrap_or_else(|e| panic!("{e}\n{}", scene.lab.last_words()));
    assert!(said.contains(&format!("{} was off", node.name())) && said.contains("its power is on again"), "{said}");
    scene.lab.wait_up(node).expect("it boots again");
    scene.lab.wait_role(node, Role::Slave, Duration::from_secs(60)).expect("slave again");
}

/// Moves the group and waits for the client.
fn migrate(scene: &mut Scene, from: Node) {
    let since = now_ms();
    // The new slave's agent has just started: the channel may need a moment.
    let moved = || scene.lab.exec(from, &[TWINGUARD, "migrate", "--confirm", from.name()]).is_ok_and(|d| d.code == Some(0));
    wait_for("the move", Duration::from_secs(60), moved).unwrap_or_else(|e| panic!("{e}\n{}", scene.lab.last_words()));
    wait(scene, "a reply of the new master", since, |m| m.sign == Sign::Reply && m.node == Some(from.other()));
}

/// G7 and F6: the slave is fenced on purpose while the master serves on; who did it, how long it took and when is durable.
#[test]
fn a_drill_fences_the_slave_and_gives_it_back() {
    let mut scene = scene(&Plan::default());
    let begun = now_ms();
    // The wrong name, oneself, a node that serves, a level that is not there.
    refused(&scene, Node::N1, &[TWINGUARD, "drill", "fence", "n2", "--confirm", "n1"], "NAME_MISMATCH");
    refused(&scene, Node::N1, &[TWINGUARD, "drill", "fence", "n1", "--confirm", "n1"], "WRONG_NODE");
    refused(&scene, Node::N2, &[TWINGUARD, "drill", "fence", "n1", "--confirm", "n1"], "PEER_SERVES");
    refused(&scene, Node::N1, &[TWINGUARD, "drill", "fence", "n2", "--level", "2", "--confirm", "n2"], "NO_STONITH");
    assert!(scene.watch.first(begun, |m| m.sign == Sign::Told).is_none(), "a refused drill sends nothing");
    assert_eq!(drilled(&scene, Node::N1, 1), None);
    let words = scene.lab.run(Node::N1, &[TWINGUARD, "status"]).expect("status");
    assert!(words.contains("never drilled"), "{words}");

    drill(&scene, Node::N2, "1");
    wait(&mut scene, "n2's BMC told off", begun, |m| m.sign == Sign::Told && m.node == Some(Node::N2));
    let known = || drilled(&scene, Node::N1, 1).is_some();
    wait_for("the record", Duration::from_secs(10), known).expect("record");
    let record = drilled(&scene, Node::N1, 1).expect("record");
    assert!(record.by == "root" && record.target == "n2" && u64::try_from(record.at_ms).is_ok_and(|at| at >= begun), "{record:?}");
    assert!(record.took_ms < 10_000, "the lab's BMC obeys at once: {record:?}");
    let journal = scene.lab.run(Node::N1, &["cat", "/var/lib/twinguard/journal"]).expect("journal");
    for word in ["drill fence n2 --level 1", "\"record\":\"SENT\"", "\"record\":\"DRILLED\"", "\"who\":\"root\""] {
        assert!(journal.contains(word), "no {word} in {journal}");
    }
    // The record is durable: the agent starts again and knows it.
    scene.lab.run(Node::N1, &["systemctl", "restart", "twinguard.service"]).expect("restart");
    wait_for("the record after a restart", Duration::from_secs(30), || drilled(&scene, Node::N1, 1).is_some()).expect("durable");
    // n1 never stopped serving, and n2 can take over again.
    let armed = || scene.lab.status(Node::N2).is_some_and(|s| s.armed);
    wait_for("n2 armed", Duration::from_secs(60), armed).unwrap_or_else(|e| panic!("{e}: {:?}", scene.lab.status(Node::N2)));
    assert!(scene.watch.first(begun, |m| m.sign == Sign::Silence).is_none(), "the client noticed the drill");
    end(scene, "drill: the slave is fenced on purpose and comes back", "n1 everything, n2 nothing", None);
}

/// Matrix rows 1 and 2: the BMC dies with its node's power. The outlet shows no identity, so it counts only after a drill.
#[test]
fn a_drilled_outlet_confirms_what_a_dead_bmc_can_not() {
    let mut scene = scene(&Plan { outlets: true, ..Plan::default() });
    let words = scene.lab.run(Node::N2, &[TWINGUARD, "status"]).expect("status");
    assert!(words.contains("needs a recorded drill: twinguard drill fence n1 --level 2") && !words.contains("IDENTITY"), "{words}");
    migrate(&mut scene, Node::N1);
    drill(&scene, Node::N1, "2");
    migrate(&mut scene, Node::N2);
    let good = |s: &Scene| {
        let status = s.lab.status(Node::N2)?;
        let gate = status.gates.iter().find(|gate| gate.gate == "G7")?;
        (status.armed && gate.refusal.is_none() && !gate.evidence.contains("needs a recorded drill")).then_some(())
    };
    wait_for("n2 armed, both levels", Duration::from_secs(60), || good(&scene).is_some())
        .unwrap_or_else(|e| panic!("{e}: {:?}", scene.lab.status(Node::N2)));

    bmc::reachable(&scene.lab.site, Node::N1, false).expect("cut");
    let crash = scene.crash_master().expect("crash");
    let phases = n2_takes_over(&mut scene, crash);
    let journal = scene.lab.run(Node::N2, &["cat", "/var/lib/twinguard/journal"]).expect("journal");
    let proof = journal.lines().find(|line| line.contains("\"record\":\"OFF_CONFIRMED\"")).expect("the proof");
    assert!(proof.contains("level 2: fence_ipmi") && proof.contains("drilled"), "{proof}");
    end(scene, "BMC silent, the drilled outlet confirms", "n1 nothing, n2 everything", Some(&phases));
}
