//! `check_ami` and `check_sip` against a real Asterisk (MD17). Started by `tests/run asterisk`; the default run uses what this
//! Asterisk was recorded saying.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "test code: it ends at the first surprise")]

use rig::asterisk::Asterisk;
use rig::daemon::Folder;
use rig::process::{binary, run};
use std::path::PathBuf;
use std::time::{Duration, Instant};

struct Pbx {
    asterisk: Asterisk,
    right: PathBuf,
    wrong: PathBuf,
    _folder: Folder,
}

impl Pbx {
    fn start() -> Self {
        let folder = Folder::new("pbx");
        let (right, wrong) = (folder.file("right", "hunter2\n", 0o600), folder.file("wrong", "letmein\n", 0o600));
        Self { asterisk: Asterisk::start(), right, wrong, _folder: folder }
    }

    /// Exit code, the first line without performance data, and everything.
    fn ask(&self, check: &str, user: Option<&str>, more: &[&str]) -> (Option<i32>, String, String) {
        let port = if check == "check_ami" { self.asterisk.ami() } else { self.asterisk.sip() }.to_string();
        let mut args = vec!["-H", "127.0.0.1", "-p", &port];
        let files = [&self.right, &self.wrong].map(|file| file.to_str().unwrap().to_owned());
        if let Some(user) = user {
            let (user, file) = user.strip_prefix('!').map_or((user, &files[0]), |user| (user, &files[1]));
            args.extend(["--user", user, "--password-file", file]);
        }
        args.extend(more);
        let done = run(&binary(check), &args);
        assert_eq!(done.stderr, "", "{}", done.stdout);
        (done.code, first(&done.stdout), done.stdout)
    }
}

/// The first line without performance data and without the measured time.
fn first(stdout: &str) -> String {
    let line = stdout.lines().next().unwrap().split(" | ").next().unwrap();
    line.rsplit_once(" in ").filter(|(_, time)| time.ends_with('s')).map_or(line, |(before, _)| before).to_owned()
}

#[test]
fn md17_the_manager_interface() {
    let pbx = Pbx::start();
    let ami = |user, more: &[&str]| pbx.ask("check_ami", user, more);
    let (code, line, all) = ami(Some("mon"), &["--uptime-warning", "0:"]);
    assert_eq!((code, line.as_str()), (Some(0), "AMI OK - 127.0.0.1 answers, 0 calls"), "{all}");
    assert!(all.contains(" 'uptime'="), "{all}");
    assert_eq!(ami(None, &[]).0, Some(0));
    let (code, line, _) = ami(Some("!mon"), &[]);
    assert_eq!(
        (code, line.as_str()),
        (Some(2), "AMI CRITICAL - 127.0.0.1 refuses the login of mon (password, user, or permit/deny in manager.conf)")
    );
    let (code, line, all) = ami(Some("weak"), &[]);
    assert_eq!(code, Some(1), "{all}");
    assert!(
        line.starts_with("AMI WARNING - CoreStatus (Permission denied)") && line.ends_with("give the account write = system,reporting"),
        "{line}"
    );
    let (code, line, _) = ami(Some("mon"), &["--registrations"]);
    assert_eq!(code, Some(2), "{line}");
    assert!(line.starts_with("AMI CRITICAL - not registered: trunk ("), "{line}");
    pbx.asterisk.tell("channel originate Local/600@default application Echo");
    let start = Instant::now();
    while ami(Some("mon"), &["--channels-critical", "1"]).1 != "AMI CRITICAL - channels 2 (critical at 1)" {
        assert!(start.elapsed() < Duration::from_secs(10), "the call does not begin");
    }
}

#[test]
fn md17_sip() {
    let pbx = Pbx::start();
    for transport in ["udp", "tcp"] {
        let sip = |user, more: &[&str]| pbx.ask("check_sip", user, &[&["--transport", transport], more].concat());
        let (code, line, _) = sip(None, &["--server", "Asterisk"]);
        assert_eq!((code, line.as_str()), (Some(0), "SIP OK - 127.0.0.1 answers 401 Unauthorized: alive, it wants a login"));
        let (code, line, _) = sip(Some("100"), &[]);
        assert_eq!((code, line.as_str()), (Some(0), "SIP OK - 127.0.0.1 answers 200 OK: it lets 100 in"), "{transport}");
        assert_eq!(sip(Some("100"), &["--extension", "600"]).0, Some(0));
        let (code, line, _) = sip(Some("100"), &["--extension", "nosuch"]);
        assert_eq!((code, line.as_str()), (Some(1), "SIP WARNING - 127.0.0.1 answers 404 Not Found: no such extension"));
        assert_eq!(sip(Some("100"), &["--register"]).1, "SIP OK - 127.0.0.1 answers 200 OK: it lets 100 in");
        let (code, line, _) = sip(Some("!100"), &[]);
        assert_eq!(
            (code, line.as_str()),
            (Some(2), "SIP CRITICAL - 127.0.0.1 answers 401 Unauthorized: it refuses the login of 100 (user, password or realm)")
        );
    }
    assert!(pbx.asterisk.tell("pjsip show contacts").contains("No objects found"), "a REGISTER that asks registers nothing");
}

#[test]
fn a_frozen_asterisk_accepts_and_says_nothing() {
    let pbx = Pbx::start();
    pbx.asterisk.freeze();
    for (check, more) in [("check_ami", &[][..]), ("check_sip", &["--transport", "udp"]), ("check_sip", &["--transport", "tcp"])] {
        let (code, line, _) = pbx.ask(check, None, &[&["--answer-timeout", "500ms"], more].concat());
        assert_eq!(code, Some(2));
        assert!(line.ends_with("CRITICAL - 127.0.0.1: no answer in time"), "{line}");
    }
}
