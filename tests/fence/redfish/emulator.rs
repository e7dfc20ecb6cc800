//! `fence_redfish` against sushy-tools' emulator: another people's reading of the standard.

use crate::run::{Done, REDFISH, agent_by_stdin};
use rig::redfish::{Sushy, UUID};

fn act(emulator: &Sushy, action: &str, more: &str) -> Done {
    let (port, ca) = (emulator.address().port(), emulator.ca());
    let text = format!("action={action}\nip=127.0.0.1\nipport={port}\nusername=admin\npassword=s3cr3t\nca_file={}\npower_timeout=60\n", ca.display());
    agent_by_stdin(REDFISH, &format!("{text}{more}\n"))
}

#[test]
fn every_action_on_the_emulator() {
    let emulator = Sushy::start(1);
    let act = |action: &str, more: &str| act(&emulator, action, more);
    act("status", "").is(0).says("Status: ON").quietly();
    act("identity", "").is(0).says("uuid:a123456789abcdefa123456789abcdef");
    act("off", "identity=uuid:b1234567-89ab-cdef-a123-456789abcdef").is(1).complains("nothing sent");
    act("off", "password=wrong-password").is(1).complains("HTTP 401");
    act("off", "systems_uri=/redfish/v1/Chassis").is(1).says("");
    assert_eq!(emulator.power(UUID), "On");
    // It obeys a second or two later: success before that would be a lie.
    act("off", "").is(0).says("Success: Powered OFF").quietly();
    assert_eq!(emulator.power(UUID), "Off");
    act("status", "").is(2).says("Status: OFF");
    act("monitor", "").is(0);
    act("on", "").is(0).says("Success: Powered ON").quietly();
    assert_eq!(emulator.power(UUID), "On");
}

#[test]
fn two_systems_on_the_emulator_are_not_guessed() {
    let emulator = Sushy::start(2);
    act(&emulator, "off", "").is(1).says("").complains("2 systems");
    act(&emulator, "status", &format!("plug={UUID}")).is(0).says("Status: ON");
}
