//! A real Nagios Core on the generated objects and the shipped example of a node: it accepts them without a warning, and calls
//! handlers and checks as Icinga does.

use crate::stand_in::{Daemon, Stage, hard, values};
use crate::top;
use rig::process::{Done, run};
use std::fs::{File, create_dir_all, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const NAGIOS: &str = "/usr/sbin/nagios4";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A Nagios with folders of its own, which are gone afterwards.
struct Nagios(PathBuf);

impl Nagios {
    /// With the generated objects and `more` of them.
    fn new(more: &str) -> Self {
        assert!(Path::new(NAGIOS).is_file(), "{NAGIOS} is missing: apt install nagios4-core");
        let nagios = Self(std::env::temp_dir().join(format!("twinguard-nagios-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))));
        for name in ["objects", "log", "results"] {
            create_dir_all(nagios.0.join(name)).unwrap();
        }
        let shipped = top().join("icinga-conf/nagios");
        for name in ["commands.cfg", "templates.cfg", "services.cfg", "example/hosts.cfg.example", "example/mail.cfg.example"] {
            let text = read_to_string(shipped.join(name)).unwrap();
            let name = name.trim_start_matches("example/").trim_end_matches(".example");
            write(nagios.0.join("objects").join(name), text).unwrap();
        }
        write(nagios.0.join("objects/more.cfg"), more).unwrap();
        let root = nagios.0.display();
        write(nagios.0.join("resource.cfg"), format!("$USER1$={root}/bin\n")).unwrap();
        // What Debian ships, with folders of its own.
        let main = format!(
            "log_file={root}/log/nagios.log\ncfg_dir={root}/objects\nresource_file={root}/resource.cfg\nstatus_file={root}/log/status.dat\n\
             object_cache_file={root}/log/objects.cache\nprecached_object_file={root}/log/objects.precache\nstate_retention_file={root}/log/retention.dat\n\
             temp_path={root}/log\ntemp_file={root}/log/temp\ncheck_result_path={root}/results\ncommand_file={root}/log/command\nlock_file={root}/log/pid\n\
             query_socket={root}/log/query\nnagios_user=nagios\nnagios_group=nagios\nillegal_macro_output_chars=`~$&|'\"<>\ncheck_external_commands=1\ninterval_length=60\n"
        );
        write(nagios.0.join("nagios.cfg"), main).unwrap();
        nagios
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join("objects").join(file);
        let text = read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not say {from}");
        write(&path, text.replace(from, to)).unwrap();
    }

    fn own(&self) {
        let owned = Command::new("/usr/bin/chown").args(["-R", "nagios:nagios"]).arg(&self.0).status();
        assert!(owned.unwrap().success(), "Nagios' user is missing: apt install nagios4-core");
    }

    fn validate(&self) -> Done {
        self.own();
        run(Path::new(NAGIOS), &["-v", self.0.join("nagios.cfg").to_str().unwrap()])
    }
}

impl Drop for Nagios {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn nagios_accepts_every_object_without_a_warning() {
    let services = read_to_string(top().join("icinga-conf/nagios/services.cfg")).unwrap();
    // Each template of a service that not every node has, on the node of the example.
    let templates: Vec<&str> = services.lines().filter_map(|line| line.trim().strip_prefix("name ")).map(str::trim).collect();
    let more: Vec<String> = templates.iter().map(|name| format!("define service {{\n use {name}\n host_name pbx1\n}}\n")).collect();
    let said = Nagios::new(&more.concat()).validate();
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    for line in ["Total Warnings: 0", "Total Errors:   0", "Things look okay"] {
        assert!(said.stdout.contains(line), "no {line:?} in {}", said.stdout);
    }
    // And the mailer's own.
    let count = services.matches("define service {").count() + 1;
    assert!(said.stdout.contains(&format!("Checked {count} services")), "{count} are defined: {}", said.stdout);
}

#[test]
fn a_broken_object_is_noticed() {
    let nagios = Nagios::new("");
    nagios.change("templates.cfg", "twinguard_takeover", "twinguard_takeaway");
    let said = nagios.validate();
    assert_ne!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("twinguard_takeaway"), "{}", said.stdout);
}

#[test]
fn the_handler_is_called_again_and_again_with_everything_the_agent_needs() {
    let nagios = Nagios::new("");
    // The handlers' folder is fixed in the objects; here it is that of the stand-ins.
    nagios.change("commands.cfg", "/usr/lib/twinguard", &nagios.0.join("bin").display().to_string());
    let stage = Stage::new(&nagios.0);
    stage.play("check_master_alive", "[ \"$1\" = --failover ] || exit 0; echo 'MASTER ALIVE CRITICAL - gone'; exit 2");
    stage.play("check_disk", "echo 'DISK CRITICAL - / is full, it'\\''s $x'; exit 2");
    stage.note("event_takeover");
    stage.note("notify_mail");
    nagios.own();
    let log = File::create(nagios.0.join("log/daemon.log")).unwrap();
    let mut daemon = Command::new(NAGIOS);
    daemon.arg(nagios.0.join("nagios.cfg")).stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
    let daemon = Daemon(daemon.spawn().unwrap());

    let takeovers = stage.wait_for("third HARD call and one for a check that is missing", || {
        let calls = stage.calls("event_takeover");
        let missing = calls.iter().any(|c| c["--service"] == "twinguard-network-failover" && c["--state"] == "UNKNOWN");
        Some(calls).filter(|c| hard(c) >= 3 && missing)
    });
    let pipe = nagios.0.join("log/command");
    stage.wait_for("command pipe", || pipe.exists().then_some(()));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let send = |command: &str| write(&pipe, format!("[{}] {command}\n", now())).unwrap();
    send(&format!("SCHEDULE_FORCED_SVC_CHECK;pbx1;twinguard-disk;{}", now()));
    let mails = stage.wait_for("mails", || {
        let mails = stage.calls("notify_mail");
        let known = ["CRITICAL", "UP"].iter().all(|state| mails.iter().any(|mail| mail["-s"] == *state));
        if !known {
            send("SEND_CUSTOM_SVC_NOTIFICATION;pbx1;twinguard-disk;2;an admin;-dash 'and' $quotes");
            send("SEND_CUSTOM_HOST_NOTIFICATION;pbx1;2;an admin;-dash 'and' $quotes");
        }
        known.then_some(mails)
    });
    drop(daemon);

    assert!(takeovers.iter().any(|c| c["--state-type"] == "SOFT"), "SOFT states are passed on too");
    for call in &takeovers {
        assert!(call["--service"] == "twinguard-master-alive" || call["--state"] == "UNKNOWN", "a check that can't look is not CRITICAL: {call:?}");
        let flags = ["--host", "--downtime-depth", "--host-downtime-depth", "--flapping"];
        assert_eq!(values(call, &flags), ["pbx1", "0", "0", "absent"], "{call:?}");
        assert!(call["--attempt"].parse::<u32>().is_ok_and(|n| (1..=3).contains(&n)), "{call:?}");
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - call["--last-check"].parse::<f64>().unwrap();
        assert!((-1.0..60.0).contains(&age), "{call:?}: {age} s old");
    }
    let about = |state: &str| mails.iter().find(|mail| mail["-s"] == state).unwrap();
    let (service, host) = (about("CRITICAL"), about("UP"));
    // Nagios takes the signs of illegal_macro_output_chars out of what comes from outside, and the shell sees the rest quoted.
    let flags = ["-e", "-u", "-l", "-n", "-t", "-r", "-b", "-c", "-o"];
    let expected = [
        "twinguard-disk",
        "Disk space",
        "pbx1",
        "pbx1",
        "CUSTOM",
        "admin@example.org",
        "an admin",
        "-dash and quotes",
        "DISK CRITICAL - / is full, its x",
    ];
    assert_eq!(values(service, &flags), expected);
    assert_eq!(values(host, &["-e", "-l", "-t", "-r", "-c"]), ["absent", "pbx1", "CUSTOM", "admin@example.org", "-dash and quotes"]);
}
