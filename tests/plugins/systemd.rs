//! A real systemd without a boot: a manager of its own in mount, process and cgroup namespaces, to which `systemctl` speaks
//! there as if it were the machine's. Units are those that the test writes.

use rig::process::Done;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// One manager at a time: each takes the root of the control groups for its own, and would remove another's groups.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs as process 1 of the namespaces. The manager is a "user" one only in its own eyes: its socket is where the system's is.
const SCRIPT: &str = r#"
mount -t proc proc /proc
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
mount -t cgroup2 none /sys/fs/cgroup
XDG_RUNTIME_DIR=/run XDG_CONFIG_HOME="$1" unshare --cgroup /lib/systemd/systemd --user --unit=basic.target >"$1/log" 2>&1 &
echo $! >"$1/pid.new"; mv "$1/pid.new" "$1/pid"
wait
# The namespaces outlive a manager that was killed.
sleep infinity
"#;

/// A running manager; everything that it started ends with it.
pub struct Systemd {
    folder: PathBuf,
    unshare: Child,
    /// Freed last, once the manager has ended.
    _alone: MutexGuard<'static, ()>,
}

impl Systemd {
    /// Starts a manager that knows these units (name, text).
    ///
    /// # Panics
    /// If the machine can't do it.
    pub fn start(units: &[(&str, &str)]) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = std::env::temp_dir().join(format!("twinguard-systemd-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(folder.join("systemd/user")).unwrap();
        for (name, text) in units {
            std::fs::write(folder.join("systemd/user").join(name), text).unwrap();
        }
        let unshare = Command::new("/usr/bin/unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-e", "-c", SCRIPT, "sh"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("stderr")).unwrap())
            .spawn()
            .expect("unshare is missing: apt install util-linux");
        let systemd = Self { folder, unshare, _alone: alone };
        let start = Instant::now();
        while !systemd.ctl(&["is-active", "basic.target"]).stdout.starts_with("active") {
            let said = || ["stderr", "log"].map(|name| std::fs::read_to_string(systemd.folder.join(name)).unwrap_or_default()).concat();
            assert!(start.elapsed() < Duration::from_secs(20), "systemd does not come up: {}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
        systemd
    }

    /// A folder that the manager and the test share.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn inside(&self) -> Command {
        // Process 1 of the namespaces is the only child of unshare.
        let id = self.unshare.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let mut command = Command::new("/usr/bin/nsenter");
        command.args(["--target", children.split_whitespace().next().unwrap_or("0"), "--mount", "--pid"]).stdin(Stdio::null());
        command
    }

    /// Runs `program` where this manager is the machine's.
    ///
    /// # Panics
    /// If the machine can't do it.
    pub fn run(&self, program: &Path, args: &[&str]) -> Done {
        self.inside().arg(program).args(args).output().unwrap().into()
    }

    /// Runs `systemctl`.
    pub fn ctl(&self, args: &[&str]) -> Done {
        self.run(Path::new("/usr/bin/systemctl"), args)
    }

    /// Sends the manager itself a signal (`-STOP`, `-CONT`).
    ///
    /// # Panics
    /// If the machine can't do it.
    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).unwrap();
        assert_eq!(self.run(Path::new("/usr/bin/kill"), &[name, pid.trim()]).code, Some(0));
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // Process 1 dies with unshare (--kill-child), and with it everything in its namespace.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
