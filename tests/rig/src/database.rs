//! Real database servers for tests: MariaDB and PostgreSQL from Debian's packages, as their own unprivileged users, on free
//! loopback ports, with their data in temporary folders. They end with their values, and with the thread that started them.
//!
//! Refuses to judge: it starts, breaks and heals.

mod mariadb;
mod postgresql;
mod relay;

pub use mariadb::Mariadb;
pub use postgresql::Postgresql;
pub use relay::{Relay, Wire};

use crate::process::{Done, run};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for any event.
const BOUND: Duration = Duration::from_secs(30);

/// A temporary folder, gone with its value.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new one that belongs to `user`.
    ///
    /// # Panics
    /// If there is no such user.
    pub fn new(user: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!("twinguard-{user}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst)));
        std::fs::create_dir_all(&path).unwrap();
        must("/usr/bin/chown", &[user, path.to_str().unwrap()]);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server's process.
struct Process(Child);

impl Process {
    /// Starts `program` as `user`; it dies with the thread that starts it.
    fn start(user: &str, program: &str, args: &[String], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "KILL", program]).args(args);
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        Self(child.unwrap())
    }

    fn signal(&self, signal: &str) {
        must("/usr/bin/kill", &[signal, &self.0.id().to_string()]);
    }

    fn ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the server answers; false = it has ended by itself, for instance because somebody else took its port.
fn answers(process: &mut Process, probe: impl Fn() -> bool) -> bool {
    let mut alive = true;
    wait_for("database server that answers", || {
        alive = !process.ended();
        !alive || probe()
    });
    alive
}

/// Runs a program that has to succeed; its standard output.
fn must(program: &str, args: &[&str]) -> String {
    let Done { code, stdout, stderr } = run(Path::new(program), args);
    assert_eq!(code, Some(0), "{program} {args:?}: {stdout}{stderr}");
    stdout
}

/// A port that was free a moment ago, on IPv4 and IPv6.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits for an event.
///
/// # Panics
/// If it has not come within 30 s.
pub fn wait_for(what: &str, mut seen: impl FnMut() -> bool) {
    let start = Instant::now();
    while !seen() {
        assert!(start.elapsed() < BOUND, "no {what} within {BOUND:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
