//! Every type of Icinga's notifications, for a host and for a service, and every kind of cluster event arrives with its own words.

use crate::desk::Desk;
use rig::smtp::Received;
use serde_json::json;

/// What Icinga 2 calls each type, its state, and what the subject says of it.
const TYPES: &[(&str, &str, &str)] = &[
    ("PROBLEM", "CRITICAL", "no answer"),
    ("ACKNOWLEDGEMENT", "CRITICAL", "acknowledged by J. Doe"),
    ("DOWNTIMESTART", "CRITICAL", "downtime begins"),
    ("DOWNTIMEEND", "CRITICAL", "downtime ends"),
    ("DOWNTIMEREMOVED", "CRITICAL", "downtime removed"),
    ("FLAPPINGSTART", "CRITICAL", "begins to flap"),
    ("FLAPPINGEND", "OK", "no longer flaps"),
    ("CUSTOM", "OK", "message from J. Doe"),
    ("RECOVERY", "OK", "recovered"),
];

/// The agent's kinds and their titles in the mail.
const KINDS: &[(&str, &str)] = &[
    ("founded", "pair founded"),
    ("takeover", "takeover done"),
    ("refused", "takeover refused"),
    ("fence-sent", "power off sent"),
    ("fence-confirmed", "seen off"),
    ("fence-failed", "fence failed"),
    ("takeover-held", "takeover held"),
    ("takeover-failed", "takeover failed"),
    ("standby", "node is standby"),
    ("split-brain", "split brain"),
    ("demoted", "master gave up"),
    ("rejoined", "node rejoined"),
    ("maintenance", "maintenance forgotten"),
    ("trouble", "agent in trouble"),
];

/// A mail is whole, says its kind in a header, and shows these words in both parts.
fn assert_says(mail: &Received, kind: &str, words: &[&str]) {
    assert_eq!((mail.header("X-Twinguard-Event"), mail.defects.len()), (kind, 0), "{:?}", mail.defects);
    for word in words {
        assert!(mail.text().contains(word), "{kind}: the text lacks {word:?}: {}", mail.text());
        assert!(mail.html().contains(word), "{kind}: the HTML part lacks {word:?}: {}", mail.html());
    }
}

#[test]
fn every_type_of_notification_arrives_for_a_host_and_for_a_service() {
    let desk = Desk::new();
    // Each in a mail of its own.
    desk.configure_with(&desk.relay(), &["admin@example.org"], &format!("ca = \"{}\"\nburst = 100\nrate = 100\n", desk.certs.ca().display()));
    for (kind, state, _) in TYPES {
        let host = if *state == "OK" { "UP" } else { "DOWN" };
        let said = ["-t", kind, "-l", "pbx1", "-n", "Telephones", "-o", "no answer", "-b", "J. Doe", "-c", "works on it"];
        desk.tell(&[&said[..], &["-s", host]].concat());
        desk.tell(&[&said[..], &["-s", state, "-e", "sip", "-u", "SIP"]].concat());
    }
    desk.deliver();
    desk.assert_empty();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 2 * TYPES.len());
    for (pair, (kind, state, said)) in mails.chunks(2).zip(TYPES) {
        let host = if *state == "OK" { "UP" } else { "DOWN" };
        for (mail, begin) in pair.iter().zip([format!("[pbx {host}] Telephones: {said}"), format!("[pbx {state}] SIP on Telephones: {said}")]) {
            assert!(mail.subject().starts_with(&begin), "{:?} has to begin with {begin:?}", mail.subject());
            assert_says(mail, kind, &["J. Doe", "works on it", "pbx1", "no answer"]);
        }
    }
}

#[test]
fn every_kind_of_cluster_event_arrives_with_its_title_and_commands() {
    let desk = Desk::new();
    for (number, (kind, _)) in KINDS.iter().enumerate() {
        desk.event(&format!("e{number:02}"), |e| {
            e["kind"] = (*kind).into();
            e["incident"] = format!("i{number}").into();
            e["at_ms"] = json!(1_795_300_867_123_i64 + i64::try_from(number).unwrap());
            // Without commands of the agent each kind brings its own.
            e["actions"] = json!([]);
        });
    }
    desk.deliver();
    desk.assert_empty();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), KINDS.len(), "never folded into a digest");
    for (mail, (kind, title)) in mails.iter().zip(KINDS) {
        assert_says(mail, kind, &[title, "pbx2", "twinguard status"]);
    }
}
