//! A master that gives its groups up by itself: it reports itself, or has lost its clients' network. Graceful first; it is
//! fenced only if it can't stop.

use super::{end, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::pair::{FAULT, FAULT_FILE};
use rig::lab::power::{Mains, mains};
use rig::lab::scene::Scene;
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Link, Node, Plan, wait_for};
use std::time::Duration;

const BOUND: Duration = Duration::from_mins(1);

/// The node's own check turns CRITICAL, and its Icinga's handler is called as the user it runs as.
fn reports_itself(scene: &Scene, node: Node) {
    let call = format!(
        "touch {FAULT_FILE} && runuser -u nagios -- /usr/lib/twinguard/event_takeover --host {} --service {FAULT} --state CRITICAL \
         --state-type HARD --attempt 1 --downtime-depth 0 --host-downtime-depth 0 --flapping 0 --last-check $(date +%s)",
        node.name()
    );
    scene.lab.run(node, &["sh", "-c", &call]).expect("handler");
}

/// The group is at `to` now, and the node that had it is set aside (MD19).
fn moved(scene: &mut Scene, to: Node, since: u64) {
    wait(scene, "a reply of the new master", since, |m| m.sign == Sign::Reply && m.node == Some(to));
    scene.lab.wait_role(to, Role::Master, BOUND).expect("master");
    scene.lab.wait_role(to.other(), Role::Standby, BOUND).expect("standby");
}

fn rejoins(scene: &Scene, node: Node) {
    let speaks = || scene.lab.status(node).is_some_and(|s| s.peer.links.iter().all(|l| l.channel));
    wait_for("the channel over both links", BOUND, speaks).expect("both links");
    // Refused until each node has asked the other one's BMC.
    let done = || scene.lab.exec(node, &["/usr/sbin/twinguard", "rejoin"]).is_ok_and(|d| d.code == Some(0));
    wait_for("rejoin", BOUND, done).expect("rejoin");
    scene.lab.wait_role(node, Role::Slave, BOUND).expect("slave");
    let armed = || scene.lab.status(node).is_some_and(|s| s.armed);
    wait_for("the new slave armed", BOUND, armed).expect("armed");
}

/// Matrix rows 7, 9 and 8, one after the other: reported by the node itself, seen by the slave's Icinga, and unable to stop.
#[test]
fn a_master_gives_up_and_is_fenced_only_if_it_can_not() {
    let mut scene = scene(&Plan { moves: Some("5s"), ..Plan::default() });
    let since = now_ms();
    reports_itself(&scene, Node::N1);
    moved(&mut scene, Node::N2, since);
    scene.lab.run(Node::N1, &["rm", FAULT_FILE]).expect("repaired");
    rejoins(&scene, Node::N1);

    let since = now_ms();
    scene.lab.cut(Node::N2, Link::Lan).expect("cut");
    moved(&mut scene, Node::N1, since);
    assert!(!scene.watch.moments.iter().any(|m| m.sign == Sign::Told), "a graceful move shoots nobody");
    scene.lab.uncut(Node::N2, Link::Lan).expect("uncut");
    rejoins(&scene, Node::N2);

    let hangs = "mkdir -p /run/systemd/system/nginx.service.d && \
                 printf '[Service]\\nExecStop=\\nExecStop=/bin/sleep 600\\nTimeoutStopSec=infinity\\n' > /run/systemd/system/nginx.service.d/lab.conf && \
                 systemctl daemon-reload";
    scene.lab.run(Node::N1, &["sh", "-c", hangs]).expect("a service that does not stop");
    let since = now_ms();
    reports_itself(&scene, Node::N1);
    wait(&mut scene, "the fence", since, |m| m.sign == Sign::Told && m.node == Some(Node::N1));
    wait(&mut scene, "a reply from n2", since, |m| m.sign == Sign::Reply && m.node == Some(Node::N2));
    scene.lab.wait_role(Node::N2, Role::Master, BOUND).expect("master");
    assert_eq!(mains(&scene.lab.site, Node::N1), Mains::Off);
    end(scene, "master reports itself, loses its LAN, can't stop", "n1 nothing, n2 everything", None);
}
