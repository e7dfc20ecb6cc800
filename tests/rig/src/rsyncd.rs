//! A real rsync daemon on loopback, in clear and behind stunnel as rsync-ssl wants it.

use crate::daemon::{Daemon, Folder, free_tcp, listens_tcp};
use crate::smtp::Certs;
use std::process::Command;

/// The daemon with the modules `open`, `closed` (login mon / hunter2), `hidden`, `gone` (its folder is not there), `denied` (no
/// host may use it), `full` (one connection at most).
pub struct Rsyncd {
    daemon: Daemon,
    port: u16,
    folder: Folder,
}

/// What its message of the day says: lines that look like answers and like modules.
const MOTD: &str = "Welcome to the backup\tserver\nOK\n@RSYNCD\n\n";

impl Rsyncd {
    /// Starts it on `address` (`127.0.0.1`, `::1`).
    pub fn start(address: &str) -> Self {
        let folder = Folder::new("rsyncd");
        let port = free_tcp();
        std::fs::create_dir_all(folder.path().join("data")).unwrap();
        let motd = folder.file("motd", MOTD, 0o644);
        let secrets = folder.file("secrets", "mon:hunter2\n", 0o600);
        let base = folder.path().display();
        let module = |name: &str, more: &str| format!("[{name}]\npath = {base}/data\n{more}\n");
        let text = format!(
            "port = {port}\naddress = {address}\nuse chroot = no\nmotd file = {}\nlock file = {base}/lock\n\
             pid file = {base}/pid\nlog file = {base}/rsyncd.log\n{}{}{}{}{}{}",
            motd.display(),
            module("open", "comment = for everybody"),
            module("closed", &format!("auth users = mon\nsecrets file = {}", secrets.display())),
            module("hidden", "list = no"),
            module("gone", &format!("path = {base}/nosuch")),
            module("denied", "hosts allow = 192.0.2.77"),
            module("full", "max connections = 1"),
        );
        let conf = folder.file("rsyncd.conf", &text, 0o644);
        let mut command = Command::new("/usr/bin/rsync");
        command.args(["--daemon", "--no-detach", "--config"]).arg(conf);
        let daemon = Daemon::start(command, &folder, || listens_tcp(port));
        Self { daemon, port, folder }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Freezes it: the kernel accepts, nobody answers.
    pub fn freeze(&self) {
        self.daemon.signal("-STOP");
    }

    /// A TLS entrance to it; ends with its value.
    pub fn behind_tls(&self, certs: &Certs) -> (Daemon, u16) {
        tunnel(self.port, certs, &self.folder)
    }
}

/// A TLS entrance (stunnel) to any TCP port of loopback, and its port; ends with its value.
pub fn tunnel(to: u16, certs: &Certs, folder: &Folder) -> (Daemon, u16) {
    let port = free_tcp();
    let text = format!(
        "foreground = yes\npid =\n[tunnel]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{to}\ncert = {}\nkey = {}\n",
        certs.cert().display(),
        certs.key().display()
    );
    let conf = folder.file("stunnel.conf", &text, 0o644);
    let mut command = Command::new("/usr/bin/stunnel4");
    command.arg(conf);
    (Daemon::start(command, folder, || listens_tcp(port)), port)
}
