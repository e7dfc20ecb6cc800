//! A pair whose BMCs speak Redfish.

use super::{end, n2_takes_over, scene};
use rig::lab::power::{Mains, mains};
use rig::lab::{Node, Plan};

#[test]
fn a_crashed_master_is_fenced_by_redfish() {
    let mut scene = scene(&Plan { redfish: true, ..Plan::default() });
    let check = ["/usr/lib/nagios/plugins/check_fence", "--single-level"];
    let said = scene.lab.run(Node::N2, &check).expect("check_fence");
    assert!(said.starts_with("FENCE OK - level 1 of n1: redfish 10.77.2.111 port 443 answers, power ON"), "{said}");
    let crash = scene.crash_master().expect("crash");
    let phases = n2_takes_over(&mut scene, crash);
    assert_eq!(mains(&scene.lab.site, Node::N1), Mains::Off);
    assert!(phases.told < phases.off && phases.off < phases.confirmed && phases.confirmed < phases.reply, "the order is wrong: {phases:?}");
    end(scene, "crash, fenced by Redfish", "n1 nothing, n2 everything", Some(&phases));
}
