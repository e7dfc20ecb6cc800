//! `power::fence`: no proof without two OFF readings from the peer's own device, and nothing sent to anybody else's.

use crate::scripted::{Device, GUID, TIMES, Takeover, level, shoot, silent};
use fence::power::{FenceFailure, Fenced, Level, Power, PowerError};
use std::time::Instant;

pub fn lines(ended: Result<Fenced, FenceFailure>) -> String {
    match ended {
        Err(FenceFailure::Failed(lines)) => lines.join("\n"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn off_is_sent_once_read_twice_and_proven() {
    let (device, mut watch) = (Device::obedient(), Takeover::default());
    let proof = shoot(vec![level(1, &[&device])], &mut watch).unwrap();
    assert_eq!((proof.target(), proof.level(), device.sent(), watch.accepted), ("n1", 1, 1, 1));
    assert_eq!(watch.read, [Power::On, Power::Off, Power::Off]);
    assert!(proof.evidence()[0].starts_with(&format!("level 1: device ({GUID}) read OFF at ")), "{:?}", proof.evidence());
    let asked = device.asked.lock().unwrap();
    assert!(asked[2] >= asked[1] + TIMES.off_gap && proof.at() >= asked[2]);
}

#[test]
fn a_node_that_is_off_gets_no_command_but_two_readings() {
    let (device, mut watch) = (Device::new(&[Ok(Power::Off)]), Takeover { allowed: Some(0), ..Takeover::default() });
    drop(shoot(vec![level(1, &[&device])], &mut watch).unwrap());
    assert_eq!((device.sent(), watch.asked.len()), (0, 0));
    assert_eq!(watch.read, [Power::Off, Power::Off]);
}

#[test]
fn a_device_that_is_not_the_peers_gets_nothing() {
    for shown in [
        Some("guid:b123456789abcdefa123456789abcdef"),
        Some("uuid:a123456789abcdefa123456789abcdef"),
        Some("guid:00000000000000000000000000000000"),
        None,
    ] {
        let device = Device::obedient().with(|s| s.guid = Ok(shown.map(str::to_owned)));
        let mut watch = Takeover::default();
        let ended = shoot(vec![level(1, &[&device])], &mut watch);
        assert!(matches!(&ended, Err(FenceFailure::Identity(text)) if text.contains(GUID)), "{ended:?}");
        assert_eq!((device.sent(), watch.asked.len(), device.asked.lock().unwrap().len()), (0, 0, 0));
    }
    // One wrong device spoils its level: the right one beside it gets nothing either.
    let (right, wrong) = (Device::obedient(), Device::obedient().with(|s| s.guid = Ok(None)));
    assert!(matches!(shoot(vec![level(1, &[&right, &wrong])], &mut Takeover::default()), Err(FenceFailure::Identity(_))));
    assert_eq!(right.sent() + wrong.sent(), 0);
}

#[test]
fn a_guid_of_zeros_proves_nothing() {
    for (shown, wanted) in [("guid:00000000000000000000000000000000", "guid:00000000000000000000000000000000"), ("guid:", "guid:")] {
        let device = Device::obedient().with(|s| s.guid = Ok(Some(shown.into())));
        let levels = vec![Level { level: 1, devices: vec![(Box::new(device.clone()), wanted.into())] }];
        let ended = shoot(levels, &mut Takeover::default());
        assert!(matches!(&ended, Err(FenceFailure::Identity(_))), "{wanted}: {ended:?}");
        assert_eq!(device.sent(), 0);
    }
}

#[test]
fn an_identity_is_the_same_with_dashes_and_capitals() {
    let device = Device::obedient();
    let wanted = "guid:A1234567-89AB-CDEF-A123-456789ABCDEF".to_owned();
    let proof = shoot(vec![Level { level: 1, devices: vec![(Box::new(device), wanted)] }], &mut Takeover::default());
    assert!(proof.is_ok(), "{proof:?}");
}

#[test]
fn on_between_two_offs_starts_again() {
    let device = Device::new(&[Ok(Power::Off), Ok(Power::On), Ok(Power::Off), Ok(Power::Off)]);
    let mut watch = Takeover::default();
    drop(shoot(vec![level(1, &[&device])], &mut watch).unwrap());
    assert_eq!(watch.read, [Power::Off, Power::On, Power::Off, Power::Off]);
    let flicker: Vec<_> = (0..100).map(|n| Ok(if n % 2 == 0 { Power::Off } else { Power::On })).collect();
    let text = lines(shoot(vec![level(1, &[&Device::new(&flicker)])], &mut Takeover::default()));
    assert!(text.contains("ON") || text.contains("not twice"), "{text}");
    // An unreadable state between them is no OFF either.
    let device = Device::new(&[Ok(Power::Off), silent(), Ok(Power::Off), Ok(Power::Off)]);
    let mut watch = Takeover::default();
    drop(shoot(vec![level(1, &[&device])], &mut watch).unwrap());
    assert_eq!(watch.read.len(), 3);
}

#[test]
fn accepted_and_on_for_ever_is_a_failure_inside_the_budget() {
    let (device, mut watch) = (Device::new(&[Ok(Power::On)]), Takeover::default());
    let start = Instant::now();
    let text = lines(shoot(vec![level(1, &[&device])], &mut watch));
    assert!(text.starts_with("level 1: device goes on saying ON"), "{text}");
    assert!((TIMES.budget..TIMES.budget * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(device.sent(), 1);
}

#[test]
fn an_off_of_a_peer_that_answers_is_void() {
    let mut watch = Takeover { peer_answers: true, ..Takeover::default() };
    assert!(matches!(shoot(vec![level(1, &[&Device::obedient()])], &mut watch), Err(FenceFailure::OffButAlive(_))));
}

#[test]
fn the_watch_can_forbid_every_single_command() {
    let device = Device::obedient();
    let forbidden = |sent| Err(FenceFailure::Forbidden { reason: "the peer is back".into(), sent });
    let ended = shoot(vec![level(1, &[&device])], &mut Takeover { allowed: Some(0), ..Takeover::default() });
    assert_eq!((ended.map(|_| ()), device.sent()), (forbidden(false), 0));
    // The first level accepts and stays ON; when the second is about to shoot, the peer is back.
    let (first, second) = (Device::new(&[Ok(Power::On)]), Device::obedient());
    let mut watch = Takeover { allowed: Some(1), ..Takeover::default() };
    let ended = shoot(vec![level(2, &[&second]), level(1, &[&first])], &mut watch);
    assert_eq!((ended.map(|_| ()), first.sent(), second.sent()), (forbidden(true), 1, 0));
    assert_eq!(watch.asked, [1, 2], "levels in order, whatever the order of the list");
}

#[test]
fn a_command_without_an_answer_may_have_been_obeyed() {
    let first = Device::new(&[Ok(Power::On)]).with(|s| s.set = silent());
    let ended = shoot(vec![level(1, &[&first]), level(2, &[&Device::obedient()])], &mut Takeover { allowed: Some(1), ..Takeover::default() });
    assert!(matches!(ended, Err(FenceFailure::Forbidden { sent: true, .. })), "{ended:?}");
    let refusing = Device::new(&[Ok(Power::On)]).with(|s| s.set = Err(PowerError::Refused("busy".into())));
    let ended = shoot(vec![level(1, &[&refusing]), level(2, &[&Device::obedient()])], &mut Takeover { allowed: Some(1), ..Takeover::default() });
    assert!(matches!(ended, Err(FenceFailure::Forbidden { sent: false, .. })), "{ended:?}");
}

#[test]
fn a_silent_or_denying_device_leaves_it_to_the_next_level() {
    let dead = Device::new(&[silent()]).with(|s| s.guid = silent());
    let denying = Device::new(&[Err(PowerError::Denied("use it: password".into()))]);
    for first in [dead, denying] {
        let (second, mut watch) = (Device::obedient(), Takeover::default());
        let proof = shoot(vec![level(1, &[&first]), level(2, &[&second])], &mut watch).unwrap();
        assert_eq!((proof.level(), first.sent(), second.sent()), (2, 0, 1));
        assert!(watch.notes.iter().any(|n| n.contains("level 1 is given up")), "{:?}", watch.notes);
    }
    let text = lines(shoot(vec![level(1, &[&Device::new(&[silent()])])], &mut Takeover::default()));
    assert!(text.contains("timed out"), "{text}");
    assert_eq!(lines(shoot(Vec::new(), &mut Takeover::default())), "no fence device is configured for n1");
}

#[test]
fn a_bmc_that_restarts_its_network_when_the_power_goes_is_waited_for() {
    let gone = [Ok(Power::On), silent(), silent(), silent(), silent(), Ok(Power::Off)];
    let (device, mut watch) = (Device::new(&gone), Takeover::default());
    let proof = shoot(vec![level(1, &[&device])], &mut watch).unwrap();
    assert_eq!((proof.level(), device.sent()), (1, 1));
}

#[test]
fn an_earlier_device_that_says_on_contradicts_the_off() {
    // Level 1 goes on saying ON; level 2 (the wrong outlet) says OFF.
    let ended = shoot(vec![level(1, &[&Device::new(&[Ok(Power::On)])]), level(2, &[&Device::obedient()])], &mut Takeover::default());
    assert!(matches!(&ended, Err(FenceFailure::OffButAlive(text)) if text.starts_with("level 1: device says ON")), "{ended:?}");
}

#[test]
fn every_device_of_a_level_has_to_be_off() {
    let (left, right) = (Device::obedient(), Device::obedient());
    let proof = shoot(vec![level(1, &[&left, &right])], &mut Takeover::default()).unwrap();
    assert_eq!((proof.evidence().len(), left.sent(), right.sent()), (2, 1, 1));
    let (left, right) = (Device::obedient(), Device::new(&[Ok(Power::On)]));
    let text = lines(shoot(vec![level(1, &[&left, &right])], &mut Takeover::default()));
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains("not twice in a row together") && text.contains("goes on saying ON"), "{text}");
    // One that is off already gets no command; the other does.
    let (left, right) = (Device::new(&[Ok(Power::Off)]), Device::obedient());
    drop(shoot(vec![level(1, &[&left, &right])], &mut Takeover::default()).unwrap());
    assert_eq!((left.sent(), right.sent()), (0, 1));
}

#[test]
fn a_hanging_device_costs_no_more_than_the_budget_and_hides_nothing() {
    let (good, hanging) = (Device::obedient(), Device::obedient().with(|s| s.hangs = true));
    let (mut watch, start) = (Takeover::default(), Instant::now());
    let text = lines(shoot(vec![level(1, &[&good, &hanging])], &mut watch));
    assert!(start.elapsed() < TIMES.budget * 2, "{:?}", start.elapsed());
    assert!(watch.read.contains(&Power::On), "the other one's reading is there: {:?}", watch.read);
    assert!(text.contains("timed out"), "{text}");
}
