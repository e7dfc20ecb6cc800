//! `plugin_core::net` on real links: what a lone process on loopback can't show.

use crate::links::{Links, wait_for};
use plugin_core::Blind;
use plugin_core::net::{Touch, announce, arp_probe, arp_request, ping, touch};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const TIME: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(100);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn pings_go_over_the_named_interface_only() {
    let links = Links::new();
    let pings = || {
        links.inside("me", || {
            let (lan, time) = (address("192.0.2.11"), TIME);
            [ping(lan, Some("eth0"), time), ping(address("fd00::11"), Some("eth0"), time)].map(|answer| answer.unwrap().is_some())
        })
    };
    assert_eq!(pings(), [true, true]);
    let missing = links.inside("me", || ping(address("192.0.2.11"), Some("eth9"), TIME));
    assert!(matches!(missing, Err(Blind::Net { target, .. }) if target == "eth9"));
    links.ip("peer", "link set eth1 down");
    assert_eq!(pings(), [true, true], "the LAN lives");
    let cut = links.inside("me", || {
        (ping(address("192.0.2.11"), Some("eth1"), SHORT), touch(SocketAddr::new(address("192.0.2.11"), 22), Some("eth1"), SHORT, true))
    });
    assert_eq!(cut, (Ok(None), Ok(Touch::Silent)), "the route over the LAN is not taken when the heartbeat link was asked for");
}

#[test]
fn nobody_there_is_no_error() {
    let links = Links::new();
    links.kill_peer();
    let seen = links.inside("me", || {
        let port = SocketAddr::new(address("192.0.2.11"), 22);
        let unrouted = address("203.0.113.1");
        (
            ping(address("192.0.2.11"), Some("eth0"), SHORT),
            ping(address("192.168.250.1"), Some("eth1"), SHORT),
            ping(unrouted, None, SHORT),
            touch(port, Some("eth0"), SHORT, true),
        )
    });
    assert_eq!(seen, (Ok(None), Ok(None), Ok(None), Ok(Touch::Silent)));
    links.ip("me", "link set eth0 down");
    let seen = links.inside("me", || {
        let port = SocketAddr::new(address("192.0.2.11"), 22);
        (
            ping(address("192.0.2.11"), Some("eth0"), SHORT),
            touch(port, Some("eth0"), SHORT, true),
            arp_request("eth0", Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(192, 0, 2, 1), SHORT),
        )
    });
    assert_eq!(seen, (Ok(None), Ok(Touch::Silent), Ok(None)));
}

#[test]
fn an_address_in_use_is_found_and_a_free_one_is_free() {
    let links = Links::new();
    let holder = links.ip("peer", "-br link show eth0");
    let seen = links.inside("me", || {
        let probe = |last| arp_probe("eth0", Ipv4Addr::new(192, 0, 2, last), 3, SHORT);
        let asked = arp_request("eth0", Ipv4Addr::new(192, 0, 2, 12), Ipv4Addr::new(192, 0, 2, 11), TIME);
        (probe(11), probe(99), probe(12), asked)
    });
    let mac = seen.0.unwrap().expect("nobody answered for the peer's address");
    let text = mac.map(|b| format!("{b:02x}")).join(":");
    assert!(holder.contains(&text), "{text} in {holder}");
    assert_eq!(seen.1, Ok(None), "nobody has .99");
    assert_eq!(seen.2, Ok(None), "our own address is not taken by somebody else");
    assert_eq!(seen.3, Ok(Some(mac)));
}

#[test]
fn a_probe_that_could_not_be_sent_is_no_free_address() {
    let links = Links::new();
    links.ip("me", "link set eth0 down");
    let seen = links.inside("me", || arp_probe("eth0", Ipv4Addr::new(192, 0, 2, 99), 1, SHORT));
    assert!(matches!(seen, Err(Blind::Net { target, .. }) if target == "eth0"));
}

#[test]
fn an_announcement_moves_the_address_in_the_neighbours_tables() {
    for (failover, prefix) in [("192.0.2.10", 24), ("fd00::10", 64)] {
        let links = Links::new();
        let mine = links.ip("me", "-br link show eth0").split_whitespace().nth(2).unwrap().to_owned();
        let nodad = if prefix == 64 { " nodad" } else { "" };
        links.ip("peer", &format!("address add {failover}/{prefix} dev eth0{nodad}"));
        let target = address(failover);
        wait_for("answer of the failover address", || links.inside("switch", move || ping(target, None, SHORT).unwrap().is_some()));
        assert!(!links.ip("switch", &format!("neighbour show {failover}")).contains(&mine));
        links.ip("peer", &format!("address delete {failover}/{prefix} dev eth0"));
        links.ip("me", &format!("address add {failover}/{prefix} dev eth0{nodad}"));
        links.inside("me", move || announce("eth0", target)).unwrap();
        wait_for("new entry in the neighbour's table", || links.ip("switch", &format!("neighbour show {failover}")).contains(&mine));
    }
}
