//! `check_failover_ready` on a node that is made of files: the shipped example, the agent's status, a real systemd.

use crate::status::publish;
use crate::systemd::Systemd;
use plugin_core::contract::refusal::Refusal;
use plugin_core::contract::status::{GateStatus, Role, Status};
use rig::process::{Done, binary, run};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

const PBX: &str = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml");

fn first(done: &Done) -> &str {
    done.stdout.lines().next().unwrap().split(" | ").next().unwrap()
}

/// Everything that the check reads is below the manager's folder.
fn check(systemd: &Systemd, change: impl FnOnce(&mut Status)) -> Done {
    let folder = systemd.folder();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let status = publish(folder, "pbx2", &[("pbx", Role::Slave)], change);
    let (config, root, socket, state) = (file("cluster.toml"), file("root"), file("event.sock"), file(""));
    let args =
        ["--config", &config, "--status", &status, "--node", "pbx2", "--root", &root, "--no-arp", "--event-socket", &socket, "--state-dir", &state];
    let done = systemd.run(&binary("check_failover_ready"), &args);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

/// Each of these defects is real: a unit that is enabled, a file that brings an address up, a socket that is missing.
#[test]
fn latent_defects_are_found_on_a_real_node() {
    let sleeping = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=basic.target\n";
    let systemd = Systemd::start(&[
        ("asterisk.service", sleeping),
        ("mariadb-writable.service", sleeping),
        ("lsyncd.service", sleeping),
        ("keepalived.service", sleeping),
        ("twinguard.service", sleeping),
        ("icinga2.service", sleeping),
    ]);
    let folder = systemd.folder();
    std::fs::write(folder.join("cluster.toml"), PBX).unwrap();
    std::fs::create_dir_all(folder.join("root/etc/network")).unwrap();
    std::fs::write(folder.join("root/etc/network/interfaces"), "iface eth0 inet static\n  address 192.0.2.10/24\n").unwrap();
    for unit in ["asterisk.service", "icinga2.service"] {
        systemd.ctl(&["enable", unit]);
    }
    systemd.ctl(&["start", "keepalived.service"]);
    let done = check(&systemd, |status| {
        status.gates.push(GateStatus { gate: "G7".into(), refusal: Some(Refusal::DeviceDenied), evidence: "level 1: password refused".into() });
    });
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    let line = first(&done);
    assert!(
        line.starts_with("FAILOVER READY WARNING - automatic takeover would be refused now: DEVICE_DENIED: level 1: password refused ("),
        "{line}"
    );
    for defect in [
        "pbx2 has one fence level only",
        "asterisk.service starts at boot by itself: only twinguard may start it (SX16); run: systemctl disable asterisk.service",
        "rsync.service of group pbx is not installed on this node",
        "twinguard.service does not start at boot",
        "twinguard.socket does not start at boot",
        "keepalived.service manages resources here too",
        "etc/network/interfaces brings the failover address 192.0.2.10 up at boot",
        "the event handler's socket is missing",
    ] {
        assert!(line.contains(defect), "{defect}: {line}");
    }
    assert!(!line.contains("icinga2.service") && !line.contains("lsyncd"), "{line}");
    // Each goes away with its cause.
    let _listener = UnixListener::bind(folder.join("event.sock")).unwrap();
    std::fs::remove_file(folder.join("root/etc/network/interfaces")).unwrap();
    systemd.ctl(&["disable", "asterisk.service"]);
    systemd.ctl(&["stop", "keepalived.service"]);
    let done = check(&systemd, |_| ());
    for cured in ["event handler", "192.0.2.10", "asterisk", "keepalived", "refused now"] {
        assert!(!first(&done).contains(cured), "{cured}: {}", done.stdout);
    }
}

#[test]
fn an_agent_or_a_configuration_that_can_not_be_read_is_unknown() {
    let alone = |args: &[&str]| run(&binary("check_failover_ready"), args);
    let done = alone(&["--config", "/nonexistent/cluster.toml"]);
    let line = "FAILOVER READY UNKNOWN - cannot read /nonexistent/cluster.toml: No such file or directory (os error 2)";
    assert_eq!((done.code, first(&done)), (Some(3), line));
    let folder = std::env::temp_dir().join(format!("twinguard-ready-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("cluster.toml");
    std::fs::write(&config, "garbage").unwrap();
    let done = alone(&["--config", config.to_str().unwrap()]);
    assert_eq!(done.code, Some(3));
    assert!(first(&done).starts_with("FAILOVER READY UNKNOWN - cannot understand "), "{}", done.stdout);
    std::fs::write(&config, PBX).unwrap();
    let start = Instant::now();
    let done = alone(&["--config", config.to_str().unwrap(), "--status", "/nonexistent/status.json", "--no-arp", "--node", "pbx1"]);
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(first(&done).contains("cannot read /nonexistent/status.json"), "{}", done.stdout);
    assert!(done.stdout.contains("\nWARNING: pbx2 has one fence level only"), "what is known is said: {}", done.stdout);
    assert!(start.elapsed() < Duration::from_secs(10));
    std::fs::remove_dir_all(&folder).unwrap();
}
