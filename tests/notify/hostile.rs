//! Hostile text and hostile files: nothing gets out of its place, and nothing stops the others.

use crate::desk::{BIN, Desk, PROBLEM, finish, takeover};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

#[test]
fn text_from_outside_injects_no_header_and_no_markup() {
    let desk = Desk::new();
    let evil = "x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>\0\u{202e}gnp.exe\u{2028}\u{1b}[31m";
    let evil = evil.replace('\0', "\u{1}");
    let mut args = vec!["-t", &evil, "-l", &evil, "-e", &evil, "-s", &evil];
    for flag in ["-n", "-u", "-o", "-d", "-4", "-6", "-b", "-c", "-i", "-X", "-x"] {
        args.extend([flag, &evil]);
    }
    desk.tell(&args);
    desk.event("a1.1", |e| {
        for key in ["incident", "cluster", "node", "summary"] {
            e[key] = evil.clone().into();
        }
        e["details"] = serde_json::json!([evil]);
        e["actions"] = serde_json::json!([evil]);
        e["timeline"] = serde_json::json!([[evil, 5]]);
        e["nodes"] = serde_json::json!([{"name": evil, "role": evil, "light": "OK"}]);
    });
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        // The takeover has a chart beside its text and HTML.
        let parts = if mail.header("X-Twinguard-Event") == "takeover" { 3 } else { 2 };
        assert_eq!(
            (mail.to.as_slice(), mail.header("Bcc"), mail.defects.len(), mail.parts.len()),
            (&["admin@example.org".to_owned()][..], "", 0, parts)
        );
        assert!(!mail.parts.iter().any(|(kind, part)| kind != "text/plain" && part.contains("<script")));
        assert!(!mail.html().contains("<script") && mail.html().contains("&lt;script&gt;"), "{}", mail.html());
        for part in [mail.subject(), mail.text(), mail.html()] {
            let bad: Vec<char> = part.chars().filter(|c| (c.is_control() && !"\r\n".contains(*c)) || "\u{202e}\u{2028}".contains(*c)).collect();
            assert_eq!(bad, [] as [char; 0], "{part:?}");
        }
        assert!(!mail.subject().contains('\n') && mail.subject().chars().count() <= 140, "{:?}", mail.subject());
    }
}

#[test]
fn a_hundred_kilobytes_and_bytes_that_are_no_text_arrive_shortened() {
    let desk = Desk::new();
    let output = OsString::from_vec([b"DISK CRITICAL - \xff\xfe ".as_slice(), &vec![b'a'; 100_000], b" \n \t \n"].concat());
    let status = desk.command(&["-t", "PROBLEM", "-l", "pbx1", "-s", "DOWN", "-o"]).arg(output).status().unwrap();
    assert!(status.success());
    desk.tell(&["-t", "PROBLEM", "-l", "pbx1", "-s", "DOWN", "-o", ""]);
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].text().contains("more bytes left out)") && mails[0].text().len() < 20_000, "{}", mails[0].text().len());
    // RFC 5322 section 2.1.1: no line beyond 998 bytes.
    assert!(mails[0].raw.split(|b| *b == b'\n').all(|line| line.len() <= 998));
    assert_eq!(mails[1].subject(), "[pbx DOWN] pbx1: no output");
    assert!(mails[1].text().contains("(nothing: the plugin printed no text)"));
}

#[test]
fn poison_files_go_to_failed_with_a_reason_and_stop_nobody() {
    let desk = Desk::new();
    let incoming = desk.path("spool/incoming");
    let put = |name: &str, text: &str| fs::write(incoming.join(name), text).unwrap();
    put("1-half.json", "{\"schema\": 1, \"id\": ");
    put("2-unknown-key.json", &takeover("a").to_string().replace("\"summary\"", "\"sumary\""));
    put("3-schema.json", &takeover("b").to_string().replace("\"schema\":1", "\"schema\":7"));
    put("4-path.json", &takeover("../../../etc/x").to_string());
    put("5-huge.json", &" ".repeat(1024 * 1024 + 1));
    put("6-crash.json.try10", &takeover("c").to_string());
    fs::write(desk.path("outside.json"), takeover("d").to_string()).unwrap();
    symlink(desk.path("outside.json"), incoming.join("7-link.json")).unwrap();
    assert!(Command::new("/usr/bin/mkfifo").arg(incoming.join("8-fifo.json")).status().unwrap().success());
    // Only root may word commands for root to paste.
    put("9-forged.json", &takeover("e").to_string());
    chown(incoming.join("9-forged.json"), Some(65534), None).unwrap();
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1, "{done:?}");
    assert_eq!((desk.files("incoming").len(), desk.files("queue").len()), (0, 0));
    let failed = desk.files("failed");
    for (name, why) in [
        ("1-half.json", "no JSON"),
        ("2-unknown-key.json", "sumary"),
        ("3-schema.json", "schema is 7"),
        ("4-path.json", "its id"),
        ("5-huge.json", "1 MiB"),
        ("6-crash.json", "ten times"),
        ("7-link.json", "symbolic links"),
        ("8-fifo.json", "no regular file"),
        ("9-forged.json", "has to come from root"),
    ] {
        assert!(failed.iter().any(|f| f == name), "{name} is not in {failed:?}");
        let reason = fs::read_to_string(desk.path("spool/failed").join(format!("{name}.reason"))).unwrap();
        assert!(reason.contains(why) && done.stderr.contains(why), "{name}: {reason}");
    }
    assert_eq!(failed.len(), 18);
    assert!(desk.path("outside.json").exists());
}

#[test]
fn a_queue_file_that_is_no_mail_is_put_aside() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.deliver();
    fs::write(desk.path("spool/queue/0.json"), "{}").unwrap();
    let done = desk.deliver();
    assert!(done.stderr.contains("0.json in queue/ can't be understood"), "{done:?}");
    assert_eq!((desk.files("queue").len(), desk.files("failed")), (0, vec!["0.json".to_owned()]));
}

/// An unprivileged mailer, and another unprivileged user who may only add to its spool.
#[test]
fn folders_and_names_that_are_no_text_stop_nobody() {
    let desk = Desk::new();
    let (mailer, other) = (65533, 65534);
    for folder in ["spool", "spool/incoming"] {
        chown(desk.path(folder), Some(mailer), Some(other)).unwrap();
    }
    fs::set_permissions(desk.path("spool/incoming"), fs::Permissions::from_mode(0o3730)).unwrap();
    for folder in [".", "certs"] {
        fs::set_permissions(desk.path(folder), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::copy(BIN, desk.path("notify_mail")).unwrap();
    let incoming = desk.path("spool/incoming");
    for name in ["1.json", "2.json"] {
        fs::create_dir(incoming.join(name)).unwrap();
        fs::write(incoming.join(name).join("inside"), "x").unwrap();
        chown(incoming.join(name), Some(other), Some(other)).unwrap();
    }
    fs::write(incoming.join(OsString::from_vec(b"\xff.json".to_vec())), "x").unwrap();
    fs::write(incoming.join("x".repeat(240) + ".json"), "x").unwrap();
    desk.tell(PROBLEM);
    for entry in fs::read_dir(&incoming).unwrap().flatten() {
        chown(entry.path(), Some(other), Some(other)).unwrap();
    }
    let mut run = Command::new("/usr/bin/setpriv");
    run.args([format!("--reuid={mailer}"), format!("--regid={other}"), "--clear-groups".to_owned()]).arg(desk.path("notify_mail"));
    run.arg("--deliver")
        .arg("--config")
        .arg(desk.path("cluster.toml"))
        .arg("--spool")
        .arg(desk.path("spool"))
        .arg("--status")
        .arg(desk.path("status.json"));
    let done = finish(run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!((done.code, desk.sink.mails().len()), (Some(0), 1), "{done:?}");
    // Nothing is left that would start the next run.
    assert_eq!(desk.files("incoming"), [".1.json.failed", ".2.json.failed"]);
    let strange = desk.files("failed").iter().filter(|n| n.starts_with("strange-")).count();
    assert_eq!((strange, desk.files("failed").len()), (4, 6), "two files and four reasons");
}
