//! From `cluster.toml` to a fence, and to `check_fence`, over Redfish.

use crate::switches::{Anything, TIMES, cluster_with};
use fence::power::{FenceFailure, fence, switches};
use plugin_core::host::System;
use rig::process::run;
use rig::redfish::{Computer, Mind, Redfish, UUID};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn secret(service: &Redfish) -> PathBuf {
    let path = service.ca().with_file_name("bmc");
    fs::write(&path, "s3cr3t\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn device(service: &Redfish, identity: &str, more: &str) -> String {
    let (port, secret) = (service.address().port(), secret(service));
    format!(
        "[[fence.device]]\ntarget = \"pbx1\"\ndriver = \"redfish\"\naddress = \"127.0.0.1\"\nport = {port}\nuser = \"admin\"\n\
         secret = \"{}\"\nca = \"{}\"\nidentity = \"{identity}\"\n{more}\n",
        secret.display(),
        service.ca().display()
    )
}

fn fenced(service: &Redfish, identity: &str, more: &str) -> Result<String, FenceFailure> {
    let host = System::new(None);
    let levels = switches(&cluster_with(&device(service, identity, more)).1, "pbx1", &host).unwrap();
    fence(&host, "pbx1", levels, TIMES, &mut Anything).map(|proof| proof.evidence().join("; "))
}

#[test]
fn a_configured_pair_fences_over_redfish() {
    let service = Redfish::start(Mind::default());
    let evidence = fenced(&service, &format!("uuid:{UUID}"), "").unwrap();
    assert!(evidence.contains("redfish 127.0.0.1 port") && evidence.contains("read OFF"), "{evidence}");
    assert!(!service.mind().is_on());
    assert_eq!(service.mind().resets, [("1".to_owned(), "ForceOff".to_owned())]);
}

#[test]
fn a_device_that_is_not_the_peers_is_sent_nothing() {
    for uuid in ["B1234567-89AB-CDEF-A123-456789ABCDEF", "00000000-0000-0000-0000-000000000000", ""] {
        let service = Redfish::start(Mind { systems: vec![Computer::new("1", uuid)], ..Mind::default() });
        let ended = fenced(&service, &format!("uuid:{UUID}"), "");
        assert!(matches!(ended, Err(FenceFailure::Identity(_))), "{ended:?}");
        assert!(service.mind().resets.is_empty());
    }
}

#[test]
fn one_of_two_systems_by_its_name() {
    let other = "B1234567-89AB-CDEF-A123-456789ABCDEF";
    let service = Redfish::start(Mind { systems: vec![Computer::new("1", UUID), Computer::new("2", other)], ..Mind::default() });
    for system in ["2", other, "/redfish/v1/Systems/2"] {
        service.mind().systems[1].on = true;
        fenced(&service, &format!("uuid:{other}"), &format!("system = \"{system}\"")).unwrap();
        let mind = service.mind();
        assert!(mind.systems[0].on && !mind.systems[1].on);
    }
    let ended = fenced(&service, &format!("uuid:{UUID}"), "");
    assert!(matches!(&ended, Err(FenceFailure::Failed(lines)) if lines[0].contains("2 systems")), "{ended:?}");
    let ended = fenced(&service, &format!("uuid:{UUID}"), "system = \"n1\"");
    assert!(matches!(&ended, Err(FenceFailure::Failed(lines)) if lines[0].contains("called \"n1\"")), "{ended:?}");
    assert!(service.mind().systems[0].on);
}

#[test]
fn another_machine_at_the_same_address_is_noticed() {
    let service = Redfish::start(Mind::default());
    let host = System::new(None);
    let mut levels = switches(&cluster_with(&device(&service, &format!("uuid:{UUID}"), "")).1, "pbx1", &host).unwrap();
    let switch = &mut levels[0].devices[0].0;
    assert_eq!(switch.identity(&host).unwrap().unwrap(), "uuid:a123456789abcdefa123456789abcdef");
    service.mind().systems[0].uuid = "B1234567-89AB-CDEF-A123-456789ABCDEF".into();
    service.mind().systems[0].on = false;
    assert!(switch.status(&host).unwrap_err().to_string().contains("another machine answers there"));
}

fn check(config: &Path, memory: &Path) -> (Option<i32>, String) {
    let args = ["--config", config.to_str().unwrap(), "--node", "pbx2", "--single-level", "--every", "0s", "--state-dir", memory.to_str().unwrap()];
    let done = run(Path::new(env!("CARGO_BIN_EXE_check_fence")), &args);
    (done.code, done.stdout)
}

#[test]
fn check_fence_asks_and_sends_no_command() {
    let service = Redfish::start(Mind::default());
    let config = service.ca().with_file_name("cluster.toml");
    fs::write(&config, cluster_with(&device(&service, &format!("uuid:{UUID}"), "")).0).unwrap();
    let check = || check(&config, config.parent().unwrap());
    let (code, said) = check();
    assert!(code == Some(0) && said.contains("redfish 127.0.0.1") && said.contains("power ON"), "{said}");
    service.mind().systems[0].on = false;
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("power OFF"), "{said}");
    service.mind().systems[0].uuid = "B1234567-89AB-CDEF-A123-456789ABCDEF".into();
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("switch off another machine"), "{said}");
    fs::write(secret(&service), "wrong-password\n").unwrap();
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("HTTP 401") && !said.contains("wrong-password"), "{said}");
    let mind = service.mind();
    assert!(mind.resets.is_empty() && mind.requests.iter().all(|r| r.starts_with("GET ")));
}
