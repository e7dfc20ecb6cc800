//! The master fails in every way that a machine can: crash, plug, hang, isolation. And comes back.

use super::{end, n2_takes_over, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::audit::{Holds, holds};
use rig::lab::power::{Mains, mains};
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Link, Node, Plan, bmc, net};
use std::time::Duration;

/// Matrix rows 3 and 30.
#[test]
fn a_crashed_master_is_replaced_and_comes_back_as_standby() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    let phases = n2_takes_over(&mut scene, crash);
    assert!(phases.told < phases.off && phases.off < phases.confirmed && phases.confirmed < phases.reply, "the order is wrong: {phases:?}");
    scene.lab.power_on(Node::N1).expect("power on");
    scene.lab.wait_up(Node::N1).expect("n1 boots");
    scene.lab.wait_role(Node::N1, Role::Standby, Duration::from_secs(20)).expect("standby");
    let stands_by = |s: &rig::lab::scene::Scene| {
        s.lab.role(Node::N1) == Some(Role::Standby) && holds(&s.lab.site, Node::N1) == Holds::default() && s.lab.role(Node::N2) == Some(Role::Master)
    };
    scene.stays("n1 STANDBY and idle, n2 MASTER", Duration::from_secs(5), stands_by).unwrap_or_else(|e| panic!("{e}"));
    end(scene, "rows 3, 30: crash, then the old master returns", "n1 nothing, n2 everything", Some(&phases));
}

#[test]
fn a_master_without_power_is_replaced() {
    let mut scene = scene(&Plan::default());
    let failure = now_ms();
    scene.lab.plug(Node::N1).expect("plug");
    let phases = n2_takes_over(&mut scene, failure);
    end(scene, "plug pulled, BMC on its own supply", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 68.
#[test]
fn a_frozen_master_is_fenced() {
    let mut scene = scene(&Plan { hung: "4s", ..Plan::default() });
    let failure = now_ms();
    scene.lab.hang(Node::N1).expect("hang");
    let phases = n2_takes_over(&mut scene, failure);
    assert_eq!(mains(&scene.lab.site, Node::N1), Mains::Off);
    end(scene, "row 68: master frozen, its kernel answers pings", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 13.
#[test]
fn an_isolated_master_is_fenced() {
    let mut scene = scene(&Plan::default());
    let failure = now_ms();
    for link in [Link::Lan, Link::Heartbeat] {
        scene.lab.cut(Node::N1, link).expect("cut");
    }
    let phases = n2_takes_over(&mut scene, failure);
    assert_eq!(mains(&scene.lab.site, Node::N1), Mains::Off);
    end(scene, "row 13: both cables of the master cut", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 18.
#[test]
fn fifty_handler_calls_open_one_attempt() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    let call = "/usr/lib/twinguard/event_takeover --host n2 --service twinguard-master-alive --state CRITICAL --state-type HARD --attempt 1 \
                --downtime-depth 0 --host-downtime-depth 0 --flapping 0 --last-check $(date +%s)";
    let script = format!("for i in $(seq 50); do ({call} || echo failed) & done; wait");
    let said = scene.lab.run(Node::N2, &["runuser", "-u", "nagios", "--", "sh", "-c", &script]).expect("handlers");
    assert_eq!(said.matches("failed").count(), 0, "{said}");
    let phases = n2_takes_over(&mut scene, crash);
    let count = |sign: Sign| scene.watch.moments.iter().filter(|m| m.at_ms >= crash && m.sign == sign).count();
    // The BMC itself may see a datagram twice: on a busy machine the session repeats what is not answered in time.
    assert_eq!((count(Sign::Opened), count(Sign::Sent)), (1, 1), "attempts opened, commands sent");
    end(scene, "row 18: 50 handler calls at once", "n1 nothing, n2 everything", Some(&phases));
}

/// A takeover is one mail thread: all mails of the incident point to the first one.
#[test]
fn the_mails_of_a_takeover_are_one_thread() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    n2_takes_over(&mut scene, crash);
    wait(&mut scene, "the fence's mail", crash, |m| m.sign == Sign::Mail && m.text.contains("switching n1 off"));
    let mails = scene.lab.mails();
    let takeover = mails.iter().find(|m| m.subject().contains(" took web over")).expect("mail");
    assert!(takeover.tls, "sent in the clear");
    assert!(takeover.text().contains("n2  web MASTER") && takeover.html().contains("MASTER"), "{}", takeover.text());
    let first = mails.iter().find(|m| m.subject().contains("switching n1 off")).expect("mail");
    assert!(takeover.header("References").contains(first.header("Message-ID")), "{:?}", takeover.headers);
}

/// Matrix row 4: it lives again after the command was sent; what was sent may arrive, so it is not abandoned.
#[test]
fn a_master_that_thaws_after_the_shot_is_fenced_to_the_end() {
    let mut scene = scene(&Plan { hung: "4s", ..Plan::default() });
    bmc::slow(&scene.lab.site, Node::N1, Duration::from_secs(2)).expect("slow");
    let failure = now_ms();
    scene.lab.hang(Node::N1).expect("hang");
    wait(&mut scene, "off sent", failure, |m| m.sign == Sign::Sent);
    scene.lab.thaw(Node::N1).expect("thaw");
    let phases = n2_takes_over(&mut scene, failure);
    assert_eq!(mains(&scene.lab.site, Node::N1), Mains::Off);
    end(scene, "row 4: master frozen, thaws after the shot", "n1 nothing, n2 everything", Some(&phases));
}

/// Matrix row 51, I12: the mail relay is away while the takeover is told; the mail waits in the spool and arrives once.
#[test]
fn a_relay_that_is_away_gets_the_mail_later_and_once() {
    let mut scene = scene(&Plan::default());
    net::cable(&scene.lab.site, "witness", &[Link::Lan], false).expect("cut");
    let crash = scene.crash_master().expect("crash");
    wait(&mut scene, "a reply from n2", crash, |m| m.sign == Sign::Reply && m.node == Some(Node::N2));
    wait(&mut scene, "n2 master", crash, |m| m.sign == Sign::Master && m.node == Some(Node::N2));
    assert!(scene.watch.first(crash, |m| m.sign == Sign::Mail).is_none(), "a mail came although its relay is away");
    net::cable(&scene.lab.site, "witness", &[Link::Lan], true).expect("repair");
    let phases = n2_takes_over(&mut scene, crash);
    let told = |m: &&rig::smtp::Received| m.subject().contains(" took web over from n1");
    scene
        .stays("one mail of the takeover", Duration::from_secs(5), |s| s.lab.mails().iter().filter(told).count() == 1)
        .unwrap_or_else(|e| panic!("{e}"));
    end(scene, "row 51: the mail relay is away during the takeover", "n1 nothing, n2 everything", Some(&phases));
}
