//! Debian's Postfix and Exim as relays: STARTTLS with an authority of our own, AUTH after TLS only, a mailbox at the end.

use crate::desk::{Desk, PROBLEM};
use rig::smtp::mta::{Kind, Mta, PASSWORD, USER};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A desk whose only relay is a real server, with a login or without.
pub fn desk(kind: Kind, to: &[&str], password: Option<&str>) -> (Desk, Mta) {
    let desk = Desk::new();
    let server = Mta::start(kind, &desk.certs);
    let mut rest = format!("ca = \"{}\"\n", desk.certs.ca().display());
    if let Some(password) = password {
        let path = desk.path("relay.secret");
        fs::write(&path, password).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write!(rest, "user = \"{USER}\"\nsecret = \"{}\"\n", path.display()).unwrap();
    }
    desk.configure_with(&[format!("smtp://127.0.0.1:{}", server.port())], to, &rest);
    (desk, server)
}

fn arrives_unchanged(kind: Kind) {
    let (desk, server) = desk(kind, &["admin@example.org"], Some(PASSWORD));
    desk.tell(&["-t", "PROBLEM", "-l", "büro", "-s", "DOWN", "-o", "✓ a line\n.\nFrom here\n..", "-f", "twinguard@example.org"]);
    desk.event("a1.1", |_| {});
    // Held back once, so that what was promised can be compared with what arrives.
    let held = desk.path("cluster.toml");
    let good = fs::read_to_string(&held).unwrap();
    fs::write(&held, good.replace("smtp://127.0.0.1", "smtp://127.0.0.9")).unwrap();
    desk.deliver();
    let spool = desk.path("spool/queue");
    let promised: Vec<String> = desk
        .files("queue")
        .iter()
        .map(|name| {
            let mail: serde_json::Value = serde_json::from_slice(&fs::read(spool.join(name)).unwrap()).unwrap();
            mail["message"].as_str().unwrap().replace("\r\n", "\n")
        })
        .collect();
    fs::write(&held, good).unwrap();
    let done = desk.deliver();
    assert_eq!(desk.files("queue"), [""; 0], "{done:?}\n{}", server.log());
    let mails = server.wait_for(2);
    assert_eq!((mails.len(), promised.len()), (2, 2));
    for message in promised {
        // A server puts its own header lines in front and leaves the rest alone.
        let mail = mails.iter().find(|m| m.trim_end().ends_with(message.trim_end())).unwrap_or_else(|| panic!("{message}\nis not in {mails:#?}"));
        assert!(mail.to_uppercase().contains(" WITH ESMTPSA"), "it has to come over TLS with a login (RFC 3848): {mail}");
    }
}

#[test]
fn postfix_delivers_what_was_promised() {
    arrives_unchanged(Kind::Postfix);
}

#[test]
fn exim_delivers_what_was_promised() {
    arrives_unchanged(Kind::Exim);
}

#[test]
fn their_refusals_keep_the_mail_or_say_why_it_ended() {
    for kind in [Kind::Postfix, Kind::Exim] {
        let (desk, server) = desk(kind, &["grey@example.org", "gone@example.org", "admin@example.org"], Some(PASSWORD));
        desk.tell(PROBLEM);
        let done = desk.deliver();
        assert!(done.stderr.contains("greylisted") && done.stderr.contains("no such mailbox"), "{kind:?}: {done:?}");
        let queued = desk.queued();
        assert_eq!(queued["left"], serde_json::json!(["grey@example.org"]), "{kind:?}");
        assert_eq!(queued["refused"][0]["to"], "gone@example.org", "{kind:?}");
        assert_eq!(server.wait_for(1).len(), 1, "{kind:?}");
    }
}

#[test]
fn they_take_a_recipient_beyond_ascii() {
    for kind in [Kind::Postfix, Kind::Exim] {
        let (desk, server) = desk(kind, &["j\u{fc}rgen@example.org"], Some(PASSWORD));
        desk.tell(PROBLEM);
        let done = desk.deliver();
        assert_eq!(desk.files("queue"), [""; 0], "{kind:?}: {done:?}\n{}", server.log());
        assert!(server.wait_for(1)[0].contains("for j\u{fc}rgen@example.org") || server.log().contains("j\u{fc}rgen@example.org"), "{kind:?}");
    }
}

#[test]
fn a_wrong_password_and_none_deliver_nothing_and_lose_nothing() {
    for kind in [Kind::Postfix, Kind::Exim] {
        let (desk, server) = desk(kind, &["admin@example.org"], Some("wrong"));
        desk.tell(PROBLEM);
        let done = desk.deliver();
        assert!(done.stderr.contains("AUTH: it answers 535; look at user and secret in [notify]"), "{kind:?}: {done:?}");
        assert_eq!((desk.files("queue").len(), server.inbox().len()), (1, 0), "{kind:?}");
        assert!(!server.log().contains("wrong\n"), "{kind:?}");
    }
    // Without a login both refuse the recipient for good: that is said and kept.
    let (desk, server) = desk(Kind::Postfix, &["admin@example.org"], None);
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert!(done.stderr.contains("refused for admin@example.org"), "{done:?}");
    assert_eq!((desk.files("failed").len(), server.inbox().len()), (1, 0));
}
