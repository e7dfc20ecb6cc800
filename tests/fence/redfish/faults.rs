//! The table of faults: one row for each test. Never "off" from anything but two honest Off readings.

use super::{act, row, together};
use crate::run::Done;
use rig::redfish::{Computer, Door, Mind, Redfish, Resetting, UUID};
use std::time::Duration;

/// Enough for an answer on a slow machine, little enough to wait for in vain.
const QUICK: &str = "login_timeout=3\nshell_timeout=1\npower_timeout=1";
/// For services that never answer.
const HASTY: &str = "login_timeout=1\nshell_timeout=0\npower_timeout=1";

/// Runs `off` and notes the row.
fn off(fault: &str, mind: Mind, more: &str) -> (Redfish, Done) {
    let service = Redfish::start(mind);
    let done = act(&service, "off", more);
    row(fault, &service, &done);
    (service, done)
}

fn with(resetting: Resetting) -> Mind {
    Mind { resetting, ..Mind::default() }
}

#[test]
fn two_systems() {
    let two = vec![Computer::new("1", UUID), Computer::new("2", "B1234567-89AB-CDEF-A123-456789ABCDEF")];
    let (service, done) = off("two systems, no choice", Mind { systems: two, ..Mind::default() }, "");
    done.is(1).says("").complains("2 systems (1, 2)").complains("switch off another node");
    let mind = service.mind();
    assert!(mind.resets.is_empty() && mind.systems.iter().all(|s| s.on));
}

#[test]
fn no_force_off() {
    for (in_action_info, fault) in [(false, "no ForceOff"), (true, "no ForceOff, by ActionInfo")] {
        let mind = Mind { allowed: vec!["On", "GracefulShutdown", "PushPowerButton"], in_action_info, ..Mind::default() };
        let (service, done) = off(fault, mind, "");
        done.is(1).says("").complains("no ForceOff").complains("GracefulShutdown");
        assert!(service.mind().resets.is_empty(), "an orderly shutdown is no fence");
    }
}

#[test]
fn refused_because_it_is_off_already() {
    for status in [400, 409] {
        let (service, done) = off(&format!("{status} while already off"), with(Resetting::IsOffAlready(status, "Power is off.")), "");
        done.is(0).says("Success: Powered OFF").quietly();
        assert_eq!(service.mind().resets.len(), 1, "read again, not sent again");
    }
}

#[test]
fn refused_and_still_on() {
    together(&[400, 405, 409, 500], |status| {
        let (service, done) = off(&format!("{status}, still on"), with(Resetting::Refuses(*status, "A job is running.")), QUICK);
        done.is(1).says("").complains(&format!("HTTP {status} to POST")).complains("Base.1.8.ActionNotPossible: A job is running.");
        assert!(service.mind().is_on());
    });
}

#[test]
fn power_state_null_for_a_moment() {
    let (service, done) = off("PowerState null, then Off", Mind { lies: ["null", "null"].into(), ..Mind::default() }, "");
    done.is(0).says("Success: Powered OFF");
    assert_eq!(service.mind().resets.len(), 1, "an unclear state is no reason not to switch off");
}

#[test]
fn an_unclear_state_for_ever() {
    let states =
        [("PowerState null for ever", "null", "PowerState is null or missing"), ("PoweringOff for ever", "\"PoweringOff\"", "neither on nor off")];
    together(&states, |(fault, state, says)| {
        let (_, done) = off(fault, Mind { lies: vec![*state; 9999].into(), ..Mind::default() }, QUICK);
        done.is(1).says("").complains(says);
    });
}

#[test]
fn powering_off() {
    let (service, done) = off("PoweringOff, then Off", Mind { off_delay: Duration::from_millis(1500), ..Mind::default() }, "");
    assert!(done.is(0).says("Success: Powered OFF").took >= Duration::from_secs(2), "1.5 s until off and 0.5 s between the readings");
    assert_eq!(service.mind().resets.len(), 1);
}

#[test]
fn says_done_and_stays_on() {
    let (service, done) = off("204, stays on", with(Resetting::Forgets), QUICK);
    done.is(1).says("").complains("goes on saying ON").complains("timed out");
    assert_eq!(service.mind().resets.len(), 1, "an accepted command is not repeated");
}

#[test]
fn no_free_session() {
    let (service, done) = off("503, no free session", Mind { door: Door::Full, ..Mind::default() }, QUICK);
    done.is(1).says("").complains("HTTP 503").complains("RAC0218").complains("no free session");
    assert!(service.mind().is_on());
}

#[test]
fn accepted_as_a_task() {
    let tasks = [
        ("202 and a task", Duration::from_millis(1500), false, ""),
        ("202, the task fails", Duration::from_millis(200), true, "its task failed"),
        ("202, a task without an end", Duration::from_mins(10), false, "goes on saying ON"),
    ];
    together(&tasks, |(fault, time, fails, says)| {
        let (service, done) = off(fault, with(Resetting::Task(*time, *fails)), if says.is_empty() { "" } else { QUICK });
        if says.is_empty() {
            done.is(0).says("Success: Powered OFF").quietly();
        } else {
            assert!(service.mind().is_on());
            let done = done.is(1).says("").complains(says);
            assert_eq!(*fails, done.err.contains("The chassis did not respond."), "{done:?}");
        }
    });
}

#[test]
fn slow() {
    let (_, done) = off("each answer takes 0.7 s", Mind { pause: Duration::from_millis(700), ..Mind::default() }, "");
    done.is(0).says("Success: Powered OFF").quietly();
}

#[test]
fn hanging() {
    let minds = [
        ("accepts TCP, no TLS", Mind { mute: true, ..Mind::default() }),
        ("TLS, and no answer", Mind { hangs: true, ..Mind::default() }),
        ("an answer without end, drop by drop", Mind { drips: true, ..Mind::default() }),
    ];
    together(&minds, |(fault, mind)| {
        let (service, done) = off(fault, mind.clone(), HASTY);
        assert!(service.mind().is_on() && done.took < Duration::from_secs(20), "{done:?}");
        done.is(1).says("").complains("timed out");
    });
}

#[test]
fn the_answer_to_off_is_lost() {
    let (service, done) = off("done, and no answer to it", with(Resetting::Silent), "login_timeout=2\nshell_timeout=0\npower_timeout=20");
    done.is(0);
    assert!(!service.mind().resets.is_empty());
}

#[test]
fn wrong_credentials() {
    for (fault, more) in [("wrong password", "password=wrong-password"), ("unknown user", "username=nobody")] {
        let (service, done) = off(fault, Mind::default(), more);
        done.is(1).says("").complains("HTTP 401").complains("user name or password is wrong");
        assert_eq!(service.mind().requests.iter().filter(|r| r.contains("Session")).count(), 0, "one attempt: more would lock the account");
    }
    let (service, done) = off("a user that may only read", Mind { read_only: true, ..Mind::default() }, "");
    done.is(1).says("").complains("HTTP 403").complains("InsufficientPrivilege").complains("role");
    assert!(service.mind().is_on());
}

#[test]
fn redirections() {
    let thief = Redfish::start(Mind::default());
    let places = [format!("https://{}/redfish/v1/Systems/1", thief.address()), "//evil.example.org/redfish".into(), "https://127.0.0.1/x".into()];
    together(&places, |place| {
        let (service, done) = off("redirected to another host", Mind { redirects: Some(place.clone()), ..Mind::default() }, QUICK);
        done.is(1).says("").complains("HTTP 308").complains("sends us elsewhere");
        assert!(service.mind().is_on());
    });
    assert_eq!(thief.mind().requests, [""; 0], "no password goes where an answer points");
    let circle = Mind { redirects: Some("/redfish/v1/Systems/1".into()), ..Mind::default() };
    off("redirected in a circle", circle, QUICK).1.is(1).says("").complains("circle");
}

#[test]
fn nonsense_as_an_answer() {
    let system = |rest: &str| format!("{{\"@odata.type\":\"#ComputerSystem.v1_0_0.ComputerSystem\",{rest}}}").into_bytes();
    let bodies = [
        ("garbage for JSON", b"\x00\xff{{{{".to_vec()),
        ("HTML for JSON", b"<html><title>Off</title></html>".to_vec()),
        ("no answer body", vec![]),
        ("a chassis that is Off", br##"{"@odata.type":"#Chassis.v1_0_0.Chassis","PowerState":"Off"}"##.to_vec()),
        ("On and Off in one answer", system("\"PowerState\":\"On\",\"PowerState\":\"Off\"")),
        ("nested without end", b"[".repeat(100_000)),
        ("an answer of 3 MB", system(&format!("\"PowerState\":\"Off\",\"x\":\"{}\"", "x".repeat(3 << 20)))),
    ];
    together(&bodies, |(fault, body)| {
        let (service, done) = off(fault, Mind { instead: Some((200, body.clone())), ..Mind::default() }, QUICK);
        let said = done.is(1).says("").err;
        assert!(["schema", "no ComputerSystem", "larger"].iter().any(|word| said.contains(word)) && said.len() < 1000, "{fault}: {said}");
        assert!(service.mind().is_on());
    });
}

#[test]
fn off_that_comes_with_an_error_is_no_reading() {
    let body = br##"{"@odata.type":"#ComputerSystem.v1_0_0.ComputerSystem","PowerState":"Off"}"##.to_vec();
    together(&[201, 202, 206, 404, 500, 503], |status| {
        let mind = Mind { instead: Some((*status, body.clone())), ..Mind::default() };
        let (_, done) = off(&format!("{status} with PowerState Off"), mind, QUICK);
        done.is(1).says("").complains(&format!("HTTP {status}"));
    });
}

#[test]
fn nobody_there() {
    let service = Redfish::start(Mind::default());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let done = act(&service, "off", &format!("ipport={closed}"));
    row("closed port", &service, &done);
    done.is(1).says("").complains("connection refused");
    let plain = rig::hostile::serve("127.0.0.1:0", rig::hostile::Manner::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let done = act(&service, "off", &format!("ipport={}", plain.port()));
    row("HTTP without TLS", &service, &done);
    done.is(1).says("").complains("does not speak TLS");
}
