//! A running Icinga 2 with stand-ins for the binaries that write down how they were called: validation notices neither a
//! missing binary nor an undefined macro.

use crate::icinga::Icinga;
use crate::stand_in::{Daemon, Stage, hard, values};
use std::fs::write;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn handlers_and_mailer_are_called_with_everything_they_need() {
    let icinga = Icinga::new(
        "object CheckerComponent \"checker\" { }\nobject NotificationComponent \"notification\" { }\nobject ExternalCommandListener \"command\" { command_path = InitRunDir + \"/command\" }",
    );
    let stage = Stage::new(&icinga.0);
    stage.play("check_master_alive", "[ \"$1\" = --failover ] || exit 0; echo 'MASTER ALIVE CRITICAL - gone'; exit 2");
    stage.play("check_disk", "echo 'DISK OK - fine'; echo '<b>second</b> line; $x'");
    stage.note("event_takeover");
    stage.note("notify_mail");
    let bin = stage.bin();
    write(icinga.0.join("constants.conf"), format!("const TwinguardPluginDir = \"{0}\"\nconst TwinguardLibDir = \"{0}\"\n", bin.display())).unwrap();
    let daemon = Daemon(icinga.start());

    let takeovers = stage.wait_for("third HARD call", || Some(stage.calls("event_takeover")).filter(|c| hard(c) >= 3));
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
    stage.wait_for("command pipe", || pipe.exists().then_some(()));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = |command: &str| write(&pipe, format!("[{}] {command}\n", now())).unwrap();
    let text = "2;an admin;-dash \"and\" $quotes";
    send(&format!("SCHEDULE_FORCED_SVC_CHECK;pbx1;twinguard-disk;{}", now()));
    send(&format!("SCHEDULE_FORCED_HOST_CHECK;pbx1;{}", now()));
    let mails = stage.wait_for("mails", || {
        let mails = stage.calls("notify_mail");
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
