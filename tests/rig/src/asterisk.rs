//! A real Asterisk of Debian unstable in a root file system of its own, on ports of its own. Debian 12 has none, so it is built
//! once into a cache folder outside the repository (about half a minute, 0.4 GB).

use crate::daemon::{Daemon, Folder, free_tcp, listens_tcp, listens_udp};
use crate::lab::image::cache;
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const RECIPE: &str = include_str!("asterisk/image.sh");

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Modules that SIP, AMI and a call of its own need.
const MODULES: &[&str] = &[
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_authenticator_digest",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_outbound_registration",
    "res_pjsip_registrar",
    "res_timing_timerfd",
    "res_clioriginate",
    "pbx_config",
    "app_echo",
];

const ACCOUNTS: &str = "[mon]\nsecret = hunter2\ndeny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255\nread = system\n\
    write = system,reporting\n[weak]\nsecret = hunter2\nread =\nwrite =\n";

const PHONES: &str = "[100]\ntype = endpoint\ncontext = default\ndisallow = all\nallow = ulaw\nauth = 100\naors = 100\n\
    [100]\ntype = auth\nauth_type = userpass\nusername = 100\npassword = hunter2\n[100]\ntype = aor\nmax_contacts = 2\n\
    [trunk]\ntype = registration\nserver_uri = sip:127.0.0.1:9\nclient_uri = sip:mon@127.0.0.1:9\nretry_interval = 60\n";

/// The root file system, built if it is not there yet.
fn root() -> PathBuf {
    let folder = cache().join("images");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("asterisk-lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let root = folder.join("asterisk-sid");
    if !root.exists() {
        let half = folder.join("asterisk-half");
        let _ = fs::remove_dir_all(&half);
        build(&half);
        fs::rename(&half, &root).unwrap();
    }
    root
}

fn build(root: &Path) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", RECIPE, "image.sh"]).arg(root).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let proxy = Command::new("/usr/bin/apt-config").args(["dump", "Acquire::http::Proxy"]).output().unwrap();
    let proxy = String::from_utf8_lossy(&proxy.stdout).trim().to_owned();
    if proxy.contains("http") {
        command.env("APT_PROXY", proxy);
    }
    let mut child = command.spawn().unwrap();
    let source = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n";
    child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let tail: Vec<&str> = log.lines().rev().take(8).collect();
    assert!(output.status.success(), "Asterisk can't be had: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
}

/// A running Asterisk with the manager accounts `mon` and `weak` (no rights), the phone 100 and a trunk that nobody answers; every
/// secret is hunter2.
pub struct Asterisk {
    daemon: Daemon,
    root: PathBuf,
    home: String,
    sip: u16,
    ami: u16,
    _log: Folder,
}

impl Asterisk {
    /// Starts it.
    pub fn start() -> Self {
        let root = root();
        let home = format!("/tmp/twinguard-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let outside = root.join(home.trim_start_matches('/'));
        for folder in ["etc", "var", "run", "log", "spool"] {
            fs::create_dir_all(outside.join(folder)).unwrap();
        }
        let (sip, ami) = (free_tcp(), free_tcp());
        let modules: Vec<String> = MODULES.iter().map(|m| format!("load = {m}.so\n")).collect();
        for (name, text) in [
            (
                "asterisk.conf",
                format!(
                    "[directories]\nastetcdir => {home}/etc\nastmoddir => /usr/lib/x86_64-linux-gnu/asterisk/modules\nastvarlibdir => {home}/var\n\
                     astdbdir => {home}/var\nastkeydir => {home}/var\nastdatadir => /usr/share/asterisk\nastspooldir => {home}/spool\n\
                     astrundir => {home}/run\nastlogdir => {home}/log\n"
                ),
            ),
            ("modules.conf", format!("[modules]\nautoload = no\n{}", modules.concat())),
            ("logger.conf", "[logfiles]\nconsole = warning,error\n".to_owned()),
            ("manager.conf", format!("[general]\nenabled = yes\nport = {ami}\nbindaddr = 127.0.0.1\n{ACCOUNTS}")),
            (
                "pjsip.conf",
                format!(
                    "[udp]\ntype = transport\nprotocol = udp\nbind = 127.0.0.1:{sip}\n[tcp]\ntype = transport\nprotocol = tcp\nbind = 127.0.0.1:{sip}\n{PHONES}"
                ),
            ),
            ("extensions.conf", "[default]\nexten => 600,1,Answer()\n same => n,Echo()\n".to_owned()),
        ] {
            fs::write(outside.join("etc").join(name), text).unwrap();
        }
        let owned = Command::new("/usr/bin/chown").args(["-R", "65534:65534"]).arg(&outside).status();
        assert!(owned.unwrap().success());
        let log = Folder::new("asterisk");
        let command = Self::inside(&root, &home, &["-f"]);
        let daemon = Daemon::start(command, &log, || listens_tcp(ami) && listens_udp(sip) && listens_tcp(sip));
        let asterisk = Self { daemon, root, home, sip, ami, _log: log };
        asterisk.tell("core waitfullybooted");
        asterisk
    }

    fn inside(root: &Path, home: &str, args: &[&str]) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg("--userspec=65534:65534").arg(root).args(["/usr/sbin/asterisk", "-C"]).arg(format!("{home}/etc/asterisk.conf")).args(args);
        command
    }

    /// Runs a command of its console; the answer.
    pub fn tell(&self, command: &str) -> String {
        let output = Self::inside(&self.root, &self.home, &["-rx", command]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Port of SIP over UDP and TCP.
    pub fn sip(&self) -> u16 {
        self.sip
    }

    /// Port of the manager interface.
    pub fn ami(&self) -> u16 {
        self.ami
    }

    /// Freezes it: the kernel accepts, nobody answers.
    pub fn freeze(&self) {
        self.daemon.signal("-STOP");
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.daemon.signal("-KILL");
        let _ = fs::remove_dir_all(self.root.join(self.home.trim_start_matches('/')));
    }
}
