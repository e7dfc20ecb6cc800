//! A fence on purpose, on scripted devices and on a BMC; and what its record is worth to a real fence.

use crate::proof::lines;
use crate::scripted::{Device, GUID, TIMES, Takeover, level, shoot, silent};
use fence::ipmi::{CipherSuite, IpmiSwitch, Login, Privilege};
use fence::power::{Level, PROVEN, Power, PowerSwitch, Practice, Times, UNPROVEN, practise};
use plugin_core::host::System;
use rig::bmc::{Bmc, Mind};
use std::time::Duration;

fn drill(devices: &[(&Device, &str)], watch: &mut Takeover) -> Practice {
    let devices = devices.iter().map(|(d, identity)| (Box::new((*d).clone()) as Box<dyn PowerSwitch>, (*identity).to_owned())).collect();
    practise(&System::new(None), "n2", Level { level: 2, devices }, TIMES, watch)
}

/// A device that obeys both ways.
fn outlet() -> Device {
    Device::new(&[Ok(Power::On)]).with(|s| s.obeys = true)
}

fn commands(device: &Device) -> Vec<Power> {
    device.sent.lock().unwrap().clone()
}

#[test]
fn off_measured_and_on_again() {
    let bmc = Bmc::start(Mind { off_delay: Duration::from_millis(700), ..Mind::default() });
    let login = Login::new("admin", b"s3cr3t", None, Privilege::Operator).unwrap();
    let switch = IpmiSwitch::new("127.0.0.1", bmc.address().port(), login, CipherSuite::DEFAULT.to_vec());
    let level = Level { level: 1, devices: vec![(Box::new(switch), GUID.to_owned())] };
    let mut watch = Takeover::default();
    let times = Times { off_gap: Duration::from_millis(500), budget: Duration::from_secs(30) };
    let practice = practise(&System::new(None), "n2", level, times, &mut watch);
    let took = practice.off.expect("OFF");
    assert!(took >= Duration::from_millis(700), "the BMC needs 0.7 s: {took:?}");
    assert_eq!((practice.on, bmc.mind().on, bmc.mind().controls), (Some(Ok(())), true, vec![0, 1]));
    assert_eq!(watch.asked, [1]);
}

#[test]
fn every_device_of_the_level_goes_off_and_on() {
    let (first, second) = (outlet(), outlet());
    let practice = drill(&[(&first, UNPROVEN), (&second, GUID)], &mut Takeover::default());
    assert!(practice.off.is_ok() && practice.on == Some(Ok(())), "{practice:?}");
    for device in [&first, &second] {
        assert_eq!(commands(device), [Power::Off, Power::On]);
    }
}

#[test]
fn a_node_that_still_answers_is_another_one_and_gets_its_power_back() {
    let stranger = outlet();
    let practice = drill(&[(&stranger, UNPROVEN)], &mut Takeover { peer_answers: true, ..Takeover::default() });
    assert!(practice.off.as_ref().is_err_and(|e| e.contains("n2 answers")), "{practice:?}");
    assert_eq!((practice.on, commands(&stranger)), (Some(Ok(())), vec![Power::Off, Power::On]));
}

#[test]
fn nothing_is_sent_to_a_stranger_a_dead_node_a_silent_device_or_without_leave() {
    let unlike = outlet().with(|s| s.guid = Ok(Some("guid:b123456789abcdefa123456789abcdef".into())));
    let dead = Device::new(&[Ok(Power::Off)]);
    let mute = Device::new(&[silent()]);
    for (device, why) in [(&unlike, "the configuration says"), (&dead, "a drill needs a node that runs"), (&mute, "timed out")] {
        let practice = drill(&[(device, GUID)], &mut Takeover::default());
        assert!(practice.off.as_ref().is_err_and(|e| e.contains(why)), "{practice:?}");
        assert_eq!((practice.on, commands(device)), (None, vec![]), "{why}");
    }
    let refused = outlet();
    let practice = drill(&[(&refused, GUID)], &mut Takeover { allowed: Some(0), ..Takeover::default() });
    assert_eq!((practice.off, practice.on, commands(&refused)), (Err("the peer is back".into()), None, vec![]));
}

#[test]
fn a_device_that_stays_on_is_no_drill() {
    let stuck = Device::new(&[Ok(Power::On)]);
    let practice = drill(&[(&stuck, UNPROVEN)], &mut Takeover::default());
    assert!(practice.off.as_ref().is_err_and(|e| e.contains("goes on saying ON")), "{practice:?}");
    assert_eq!((practice.on, commands(&stuck)), (Some(Ok(())), vec![Power::Off]));
}

#[test]
fn an_undrilled_device_spoils_its_level_and_a_drilled_one_counts() {
    let with = |identity: &str, device: &Device| Level { level: 2, devices: vec![(Box::new(device.clone()), identity.to_owned())] };
    let nameless = || outlet().with(|s| s.guid = Ok(None));
    // Row 1 of the failure matrix: the BMC is dead with its node, and the outlet proves nothing yet.
    let (bmc, outlet) = (Device::new(&[silent()]).with(|s| s.guid = silent()), nameless());
    let text = lines(shoot(vec![level(1, &[&bmc]), with(UNPROVEN, &outlet)], &mut Takeover::default()));
    assert!(text.contains("needs a recorded drill: twinguard drill fence n1 --level 2"), "{text}");
    assert_eq!(commands(&outlet), []);
    // Row 2: after a drill the outlet is the proof.
    let proof = shoot(vec![level(1, &[&bmc]), with(PROVEN, &outlet)], &mut Takeover::default()).expect("a proof");
    assert_eq!((proof.level(), commands(&outlet)), (2, vec![Power::Off]));
    // An undrilled first level does not keep the second one from working.
    let (undrilled, bmc) = (nameless().with(|s| s.readings = [silent()].into()), Device::obedient());
    let first = Level { level: 1, ..with(UNPROVEN, &undrilled) };
    let proof = shoot(vec![first, level(2, &[&bmc])], &mut Takeover::default()).expect("a proof");
    assert_eq!((proof.level(), commands(&undrilled)), (2, vec![]));
}
