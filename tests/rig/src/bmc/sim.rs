//! `ipmi_sim` (Debian: openipmi) on a loopback port of its own, with a hook that keeps the power in a file.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Get Channel Authentication Capabilities outside a session: what a BMC that is up answers.
const KNOCK: [u8; 23] = [6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xc8, 0x81, 0, 0x38, 0x8e, 0x04, 0xb5];

/// A running `ipmi_sim`. Users: admin/s3cr3t, oper/operpass (operator), ro/ropass (user). GUID a1234567 89abcdef twice.
pub struct IpmiSim {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl IpmiSim {
    /// Starts it on 127.0.0.1 and waits until it answers.
    pub fn start() -> Self {
        Self::start_at(IpAddr::V4(Ipv4Addr::LOCALHOST), None)
    }

    /// Starts it on any loopback address, with a Kg of at most 19 letters (it takes no longer ones).
    pub fn start_at(ip: IpAddr, kg: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(format!("twinguard-sim-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        // The port may be taken between our look and its bind: then it ends, and another port is tried.
        for _ in 0..10 {
            let free = UdpSocket::bind((ip, 0)).and_then(|s| s.local_addr()).expect("a free port");
            let mut sim = IpmiSim { child: launch(&folder, free, kg), folder: folder.clone(), address: free };
            if sim.answers() {
                return sim;
            }
        }
        panic!("ipmi_sim does not start; try: apt-get install openipmi; folder {}", folder.display());
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The power as the hook keeps it.
    pub fn is_on(&self) -> bool {
        fs::read_to_string(self.folder.join("power")).expect("the hook's file").trim() == "1"
    }

    /// Accept commands, do nothing.
    pub fn make_stuck(&self) {
        fs::write(self.folder.join("stuck"), "").expect("a file");
    }

    fn answers(&mut self) -> bool {
        let socket = UdpSocket::bind((self.address.ip(), 0)).expect("a socket");
        socket.connect(self.address).expect("a loopback peer");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) && self.child.try_wait().expect("our child").is_none() {
            // Until it listens the kernel refuses.
            let _ = socket.send(&KNOCK);
            if socket.recv(&mut [0; 256]).is_ok() {
                return true;
            }
        }
        false
    }
}

impl Drop for IpmiSim {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn launch(folder: &std::path::Path, address: SocketAddr, kg: Option<&str>) -> Child {
    let (at, ip, port) = (folder.display(), address.ip(), address.port());
    let kg = kg.map_or_else(String::new, |kg| format!(" bmc_key \"{kg}\"\n"));
    let lan = format!(
        "name \"node\"\nset_working_mc 0x20\nstartlan 1\n addr {ip} {port}\n{kg} priv_limit admin\n\
         allowed_auths_callback none md2 md5 straight\n allowed_auths_user none md2 md5 straight\n\
         allowed_auths_operator none md2 md5 straight\n allowed_auths_admin none md2 md5 straight\n\
         guid a123456789abcdefa123456789abcdef\nendlan\nchassis_control \"{at}/hook\"\n\
         user 2 true \"admin\" \"s3cr3t\" admin 10 none md2 md5 straight\n\
         user 3 true \"oper\" \"operpass\" operator 10 none md2 md5 straight\n\
         user 4 true \"ro\" \"ropass\" user 10 none md2 md5 straight\n"
    );
    let emulation = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n";
    let hook = format!(
        "#!/bin/sh\n\
         case $1 in\n\
         get) shift; for p in \"$@\"; do [ \"$p\" = power ] && echo power:$(cat {at}/power) || echo $p:0; done ;;\n\
         set) [ \"$2\" = power ] && [ ! -e {at}/stuck ] && echo $3 >{at}/power.new && mv {at}/power.new {at}/power ;;\n\
         esac\n\
         exit 0\n"
    );
    let hook_path = folder.join("hook");
    // Anew at each try: one that did not start took its folder with it.
    fs::create_dir_all(folder.join("state")).expect("a folder");
    fs::write(folder.join("lan.conf"), lan).expect("a file");
    fs::write(folder.join("sim.emu"), emulation).expect("a file");
    fs::write(folder.join("power"), "1\n").expect("a file");
    fs::write(&hook_path, hook).expect("a file");
    fs::set_permissions(&hook_path, fs::Permissions::from_mode(0o755)).expect("a mode");
    Command::new("ipmi_sim")
        .args(["-n", "-c"])
        .arg(folder.join("lan.conf"))
        .arg("-f")
        .arg(folder.join("sim.emu"))
        .arg("-s")
        .arg(folder.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ipmi_sim; try: apt-get install openipmi")
}
