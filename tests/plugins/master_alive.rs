//! `check_master_alive` on real links that are cut, on a peer that dies, hangs or comes back, and on a node that is cut off.

use crate::links::Links;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{GroupStatus, Life, RefusalStatus, Role, Status};
use plugin_core::host::nodename;
use rig::process::{Done, binary};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const SSH: &str = "SSH-2.0-OpenSSH_9.2\r\n";

/// Links, a living peer, and what the agent publishes.
pub struct Site {
    pub links: Links,
    folder: PathBuf,
}

impl Site {
    pub fn new() -> Self {
        let links = Links::new();
        let folder = std::env::temp_dir().join(links.namespace("files"));
        std::fs::create_dir_all(&folder).unwrap();
        let site = Self { links, folder };
        site.publish(|_| {});
        site
    }

    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Writes the agent's status file as of now.
    pub fn publish(&self, change: impl FnOnce(&mut Status)) {
        crate::status::publish(&self.folder, &nodename(), &[("pbx", Role::Slave)], |status| {
            status.peer.node = "pbx1".into();
            // The agents have not spoken yet; a test says what they say.
            (status.peer.links, status.peer.network_ok) = (Vec::new(), None);
            change(status);
        });
    }

    fn check_by(&self, program: &Path, more: &[&str]) -> Done {
        let status = self.file("status.json");
        let links = "lan=192.0.2.11@eth0,heartbeat=192.168.250.1@eth1";
        let args = ["--link", links, "--witness", "ping:192.0.2.1", "--status", &status];
        let done = self.links.run(program, &[&args[..], more].concat());
        assert_eq!(done.stderr, "", "{}", done.stdout);
        done
    }

    fn check(&self, more: &[&str]) -> Done {
        self.check_by(&binary("check_master_alive"), more)
    }

    /// State and first line of the failover service and of its notify twin.
    fn both(&self) -> [(Option<i32>, String); 2] {
        [&["--failover"][..], &[]].map(|args| {
            let done = self.check(args);
            (done.code, done.stdout.lines().next().unwrap().to_owned())
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_living_master_is_ok_with_a_time_per_link() {
    let site = Site::new();
    site.links.serve(SSH);
    let done = site.check(&["--failover"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    let first = done.stdout.lines().next().unwrap();
    assert!(first.starts_with("MASTER ALIVE OK - pbx1 answers on lan 0.") && first.contains("ms, heartbeat 0."), "{first}");
    for label in ["'lan_rta'=0.", "'lan_loss'=0%;;;0;100", "'heartbeat_rta'=0.", "'heartbeat_loss'=0%;;;0;100"] {
        assert!(first.contains(label), "{label} in {first}");
    }
    assert!(done.stdout.contains("link lan: 192.0.2.11 over eth0, carrier: answers, its server speaks; 2 of 2 pings"), "{}", done.stdout);
}

#[test]
fn one_cut_link_is_a_notice_and_never_a_takeover() {
    let site = Site::new();
    site.links.serve(SSH);
    site.links.ip("peer", "link set eth1 down");
    let [failover, notify] = site.both();
    assert_eq!((failover.0, notify.0), (Some(0), Some(1)), "{failover:?} {notify:?}");
    for text in [failover.1, notify.1] {
        assert!(text.contains("pbx1 answers on lan 0.") && text.contains("degraded: no answer on heartbeat (no carrier here)"), "{text}");
        assert!(text.contains("'heartbeat_loss'=100%") && !text.contains("heartbeat_rta"), "{text}");
    }
    site.links.ip("peer", "link set eth1 up");
    site.links.ip("switch", "link set peer down");
    assert_eq!(site.both().map(|(code, _)| code), [Some(0), Some(1)], "the other link");
}

#[test]
fn a_dead_master_is_critical_well_within_a_second() {
    let site = Site::new();
    site.links.kill_peer();
    let start = Instant::now();
    let done = site.check(&["--failover"]);
    let took = start.elapsed();
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    let text =
        "MASTER ALIVE CRITICAL - pbx1 is silent on lan (192.0.2.11), heartbeat (no carrier here); 2 of 2 rounds agree, 1 of 1 witnesses answer | ";
    assert!(done.stdout.starts_with(text), "{}", done.stdout);
    assert!(took < Duration::from_millis(900), "{took:?}");
    site.publish(|s| s.refusal = Some(RefusalStatus { code: Refusal::DeviceSilent, text: "ipmi 198.51.100.11: no answer".into(), since_ms: 0 }));
    let refused = site.check(&["--failover"]).stdout;
    let second = refused.lines().nth(1).unwrap();
    assert!(second.starts_with("automatic takeover refused: DEVICE_SILENT - ipmi 198.51.100.11: no answer; look at the peer's BMC"), "{second}");
}

#[test]
fn an_isolated_node_accuses_nobody() {
    for cut in ["me link set eth0 down", "switch link set me down", "switch address flush dev br0"] {
        let site = Site::new();
        site.links.kill_peer();
        let (host, command) = cut.split_once(' ').unwrap();
        site.links.ip(host, command);
        let [failover, notify] = site.both();
        assert_eq!((failover.0, notify.0), (Some(3), Some(3)), "{cut}: {failover:?}");
        assert!(failover.1.contains("no answer from pbx1, but this node is isolated: "), "{cut}: {}", failover.1);
    }
}

#[test]
fn a_mute_kernel_is_hung_only_when_the_agent_says_so_too() {
    let site = Site::new();
    site.links.serve("");
    assert_eq!(site.both().map(|(code, _)| code), [Some(0), Some(1)]);
    site.publish(|s| s.peer.life = Life::Mute);
    let [failover, notify] = site.both();
    assert_eq!((failover.0, notify.0), (Some(2), Some(2)));
    assert!(failover.1.starts_with("MASTER ALIVE CRITICAL - pbx1 hangs: its kernel answers on lan 0."), "{}", failover.1);
    let closed_port = site.check(&["--failover", "--tcp", "23"]);
    assert_eq!(closed_port.code, Some(2), "a refusal comes from the kernel as well: {}", closed_port.stdout);
}

#[test]
fn without_the_agent_nobody_is_accused() {
    let site = Site::new();
    site.links.kill_peer();
    site.publish(|s| s.boottime_ms -= 11_000);
    let stale = site.check(&["--failover"]);
    assert_eq!(stale.code, Some(3));
    assert!(stale.stdout.contains("role is not known") && stale.stdout.contains("the agent has not written it for 11 s"), "{}", stale.stdout);
    site.publish(|s| s.boottime_ms += 60_000);
    assert_eq!(site.check(&["--failover"]).code, Some(3), "written in another boot");
    std::fs::write(site.file("status.json"), "{\"schema\": 1}").unwrap();
    assert_eq!(site.check(&["--failover"]).code, Some(3), "not a status");
    std::fs::remove_file(site.file("status.json")).unwrap();
    assert_eq!(site.check(&["--failover"]).code, Some(3), "missing");
}

#[test]
fn the_master_leaves_it_to_the_slave() {
    let site = Site::new();
    site.links.kill_peer();
    site.publish(|s| s.groups[0].role = Role::Master);
    let done = site.check(&["--failover"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "MASTER ALIVE OK - this node is master, checked by the slave\n"));
    site.publish(|s| {
        s.groups[0].role = Role::Master;
        s.groups.push(GroupStatus { name: "fax".into(), role: Role::Slave, epoch: 1, degraded: None });
    });
    assert_eq!(site.check(&["--failover"]).code, Some(2), "master of one group, slave of the other");
}

#[test]
fn everything_comes_from_the_pairs_configuration() {
    let site = Site::new();
    site.links.serve(SSH);
    let text = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml").replace("pbx2", &nodename());
    std::fs::write(site.file("cluster.toml"), text).unwrap();
    let (config, status) = (site.file("cluster.toml"), site.file("status.json"));
    let check = || site.links.run(&binary("check_master_alive"), &["--failover", "--config", &config, "--status", &status]);
    let alive = check();
    assert_eq!(alive.code, Some(0), "{}", alive.stdout);
    assert!(alive.stdout.contains("witness arp:192.0.2.1: answers\nwitness tcp:192.0.2.25:25: no answer\n"), "{}", alive.stdout);
    site.links.kill_peer();
    let dead = check();
    assert_eq!(dead.code, Some(2), "{}", dead.stdout);
    assert!(dead.stdout.contains("1 of 2 witnesses answer"), "{}", dead.stdout);
    std::fs::write(&config, "schema = 1").unwrap();
    assert_eq!(check().code, Some(3), "a broken configuration is no dead master");
}

#[test]
fn the_file_capability_is_enough_and_without_it_nobody_is_accused() {
    let site = Site::new();
    site.links.kill_peer();
    let copy = site.folder.join("check_master_alive");
    std::fs::copy(binary("check_master_alive"), &copy).unwrap();
    let nobody = |more: &[&str]| {
        let status = site.file("status.json");
        let args = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            copy.to_str().unwrap(),
            "--link",
            "lan=192.0.2.11@eth0,heartbeat=192.168.250.1@eth1",
            "--status",
            &status,
        ];
        site.links.run(Path::new("/usr/bin/setpriv"), &[&args[..], more].concat())
    };
    let without = nobody(&["--failover", "--witness", "ping:192.0.2.1"]);
    assert_eq!(without.code, Some(3), "{}", without.stdout);
    let right = format!("sending pings needs cap_net_raw; run: setcap cap_net_raw+ep {}", copy.display());
    assert!(without.stdout.contains(&right), "{}", without.stdout);
    let setcap = Command::new("/usr/sbin/setcap").arg("cap_net_raw+ep").arg(&copy).status().expect("setcap is missing: apt install libcap2-bin");
    assert!(setcap.success());
    for witness in ["ping:192.0.2.1", "arp:192.0.2.1"] {
        let with = nobody(&["--failover", "--witness", witness]);
        assert_eq!(with.code, Some(2), "{witness}: {}", with.stdout);
    }
}
