//! Bursts and floods: one mail with the count, nothing left out, and never at the price of a first mail or of a cluster event.

use crate::desk::Desk;
use serde_json::json;
use std::fs;

/// Icinga's call for one service.
fn tell(desk: &Desk, kind: &str, service: &str, state: &str) {
    desk.tell(&["-t", kind, "-l", "pbx1", "-e", service, "-s", state, "-o", &format!("{state} - {service} says so"), "-b", "jd"]);
}

fn limits(desk: &Desk, rest: &str) {
    desk.configure_with(&desk.relay(), &["admin@example.org"], &format!("ca = \"{}\"\n{rest}", desk.certs.ca().display()));
}

#[test]
fn a_burst_becomes_one_mail_that_counts_and_names_each() {
    let desk = Desk::new();
    for n in 0..24 {
        tell(&desk, "PROBLEM", &format!("service-{n:02}"), if n % 3 == 0 { "CRITICAL" } else { "WARNING" });
    }
    // Another recipient's and a cluster event are none of it.
    desk.tell(&["-t", "PROBLEM", "-l", "pbx1", "-s", "DOWN", "-r", "jd@example.net"]);
    desk.event("a1.1", |_| {});
    desk.deliver();
    let mut subjects: Vec<String> = desk.sink.mails().iter().map(|m| m.subject().to_owned()).collect();
    subjects.sort();
    assert_eq!(
        subjects,
        ["[pbx CRITICAL] 24 notifications: 8 CRITICAL, 16 WARNING", "[pbx CRITICAL] pbx2 took over from pbx1", "[pbx DOWN] pbx1: no output"]
    );
    let mail = desk.sink.mails().into_iter().find(|m| m.subject().contains("24")).unwrap();
    for n in 0..24 {
        let said = format!("service-{n:02} on pbx1: service-{n:02} says so");
        assert!(mail.text().contains(&said) && mail.html().contains(&said), "{said} is missing in {}", mail.text());
    }
    desk.assert_empty();
}

#[test]
fn follow_ups_beyond_the_limit_wait_for_a_digest_and_first_mails_do_not() {
    let desk = Desk::new();
    limits(&desk, "rate = 2\n");
    for round in 0..4 {
        // The first is the incident's first mail, the others are reminders.
        tell(&desk, "PROBLEM", "disk", "CRITICAL");
        desk.call(&["--deliver"]);
        assert_eq!(desk.sink.mails().len(), [1, 2, 3, 3][round], "round {round}");
    }
    tell(&desk, "PROBLEM", "other", "CRITICAL");
    tell(&desk, "RECOVERY", "disk", "OK");
    tell(&desk, "CUSTOM", "disk", "OK");
    desk.event("a1.1", |_| {});
    desk.event("a1.2", |e| e["kind"] = "fence-sent".into());
    desk.call(&["--deliver"]);
    // Both cluster events, the other service's first mail and a person's words; the recovery waits with the last reminder.
    let held: Vec<String> = desk.files("queue");
    assert_eq!((desk.sink.mails().len(), held.len()), (7, 2), "{held:?}");
    assert!(held.iter().all(|n| n.ends_with(".held.json")));
    // Ten minutes later: the times in the note are moved instead of the clock.
    let note = desk.path("spool/queue/.rate");
    let mut sent: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    for times in sent.as_object_mut().unwrap().values_mut() {
        *times = json!(times.as_array().unwrap().iter().map(|t| t.as_i64().unwrap() - 600_001).collect::<Vec<_>>());
    }
    fs::write(&note, sent.to_string()).unwrap();
    desk.call(&["--deliver"]);
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[7].subject()), (8, "[pbx CRITICAL] 2 notifications: 1 CRITICAL, 1 OK"));
    assert!(mails[7].text().contains("disk on pbx1: recovered after") && mails[7].text().contains("disk on pbx1: disk says so"));
    desk.assert_empty();
}

#[test]
fn a_killed_run_neither_loses_nor_doubles_what_it_was_folding() {
    let desk = Desk::new();
    for n in 0..12 {
        tell(&desk, "PROBLEM", &format!("s{n}"), "CRITICAL");
    }
    desk.sink.behave(&json!({"close": "ehlo"}));
    desk.deliver();
    let names = desk.files("queue");
    let digest = names.iter().find(|n| n.ends_with(".digest.json")).unwrap();
    // As if it had been killed after the digest was written and before the first of its mails was removed.
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(desk.path("spool/queue").join(digest)).unwrap()).unwrap();
    let member = kept["folds"][0].as_str().unwrap().to_owned();
    assert_eq!(kept["folds"].as_array().unwrap().len(), 12);
    kept["folds"] = json!([]);
    fs::write(desk.path("spool/queue").join(&member), kept.to_string()).unwrap();
    desk.sink.behave_well();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1, "{:?}", desk.sink.mails().iter().map(|m| m.subject().to_owned()).collect::<Vec<_>>());
    desk.assert_empty();
}

#[test]
fn the_chart_of_a_takeover_is_attached_and_well_formed() {
    let desk = Desk::new();
    desk.event("a1.1", |_| {});
    desk.deliver();
    let mail = &desk.sink.mails()[0];
    let (kind, svg) = &mail.parts[2];
    assert_eq!(kind, "image/svg+xml");
    assert!(String::from_utf8_lossy(&mail.raw).contains("Content-Disposition: attachment; filename=\"timeline.svg\""));
    let file = desk.path("timeline.svg");
    fs::write(&file, svg).unwrap();
    let checked = std::process::Command::new("/usr/bin/xmllint").args(["--noout", "--nonet"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(svg.contains(">serving</text>") && mail.text().contains("serving"), "{svg}");
}
