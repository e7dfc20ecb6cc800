//! Ways beside SMTP with an authority: a pinned certificate, this machine's own mail program, channels by command, the trial of
//! all of them, and the mailer's own state for Icinga.

use crate::desk::{Desk, PROBLEM};
use rig::smtp::Certs;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that keeps its arguments and its standard input, one file each, and ends with the code that stands in `code`.
fn program(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let said = folder.join(format!("{name}.said"));
    let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>{0}.args\ncat >>{0}\nexit \"$(cat {0}.code 2>/dev/null || echo 0)\"\n", said.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn said(program: &Path) -> String {
    fs::read_to_string(format!("{}.said", program.display())).unwrap_or_default()
}

fn exit_with(program: &Path, code: u8) {
    fs::write(format!("{}.said.code", program.display()), code.to_string()).unwrap();
}

fn fingerprint(cert: &Path) -> String {
    let output = Command::new("/usr/bin/openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(cert).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().rsplit_once('=').unwrap().1.to_owned()
}

#[test]
fn a_pinned_certificate_needs_no_authority_and_no_other_will_do() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let other = Certs::make(&desk.path("other"), &["127.0.0.1"]);
    // The right authority does not help a certificate that is not the pinned one.
    let pin = |cert: &Path| format!("ca = \"{}\"\npin = [\"sha256:{}\"]\n", desk.certs.ca().display(), fingerprint(cert));
    desk.configure_with(&desk.relay(), &["admin@example.org"], &pin(&other.cert()));
    let done = desk.deliver();
    let seen = fingerprint(&desk.certs.cert()).replace(':', "").to_lowercase();
    assert!(done.stderr.contains(&format!("its certificate is sha256:{seen}, which no pin in [notify] names")), "{done:?}");
    assert_eq!((desk.sink.mails().len(), desk.files("queue").len()), (0, 1));
    // Neither an authority nor the name in the certificate counts beside the right pin.
    let relay = [format!("smtp://127.0.0.2:{}", listen_on_any(&desk))];
    desk.configure_with(&relay, &["admin@example.org"], &format!("pin = [\"sha256:{seen}\"]\n"));
    let done = desk.deliver();
    assert_eq!(desk.files("queue"), [""; 0], "{done:?}");
}

/// A second sink with the desk's certificate on an address that this does not name.
fn listen_on_any(desk: &Desk) -> u16 {
    let sink = rig::smtp::Sink::start("127.0.0.2:0", &desk.path("second"), &desk.certs, None);
    let port = sink.port();
    // Lives as long as the test's process; its folder goes with the desk.
    std::mem::forget(sink);
    port
}

#[test]
fn the_own_mail_program_takes_what_no_relay_takes() {
    let desk = Desk::new();
    let sendmail = program(&desk.folder, "sendmail");
    desk.configure(&["smtp://127.0.0.1:1".to_owned(), format!("sendmail:{}", sendmail.display())], &["a@example.org", "b@example.org"]);
    desk.tell(PROBLEM);
    exit_with(&sendmail, 75);
    let done = desk.deliver();
    assert!(done.stderr.contains("exit code 75") && desk.queued()["failed"] == 1, "{done:?}");
    exit_with(&sendmail, 0);
    desk.deliver();
    desk.assert_empty();
    let argv = fs::read_to_string(format!("{}.said.args", sendmail.display())).unwrap();
    let one = |to: &str| format!("-i\n-f\ntwinguard@example.org\n--\n{to}@example.org\n");
    assert!(argv.ends_with(&(one("a") + &one("b"))), "each recipient by itself: {argv}");
    assert!(said(&sendmail).contains("\nSubject: [pbx CRITICAL] twinguard-disk on pbx1: / 97% used\n") && !said(&sendmail).contains('\r'));
    // It says that there is no such user: final.
    exit_with(&sendmail, 67);
    desk.configure(&[format!("sendmail:{}", sendmail.display())], &["a@example.org"]);
    desk.tell(PROBLEM);
    assert!(desk.deliver().stderr.contains("refused for a@example.org"));
    assert_eq!(desk.files("failed").len(), 1);
}

#[test]
fn a_channel_gets_every_message_whatever_the_relays_do_and_retries_by_itself() {
    let desk = Desk::new();
    let (sms, chat) = (program(&desk.folder, "sms"), program(&desk.folder, "chat"));
    let rest = format!(
        "ca = \"{}\"\nchannels = [[\"{}\", \"+49 170 000\", \"--now\"], [\"{}\"]]\n",
        desk.certs.ca().display(),
        sms.display(),
        chat.display()
    );
    desk.configure_with(&["smtp://127.0.0.1:1".to_owned()], &["admin@example.org"], &rest);
    exit_with(&chat, 9);
    desk.event("a1.1", |_| {});
    let done = desk.deliver();
    assert!(said(&sms).starts_with("[pbx CRITICAL] pbx2 took over from pbx1\n\nCRITICAL: pbx2 took over from pbx1\n"), "{done:?}");
    assert_eq!(fs::read_to_string(format!("{}.said.args", sms.display())).unwrap(), "+49 170 000\n--now\n");
    assert!(done.stderr.contains("chat: exit code 9"), "{done:?}");
    // The mail waits for a relay, the chat for its program; the SMS is out and does not come again.
    assert_eq!(desk.files("queue"), ["1795300867123-a1.1.json", "1795300867123-a1.1.way2.json"]);
    exit_with(&chat, 0);
    desk.configure_with(&desk.relay(), &["admin@example.org"], &rest);
    desk.deliver();
    desk.assert_empty();
    assert_eq!((desk.sink.mails().len(), said(&sms).matches("CRITICAL:").count(), said(&chat).matches("CRITICAL:").count()), (1, 1, 2));
    // A program that configuration no longer names is not run; what it should have said is kept.
    exit_with(&chat, 9);
    desk.event("a1.2", |_| {});
    desk.deliver();
    desk.configure(&desk.relay(), &["admin@example.org"]);
    desk.deliver();
    assert_eq!(desk.files("failed"), ["1795300867123-a1.2.way2.json"]);
}

#[test]
fn the_trial_names_each_way_and_its_exit_code_is_honest() {
    let desk = Desk::new();
    let sms = program(&desk.folder, "sms");
    let rest = format!("ca = \"{}\"\nchannels = [[\"{}\"]]\n", desk.certs.ca().display(), sms.display());
    desk.configure_with(&desk.relay(), &["a@example.org", "b@example.org"], &rest);
    let done = desk.call(&["--test"]);
    let relay = &desk.relay()[0];
    assert_eq!(done.stdout, format!("good    {relay} for a@example.org\ngood    {relay} for b@example.org\ngood    {}\n", sms.display()));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].header("Message-ID"), mails[0].header("X-Twinguard-Event")), (2, mails[1].header("Message-ID"), "test"));
    assert!(mails[0].subject().starts_with("[pbx TEST] test message from "), "{}", mails[0].subject());
    // A good way does not hide a bad one.
    exit_with(&sms, 3);
    desk.configure_with(&[desk.relay(), vec!["smtp://127.0.0.1:1".to_owned()]].concat(), &["a@example.org", "b@example.org"], &rest);
    let done = desk.call(&["--test"]);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines[0].starts_with("good    ") && lines[1].starts_with("FAILED  smtp://127.0.0.1:1 for a@example.org: connect"), "{done:?}");
    // A relay that does not answer costs its time once, not once a recipient.
    assert_eq!(lines[3], "FAILED  smtp://127.0.0.1:1 for b@example.org: failed before in this run");
    assert!(lines[2].starts_with("good    ") && lines[4].starts_with("FAILED  ") && lines[4].contains("exit code 3"), "{done:?}");
    assert_eq!(done.code, Some(1));
    desk.assert_empty();
}

#[test]
fn icinga_is_told_what_mail_could_not_tell() {
    let desk = Desk::new();
    let pipe = desk.path("icinga.cmd");
    assert!(Command::new("/usr/bin/mkfifo").arg(&pipe).status().unwrap().success());
    desk.configure_with(
        &desk.relay(),
        &["admin@example.org"],
        &format!("ca = \"{}\"\npassive = \"{}\"\n", desk.certs.ca().display(), pipe.display()),
    );
    // Without a reader the run is not held up.
    desk.tell(PROBLEM);
    assert!(desk.deliver().stderr.contains("[notify] passive: cannot write to"));
    assert_eq!(desk.sink.mails().len(), 1);
    // Open for both, so that neither side waits for the other.
    let mut reader = fs::OpenOptions::new().read(true).write(true).custom_flags(0o4000).open(&pipe).unwrap();
    let mut read = || {
        let mut bytes = [0; 4096];
        let count = reader.read(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    desk.deliver();
    let node = plugin_core::host::nodename();
    let good = read();
    assert!(good.contains(&format!("] PROCESS_SERVICE_CHECK_RESULT;{node};twinguard-mail;0;MAIL OK - nothing given up, 0 waiting|")), "{good}");
    desk.sink.behave(&serde_json::json!({"rcpt": {"admin@example.org": "550 5.1.1 no such mailbox"}}));
    desk.tell(PROBLEM);
    desk.deliver();
    assert!(read().contains(";twinguard-mail;2;MAIL CRITICAL - 1 not delivered, 0 waiting; read and remove the files in "));
}
