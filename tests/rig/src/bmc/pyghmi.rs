//! A BMC of pyghmi's server class (a Python library of another origin than `ipmi_sim`), in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const NODE: &str = include_str!("pyghmi_node.py");
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A running node. Accounts: admin/s3cr3t, oper/operpass, ro/ropass, all alike: it knows no privilege levels. Suite 3 only.
pub struct Pyghmi {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

/// The Python that `tests/run` has put pyghmi and sushy-tools into, beside the test programs or where `$TWINGUARD_PYTHON` says.
pub fn python() -> PathBuf {
    let beside = || std::env::current_exe().ok().and_then(|exe| exe.ancestors().map(|at| at.join("python/bin/python")).find(|p| p.exists()));
    let found = std::env::var_os("TWINGUARD_PYTHON").map(PathBuf::from).or_else(beside);
    found.expect("target/python with pyghmi and sushy-tools; tests/run build makes it")
}

impl Pyghmi {
    /// Starts it on 127.0.0.1 or `::1` and waits until it listens.
    pub fn start(ipv6: bool, kg: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(format!("twinguard-pyghmi-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&folder).expect("a folder");
        let power = folder.join("power");
        fs::write(&power, "1").expect("a file");
        // Its own wake-up calls fail on a socket of the old family.
        let (bind, ip) = if ipv6 { ("::1", "::1") } else { ("::ffff:127.0.0.1", "127.0.0.1") };
        let mut child = Command::new(python())
            .args(["-c", NODE, bind])
            .args([power.as_path(), Path::new(kg.unwrap_or_default())])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Python");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("pyghmi says {line:?} instead of its port; tests/run build installs it"));
        Pyghmi { child, folder, address: SocketAddr::new(ip.parse().expect("an address"), port) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The power as it keeps it.
    pub fn is_on(&self) -> bool {
        fs::read_to_string(self.folder.join("power")).expect("its file").trim() == "1"
    }
}

impl Drop for Pyghmi {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
