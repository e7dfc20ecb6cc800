//! A real SMTP server for tests (aiosmtpd under Debian's Python): STARTTLS or implicit TLS with certificates made on the
//! spot, and every misbehaviour that a relay is known for. Keeps what it received as files. Refuses to judge a mail.

mod certs;
pub mod mta;
mod received;

pub use certs::Certs;
pub use received::Received;

use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("smtp/sink.py");

/// How TLS begins at the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// By STARTTLS, which the sink requires.
    StartTls,
    /// With the first byte.
    Implicit,
}

/// A running sink; ends with its value.
pub struct Sink {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Sink {
    /// Starts a sink with STARTTLS on `addr` (`127.0.0.1:0` for a free port), which keeps its mails in `folder`; in the
    /// network namespace `inside` if one is given. Returns when it listens.
    pub fn start(addr: &str, folder: &Path, certs: &Certs, inside: Option<&Path>) -> Sink {
        Self::start_with(addr, folder, certs, inside, Begin::StartTls)
    }

    /// The same, with a choice how TLS begins.
    pub fn start_with(addr: &str, folder: &Path, certs: &Certs, inside: Option<&Path>, begin: Begin) -> Sink {
        fs::create_dir_all(folder).unwrap();
        let script = folder.join("sink.py");
        fs::write(&script, SCRIPT).unwrap();
        let _ = fs::remove_file(folder.join("port"));
        let mut command = match inside {
            None => Command::new("/usr/bin/python3"),
            Some(namespace) => {
                let mut command = Command::new("/usr/bin/nsenter");
                command.arg(format!("--net={}", namespace.display())).arg("/usr/bin/python3");
                command
            }
        };
        let begin = if begin == Begin::Implicit { "wrapped" } else { "starttls" };
        command.arg(&script).arg(folder).arg(addr).arg(certs.cert()).arg(certs.key()).arg(begin);
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut sink = Sink { child, folder: folder.to_owned(), port: 0 };
        let end = Instant::now() + Duration::from_secs(20);
        while sink.port == 0 {
            if let Ok(Some(status)) = sink.child.try_wait() {
                panic!("the SMTP sink ended ({status}); is python3-aiosmtpd installed? {}", sink.log());
            }
            assert!(Instant::now() < end, "the SMTP sink does not listen: {}", sink.log());
            sink.port = fs::read_to_string(folder.join("port")).ok().and_then(|t| t.parse().ok()).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(10));
        }
        sink
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Changes its behaviour from the next command on; `{}` = well-behaved. Keys: `rcpt` {address: answer}, `data`, `mail`:
    /// answer; `hang`, `close`: stage (`banner`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, `message`, `quit`, and `reply`
    /// for `hang`: kept, but not said); `drip`: a hang that sends a byte now and then; `slow`: seconds before a mail's last reply; `lose_reply`; `most` \[mails, answer to the
    /// next in the same session, or null to close it\]; `after`: the faults begin when so many mails are kept in all; `run`: a
    /// number that is kept with each mail. From the next connection on: `login` \[user, password\], `only_login` (no AUTH PLAIN),
    /// `no_starttls`, `no_utf8`.
    pub fn behave(&self, mode: &Value) {
        let hidden = self.folder.join(".mode.json");
        fs::write(&hidden, mode.to_string()).unwrap();
        fs::rename(hidden, self.folder.join("mode.json")).unwrap();
    }

    /// Behaves well again.
    pub fn behave_well(&self) {
        self.behave(&Value::Object(Map::new()));
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        fs::metadata(self.folder.join("connections")).map_or(0, |m| m.len())
    }

    /// Mails that it has kept so far.
    pub fn kept(&self) -> usize {
        let entries = fs::read_dir(&self.folder).unwrap().flatten();
        entries.filter(|e| e.path().extension().is_some_and(|x| x == "eml") && !e.file_name().as_encoded_bytes().starts_with(b".")).count()
    }

    /// Connections whose server side is not closed yet.
    pub fn open(&self) -> usize {
        let ours = format!(":{:04X}", self.port);
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let states = table.lines().filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().filter(|local| local.ends_with(&ours))?;
            fields.nth(1)
        });
        // ESTABLISHED and CLOSE_WAIT.
        states.filter(|state| ["01", "08"].contains(state)).count()
    }

    /// Whether a session hangs, or hung, on demand.
    pub fn hung(&self) -> bool {
        self.folder.join("hung").exists()
    }

    /// The mails so far, in the order of arrival.
    pub fn mails(&self) -> Vec<Received> {
        received::read(&self.folder)
    }

    /// Waits for a mail that `wanted` accepts, at most `bound`.
    pub fn wait_for(&self, wanted: impl Fn(&Received) -> bool, bound: Duration) -> Option<Received> {
        let end = Instant::now() + bound;
        loop {
            if let Some(found) = self.mails().into_iter().find(&wanted) {
                return Some(found);
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
