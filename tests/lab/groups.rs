//! Two groups, each at home on its own node, with mutual failover (SX1); a takeover that is held until a person has looked; and
//! the end of the pair.

use super::{scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::probe::samples;
use rig::lab::scene::Scene;
use rig::lab::second::{GROUP, IP, PORT};
use rig::lab::site::{CLUSTER_IP, WITNESS};
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan, table, wait_for};
use std::path::{Path, PathBuf};
use std::time::Duration;

const BOUND: Duration = Duration::from_mins(1);

fn role(scene: &Scene, node: Node, group: &str) -> Option<Role> {
    scene.lab.status(node)?.groups.iter().find(|g| g.name == group).map(|g| g.role)
}

fn wait_role(scene: &Scene, node: Node, group: &str, wanted: Role) {
    wait_for(&format!("{} {wanted} of {group}", node.name()), BOUND, || role(scene, node, group) == Some(wanted))
        .unwrap_or_else(|e| panic!("{e}; it is {:?}\n{}", role(scene, node, group), scene.lab.last_words()));
}

/// A pair in which n2 serves the second group, with a client of its own; where its samples are.
fn mutual() -> (Scene, PathBuf) {
    let scene = scene(&Plan { second: Some(["5s", "0s"]), ..Plan::default() });
    scene.lab.run(Node::N2, &["/usr/sbin/twinguard", "create"]).expect("create on n2");
    wait_role(&scene, Node::N2, GROUP, Role::Master);
    wait_role(&scene, Node::N1, GROUP, Role::Slave);
    let file = scene.lab.site.run.join("second.samples");
    scene.lab.start_client_of(&format!("{IP}:{PORT}"), &file).expect("client");
    served_by(&file, Node::N2, 0);
    // Both are slaves now, and could take over.
    for node in Node::BOTH {
        wait_for(&format!("{} armed", node.name()), BOUND, || scene.lab.status(node).is_some_and(|s| s.armed)).expect("armed");
    }
    (scene, file)
}

/// Waits until a client is answered by `node`.
fn served_by(file: &Path, node: Node, since: u64) {
    let answered = || samples(file).iter().any(|s| s.start_ms >= since && s.answer.as_deref() == Ok(node.name()));
    wait_for(&format!("a reply from {}", node.name()), BOUND, answered).unwrap_or_else(|e| panic!("{e}"));
}

/// A client was answered all the time between two times. How long a busy machine takes for an answer is not the product's.
fn undisturbed(file: &Path, since: u64, until: u64) {
    let mut last = since;
    for end in samples(file).iter().filter(|s| s.answer.is_ok() && s.end_ms >= since).map(|s| s.end_ms).chain([until]) {
        assert!(end < last + 5000, "no answer for {} ms", end - last);
        last = last.max(end);
    }
}

/// Id of the unit's run: another one after each start.
fn run_of(scene: &Scene, node: Node, unit: &str) -> String {
    scene.lab.run(node, &["systemctl", "show", "-p", "InvocationID", "--value", unit]).expect("systemctl")
}

/// Matrix rows 46 and 47 (SX1, SX2), 38, and RX12 to RX14 with row 50.
#[test]
fn two_groups_move_apart_and_one_that_is_held_disturbs_nobody() {
    let (mut scene, second) = mutual();
    let first = scene.lab.client_file();

    // One group moves and comes back; the other one's client notices nothing.
    for (from, to) in [(Node::N2, Node::N1), (Node::N1, Node::N2)] {
        let (since, run) = (now_ms(), run_of(&scene, Node::N1, "nginx.service"));
        scene.lab.run(from, &["/usr/sbin/twinguard", "migrate", GROUP, "--confirm", from.name()]).expect("migrate");
        wait_role(&scene, to, GROUP, Role::Master);
        wait_role(&scene, from, GROUP, Role::Slave);
        served_by(&second, to, since);
        assert_eq!((role(&scene, Node::N1, "web"), role(&scene, Node::N2, "web")), (Some(Role::Master), Some(Role::Slave)));
        undisturbed(&first, since, now_ms());
        assert_eq!(run_of(&scene, Node::N1, "nginx.service"), run, "the other group's service was never stopped");
    }
    wait_for("n2 armed", BOUND, || scene.lab.status(Node::N2).is_some_and(|s| s.armed)).expect("armed");

    // n1 dies; a stranger answers for the failover IP, so the takeover is held before it takes that.
    let run = run_of(&scene, Node::N2, "web2.service");
    let crash = scene.crash_master().expect("crash");
    let stranger = |act: &str| scene.lab.at("witness", &["ip", "addr", act, &format!("{CLUSTER_IP}/24"), "dev", "eth0"]).expect("ip");
    assert_eq!(stranger("add").code, Some(0), "{WITNESS} takes the address");
    wait(&mut scene, "the mail of the held takeover", crash, |m| m.sign == Sign::Mail && m.text.contains("takeover of web is held"));
    wait_role(&scene, Node::N2, "web", Role::Taking);
    assert_eq!(role(&scene, Node::N2, GROUP), Some(Role::Master));
    let stranger = |act: &str| scene.lab.at("witness", &["ip", "addr", act, &format!("{CLUSTER_IP}/24"), "dev", "eth0"]).expect("ip");
    assert_eq!(stranger("del").code, Some(0));
    let said = scene.lab.run(Node::N2, &["/usr/sbin/twinguard", "retry", "web", "--confirm", "n2"]).expect("retry");
    assert!(said.contains("n2 took web over from n1"), "{said}");
    wait(&mut scene, "a reply from n2", crash, |m| m.sign == Sign::Reply && m.node == Some(Node::N2));
    undisturbed(&second, crash, now_ms());
    assert_eq!(run_of(&scene, Node::N2, "web2.service"), run, "the other group's service was never stopped");

    // The old master comes back, and the pair is dissolved.
    scene.lab.power_on(Node::N1).expect("power on");
    scene.lab.wait_up(Node::N1).expect("n1 boots");
    for group in ["web", GROUP] {
        wait_role(&scene, Node::N1, group, Role::Standby);
    }
    let over =
        ["env", &format!("SSH_CONNECTION=10.77.0.50 4711 {CLUSTER_IP} 22"), "/usr/sbin/twinguard", "dissolve", "--survivor", "n2", "--confirm", "n2"]
            .map(str::to_owned);
    let done = scene.lab.exec(Node::N2, &over.iter().map(String::as_str).collect::<Vec<_>>()).expect("dissolve");
    assert!(done.code == Some(2) && done.stderr.contains("OVER_VIP"), "{done:?}");
    let said = scene.lab.run(Node::N2, &["/usr/sbin/twinguard", "dissolve", "--survivor", "n2", "--confirm", "n2"]).expect("dissolve");
    assert!(said.contains("n1 is retired") && said.contains("systemctl enable nginx.service"), "{said}");
    wait_role(&scene, Node::N1, "web", Role::Retired);
    let start = scene.lab.exec(Node::N1, &["systemctl", "start", "nginx.service"]).expect("systemctl");
    assert!(start.code != Some(0) && start.stderr.contains("masked"), "RX13: {start:?}");
    // The second group's unit is the administrator's own file, which no mask can replace.
    let unit = format!("{GROUP}.service");
    let start = format!("systemctl start {unit}; systemctl is-active {unit}");
    assert_eq!(scene.lab.exec(Node::N1, &["sh", "-c", &start]).expect("systemctl").stdout.trim(), "inactive", "RX13");
    scene.audited().unwrap_or_else(|e| panic!("two masters: {e}"));
    assert_eq!(scene.held(), "n1 nothing, n2 everything");
    table::note("two groups: moved apart, held, retried, dissolved", &scene.held(), None);
}
