//! `fence_ipmi` against `ipmi_sim`, a BMC that is not ours.

use crate::run::{admin, by_stdin};
use rig::bmc::IpmiSim;

#[test]
fn every_action() {
    let sim = IpmiSim::start();
    let act = |action: &str| admin(sim.address(), action, "");
    act("status").is(0).says("Status: ON").quietly();
    act("monitor").is(0).quietly();
    act("identity").is(0).says("guid:a123456789abcdefa123456789abcdef");
    act("off").is(0).says("Success: Powered OFF").quietly();
    assert!(!sim.is_on());
    act("status").is(2).says("Status: OFF");
    act("off").is(0).says("Success: Already OFF");
    act("on").is(0).says("Success: Powered ON");
    assert!(sim.is_on());
    act("reboot").is(0).says("Success: Rebooted").quietly();
    assert!(sim.is_on());
}

#[test]
fn refusals() {
    let sim = IpmiSim::start();
    let (ip, port) = (sim.address().ip(), sim.address().port());
    let as_user =
        |user: &str, password: &str, more: &str| by_stdin(&format!("ip={ip}\nipport={port}\nusername={user}\npassword={password}\n{more}\n"));
    as_user("admin", "wrong-password", "action=off").is(1).complains("password");
    as_user("nobody", "s3cr3t", "action=off").is(1).complains("does not know user \"nobody\"");
    as_user("ro", "ropass", "action=off\nprivlvl=user").is(1).complains("0xd4");
    as_user("admin", "s3cr3t", "action=off\ncipher=17").is(1).complains("does not offer cipher suite 17");
    // ipmi_sim would let anybody in with suite 0.
    as_user("admin", "wrong-password", "action=off\ncipher=0").is(1).complains("cipher suite 0");
    assert!(sim.is_on());
    as_user("oper", "operpass", "action=off\nprivlvl=operator").is(0).says("Success: Powered OFF");
    assert!(!sim.is_on());
}

#[test]
fn a_stuck_one_is_not_fenced() {
    let sim = IpmiSim::start();
    sim.make_stuck();
    admin(sim.address(), "off", "power_timeout=3\nlogin_timeout=5\nshell_timeout=5").is(1).says("").complains("goes on saying ON");
}
