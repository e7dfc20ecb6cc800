//! The way back from the mailer to a real Icinga 2: what was given up becomes a CRITICAL service, that becomes a mail again, and both
//! end together. The mailer has its own user and the groups that its unit gives it, the pipe's folder the rights that Debian gives.

use crate::icinga::Icinga;
use crate::stand_in::{Daemon, Stage, values};
use crate::top;
use rig::process::{Done, binary, run};
use rig::smtp::{Certs, Sink};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A user that is nobody else's.
const USER: &str = "64810";

/// An Icinga with the mailer's service, and a mailer that reports to it.
struct Pair {
    icinga: Icinga,
    stage: Stage,
    sink: Sink,
    mailer: Mailer,
}

/// What is needed to run the mailer.
struct Mailer {
    folder: PathBuf,
    program: PathBuf,
}

impl Mailer {
    /// One delivery run with these groups.
    fn deliver(&self, groups: &str) -> Done {
        let user = [format!("--reuid={USER}"), format!("--regid={USER}"), format!("--groups={groups}")];
        let mut args: Vec<&str> = user.iter().map(String::as_str).collect();
        let (config, spool) = (self.folder.join("cluster.toml"), self.folder.join("spool"));
        args.extend([self.program.to_str().unwrap(), "--config", config.to_str().unwrap(), "--spool", spool.to_str().unwrap()]);
        args.extend(["--deliver", "--flush", "--timeout", "10"]);
        run(Path::new("/usr/bin/setpriv"), &args)
    }

    /// The only file in a folder of the spool.
    fn only(&self, folder: &str) -> PathBuf {
        let entries = fs::read_dir(self.folder.join("spool").join(folder)).unwrap().map(|e| e.unwrap().path());
        let files: Vec<PathBuf> = entries.filter(|p| !p.file_name().unwrap().as_encoded_bytes().starts_with(b".")).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

fn sh(script: &str) {
    let done = run(Path::new("/bin/sh"), &["-ec", script]);
    assert_eq!(done.code, Some(0), "{script}: {done:?}");
}

fn pair() -> Pair {
    let node = plugin_core::host::nodename();
    // As the shipped example has it.
    let example = fs::read_to_string(top().join("icinga-conf/icinga2/example/hosts.conf.example")).unwrap();
    let service: String = example
        .lines()
        .skip_while(|line| !line.starts_with("// object Service"))
        .take_while(|line| line.starts_with("//"))
        .map(|line| format!("{}\n", line.trim_start_matches("//")))
        .collect();
    assert!(service.contains("twinguard-mail"), "{example}");
    let pipe = "object NotificationComponent \"notification\" { }\nobject CheckerComponent \"checker\" { }\n\
                object ExternalCommandListener \"command\" { command_path = InitRunDir + \"/cmd/icinga2.cmd\" }\n";
    let hosts = top().join("icinga-conf/icinga2/example/hosts.conf.example");
    let icinga = Icinga::of(&hosts, &node, &format!("{service}{pipe}"));
    assert_eq!(icinga.validate(), Done { code: Some(0), stdout: String::new(), stderr: String::new() });
    let folder = icinga.0.join("mailer");
    let work = folder.display();
    // As Icinga's prepare-dirs and the mailer's tmpfiles.d make them; other users may pass through the folders above.
    sh(&format!(
        "install -d -m 2750 -o nagios -g www-data {0}/run/cmd; chmod 755 {0} {0}/run; mkdir {work}
         install -d -m 0710 -o {USER} -g nagios {work}/spool; install -d -m 3730 -o {USER} -g nagios {work}/spool/incoming",
        icinga.0.display()
    ));
    let certs = Certs::make(&folder.join("certs"), &["127.0.0.1"]);
    let sink = Sink::start("127.0.0.1:0", &folder.join("sink"), &certs, None);
    let program = folder.join("notify_mail");
    fs::copy(binary("notify_mail"), &program).unwrap();
    let config = format!(
        "name = \"pbx\"\n[notify]\nfrom = \"twinguard@example.org\"\nto = [\"admin@example.org\"]\nrelays = [\"smtp://127.0.0.1:{}\"]\nca = \"{}\"\n\
         passive = \"{}\"\n",
        sink.port(),
        certs.ca().display(),
        icinga.0.join("run/cmd/icinga2.cmd").display()
    );
    fs::write(folder.join("cluster.toml"), config).unwrap();
    let stage = Stage::new(&icinga.0);
    let bin = stage.bin().display().to_string();
    fs::write(icinga.0.join("constants.conf"), format!("const TwinguardPluginDir = \"{bin}\"\nconst TwinguardLibDir = \"{bin}\"\n")).unwrap();
    Pair { icinga, stage, sink, mailer: Mailer { folder, program } }
}

#[test]
fn a_mail_that_was_given_up_is_a_critical_service_until_it_is_removed() {
    let Pair { icinga, stage, sink, mailer } = pair();
    // Icinga's notifications go into the same spool, as its user.
    stage.play(
        "notify_mail",
        &format!("case \"$*\" in *twinguard-mail*) exec {} --spool {}/spool \"$@\" ;; esac", mailer.program.display(), mailer.folder.display()),
    );
    let _daemon = Daemon(icinga.start());
    stage.wait_for("command pipe", || icinga.0.join("run/cmd/icinga2.cmd").exists().then_some(()));
    let deliver = || {
        let done = mailer.deliver("nagios,www-data");
        assert_eq!((done.code, done.stderr.contains("passive")), (Some(0), false), "{done:?}");
        done
    };

    // A relay that never takes a mail, until it is given up.
    sink.behave(&json!({"mail": "451 4.3.0 not now"}));
    let event = json!({
        "schema": 1, "id": "a1.1", "incident": "a1", "kind": "takeover", "severity": "CRITICAL", "cluster": "pbx", "node": "pbx2",
        "at_ms": 1_795_300_867_123_i64, "summary": "pbx2 took over from pbx1", "details": [], "actions": [], "timeline": [], "nodes": []
    });
    fs::write(mailer.folder.join("spool/incoming/a1.1.json"), event.to_string()).unwrap();
    // Debian's folder lets nobody else in; that is said, and costs no mail.
    let done = mailer.deliver("nagios");
    assert!(done.code == Some(0) && done.stderr.contains("[notify] passive: cannot write to ") && done.stderr.contains("denied"), "{done:?}");
    let queued = mailer.only("queue");
    let mut mail: Value = serde_json::from_slice(&fs::read(&queued).unwrap()).unwrap();
    mail["created_ms"] = json!(mail["created_ms"].as_i64().unwrap() - 5 * 24 * 3_600_000 - 1);
    fs::write(&queued, mail.to_string()).unwrap();
    assert!(deliver().stderr.contains("given up after 5 days"));
    let given_up = mailer.only("failed");

    // Two results make the state hard; Icinga's notification is a mail that waits for the relay like any other.
    let told = |state: &str| {
        stage.wait_for("notification", || {
            deliver();
            sink.mails().into_iter().find(|mail| mail.subject().starts_with(&format!("[pbx {state}] Mails of this node")))
        })
    };
    sink.behave_well();
    let problem = told("CRITICAL");
    assert!(
        problem.subject().ends_with(": 1 not delivered, 0 waiting; read and remove the files in …") || problem.text().contains("1 not delivered")
    );
    assert!(problem.text().contains("read and remove the files in"), "{}", problem.text());

    fs::remove_file(given_up).unwrap();
    let recovery = told("OK");
    assert!(recovery.text().contains("nothing given up"), "{}", recovery.text());
    assert_eq!(recovery.header("In-Reply-To"), problem.header("Message-ID"));
}

#[test]
fn a_mailer_that_is_silent_is_unknown() {
    // The same service with less patience.
    let Pair { icinga, stage, .. } = pair();
    let file = icinga.0.join("twinguard/mail.conf");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("_interval = 5m").count(), 2);
    fs::write(&file, text.replace("_interval = 5m", "_interval = 1s")).unwrap();
    stage.note("notify_mail");
    let _daemon = Daemon(icinga.start());
    let call = stage.wait_for("notification", || stage.calls("notify_mail").into_iter().find(|call| call["-e"] == "twinguard-mail"));
    assert_eq!(values(&call, &["-t", "-s"]), ["PROBLEM", "UNKNOWN"]);
    assert!(call["-o"].starts_with("MAIL UNKNOWN - the mailer has not reported for 5 minutes: systemctl status twinguard-mail.timer"), "{call:?}");
}
