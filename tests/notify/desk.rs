//! What every test here needs: a folder of its own, a sink, a configuration, and the binary.

use rig::smtp::{Certs, Sink};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub const BIN: &str = env!("CARGO_BIN_EXE_notify_mail");
/// The binary, or the one that `TWINGUARD_MAILER` names: what is measured has to be the users' profile.
pub fn mailer() -> PathBuf {
    std::env::var_os("TWINGUARD_MAILER").map_or_else(|| BIN.into(), PathBuf::from)
}

/// Icinga's flags for a service problem.
pub const PROBLEM: &[&str] = &["-t", "PROBLEM", "-l", "pbx1", "-e", "twinguard-disk", "-s", "CRITICAL", "-o", "DISK CRITICAL - / 97% used"];

/// The test's place; removed at its end.
pub struct Desk {
    pub folder: PathBuf,
    pub certs: Certs,
    pub sink: Sink,
}

/// What a call left behind.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Desk {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = std::env::temp_dir().join(format!("twinguard-notify-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(folder.join("spool/incoming")).unwrap();
        let certs = Certs::make(&folder.join("certs"), &["127.0.0.1", "localhost"]);
        let sink = Sink::start("127.0.0.1:0", &folder.join("sink"), &certs, None);
        let desk = Desk { folder, certs, sink };
        desk.configure(&desk.relay(), &["admin@example.org"]);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The sink as a relay.
    pub fn relay(&self) -> Vec<String> {
        vec![format!("smtp://127.0.0.1:{}", self.sink.port())]
    }

    /// Writes a configuration with these relays and recipients, and the sink's authority.
    pub fn configure(&self, relays: &[String], to: &[&str]) {
        self.configure_with(relays, to, &format!("ca = \"{}\"\n", self.certs.ca().display()));
    }

    /// The same with the rest of `[notify]` as text. The fence table is broken on purpose: it is none of the mailer's.
    pub fn configure_with(&self, relays: &[String], to: &[&str], rest: &str) {
        let text =
            format!("name = \"pbx\"\nfence = \"broken\"\n[notify]\nfrom = \"twinguard@example.org\"\nto = {to:?}\nrelays = {relays:?}\n{rest}");
        fs::write(self.path("cluster.toml"), text).unwrap();
    }

    /// The binary with this desk's configuration and spool, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(mailer());
        command.arg("--config").arg(self.path("cluster.toml")).arg("--spool").arg(self.path("spool"));
        // Never the live agent's.
        command.arg("--status").arg(self.path("status.json")).args(args);
        command.env_clear().env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn call(&self, args: &[&str]) -> Done {
        finish(self.command(args).spawn().unwrap())
    }

    /// Calls as Icinga does; has to succeed silently.
    pub fn tell(&self, args: &[&str]) {
        let done = self.call(args);
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), "", ""));
    }

    /// One delivery run, which tries everything; has to end well.
    pub fn deliver(&self) -> Done {
        let done = self.call(&["--deliver", "--flush", "--timeout", "10"]);
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }

    /// Puts a cluster event where the agent puts it.
    pub fn event(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let mut event = takeover(id);
        change(&mut event);
        fs::write(self.path("spool/incoming").join(format!("{id}.json")), event.to_string()).unwrap();
    }

    /// File names in a folder of the spool.
    pub fn files(&self, folder: &str) -> Vec<String> {
        names(&self.path("spool").join(folder))
    }

    /// The only file of the queue.
    pub fn queued(&self) -> Value {
        let names = self.files("queue");
        assert_eq!(names.len(), 1, "{names:?}");
        serde_json::from_slice(&fs::read(self.path("spool/queue").join(&names[0])).unwrap()).unwrap()
    }

    /// Everything was delivered and nothing is left over.
    pub fn assert_empty(&self) {
        for folder in ["incoming", "queue", "failed"] {
            assert_eq!(self.files(folder), [""; 0], "{folder}");
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn finish(child: Child) -> Done {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    // What a run notes for the next one is no mail.
    let notes = [".begun", ".rate"];
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).filter(|n| !notes.contains(&n.as_str())).collect();
    names.sort();
    names
}

/// A whole takeover, as the agent tells it.
pub fn takeover(id: &str) -> Value {
    json!({
        "schema": 1, "id": id, "incident": "a1", "kind": "takeover", "severity": "CRITICAL", "cluster": "pbx", "node": "pbx2",
        "at_ms": 1_795_300_867_123_i64, "summary": "pbx2 took over from pbx1",
        "details": ["pbx1 silent on lan and heartbeat for 2.1 s", "198.51.100.11 read OFF twice"],
        "actions": ["twinguard status", "ssh pbx1 journalctl -b -1"],
        "timeline": [["confirmed", 2100], ["seen off", 3400], ["serving", 4200]],
        "nodes": [
            {"name": "pbx1", "role": "STANDBY, off", "light": "CRITICAL"},
            {"name": "pbx2", "role": "MASTER", "light": "OK"}
        ]
    })
}
