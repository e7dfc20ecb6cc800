//! A real server as a child of the test: started by its path, watched until it is ready, ended by its id. Refuses to leave one
//! behind, also after a failed test.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of its own that everybody may enter, for the files of one server; gone with its value.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    pub fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("twinguard-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst)));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file with these access rights; its path.
    pub fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running server.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command`, whose output goes to a log in `folder`, and waits until `ready`.
    ///
    /// # Panics
    /// If the program is missing, ends, or is not ready within 20 s; with its log.
    pub fn start(mut command: Command, folder: &Folder, ready: impl Fn() -> bool) -> Self {
        let log = folder.path().join(format!("log-{}", NEXT.fetch_add(1, Ordering::SeqCst)));
        let out = fs::File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}; tests/run installs it", command.get_program().display()));
        let mut daemon = Self { child, log };
        let start = Instant::now();
        while !ready() {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                panic!("{} ended ({status}): {}", command.get_program().display(), daemon.log());
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{} is not ready: {}", command.get_program().display(), daemon.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    /// What it has written.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it, and the processes that it started, a signal by name (`-STOP`).
    pub fn signal(&self, name: &str) {
        for id in family(self.id()) {
            // One of them may have ended by itself.
            let _ = Command::new("/usr/bin/kill").args([name, &id.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.child.wait();
    }
}

/// A process and everything below it.
fn family(id: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|c| c.parse().ok()).flat_map(family);
    std::iter::once(id).chain(below).collect()
}

/// A UDP port of loopback on which nobody listens.
pub fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A TCP port of loopback on which nobody listens.
pub fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Does somebody listen on this UDP port of this machine? Nothing is sent.
pub fn listens_udp(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["/proc/net/udp", "/proc/net/udp6"].iter().any(|table| {
        let text = fs::read_to_string(table).unwrap_or_default();
        text.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&wanted)))
    })
}

/// Does somebody listen on this TCP port of this machine? Nobody is connected to.
pub fn listens_tcp(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let text = fs::read_to_string(table).unwrap_or_default();
        text.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1).is_some_and(|local| local.ends_with(&wanted)) && fields.get(3) == Some(&"0A")
        })
    })
}
