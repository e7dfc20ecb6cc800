//! The Redfish emulator sushy-tools with its fake driver, which obeys later than it answers: a peer that shares
//! no mistake with the rig's own service.

use super::{COUNT, PASSWORD, USER, UUID};
use crate::bmc::python;
use crate::smtp::Certs;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

/// "s3cr3t" as bcrypt has it.
const HASH: &str = "$2y$04$QEd7dOnRqzWljTRgVnltSe/vvZGpjeiWPHnz9aBUtgc33XyDFBiQ6";
/// The emulator's own start; an off takes up to 2 seconds instead of a random number up to 11.
const START: &str = "import random, sys
random.randint = lambda least, most: 2
from sushy_tools.emulator.main import main
sys.exit(main())";
/// UUID of a second system.
pub const OTHER: &str = "b1234567-89ab-cdef-a123-456789abcdef";

/// A running emulator on 127.0.0.1; a system that is on, and perhaps a second one. User and password as the rig's own service.
pub struct Sushy {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Sushy {
    /// Starts it and waits until it listens.
    pub fn start(systems: usize) -> Self {
        assert_eq!(PASSWORD, "s3cr3t", "the hash belongs to it");
        let folder = std::env::temp_dir().join(format!("twinguard-sushy-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let certs = Certs::make(&folder, &["127.0.0.1"]);
        let place = |name: &str| folder.join(name).display().to_string();
        fs::create_dir(folder.join("state")).unwrap();
        fs::write(folder.join("users"), format!("{USER}:{HASH}\n")).unwrap();
        let system = |(uuid, name): (&str, &str)| {
            let uuid = uuid.to_lowercase();
            format!("{{'uuid': '{uuid}', 'name': '{name}', 'power_state': 'On', 'external_notifier': False, 'nics': []}}")
        };
        let systems: Vec<String> = [(UUID, "n1"), (OTHER, "n2")].into_iter().take(systems).map(system).collect();
        let text = format!(
            "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = 0\nSUSHY_EMULATOR_SSL_CERT = '{}'\nSUSHY_EMULATOR_SSL_KEY = '{}'\n\
             SUSHY_EMULATOR_AUTH_FILE = '{}'\nSUSHY_EMULATOR_STATE_DIR = '{}'\nSUSHY_EMULATOR_FAKE_DRIVER = True\nSUSHY_EMULATOR_FAKE_SYSTEMS = [{}]\n",
            certs.cert().display(),
            certs.key().display(),
            place("users"),
            place("state"),
            systems.join(", ")
        );
        fs::write(folder.join("sushy.conf"), text).unwrap();
        let mut child = Command::new(python())
            .args(["-c", START, "--config", &place("sushy.conf")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("target/python with sushy-tools; tests/run build makes it");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("https://").and_then(|(_, rest)| rest.trim().parse().ok()));
        // Nobody may make it wait for room in its pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Sushy { child, folder, address: address.expect("an emulator that says where it listens") }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Asks it as an administrator does, with `curl`: the `PowerState` of a system.
    pub fn power(&self, uuid: &str) -> String {
        let url = format!("https://{}/redfish/v1/Systems/{}", self.address, uuid.to_lowercase());
        let output = Command::new("curl").args(["-s", "--fail", "-u", &format!("{USER}:{PASSWORD}"), "--cacert"]).arg(self.ca()).arg(url).output();
        let output = output.expect("try: apt-get install curl");
        let body: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        body["PowerState"].as_str().expect("a PowerState").to_owned()
    }
}

impl Drop for Sushy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
