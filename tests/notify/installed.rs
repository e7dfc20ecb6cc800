//! `twinguard notify test` as an administrator runs it: both programs, the configuration and the password where the README puts them,
//! in a mount namespace of its own, with a real Postfix and dead relays beside it.

use crate::desk::{Desk, Done, finish};
use rig::process::binary;
use rig::smtp::mta::{Kind, Mta, PASSWORD, USER};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Lays a folder's `usr` and `etc` over this machine's and runs the rest of the line there.
const ENTER: &str = "set -e
mount -t tmpfs tmpfs \"$1/over\"
for part in usr etc; do
    mkdir \"$1/over/$part\" \"$1/over/$part.work\"
    cp -a \"$1/$part/.\" \"$1/over/$part\"
    mount -t overlay -o \"lowerdir=/$part,upperdir=$1/over/$part,workdir=$1/over/$part.work\" overlay \"/$part\"
done
shift
exec \"$@\"";

/// An installation; its files are in a folder of the desk.
struct Installed {
    root: PathBuf,
}

impl Installed {
    /// With these relays, of which the desk's authority made the certificates.
    fn with(desk: &Desk, relays: &[String]) -> Self {
        let root = desk.path("installed");
        let put = |path: &str, from: &Path, mode: u32| {
            let to = root.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
        };
        fs::create_dir_all(root.join("over")).unwrap();
        put("usr/sbin/twinguard", &binary("twinguard"), 0o755);
        put("usr/lib/twinguard/notify_mail", &binary("notify_mail"), 0o755);
        put("etc/twinguard/relays.pem", &desk.certs.ca(), 0o644);
        fs::write(desk.path("password"), PASSWORD).unwrap();
        put("etc/twinguard/secret/relay", &desk.path("password"), 0o600);
        desk.configure_with(
            relays,
            &["admin@example.org"],
            &format!("ca = \"/etc/twinguard/relays.pem\"\nuser = \"{USER}\"\nsecret = \"/etc/twinguard/secret/relay\"\n"),
        );
        put("etc/twinguard/cluster.toml", &desk.path("cluster.toml"), 0o644);
        Self { root }
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", ENTER, "sh"]).arg(&self.root).arg("/usr/sbin/twinguard").args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    }
}

#[test]
fn the_administrator_is_told_of_each_relay_and_a_script_by_the_exit_code() {
    let desk = Desk::new();
    let postfix = Mta::start(Kind::Postfix, &desk.certs);
    let good = format!("smtp://127.0.0.1:{}", postfix.port());
    // The desk's own server says no, the next port is closed, the last name has no address.
    desk.sink.behave(&json!({"login": [USER, PASSWORD], "rcpt": {"admin@example.org": "550 5.1.1 no such mailbox"}}));
    let relays = [good.clone(), desk.relay()[0].clone(), "smtps://127.0.0.1:1".to_owned(), "smtp://relay.invalid".to_owned()];
    let installed = Installed::with(&desk, &relays);
    let done = installed.run(&["notify", "test"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    let lines: Vec<&str> = done.stderr.lines().collect();
    let expected = [
        "twinguard: failed: ".to_owned(),
        format!("good    {good} for admin@example.org"),
        format!("FAILED  {} for admin@example.org: RCPT TO: ", relays[1]),
        format!("FAILED  {} for admin@example.org: connect: ", relays[2]),
        format!("FAILED  {}:25 for admin@example.org: cannot reach relay.invalid: the name has no address", relays[3]),
        "notify_mail: not every way took the message".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{done:?}");
    for (line, begin) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin), "{line:?} has to begin with {begin:?}");
    }
    assert!(lines[2].contains("5.1.1 no such mailbox") && lines[3].contains("refused") && !done.stderr.contains(PASSWORD), "{done:?}");
    // What is called good has arrived.
    assert!(postfix.wait_for(1)[0].contains("\nSubject: [pbx TEST] test message from "));

    let done = Installed::with(&desk, &relays[..1]).run(&["notify", "test"]);
    assert_eq!((done.code, done.stdout, done.stderr.as_str()), (Some(0), format!("good    {good} for admin@example.org\n"), ""));
    assert_eq!(postfix.wait_for(2).len(), 2);
}

#[test]
fn what_is_missing_is_named() {
    let desk = Desk::new();
    let installed = Installed::with(&desk, &desk.relay());
    for (path, said) in [
        ("etc/twinguard/secret/relay", "cannot read /etc/twinguard/secret/relay"),
        ("etc/twinguard/cluster.toml", "cannot read /etc/twinguard/cluster.toml"),
        ("usr/lib/twinguard/notify_mail", "cannot run /usr/lib/twinguard/notify_mail"),
    ] {
        fs::remove_file(installed.root.join(path)).unwrap();
        let done = installed.run(&["notify", "test"]);
        assert!(done.code == Some(1) && done.stderr.contains(said), "{path}: {done:?}");
    }
    assert_eq!((installed.run(&["notify", "tset"]).code, desk.sink.connections()), (Some(3), 0));
}
