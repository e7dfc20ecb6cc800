//! Who may log in, and what a refused one is told.

use crate::run::{admin, by_stdin};
use rig::bmc::{Bmc, Mind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

fn input(address: SocketAddr, user: &str, password: &str, more: &str) -> String {
    format!("ip={}\nipport={}\nlogin={user}\npasswd={password}\n{more}\n", address.ip(), address.port())
}

#[test]
fn a_wrong_password_and_an_unknown_user_fail_fast_and_send_nothing() {
    for suite in [17, 3] {
        let bmc = Bmc::start(Mind { suites: vec![suite], ..Mind::default() });
        let done = by_stdin(&input(bmc.address(), "admin", "wrong-password", "action=off")).is(1).says("").complains("password");
        assert!(done.took < Duration::from_secs(2), "{done:?}");
        let done = by_stdin(&input(bmc.address(), "nobody", "s3cr3t", "action=off")).is(1).complains("does not know user \"nobody\"");
        assert!(done.took < Duration::from_secs(2), "{done:?}");
        assert!(bmc.mind().on && bmc.mind().controls.is_empty());
    }
}

#[test]
fn an_operator_switches_and_nobody_gets_more_than_he_has() {
    let bmc = Bmc::start(Mind::default());
    // Asked for as administrator, as agents do by default: it steps down to what suffices, and no further.
    by_stdin(&input(bmc.address(), "oper", "operpass", "action=off")).is(0).says("Success: Powered OFF").quietly();
    by_stdin(&input(bmc.address(), "oper", "operpass", "action=on\nprivlvl=operator")).is(0).says("Success: Powered ON");
    let done = by_stdin(&input(bmc.address(), "ro", "ropass", "action=off")).is(1).complains("privilege level operator");
    assert!(done.took < Duration::from_secs(5), "{done:?}");
    by_stdin(&input(bmc.address(), "oper", "operpass", "action=off")).is(0);
    by_stdin(&input(bmc.address(), "ro", "ropass", "action=status\nprivlvl=user")).is(2).says("Status: OFF");
    by_stdin(&input(bmc.address(), "ro", "ropass", "action=on\nprivlvl=USER")).is(1).complains("0xd4");
    assert_eq!(bmc.mind().controls, [0, 1, 0]);
}

#[test]
fn the_kg_has_to_be_right() {
    for suite in [17, 3] {
        let bmc = Bmc::start(Mind { suites: vec![suite], kg: Some(b"kg-of-this-bmc".to_vec()), ..Mind::default() });
        let kg = |hex: &str| admin(bmc.address(), "status", &format!("hexadecimal_kg={hex}"));
        kg("0x6b672d6f662d746869732d626d63").is(0).says("Status: ON");
        kg("6b672d6f662d746869732d626d64").is(1).complains("Kg");
        admin(bmc.address(), "status", "").is(1).complains("Kg");
    }
}

#[test]
fn suite_0_is_refused_before_anything_is_sent() {
    let bmc = Bmc::start(Mind::default());
    admin(bmc.address(), "status", "cipher=0").is(1).complains("cipher suite 0");
    admin(bmc.address(), "status", "cipher=17,0").is(1).complains("cipher suite 0");
    assert_eq!(bmc.mind().questions, 0);
}

#[test]
fn there_is_no_silent_downgrade() {
    // The BMC says yes to anything and means suite 3.
    let bmc = Bmc::start(Mind { downgrades: true, ..Mind::default() });
    admin(bmc.address(), "off", "cipher=17").is(1).complains("does not offer cipher suite 17");
    assert!(bmc.mind().on);
    admin(bmc.address(), "status", "cipher=17,3").is(0).says("Status: ON");
    let bmc = Bmc::start(Mind { suites: vec![17], ..Mind::default() });
    admin(bmc.address(), "status", "cipher=3").is(1).complains("does not offer cipher suite 3");
}

#[test]
fn a_refusal_of_two_bytes_is_understood() {
    let bmc = Bmc::start(Mind { suites: vec![3], curt: true, ..Mind::default() });
    admin(bmc.address(), "status", "cipher=17").is(1).complains("does not offer cipher suite 17");
    let done = admin(bmc.address(), "status", "").is(0).says("Status: ON");
    assert!(done.took < Duration::from_secs(2), "the next suite is tried at once: {done:?}");
    let bmc = Bmc::start(Mind { room: 0, curt: true, ..Mind::default() });
    admin(bmc.address(), "status", "login_timeout=1\nshell_timeout=0").is(1).complains("no free session");
}

#[test]
fn a_session_that_becomes_free_is_waited_for() {
    let bmc = Bmc::start(Mind { room: 0, ..Mind::default() });
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| admin(bmc.address(), "status", ""));
        while bmc.mind().inside.refused() == 0 {
            std::thread::yield_now();
        }
        bmc.change(|mind| mind.room = 1);
        waiting.join().unwrap().is(0).says("Status: ON");
    });
}

#[test]
fn a_closed_port_fails_fast_and_a_silent_bmc_in_time() {
    let closed = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port that was free a moment ago");
    let done = admin(closed, "off", "").is(1).says("").complains("closed");
    assert!(done.took < Duration::from_secs(2), "{done:?}");
    let bmc = Bmc::start(Mind { mute: true, ..Mind::default() });
    let done = admin(bmc.address(), "status", "login_timeout=1\nshell_timeout=0.5").is(1).complains("timed out");
    assert!(done.took >= Duration::from_millis(1400) && done.took < Duration::from_secs(4), "{done:?}");
    let done = admin(bmc.address(), "off", "login_timeout=1\nshell_timeout=0.5\npower_timeout=5").is(1).says("").complains("timed out");
    assert!(done.took < Duration::from_secs(6), "{done:?}");
}

#[test]
fn ipv6_works() {
    let bmc = Bmc::start_at("[::1]:0", Mind::default());
    admin(bmc.address(), "off", "").is(0).says("Success: Powered OFF");
}

#[test]
fn a_name_is_tried_at_every_address_it_has() {
    // Where localhost has ::1 as well, nobody listens there.
    let bmc = Bmc::start(Mind::default());
    by_stdin(&format!("ip=localhost\nipport={}\nusername=admin\npassword=s3cr3t\naction=status", bmc.address().port())).is(0).says("Status: ON");
    by_stdin("ip=no-such-host.invalid\nusername=admin\npassword=s3cr3t\naction=off").is(1).complains("no-such-host.invalid");
}

#[test]
fn what_the_wire_would_cut_is_refused() {
    let bmc = Bmc::start(Mind::default());
    by_stdin(&input(bmc.address(), "a-name-of-17-byte", "s3cr3t", "action=status")).is(1).complains("16");
    by_stdin(&input(bmc.address(), "admin", "a-s3cr3t-of-21-bytes-", "action=status")).is(1).complains("20");
}
