//! `check_network_failover` on real links that are cut on this side, on the master's side, on both, and with every way of being
//! blind.

use crate::master_alive::Site;
use plugin_core::contract::status::{LinkStatus, Role, Status};
use plugin_core::host::nodename;
use rig::process::{Done, binary};
use std::path::Path;
use std::time::{Duration, Instant};

const WITNESSES: [&str; 4] = ["--interface", "eth0", "--witness", "arp:192.0.2.1"];

/// What a living master says of its network.
fn says(network_ok: bool) -> impl FnOnce(&mut Status) {
    move |status| {
        status.peer.network_ok = Some(network_ok);
        status.peer.roles.insert("pbx".into(), Role::Master);
        status.peer.links.push(LinkStatus { name: "heartbeat".into(), carrier: true, ping: true, channel: true });
    }
}

fn check(site: &Site, more: &[&str]) -> Done {
    let status = site.file("status.json");
    let done = site.links.run(&binary("check_network_failover"), &[&["--status", status.as_str()], more].concat());
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

/// Code and first line of the failover service and of its notify twin, without performance data.
fn both(site: &Site) -> [(Option<i32>, String); 2] {
    [&["--failover"][..], &[]].map(|more| {
        let done = check(site, &[&WITNESSES[..], more].concat());
        (done.code, done.stdout.lines().next().unwrap().split(" | ").next().unwrap().to_owned())
    })
}

fn line(code: i32, text: &str) -> (Option<i32>, String) {
    (Some(code), format!("NETWORK FAILOVER {text}"))
}

#[test]
fn md16_the_masters_dead_network_is_critical_while_ours_lives() {
    let site = Site::new();
    site.publish(says(true));
    let fine = line(0, "OK - both nodes see their clients: here eth0, 1 of 1 witnesses answer; pbx1 says so over heartbeat");
    assert_eq!(both(&site), [fine.clone(), fine]);
    site.publish(says(false));
    let start = Instant::now();
    let dead = line(
        2,
        "CRITICAL - pbx1 has lost its clients' network and serves; here eth0, 1 of 1 witnesses answer (3 of 3 rounds agree); pbx1 said so over heartbeat",
    );
    assert_eq!(both(&site), [dead.clone(), dead]);
    assert!(start.elapsed() < Duration::from_millis(1800), "two checks took {:?}", start.elapsed());
    let done = check(&site, &WITNESSES);
    for part in ["'eth0_rx_errors'=0c;;;0;", "'witnesses'=1;;;0;1\n", "\nwitness arp:192.0.2.1: answers\n", "\neth0: "] {
        assert!(done.stdout.contains(part), "{part} in {}", done.stdout);
    }
}

#[test]
fn a_network_that_is_dead_here_too_is_no_reason_to_move() {
    for (cut, here) in [
        ("me link set eth0 down", "eth0 without carrier, 0 of 1 witnesses answer"),
        ("switch link set me down", "eth0 without carrier, 0 of 1 witnesses answer"),
        ("switch address flush dev br0", "eth0, 0 of 1 witnesses answer"),
    ] {
        let site = Site::new();
        let (host, command) = cut.split_once(' ').unwrap();
        site.links.ip(host, command);
        site.publish(says(true));
        let mine = line(3, &format!("UNKNOWN - this node has lost its clients' network, pbx1 has not: here {here}"));
        assert_eq!(both(&site), [mine.clone(), mine], "{cut}");
        site.publish(says(false));
        let text = format!("both nodes have lost their clients' network, a takeover would cure nothing: here {here}");
        assert_eq!(both(&site), [line(0, &format!("OK - {text}")), line(1, &format!("WARNING - {text}"))], "{cut}");
    }
}

#[test]
fn every_blind_path_ends_unknown() {
    let site = Site::new();
    let unknown = |what: &str, args: &[&str], said: &str| {
        for more in [&["--failover"][..], &[]] {
            let done = check(&site, &[args, more].concat());
            assert_eq!(done.code, Some(3), "{what}: {}", done.stdout);
            assert!(done.stdout.starts_with("NETWORK FAILOVER UNKNOWN - ") && done.stdout.contains(said), "{what}: {}", done.stdout);
        }
    };
    let published = |what: &str, change: fn(&mut Status), said: &str| {
        site.publish(|status| {
            says(false)(status);
            change(status);
        });
        unknown(what, &WITNESSES, said);
    };
    published("no channel", |s| s.peer.links[0].channel = false, "its agent speaks over no link");
    published("not told", |s| s.peer.network_ok = None, "its agent has not told it");
    published("no role", |s| s.peer.roles.clear(), "its role is not known");
    published("stale", |s| s.boottime_ms -= 11_000, "the agent has not written it for 11 s");
    published("another boot", |s| s.boottime_ms += 60_000, "the master's view is not known");
    site.publish(says(false));
    unknown("no such interface", &["--interface", "eth7", "--witness", "arp:192.0.2.1"], "there is no such interface on this node");
    unknown("ARP to IPv6", &["--interface", "eth0", "--witness", "arp:fd00::1"], "ARP knows IPv4 only");
    unknown("no configuration", &["--config", "/nonexistent/cluster.toml"], "cannot read /nonexistent/cluster.toml");
    std::fs::write(site.file("status.json"), "{\"schema\": 1, garbage").unwrap();
    unknown("garbage", &WITNESSES, "cannot understand");
    std::fs::remove_file(site.file("status.json")).unwrap();
    unknown("missing", &WITNESSES, "cannot read");
}

#[test]
fn without_the_right_to_ping_nobody_is_accused() {
    let site = Site::new();
    site.publish(says(false));
    let copy = site.file("check_network_failover");
    std::fs::copy(binary("check_network_failover"), &copy).unwrap();
    let status = site.file("status.json");
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", &copy, "--failover", "--status", &status];
    let done = site.links.run(Path::new("/usr/bin/setpriv"), &[&nobody[..], &["--interface", "eth0", "--witness", "ping:192.0.2.1"]].concat());
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(done.stdout.contains(&format!("sending pings needs cap_net_raw; run: setcap cap_net_raw+ep {copy}")), "{}", done.stdout);
}

#[test]
fn witnesses_speak_ipv6_and_a_mute_server_lives() {
    let site = Site::new();
    site.publish(says(false));
    site.links.serve("");
    for witness in ["ping:fd00::1", "ping:192.0.2.1", "tcp:192.0.2.11:22", "tcp:192.0.2.1:9"] {
        let done = check(&site, &["--failover", "--interface", "eth0", "--witness", witness]);
        assert_eq!(done.code, Some(2), "{witness} answers, so this node's network lives: {}", done.stdout);
    }
    site.links.ip("peer", "link set eth0 down");
    let heartbeat = check(&site, &["--failover", "--interface", "eth0", "--witness", "ping:192.168.250.1"]);
    assert_eq!(heartbeat.code, Some(0), "an answer over the heartbeat link says nothing about the clients' network: {}", heartbeat.stdout);
    let name = check(&site, &["--interface", "eth0", "--witness", "ping:gateway.invalid"]);
    assert_eq!(name.code, Some(3), "{}", name.stdout);
    assert!(name.stdout.contains("\"gateway.invalid\" is no address"), "names are not for failover checks: {}", name.stdout);
}

#[test]
fn the_master_leaves_it_to_the_slave() {
    let site = Site::new();
    site.publish(|status| {
        says(false)(status);
        status.groups[0].role = Role::Master;
    });
    let done = check(&site, &["--failover"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "NETWORK FAILOVER OK - this node is master, checked by the slave\n"));
}

#[test]
fn everything_comes_from_the_pairs_configuration() {
    let site = Site::new();
    let text = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml").replace("pbx2", &nodename());
    std::fs::write(site.file("cluster.toml"), text).unwrap();
    site.publish(says(false));
    let config = site.file("cluster.toml");
    let done = check(&site, &["--failover", "--config", &config, "--agree", "3"]);
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(done.stdout.contains("here eth0, 1 of 2 witnesses answer (3 of 3 rounds agree)"), "{}", done.stdout);
    site.links.ip("switch", "address flush dev br0");
    assert_eq!(check(&site, &["--failover", "--config", &config]).code, Some(0), "both dead");
    std::fs::write(&config, "schema = 1").unwrap();
    assert_eq!(check(&site, &["--failover", "--config", &config]).code, Some(3));
}
