//! From `cluster.toml` to a fence that works on a BMC.

use fence::power::{FenceFailure, Power, Times, Watch, fence, switches};
use plugin_core::cluster::Cluster;
use plugin_core::host::System;
use rig::bmc::{Bmc, Mind};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PBX: &str = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml");
pub const TIMES: Times = Times { off_gap: Duration::from_millis(500), budget: Duration::from_secs(10) };

/// Forbids nothing.
pub struct Anything;

impl Watch for Anything {
    fn may_send(&mut self, _: u8, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn accepted(&mut self, _: u8, _: &str) {}
    fn read(&mut self, _: u8, _: &str, _: Power) {}
    fn note(&mut self, _: &str) {}
    fn peer_answers(&mut self) -> bool {
        false
    }
}

/// The shipped example with these devices instead of its own: the text, and what it says.
pub fn cluster_with(devices: &str) -> (String, Cluster) {
    let (head, rest) = PBX.split_once("[[fence.device]]").unwrap();
    let text = format!("{head}{devices}[limits]{}", rest.split_once("[limits]").unwrap().1);
    let cluster = Cluster::parse(&text).unwrap();
    (text, cluster)
}

/// The shipped example with one device: this BMC, this user, a secret file.
fn cluster(bmc: &Bmc, user: &str, secret: &Path) -> Cluster {
    let device = format!(
        "[[fence.device]]\ntarget = \"pbx1\"\ndriver = \"ipmi\"\naddress = \"127.0.0.1\"\nport = {}\nuser = \"{user}\"\nsecret = \"{}\"\n\
         identity = \"guid:a1234567-89ab-cdef-a123-456789abcdef\"\n",
        bmc.address().port(),
        secret.display()
    );
    cluster_with(&device).1
}

fn secret(name: &str, mode: u32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("twinguard-switches-{}-{name}", std::process::id()));
    fs::write(&path, "operpass\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_configured_pair_fences_with_an_operator_account() {
    let (bmc, secret, host) = (Bmc::start(Mind::default()), secret("good", 0o600), System::new(None));
    let cluster = cluster(&bmc, "oper", &secret);
    let levels = switches(&cluster, "pbx1", &host).unwrap();
    let proof = fence(&host, "pbx1", levels, TIMES, &mut Anything).unwrap();
    assert_eq!((proof.target(), bmc.mind().on, bmc.mind().controls.as_slice()), ("pbx1", false, &[0][..]));
    assert!(switches(&cluster, "pbx2", &host).unwrap().is_empty(), "no device, no level");
    // The addresses crossed (row 27 of the failure matrix): the device is somebody else's.
    let other = Bmc::start(Mind { guid: [0xb1; 16], ..Mind::default() });
    let levels = switches(&self::cluster(&other, "oper", &secret), "pbx1", &host).unwrap();
    assert!(matches!(fence(&host, "pbx1", levels, TIMES, &mut Anything), Err(FenceFailure::Identity(_))));
    assert_eq!((other.mind().on, other.mind().controls.len()), (true, 0));
    // The password changed (row 29): certain, so at once.
    let levels = switches(&self::cluster(&bmc, "admin", &secret), "pbx1", &host).unwrap();
    let ended = fence(&host, "pbx1", levels, TIMES, &mut Anything);
    assert!(matches!(&ended, Err(FenceFailure::Failed(lines)) if lines[0].contains("password") && !lines[0].contains("operpass")), "{ended:?}");
    fs::remove_file(secret).unwrap();
}

#[test]
fn kg_suites_and_level_come_from_the_configuration() {
    let (secret, kg, host) = (secret("kg-password", 0o600), secret("kg", 0o600), System::new(None));
    fs::write(&kg, "6b672d6f662d746869732d626d63\n").unwrap();
    let bmc = Bmc::start(Mind { kg: Some(b"kg-of-this-bmc".to_vec()), suites: vec![3], ..Mind::default() });
    let status = |change: &dyn Fn(&mut plugin_core::cluster::Device)| {
        let mut cluster = cluster(&bmc, "oper", &secret);
        change(&mut cluster.fence.device[0]);
        switches(&cluster, "pbx1", &host).and_then(|mut levels| levels[0].devices[0].0.status(&host)).map_err(|e| e.to_string())
    };
    assert_eq!(status(&|d| (d.kg, d.packet_timeout) = (Some(kg.clone()), Some("100ms".parse().unwrap()))), Ok(Power::On));
    assert!(status(&|_| ()).is_err_and(|e| e.contains("Kg")));
    assert!(status(&|d| (d.kg, d.cipher) = (Some(kg.clone()), Some(vec![17]))).is_err_and(|e| e.contains("cipher suite 17")));
    assert!(status(&|d| (d.kg, d.privlvl) = (Some(secret.clone()), None)).is_err_and(|e| e.contains("hexadecimal") && !e.contains("operpass")));
    // More than the account may have: it steps down to OPERATOR.
    assert_eq!(status(&|d| (d.kg, d.privlvl) = (Some(kg.clone()), Some("administrator".into()))), Ok(Power::On));
    for file in [&secret, &kg] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn what_can_not_be_used_is_named() {
    let (bmc, secret, host) = (Bmc::start(Mind::default()), secret("open", 0o644), System::new(None));
    let said = |cluster: &Cluster| switches(cluster, "pbx1", &host).map(|_| ()).unwrap_err().to_string();
    assert!(said(&cluster(&bmc, "oper", &secret)).contains("chmod 0600"));
    let long = said(&cluster(&bmc, "a-name-of-17-byte", &{
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        secret.clone()
    }));
    assert!(long.contains("level 1 fence device of pbx1") && long.contains("17 bytes"), "{long}");
    fs::remove_file(secret).unwrap();
}
