//! A running Icinga 2 with stand-ins for the binaries that write down how they were called: validation notices neither a
//! missing binary nor an undefined macro.

use crate::icinga::Icinga;
use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A daemon that ends with its test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its worker processes end with it only if it is asked politely.
        let _ = rig::process::run(Path::new("/usr/bin/kill"), &["-TERM", &self.0.id().to_string()]);
        let _ = self.0.wait();
    }
}

fn stand_in(path: &Path, script: &str) {
    write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn wait_for<T>(what: &str, icinga: &Icinga, mut seen: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "no {what} within 30 s: {}",
            read_to_string(icinga.0.join("log/daemon.log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The calls of one stand-in so far, as flag → value.
fn calls(icinga: &Icinga, name: &str) -> Vec<BTreeMap<String, String>> {
    let files = read_dir(icinga.0.join("calls")).unwrap().map(|f| f.unwrap().path());
    let ours = files.filter(|f| f.extension().is_some_and(|e| e == name));
    let words = |text: String| -> Vec<String> { text.split_terminator('\u{1}').map(str::to_owned).collect() };
    ours.map(|f| words(read_to_string(f).unwrap()).chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()).collect()
}

fn values<'a>(call: &'a BTreeMap<String, String>, flags: &[&str]) -> Vec<&'a str> {
    flags.iter().map(|flag| call.get(*flag).map_or("absent", String::as_str)).collect()
}

#[test]
fn handlers_and_mailer_are_called_with_everything_they_need() {
    let icinga = Icinga::new(
        "object CheckerComponent \"checker\" { }\nobject NotificationComponent \"notification\" { }\nobject ExternalCommandListener \"command\" { command_path = InitRunDir + \"/command\" }",
    );
    let bin = icinga.0.join("bin");
    for folder in [&bin, &icinga.0.join("calls")] {
        std::fs::create_dir(folder).unwrap();
        set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    }
    // Words end with \001, because outputs have several lines; a call shows up complete or not at all.
    let note =
        |name: &str| format!("at={}/calls/$$; for word; do printf '%s\\001' \"$word\"; done > $at.part; mv $at.part $at.{name}", icinga.0.display());
    stand_in(&bin.join("check_master_alive"), "[ \"$1\" = --failover ] || exit 0; echo 'MASTER ALIVE CRITICAL - gone'; exit 2");
    stand_in(&bin.join("check_disk"), "echo 'DISK OK - fine'; echo '<b>second</b> line; $x'");
    stand_in(&bin.join("event_takeover"), &note("takeover"));
    stand_in(&bin.join("notify_mail"), &note("mail"));
    write(icinga.0.join("constants.conf"), format!("const TwinguardPluginDir = \"{0}\"\nconst TwinguardLibDir = \"{0}\"\n", bin.display())).unwrap();
    let daemon = Daemon(icinga.start());

    let hard = |calls: &[BTreeMap<String, String>]| calls.iter().filter(|c| c["--state-type"] == "HARD" && c["--state"] == "CRITICAL").count();
    let takeovers = wait_for("third HARD call", &icinga, || Some(calls(&icinga, "takeover")).filter(|c| hard(c) >= 3));
    assert!(takeovers.iter().any(|c| c["--state-type"] == "SOFT"), "SOFT states are passed on too");
    for call in takeovers.iter().filter(|c| c["--state"] == "CRITICAL") {
        let flags = ["--host", "--service", "--downtime-depth", "--host-downtime-depth", "--flapping"];
        assert_eq!(values(call, &flags), ["pbx1", "twinguard-master-alive", "0", "0", "false"], "{call:?}");
        assert!(call["--attempt"].parse::<u32>().is_ok_and(|n| (1..=3).contains(&n)), "{call:?}");
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - call["--last-check"].parse::<f64>().unwrap();
        assert!((-1.0..60.0).contains(&age), "{call:?}: {age} s old");
        assert_eq!(call.len(), 9, "{call:?}");
    }

    let pipe = icinga.0.join("run/command");
    wait_for("command pipe", &icinga, || pipe.exists().then_some(()));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = |command: &str| write(&pipe, format!("[{}] {command}\n", now())).unwrap();
    let text = "2;an admin;-dash \"and\" $quotes";
    send(&format!("SCHEDULE_FORCED_SVC_CHECK;pbx1;twinguard-disk;{}", now()));
    send(&format!("SCHEDULE_FORCED_HOST_CHECK;pbx1;{}", now()));
    let mails = wait_for("mails", &icinga, || {
        let mails = calls(&icinga, "mail");
        let known = ["OK", "UP"].iter().all(|state| mails.iter().any(|mail| mail["-s"] == *state));
        // Icinga mails about the state that it knows; until the first results are in, that is none.
        if !known {
            send(&format!("SEND_CUSTOM_SVC_NOTIFICATION;pbx1;twinguard-disk;{text}"));
            send(&format!("SEND_CUSTOM_HOST_NOTIFICATION;pbx1;{text}"));
        }
        known.then_some(mails)
    });
    drop(daemon);
    let about = |state: &str| mails.iter().find(|mail| mail["-s"] == state).unwrap();
    let (service, host) = (about("OK"), about("UP"));
    let flags = ["-e", "-u", "-l", "-n", "-s", "-t", "-r", "-b", "-c"];
    let expected = ["twinguard-disk", "Disk space", "pbx1", "pbx1", "OK", "CUSTOM", "admin@example.org", "an admin", "-dash \"and\" $quotes"];
    assert_eq!(values(service, &flags), expected);
    assert_eq!(service["-o"].trim_end(), "DISK OK - fine\n<b>second</b> line; $x");
    let expected = ["absent", "absent", "pbx1", "pbx1", "UP", "CUSTOM", "admin@example.org", "an admin", "-dash \"and\" $quotes"];
    assert_eq!(values(host, &flags), expected);
    for call in &mails {
        assert!(!call["-d"].is_empty(), "{call:?}");
    }
}
