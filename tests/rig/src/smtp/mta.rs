//! Real mail servers for tests: Debian's Postfix and Exim, which want STARTTLS and a login and deliver into a maildir. They are
//! unpacked, not installed (each would remove the other, or the administrator's own), and run over this machine's files in
//! namespaces of their own. Refuses to relay anything to anywhere.

use super::Certs;
use crate::daemon::{Daemon, Folder, free_tcp, listens_tcp};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The only account.
pub const USER: &str = "twinguard";
/// Its password.
pub const PASSWORD: &str = "correct-horse-42";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postfix with Cyrus SASL; takes PLAIN and LOGIN.
    Postfix,
    /// Exim; takes PLAIN only.
    Exim,
}

/// A running server; ends with its value. `grey@example.org` is greylisted (4xx), `gone@example.org` does not exist (5xx).
pub struct Mta {
    daemon: Daemon,
    work: Folder,
    port: u16,
}

impl Mta {
    /// Starts one on a free port of 127.0.0.1 with this server certificate. Returns when it listens.
    pub fn start(kind: Kind, certs: &Certs) -> Self {
        let work = Folder::new("mta");
        let port = free_tcp();
        for folder in ["over", "inbox"] {
            fs::create_dir(work.path().join(folder)).unwrap();
        }
        std::os::unix::fs::chown(work.path().join("inbox"), Some(65534), Some(65534)).unwrap();
        let fill = |text: &str| {
            let text = text.replace("@PORT@", &port.to_string()).replace("@WORK@", &work.path().display().to_string());
            text.replace("@CERT@", "/etc/mta/server.pem").replace("@KEY@", "/etc/mta/server.key")
        };
        let put = |name: &str, text: &[u8]| {
            let path = work.path().join("configuration").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        };
        put("etc/mta/server.pem", &fs::read(certs.cert()).unwrap());
        put("etc/mta/server.key", &fs::read(certs.key()).unwrap());
        put("etc/postfix/main.cf", fill(include_str!("mta/postfix.cf")).as_bytes());
        put("etc/postfix/master.cf", fill(include_str!("mta/master.cf")).as_bytes());
        put("etc/postfix/sasl/smtpd.conf", b"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n");
        put("etc/exim4/exim4.conf", fill(include_str!("mta/exim.conf")).as_bytes());
        put("etc/exim4/password", PASSWORD.as_bytes());
        fs::write(work.path().join("enter.sh"), include_str!("mta/enter.sh")).unwrap();
        let program: &[&str] = match kind {
            Kind::Postfix => &[
                "/bin/sh",
                "-c",
                "saslpasswd2 -p -c -u mx.example.org twinguard </etc/exim4/password && chown postfix /etc/sasldb2 && exec postfix start-fg",
            ],
            Kind::Exim => &["/bin/sh", "-c", "chown Debian-exim /etc/mta/server.key /etc/exim4/password && exec exim4 -bdf"],
        };
        let mut command = Command::new("/usr/bin/unshare");
        // The first process takes everything below it along when it dies.
        command.args(["--mount", "--pid", "--fork", "--kill-child", "/bin/sh"]).arg(work.path().join("enter.sh"));
        command.arg(servers(kind)).arg(work.path().join("configuration")).arg(work.path()).args(program);
        let daemon = Daemon::start(command, &work, || listens_tcp(port));
        Self { daemon, work, port }
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has said.
    pub fn log(&self) -> String {
        let own = ["exim-main.log", "exim-reject.log", "exim-panic.log"];
        own.iter().fold(self.daemon.log(), |log, name| log + &fs::read_to_string(self.work.path().join(name)).unwrap_or_default())
    }

    /// The mails that it has delivered, with the headers that it added.
    pub fn inbox(&self) -> Vec<String> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.work.path().join("inbox/new")).map(|dir| dir.flatten().map(|e| e.path()).collect()).unwrap_or_default();
        paths.sort();
        paths.iter().map(|p| fs::read_to_string(p).unwrap()).collect()
    }

    /// Waits until it has delivered so many, at most a minute.
    ///
    /// # Panics
    /// If it has not by then; with its log.
    pub fn wait_for(&self, count: usize) -> Vec<String> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let mails = self.inbox();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < end, "{} of {count} mails were delivered: {}", mails.len(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where `tests/run` unpacks the server: in the target folder, three above the running test.
fn servers(kind: Kind) -> PathBuf {
    let (name, program) = match kind {
        Kind::Postfix => ("postfix", "usr/sbin/postfix"),
        Kind::Exim => ("exim", "usr/sbin/exim4"),
    };
    let path = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("servers").join(name);
    assert!(path.join(program).is_file(), "{} holds no {program}: tests/run build unpacks it", path.display());
    path
}
