//! What arrives: both kinds of events, end to end, read back by a parser that is not ours.

use crate::desk::{Desk, PROBLEM};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_takeover_arrives_as_text_and_html() {
    let desk = Desk::new();
    desk.event("a1.1", |_| {});
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!((mail.from.as_str(), mail.to.as_slice(), mail.tls), ("twinguard@example.org", &["admin@example.org".to_owned()][..], true));
    assert_eq!(mail.subject(), "[pbx CRITICAL] pbx2 took over from pbx1");
    assert_eq!(mail.header("Message-ID"), "<a1.1@example.org>");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("Date"), "Sat, 21 Nov 2026 22:41:07 +0000");
    assert_eq!(mail.header("To"), "admin@example.org");
    assert_eq!((mail.kind.as_str(), mail.parts.len(), mail.defects.len()), ("multipart/mixed", 3, 0), "{:?}", mail.defects);
    assert_eq!(mail.parts[0].0, "text/plain");
    for said in [
        "CRITICAL: pbx2 took over from pbx1\n",
        "  198.51.100.11 read OFF twice\n",
        "  [red]   pbx1  STANDBY, off\n",
        "  [green] pbx2  MASTER\n",
        "  ssh pbx1 journalctl -b -1\n",
    ] {
        assert!(mail.text().replace("\r\n", "\n").contains(said), "{said:?} is missing in {}", mail.text());
    }
    assert!(mail.html().contains("#c62828") && mail.html().contains("198.51.100.11 read OFF twice"), "{}", mail.html());
    desk.assert_empty();
}

#[test]
fn an_icinga_problem_arrives_at_the_user_it_names() {
    let desk = Desk::new();
    desk.tell(
        &[
            PROBLEM,
            &[
                "-r",
                "jd@example.net",
                "-f",
                "Icinga <icinga@example.com>",
                "-u",
                "Disk",
                "-4",
                "192.0.2.11",
                "-i",
                "https://mon.example.org/icingaweb2",
            ],
        ]
        .concat(),
    );
    desk.deliver();
    let mail = &desk.sink.mails()[0];
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("icinga@example.com", &["jd@example.net".to_owned()][..]));
    assert_eq!(mail.subject(), "[pbx CRITICAL] Disk on pbx1: / 97% used");
    assert_eq!(mail.header("From"), "Icinga <icinga@example.com>");
    assert!(mail.header("Message-ID").ends_with("@example.com>"), "{}", mail.header("Message-ID"));
    assert!(mail.text().contains("DISK CRITICAL - / 97% used"), "{}", mail.text());
    assert!(
        mail.html().contains("href=\"https://mon.example.org/icingaweb2/icingadb/service?name=twinguard-disk&amp;host.name=pbx1\""),
        "{}",
        mail.html()
    );
    desk.assert_empty();
}

#[test]
fn the_password_opens_the_relay_and_names_beyond_ascii_arrive() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"login": ["twinguard", "s3cr\u{e9}t"]}));
    crate::identity::secret(&desk, "s3cr\u{e9}t\n");
    desk.tell(&["-t", "CUSTOM", "-l", "büro", "-s", "UP", "-b", "Jürgen Dübel", "-c", "zwei\nZeilen", "-o", "✓"]);
    desk.deliver();
    let mail = &desk.sink.mails()[0];
    assert_eq!(mail.user.as_deref(), Some("twinguard"));
    assert_eq!(mail.subject(), "[pbx UP] büro: message from Jürgen Dübel");
    assert!(mail.text().contains("zwei") && mail.text().contains("Zeilen") && mail.text().contains('✓'), "{}", mail.text());
    assert!(mail.raw.is_ascii(), "the message has to pass a relay without 8BITMIME");
}

#[test]
fn a_relay_that_knows_auth_login_only_is_opened_too() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"login": ["twinguard", "s3cr\u{e9}t"], "only_login": true}));
    crate::identity::secret(&desk, "s3cr\u{e9}t\n");
    desk.tell(PROBLEM);
    let done = desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].user.as_deref()), (1, Some("twinguard")), "{done:?}");
}

#[test]
fn an_address_beyond_ascii_goes_to_a_relay_that_takes_it() {
    let desk = Desk::new();
    let second = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("second"), &desk.certs, None);
    desk.sink.behave(&json!({"no_utf8": true}));
    desk.configure(
        &[desk.relay(), vec![format!("smtp://127.0.0.1:{}", second.port())]].concat(),
        &["j\u{fc}rgen@b\u{fc}ro.example", "admin@example.org"],
    );
    desk.tell(PROBLEM);
    let done = desk.deliver();
    let (ascii, utf8) = (desk.sink.mails(), second.mails());
    assert_eq!((ascii.len(), utf8.len()), (1, 1), "{done:?}");
    assert_eq!((ascii[0].to[0].as_str(), utf8[0].to[0].as_str()), ("admin@example.org", "j\u{fc}rgen@b\u{fc}ro.example"));
    assert_eq!(utf8[0].defects, [""; 0]);
    desk.assert_empty();
    // No relay takes it: final, and said.
    desk.configure(&desk.relay(), &["j\u{fc}rgen@b\u{fc}ro.example"]);
    desk.tell(PROBLEM);
    assert!(desk.deliver().stderr.contains("it takes no addresses beyond ASCII (SMTPUTF8, RFC 6531)"));
    assert_eq!(desk.files("failed").len(), 1);
}

#[test]
fn a_relay_may_have_an_ipv6_address() {
    let desk = Desk::new();
    let certs = rig::smtp::Certs::make(&desk.path("six"), &["::1"]);
    let sink = rig::smtp::Sink::start("[::1]:0", &desk.path("six-sink"), &certs, None);
    desk.configure_with(&[format!("smtp://[::1]:{}", sink.port())], &["admin@example.org"], &format!("ca = \"{}\"\n", certs.ca().display()));
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert_eq!(sink.mails().len(), 1, "{done:?}");
}

#[test]
fn smtps_begins_with_tls() {
    let desk = Desk::new();
    let wrapped = rig::smtp::Sink::start_with("127.0.0.1:0", &desk.path("wrapped"), &desk.certs, None, rig::smtp::Begin::Implicit);
    desk.configure(&[format!("smtps://localhost:{}", wrapped.port())], &["admin@example.org"]);
    desk.tell(PROBLEM);
    desk.deliver();
    assert_eq!((wrapped.mails().len(), wrapped.mails()[0].tls, desk.sink.connections()), (1, true, 0));
}

#[test]
fn a_preview_shows_the_mail_and_sends_nothing() {
    let desk = Desk::new();
    let text = desk.call(&[&["--preview"], PROBLEM].concat());
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    assert!(
        text.stdout.starts_with("Subject: [pbx CRITICAL] twinguard-disk on pbx1: / 97% used\n\nCRITICAL: twinguard-disk on pbx1"),
        "{}",
        text.stdout
    );
    assert!(desk.call(&[&["--preview=html"], PROBLEM].concat()).stdout.starts_with("<!DOCTYPE html>"));
    assert!(desk.call(&[&["--preview=eml"], PROBLEM].concat()).stdout.contains("\r\nAuto-Submitted: auto-generated\r\n"));
    assert_eq!(desk.sink.connections(), 0);
    desk.assert_empty();
}

#[test]
fn an_icinga_mail_shows_both_nodes_while_the_agent_is_fresh() {
    let desk = Desk::new();
    let now = plugin_core::host::system::boottime();
    let status = |age: Duration| {
        let status = json!({
            "schema": 1, "cluster": "pbx", "node": "pbx2", "boottime_ms": u64::try_from(now.saturating_sub(age).as_millis()).unwrap(), "boot_id": "b", "automatic": true,
            "armed": false, "frozen": null, "witnesses": {}, "attempt": null,
            "groups": [{"name": "pbx", "role": "SLAVE", "epoch": 1, "degraded": null}],
            "peer": {"node": "pbx1", "life": "silent", "record": "LOST", "roles": {"pbx": "MASTER"}, "links": []},
            "gates": [], "refusal": {"code": "DEVICE_SILENT", "text": "198.51.100.11 does not answer", "since_ms": 1}
        });
        std::fs::write(desk.path("status.json"), status.to_string()).unwrap();
    };
    status(Duration::ZERO);
    let shown = desk.call(&[&["--preview"], PROBLEM].concat()).stdout;
    assert!(shown.contains("  [green] pbx2  SLAVE of pbx\n  [red]   pbx1  silent on every link, no contact\n"), "{shown}");
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("refused: DEVICE_SILENT - 198.51.100.11 does not answer; look at the peer's BMC"), "{shown}");
    // An old file tells nothing.
    status(Duration::from_mins(1));
    let shown = desk.call(&[&["--preview"], PROBLEM].concat()).stdout;
    assert!(!shown.contains("The nodes") && !shown.contains("DEVICE_SILENT"), "{shown}");
}
