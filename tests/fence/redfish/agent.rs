//! What is reported is what the service showed.

use super::{act, is_honest, together};
use crate::run::{REDFISH, agent_by_stdin};
use rig::redfish::{Certificate, Computer, Door, Mind, Redfish, Resetting, UUID};
use std::time::Duration;

const QUICK: &str = "login_timeout=3\nshell_timeout=1\npower_timeout=1";

fn kinds(service: &Redfish) -> Vec<String> {
    service.mind().resets.iter().map(|(id, kind)| format!("{id} {kind}")).collect()
}

#[test]
fn every_action() {
    let service = Redfish::start(Mind::default());
    let act = |action: &str| act(&service, action, "");
    act("status").is(0).says("Status: ON").quietly();
    act("monitor").is(0).says("").quietly();
    let off = act("off").is(0).says("Success: Powered OFF").quietly();
    is_honest(&service, &off);
    act("status").is(2).says("Status: OFF").quietly();
    act("monitor").is(0);
    act("off").is(0).says("Success: Already OFF").quietly();
    act("on").is(0).says("Success: Powered ON").quietly();
    act("on").is(0).says("Success: Already ON");
    act("reboot").is(0).says("Success: Rebooted").quietly();
    assert_eq!(kinds(&service), ["1 ForceOff", "1 On", "1 ForceOff", "1 On"], "nothing where nothing was to do, and never an orderly shutdown");
    assert!(service.mind().is_on());
    assert_eq!(service.mind().logins, 0, "Basic where the service takes it: sessions are few");
}

#[test]
fn off_is_two_readings_half_a_second_apart_also_when_it_is_off_already() {
    let service = Redfish::start(Mind::default());
    service.mind().systems[0].on = false;
    let done = act(&service, "off", "").is(0);
    let mind = service.mind();
    assert_eq!((mind.shown.len(), mind.resets.len()), (2, 0));
    assert!(done.took >= Duration::from_millis(500), "{done:?}");
}

#[test]
fn one_off_between_on_readings_is_not_off() {
    let lies = [("off", vec!["\"On\"", "\"Off\"", "\"On\""]), ("reboot", vec!["\"Off\"", "\"On\"", "\"Off\"", "\"On\""])];
    together(&lies, |(action, lies)| {
        let service = Redfish::start(Mind { resetting: Resetting::Forgets, lies: lies.clone().into(), ..Mind::default() });
        act(&service, action, QUICK).is(1).says("").complains("goes on saying ON");
        assert!(!kinds(&service).contains(&"1 On".to_owned()), "no on after an off that nobody saw");
    });
}

#[test]
fn a_node_on_its_way_is_neither_on_nor_off_and_the_device_works() {
    let service = Redfish::start(Mind { lies: vec!["\"PoweringOn\""; 99].into(), ..Mind::default() });
    act(&service, "status", "").is(1).says("").complains("PoweringOn: neither on nor off");
    act(&service, "monitor", "").is(0);
    service.mind().lies = ["\"Off\"", "\"PoweringOn\"", "\"PoweringOn\"", "\"On\""].into();
    act(&service, "on", "").is(0).says("Success: Powered ON");
    // A state that no standard knows is no state, and a device that shows none is no device.
    for odd in ["null", "\"off\"", "\"Paused\"", "1"] {
        service.mind().lies = [odd, odd].into();
        act(&service, "status", "").is(1).says("").complains("neither On nor Off");
        act(&service, "monitor", "").is(1);
        service.mind().lies.clear();
    }
}

#[test]
fn the_system_is_found_by_id_uuid_or_path_and_never_guessed() {
    let other = "B1234567-89AB-CDEF-A123-456789ABCDEF";
    let service = Redfish::start(Mind { systems: vec![Computer::new("Blade1", UUID), Computer::new("Blade2", other)], ..Mind::default() });
    for plug in ["", "plug=n1", "plug=blade1", "systems_uri=/redfish/v1/Systems"] {
        act(&service, "off", plug).is(1).says("").complains("2 systems (Blade1, Blade2)");
    }
    act(&service, "off", "systems_uri=/redfish/v1/Systems/Blade3").is(1).complains("HTTP 404");
    act(&service, "off", "systems_uri=Blade1").is(1).complains("begins with /");
    assert!(kinds(&service).is_empty());
    act(&service, "off", "plug=Blade2").is(0);
    act(&service, "on", &format!("plug={other}")).is(0);
    act(&service, "off", "systems_uri=/redfish/v1/Systems/Blade1\nplug=n1").is(0);
    assert_eq!(kinds(&service), ["Blade2 ForceOff", "Blade2 On", "Blade1 ForceOff"]);
    // A cluster names the node on each call, whatever the only system is called.
    let single = Redfish::start(Mind::default());
    act(&single, "status", "plug=n1\nnodename=n1").is(0).says("Status: ON").quietly();
    act(&single, "status", &format!("port_as_ip=1\nplug=127.0.0.1\nip=192.0.2.1\nipport={}", single.address().port())).is(0);
}

#[test]
fn an_identity_that_differs_or_is_nobodys_sends_nothing() {
    let service = Redfish::start(Mind::default());
    act(&service, "identity", "").is(0).says("uuid:a123456789abcdefa123456789abcdef");
    for identity in ["uuid:b123456789abcdefa123456789abcdef", "guid:a123456789abcdefa123456789abcdef"] {
        act(&service, "off", &format!("identity={identity}")).is(1).says("").complains("nothing sent");
    }
    assert!(kinds(&service).is_empty());
    act(&service, "off", &format!("identity=uuid:{UUID}")).is(0).says("Success: Powered OFF");
    for nobody in ["", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "none"] {
        service.mind().systems[0].uuid = nobody.into();
        act(&service, "identity", "").is(1).says("").complains("no identity");
        act(&service, "off", "identity=uuid:00000000000000000000000000000000").is(1).complains("nothing sent");
    }
    let twins = Redfish::start(Mind { systems: vec![Computer::new("1", UUID), Computer::new("2", UUID)], ..Mind::default() });
    act(&twins, "identity", "plug=1").is(1).complains("no identity");
    act(&twins, "off", &format!("plug=1\nidentity=uuid:{UUID}")).is(1).complains("nothing sent");
}

#[test]
fn sessions_where_the_service_wants_them_and_each_is_logged_out() {
    let service = Redfish::start(Mind { door: Door::Sessions(1), ..Mind::default() });
    for action in ["status", "off", "on", "monitor"] {
        act(&service, action, "").is(0);
        assert_eq!(service.mind().sessions, [0; 0], "{action} left a session behind");
    }
    assert_eq!(service.mind().logins, 4, "one session for one run");
    act(&service, "status", "password=wrong-password").is(1).complains("HTTP 401").complains("password is wrong");
    let taken = Redfish::start(Mind { door: Door::Sessions(0), ..Mind::default() });
    act(&taken, "status", "").is(1).complains("RAC0218").complains("no free session");
}

#[test]
fn a_service_that_wants_the_state_of_the_resource_gets_it() {
    let service = Redfish::start(Mind { wants_etag: true, ..Mind::default() });
    act(&service, "off", "").is(0).says("Success: Powered OFF");
    assert_eq!(kinds(&service), ["1 ForceOff"]);
}

#[test]
fn on_is_forced_where_there_is_no_plain_on() {
    let service = Redfish::start(Mind { allowed: vec!["ForceOn", "ForceOff"], in_action_info: true, ..Mind::default() });
    act(&service, "reboot", "").is(0).says("Success: Rebooted").quietly();
    assert_eq!(kinds(&service), ["1 ForceOff", "1 ForceOn"]);
    let silent = Redfish::start(Mind { allowed: vec![], ..Mind::default() });
    act(&silent, "reboot", "").is(0);
    assert_eq!(kinds(&silent), ["1 ForceOff", "1 On"], "a service that lists nothing is asked for the usual words");
}

#[test]
fn a_connection_that_the_service_closes_is_opened_again() {
    let service = Redfish::start(Mind { closes: true, ..Mind::default() });
    act(&service, "reboot", "").is(0).says("Success: Rebooted").quietly();
}

#[test]
fn over_ipv6_and_by_name() {
    for (bind, ip) in [("[::1]:0", "::1"), ("[::1]:0", "[::1]"), ("127.0.0.1:0", "localhost")] {
        let service = Redfish::start_at(bind, Mind::default(), Certificate::Good);
        let text = format!("ip={ip}\nipport={}\nusername=admin\npassword=s3cr3t\nca_file={}\n", service.address().port(), service.ca().display());
        agent_by_stdin(REDFISH, &format!("{text}action=off")).is(0).quietly();
        agent_by_stdin(REDFISH, &format!("{text}action=on")).is(0).quietly();
    }
}

#[test]
fn delay_comes_before_off_and_reboot_only() {
    let service = Redfish::start(Mind::default());
    service.mind().systems[0].on = false;
    assert!(act(&service, "off", "delay=1").is(0).took >= Duration::from_millis(1500));
    assert!(act(&service, "monitor", "delay=60").is(0).took < Duration::from_secs(30));
    assert!(act(&service, "on", "delay=60").is(0).took < Duration::from_secs(30));
}
