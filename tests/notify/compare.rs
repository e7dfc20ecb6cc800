//! What the reader gets: Icinga's stock script beside ours, from the same calls. The README's table is what comes out here.

use crate::desk::Desk;
use rig::smtp::Received;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const STOCK: &str = "/etc/icinga2/scripts/mail-service-notification.sh";

/// What the stock script gave its mail program: arguments and message; empty if it sent nothing.
fn stock(desk: &Desk, args: &[&str]) -> String {
    let bin = desk.path("bin");
    let said = desk.path("stock-mail");
    let _ = fs::remove_file(&said);
    fs::create_dir_all(&bin).unwrap();
    let mail = bin.join("mail");
    fs::write(&mail, format!("#!/bin/sh\n{{ printf '%s\\n' \"$@\"; cat; }} >{}\n", said.display())).unwrap();
    fs::set_permissions(&mail, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(STOCK);
    command.env_clear().env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display())).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("icinga2-common; tests/run installs it");
    fs::read_to_string(said).unwrap_or_default()
}

fn call<'a>(kind: &'a str, state: &'a str, output: &'a str) -> Vec<&'a str> {
    let mut args = vec!["-d", "2026-11-21 23:41:07 +0100", "-l", "pbx1", "-n", "pbx1", "-e", "raid", "-u", "RAID", "-r", "a@example.org"];
    args.extend(["-i", "https://mon.example.org/icingaweb2", "-t", kind, "-s", state, "-o", output]);
    args
}

/// What the reader gets, and how it is seen in the three mails.
type Row = (&'static str, fn(&[String]) -> bool);

/// Headers, text and HTML of a mail.
fn whole(mail: &Received) -> String {
    let mut text = String::new();
    for (name, value) in &mail.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    text + "\n" + mail.text() + mail.html()
}

fn subject(mail: &str) -> &str {
    mail.lines().find(|line| line.contains("RAID")).unwrap_or_default()
}

#[test]
fn the_readmes_table_is_what_both_really_send() {
    let desk = Desk::new();
    let problem = call("PROBLEM", "CRITICAL", "RAID CRITICAL - unit u0 degraded\nport p3 failed, see C:\\new");
    let recovery = call("RECOVERY", "OK", "RAID OK - fine");
    let silent = call("PROBLEM", "CRITICAL", "");
    let theirs: Vec<String> = [&problem, &recovery, &silent].iter().map(|args| stock(&desk, args)).collect();
    for args in [&problem, &recovery, &silent] {
        desk.tell(args);
        // Refused first: what is not sent has to be kept.
        desk.sink.behave(&serde_json::json!({"close": "ehlo"}));
        desk.deliver();
        assert_eq!(desk.files("queue").len(), 1);
        desk.sink.behave_well();
        desk.deliver();
    }
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 3);
    let ours: Vec<String> = mails.iter().map(whole).collect();
    let rows: &[Row] = &[
        ("the state in the subject", |m| subject(&m[0]).contains("CRITICAL")),
        ("what the check said in the subject", |m| subject(&m[0]).contains("unit u0 degraded")),
        ("every line of the output", |m| m[0].contains("port p3 failed")),
        ("the output's backslashes as they are", |m| m[0].contains("C:\\new")),
        ("a mail when the plugin printed nothing", |m| m[2].contains("RAID")),
        ("how long the problem lasted, in the recovery", |m| m[1].contains("recovered after")),
        ("problem and recovery in one thread", |m| m[1].contains("In-Reply-To: ")),
        ("a page of Icinga DB Web behind the link", |m| m[0].contains("/icingadb/service?name=raid")),
        ("whether this can move the cluster", |m| m[0].contains("only a failover check can start a takeover")),
        ("an HTML part with a traffic light", |m| m[0].contains("#c62828")),
        ("no vacation notice in return (Auto-Submitted)", |m| m[0].contains("Auto-Submitted: auto-generated")),
    ];
    let mut table = String::from("| the reader gets | stock script | notify_mail |\n|---|---|---|\n");
    let word = |yes: bool| if yes { "yes" } else { "no" };
    for (what, said) in rows {
        writeln!(table, "| {what} | {} | {} |", word(said(&theirs)), word(said(&ours))).unwrap();
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&table), "notify/README.md has to hold this table:\n{table}");
}
