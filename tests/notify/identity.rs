//! Who the relay is, who we are, and that the password is seen by nobody else.

use crate::desk::{Desk, PROBLEM, finish};
use rig::smtp::Certs;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct-horse-42";

/// Writes the password file and a configuration that names it.
pub fn secret(desk: &Desk, password: &str) {
    let path = desk.path("relay.secret");
    fs::write(&path, password).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    desk.configure_with(
        &desk.relay(),
        &["admin@example.org"],
        &format!("ca = \"{}\"\nuser = \"twinguard\"\nsecret = \"{}\"\n", desk.certs.ca().display(), path.display()),
    );
}

#[test]
fn another_authority_or_another_name_is_refused_and_the_mail_kept() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let other = Certs::make(&desk.path("other"), &["127.0.0.1"]);
    desk.configure_with(&desk.relay(), &["admin@example.org"], &format!("ca = \"{}\"\n", other.ca().display()));
    let done = desk.deliver();
    assert!(done.stderr.contains("invalid peer certificate"), "{done:?}");
    // Without `ca` the system's authorities count, and they do not know this one.
    desk.configure_with(&desk.relay(), &["admin@example.org"], "");
    assert!(desk.deliver().stderr.contains("certificate"));
    // 127.0.0.2 reaches the same server, whose certificate does not carry that address.
    let wrong_name = Certs::make(&desk.path("wrong-name"), &["relay.example.org"]);
    let sink = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("wrong-sink"), &wrong_name, None);
    desk.configure_with(&[format!("smtp://127.0.0.1:{}", sink.port())], &["admin@example.org"], &format!("ca = \"{}\"\n", wrong_name.ca().display()));
    assert!(desk.deliver().stderr.contains("certificate not valid for name"));
    assert_eq!((sink.mails().len(), desk.sink.mails().len(), &desk.queued()["failed"]), (0, 0, &json!(3)));
    desk.configure(&desk.relay(), &["admin@example.org"]);
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
    desk.assert_empty();
}

#[test]
fn an_expired_certificate_is_refused_and_the_mail_kept() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let expired = Certs::make_expired(&desk.path("expired"), &["127.0.0.1"]);
    let sink = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("expired-sink"), &expired, None);
    desk.configure_with(&[format!("smtp://127.0.0.1:{}", sink.port())], &["admin@example.org"], &format!("ca = \"{}\"\n", expired.ca().display()));
    let done = desk.deliver();
    assert!(done.stderr.contains("invalid peer certificate: certificate expired"), "{done:?}");
    assert_eq!((sink.mails().len(), &desk.queued()["failed"]), (0, &json!(1)));
}

#[test]
fn with_an_authority_of_its_own_the_systems_authorities_do_not_count() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let other = Certs::make(&desk.path("other"), &["127.0.0.1"]);
    // The system trusts the sink's authority; whether that counts is the configuration's choice.
    let deliver = || {
        let mut command = desk.command(&["--deliver", "--flush"]);
        finish(command.env("SSL_CERT_FILE", desk.certs.ca()).spawn().unwrap())
    };
    desk.configure_with(&desk.relay(), &["admin@example.org"], &format!("ca = \"{}\"\n", other.ca().display()));
    let done = deliver();
    assert!(done.stderr.contains("invalid peer certificate"), "{done:?}");
    assert_eq!(desk.sink.mails().len(), 0);
    desk.configure_with(&desk.relay(), &["admin@example.org"], "");
    let done = deliver();
    assert_eq!(desk.sink.mails().len(), 1, "{done:?}");
}

#[test]
fn a_relay_without_starttls_gets_nothing_and_no_password() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"no_starttls": true, "login": ["twinguard", PASSWORD]}));
    secret(&desk, PASSWORD);
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert!(done.stderr.contains("it offers no STARTTLS, and nothing is sent without TLS"), "{done:?}");
    assert_eq!((desk.sink.mails().len(), &desk.queued()["failed"]), (0, &json!(1)));
}

#[test]
fn the_password_is_in_no_error_no_file_and_no_argument() {
    let desk = Desk::new();
    // This relay repeats user and password in its refusal.
    desk.sink.behave(&json!({"login": ["twinguard", "another"]}));
    secret(&desk, PASSWORD);
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert!(done.stderr.contains("AUTH: it answers 535; look at user and secret in [notify]"), "{done:?}");
    let mut seen = done.stderr + &done.stdout + &desk.queued().to_string();
    assert_eq!(desk.sink.mails().len(), 0);

    desk.sink.behave(&json!({"login": ["twinguard", PASSWORD], "hang": "mail"}));
    let mut child = desk.command(&["--deliver", "--flush"]).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while !desk.sink.hung() {
        assert!(Instant::now() < end, "the session never began: {}", desk.sink.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    for file in ["cmdline", "environ"] {
        seen += &String::from_utf8_lossy(&fs::read(format!("/proc/{}/{file}", child.id())).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for form in [PASSWORD.to_owned(), "Y29ycmVjdC1ob3JzZS00Mg".to_owned(), "dHdpbmd1YXJkAGNvcnJlY3QtaG9yc2UtNDI".to_owned()] {
        assert!(!seen.contains(&form), "{form} in {seen}");
    }
}

#[test]
fn a_password_file_that_others_can_read_is_refused_with_the_remedy() {
    let desk = Desk::new();
    secret(&desk, PASSWORD);
    fs::set_permissions(desk.path("relay.secret"), fs::Permissions::from_mode(0o644)).unwrap();
    desk.tell(PROBLEM);
    let done = desk.call(&["--deliver"]);
    assert_eq!((done.code, desk.sink.connections()), (Some(1), 0));
    assert!(done.stderr.contains("chmod 0600") && !done.stderr.contains(PASSWORD), "{done:?}");
}
