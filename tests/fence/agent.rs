//! `fence_ipmi` against the rig's BMC: what is reported is what the BMC showed.

use crate::run::admin;
use rig::bmc::{Bmc, Mind};
use std::time::Duration;

#[test]
fn every_action_with_either_suite() {
    for suite in [17, 3] {
        let bmc = Bmc::start(Mind { suites: vec![suite], ..Mind::default() });
        let act = |action: &str| admin(bmc.address(), action, "");
        act("status").is(0).says("Status: ON").quietly();
        act("monitor").is(0).says("").quietly();
        act("off").is(0).says("Success: Powered OFF").quietly();
        assert!(!bmc.mind().on);
        act("status").is(2).says("Status: OFF").quietly();
        // A monitored device may stand in front of a node that is off.
        act("monitor").is(0);
        act("off").is(0).says("Success: Already OFF").quietly();
        act("on").is(0).says("Success: Powered ON").quietly();
        act("on").is(0).says("Success: Already ON");
        act("reboot").is(0).says("Success: Rebooted").quietly();
        assert_eq!(bmc.mind().controls, [0, 1, 0, 1], "off, on, off and on of the reboot; nothing where nothing was to do");
        assert!(bmc.mind().on);
    }
}

#[test]
fn off_is_two_readings_half_a_second_apart_also_when_it_is_off_already() {
    let bmc = Bmc::start(Mind { on: false, ..Mind::default() });
    let done = admin(bmc.address(), "off", "").is(0);
    assert_eq!((bmc.mind().questions, bmc.mind().controls.len()), (2, 0));
    assert!(done.took >= Duration::from_millis(500), "{done:?}");
}

#[test]
fn a_bmc_that_says_done_and_stays_on_is_not_fenced() {
    let bmc = Bmc::start(Mind { stuck: true, ..Mind::default() });
    let done = admin(bmc.address(), "off", "power_timeout=1\nlogin_timeout=1\nshell_timeout=1").is(1).says("");
    assert!(done.err.contains("goes on saying ON") && done.err.contains("timed out"), "{done:?}");
    assert_eq!(bmc.mind().controls, [0], "an accepted command is not repeated");
    admin(bmc.address(), "reboot", "power_timeout=1\nlogin_timeout=1\nshell_timeout=1").is(1);
    assert!(!bmc.mind().controls.contains(&1), "no on after an off that nobody saw");
}

#[test]
fn one_off_between_on_readings_is_not_off() {
    // ON, then the command, then a single OFF, then ON for ever.
    let bmc = Bmc::start(Mind { stuck: true, lies: [true, false, true].into(), ..Mind::default() });
    admin(bmc.address(), "off", "power_timeout=1\nlogin_timeout=1\nshell_timeout=1").is(1).says("").complains("ON");
    let bmc = Bmc::start(Mind { stuck: true, lies: [false, true, false, true].into(), ..Mind::default() });
    admin(bmc.address(), "off", "power_timeout=1\nlogin_timeout=1\nshell_timeout=1").is(1).says("").complains("goes on saying ON");
}

#[test]
fn a_slow_off_is_waited_for() {
    let bmc = Bmc::start(Mind { off_delay: Duration::from_millis(1500), ..Mind::default() });
    let done = admin(bmc.address(), "off", "").is(0).says("Success: Powered OFF");
    assert!(done.took >= Duration::from_secs(2), "1.5 s until off and 0.5 s between the readings: {done:?}");
}

#[test]
fn a_bmc_that_refuses_is_asked_again_but_not_for_ever() {
    for code in [0xc0, 0xd5] {
        let bmc = Bmc::start(Mind { refuses: code, ..Mind::default() });
        admin(bmc.address(), "off", "").is(1).says("").complains("off was not accepted");
        assert_eq!(bmc.mind().controls, [0, 0, 0]);
    }
}

#[test]
fn an_unclear_status_is_never_off() {
    for data in [vec![], vec![0], vec![0, 0]] {
        let bmc = Bmc::start(Mind { status: Some(data.clone()), ..Mind::default() });
        admin(bmc.address(), "status", "").is(1).says("").complains("makes no sense");
        admin(bmc.address(), "monitor", "").is(1);
        admin(bmc.address(), "off", "power_timeout=1\nlogin_timeout=1\nshell_timeout=0").is(1).says("");
    }
}

#[test]
fn on_that_fails_after_a_verified_off_is_said_and_still_a_success() {
    // Off by itself, and every further command is refused: the reboot's off holds, its on can't.
    let bmc = Bmc::start(Mind { on: false, refuses: 0xd5, ..Mind::default() });
    admin(bmc.address(), "reboot", "").is(0).says("Success: Rebooted").complains("on failed");
    admin(bmc.address(), "on", "").is(1).says("").complains("refused command 0x02");
}

#[test]
fn an_identity_that_differs_sends_nothing() {
    let bmc = Bmc::start(Mind::default());
    for (action, identity) in
        [("off", "guid:b123456789abcdefa123456789abcdef"), ("reboot", "uuid:a123456789abcdefa123456789abcdef"), ("off", "guid:"), ("on", "x")]
    {
        admin(bmc.address(), action, &format!("identity={identity}")).is(1).says("").complains("nothing sent");
    }
    assert_eq!((bmc.mind().controls.len(), bmc.mind().on), (0, true));
    admin(bmc.address(), "identity", "").is(0).says("guid:a123456789abcdefa123456789abcdef");
    admin(bmc.address(), "off", "identity=guid:A1234567-89ab-cdef-a123-456789abcdef").is(0).says("Success: Powered OFF");
}

#[test]
fn a_guid_comes_from_the_handshake_where_the_command_is_missing_and_zeros_are_nobody() {
    let bmc = Bmc::start(Mind { knows_guid_command: false, ..Mind::default() });
    admin(bmc.address(), "identity", "").is(0).says("guid:a123456789abcdefa123456789abcdef");
    let bmc = Bmc::start(Mind { guid: [0; 16], ..Mind::default() });
    admin(bmc.address(), "identity", "").is(1).complains("no identity");
    admin(bmc.address(), "off", "identity=guid:00000000000000000000000000000000").is(1).complains("nothing sent");
    assert!(bmc.mind().controls.is_empty());
}

#[test]
fn delay_comes_before_off_and_reboot_only() {
    let bmc = Bmc::start(Mind { on: false, ..Mind::default() });
    assert!(admin(bmc.address(), "off", "delay=1").is(0).took >= Duration::from_millis(1500));
    assert!(admin(bmc.address(), "monitor", "delay=5").is(0).took < Duration::from_secs(4));
    assert!(admin(bmc.address(), "on", "delay=5").is(0).took < Duration::from_secs(4));
}
