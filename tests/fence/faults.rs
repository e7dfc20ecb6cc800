//! A wire that loses, repeats and delays: the answer stays the right one, and comes. What every BMC has to stand is in `interop`.

use crate::run::admin;
use fence::ipmi::{CipherSuite, IpmiSwitch, Login, Privilege};
use fence::power::{Power, PowerSwitch};
use plugin_core::host::System;
use rig::bmc::{Bmc, IpmiSim, Mind, Passing, Proxy};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const NOW: Duration = Duration::ZERO;

fn switch(address: SocketAddr, limit: Duration) -> IpmiSwitch {
    let login = Login::new("admin", b"s3cr3t", None, Privilege::Operator).unwrap();
    IpmiSwitch::new(address.ip().to_string(), address.port(), login, CipherSuite::DEFAULT.to_vec()).within(limit)
}

#[test]
fn an_off_over_a_bad_wire_is_confirmed_and_sent_in_vain_by_nobody() {
    for seed in 1..=5 {
        let bmc = Bmc::start(Mind { room: 1000, ..Mind::default() });
        let wire = Proxy::lossy(bmc.address(), 20, seed);
        admin(wire.address(), "off", "").is(0).says("Success: Powered OFF");
        assert!(!bmc.mind().on);
    }
}

#[test]
fn everything_twice_is_done_once() {
    let bmc = Bmc::start(Mind::default());
    let wire = Proxy::start(bmc.address(), |p| vec![(NOW, p.bytes.to_vec()), (NOW, p.bytes.to_vec())]);
    admin(wire.address(), "off", "").is(0).says("Success: Powered OFF");
    assert_eq!(bmc.mind().controls, [0]);
    admin(wire.address(), "reboot", "").is(0).says("Success: Rebooted");
    assert_eq!(bmc.mind().controls, [0, 1]);
    let sim = IpmiSim::start();
    let wire = Proxy::start(sim.address(), |p| vec![(NOW, p.bytes.to_vec()), (NOW, p.bytes.to_vec())]);
    admin(wire.address(), "off", "").is(0).says("Success: Powered OFF");
}

#[test]
fn a_late_answer_is_no_answer_to_a_later_question() {
    let bmc = Bmc::start(Mind { lies: [true, false].into(), ..Mind::default() });
    // Replies: Open Session, RAKP 2, RAKP 4, privilege, status (ON), status (the lie OFF, late), status …
    let wire = Proxy::start(bmc.address(), |p: Passing<'_>| {
        let late = !p.to_bmc && p.number == 5;
        vec![(if late { Duration::from_millis(700) } else { NOW }, p.bytes.to_vec())]
    });
    let host = System::new(None);
    let mut switch = switch(wire.address(), Duration::from_secs(5));
    assert_eq!(switch.status(&host), Ok(Power::On));
    // The lie is on its way for 700 ms; the repeated question gets the truth.
    assert_eq!(switch.status(&host), Ok(Power::On));
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        assert_eq!(switch.status(&host), Ok(Power::On));
    }
}

#[test]
fn the_answer_to_a_repeated_question_is_no_answer_to_the_next_one() {
    let bmc = Bmc::start(Mind { lies: [true, false].into(), ..Mind::default() });
    // Reply 4 (ON) comes so late that the question is repeated; reply 5 (the lie OFF, to the repetition) comes while the next
    // question waits for reply 6.
    let wire = Proxy::start(bmc.address(), |p: Passing<'_>| {
        let late = if p.to_bmc { 0 } else { [0, 0, 0, 0, 300, 250, 250].get(usize::try_from(p.number).unwrap()).copied().unwrap_or(0) };
        vec![(Duration::from_millis(late), p.bytes.to_vec())]
    });
    let host = System::new(None);
    let mut switch = switch(wire.address(), Duration::from_secs(5));
    assert_eq!(switch.status(&host), Ok(Power::On));
    assert_eq!(switch.status(&host), Ok(Power::On));
    assert!(bmc.mind().lies.is_empty(), "the lie was told");
}

#[test]
fn an_old_answer_replayed_is_ignored() {
    // Every status reply after the first is replaced by the first one (an OFF), byte by byte as it was signed.
    let bmc = Bmc::start(Mind { lies: [false].into(), ..Mind::default() });
    let mut old = Vec::new();
    let wire = Proxy::start(bmc.address(), move |p: Passing<'_>| {
        if p.to_bmc || p.number < 4 {
            return vec![(NOW, p.bytes.to_vec())];
        }
        if old.is_empty() {
            old = p.bytes.to_vec();
        }
        vec![(NOW, old.clone())]
    });
    let host = System::new(None);
    let mut switch = switch(wire.address(), Duration::from_millis(600));
    assert_eq!(switch.status(&host), Ok(Power::Off));
    assert!(switch.status(&host).is_err());
}

#[test]
fn a_bmc_that_forgets_its_sessions_is_logged_into_again() {
    let bmc = Bmc::start(Mind::default());
    let host = System::new(None);
    let mut switch = switch(bmc.address(), Duration::from_secs(5));
    assert_eq!(switch.status(&host), Ok(Power::On));
    bmc.change(Mind::restart);
    assert_eq!(switch.status(&host), Ok(Power::On));
    bmc.change(Mind::restart);
    assert_eq!(switch.set(&host, Power::Off), Ok(()));
    assert!(!bmc.mind().on);
}

#[test]
fn a_driver_that_is_dropped_closes_its_session_also_one_that_was_refused_something() {
    let bmc = Bmc::start(Mind::default());
    let host = System::new(None);
    let mut dropped = switch(bmc.address(), Duration::from_secs(5));
    bmc.change(|mind| mind.refuses = 0xd5);
    assert!(dropped.set(&host, Power::Off).is_err());
    assert_eq!(bmc.mind().open_sessions(), 1);
    drop(dropped);
    assert_eq!(bmc.mind().open_sessions(), 0);
}
