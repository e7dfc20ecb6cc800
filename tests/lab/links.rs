//! One cable is cut: nothing happens but a notice.

use super::{end, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::probe::samples;
use rig::lab::scene::Scene;
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Link, Node, Plan, wait_for};
use std::time::Duration;

/// Matrix row 11 (without replication).
#[test]
fn a_cut_heartbeat_is_only_told() {
    let mut scene = scene(&Plan::default());
    let cut = now_ms();
    scene.lab.cut(Node::N1, Link::Heartbeat).expect("cut");
    wait(&mut scene, "the mail of the lost link", cut, |m| m.sign == Sign::Mail && m.text.contains("heartbeat"));
    let serves = |s: &Scene| {
        s.lab.role(Node::N1) == Some(Role::Master) && s.lab.role(Node::N2) == Some(Role::Slave) && s.held() == "n1 everything, n2 nothing"
    };
    scene.stays("n1 MASTER, n2 SLAVE", Duration::from_secs(8), serves).unwrap_or_else(|e| panic!("{e}"));
    let check = scene.check_master_alive(Node::N2).expect("check");
    assert_eq!(check.code, Some(0), "the failover check knows no degraded link: {check:?}");
    let acts = [Sign::Silence, Sign::Opened, Sign::Told, Sign::Hard];
    assert!(scene.watch.first(cut, |m| acts.contains(&m.sign)).is_none(), "something happened: {:?}", scene.watch.moments);
    scene.lab.uncut(Node::N1, Link::Heartbeat).expect("repair");
    wait(&mut scene, "the mail of the repaired link", now_ms(), |m| m.sign == Sign::Mail && m.text.contains("[lab OK] Links"));
    end(scene, "row 11: heartbeat cable cut and repaired", "n1 everything, n2 nothing", None);
}

/// Matrix row 52, in short: outages that end before the silence counts lead to nothing. The kernel may take a second to use a cable
/// that is plugged in again (linkwatch), so 0.4 s are up to 1.4 s without a sign of life.
#[test]
fn short_outages_lead_to_nothing() {
    let mut scene = scene(&Plan::default());
    let start = now_ms();
    for _ in 0..4 {
        for (up, time) in [(false, Duration::from_millis(400)), (true, Duration::from_secs(2))] {
            for link in [Link::Lan, Link::Heartbeat] {
                if up { scene.lab.uncut(Node::N1, link) } else { scene.lab.cut(Node::N1, link) }.expect("cable");
            }
            scene.stays("n1 holds, n2 not", time, |s| s.held() == "n1 everything, n2 nothing").unwrap_or_else(|e| panic!("{e}"));
        }
    }
    assert!(scene.watch.first(start, |m| [Sign::Opened, Sign::Told].contains(&m.sign)).is_none(), "an attempt was opened");
    let repaired = now_ms();
    let served = || samples(&scene.lab.client_file()).iter().any(|s| s.start_ms > repaired && s.answer.as_deref() == Ok("n1"));
    wait_for("service after the last outage", Duration::from_secs(10), served).expect("served");
    end(scene, "row 52: four short outages of both links", "n1 everything, n2 nothing", None);
}

/// Matrix row 12: the clients' switch dies for both, the heartbeat lives.
#[test]
fn a_dead_client_switch_moves_nothing() {
    let mut scene = scene(&Plan::default());
    let start = now_ms();
    for node in Node::BOTH {
        scene.lab.cut(node, Link::Lan).expect("cut");
    }
    let holds = |s: &Scene| s.lab.role(Node::N1) == Some(Role::Master) && s.held() == "n1 everything, n2 nothing";
    scene.stays("n1 MASTER", Duration::from_secs(8), holds).unwrap_or_else(|e| panic!("{e}"));
    assert!(scene.watch.first(start, |m| [Sign::Opened, Sign::Told].contains(&m.sign)).is_none(), "an attempt was opened");
    end(scene, "row 12: the clients' switch is dead for both", "n1 everything, n2 nothing", None);
}
