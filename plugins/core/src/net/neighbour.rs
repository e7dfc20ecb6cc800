//! Unsolicited neighbour advertisement (RFC 4861 section 7.2.6): the gratuitous ARP of IPv6.

use super::arp::hardware;
use super::socket::{bind_to, failed, missing_right};
use crate::Blind;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_multicast_hops;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, bind, ipproto, sendto, socket_with};
use std::net::{Ipv6Addr, SocketAddrV6};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

pub(super) fn announce(interface: &str, address: Ipv6Addr) -> Result<(), Blind> {
    let (link, mac) = hardware(interface)?;
    let wrong = |e: Errno| failed(interface, "a neighbour advertisement can't be sent", e);
    let socket = socket_with(AddressFamily::INET6, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::ICMPV6));
    let socket = socket.map_err(|e| if e == Errno::PERM { missing_right(interface, "a neighbour advertisement") } else { wrong(e) })?;
    bind_to(&socket, Some(interface), interface)?;
    // RFC 4861 section 7.1.2: receivers drop every advertisement that may have crossed a router.
    set_ipv6_multicast_hops(&socket, 255).map_err(wrong)?;
    let scope = u32::try_from(link.ifindex()).unwrap_or(0);
    bind(&socket, &SocketAddrV6::new(address, 0, 0, if address.is_unicast_link_local() { scope } else { 0 })).map_err(wrong)?;
    sendto(&socket, &advertisement(address, mac), SendFlags::empty(), &SocketAddrV6::new(ALL_NODES, 0, 0, scope)).map(|_| ()).map_err(wrong)
}

/// Type 136, override flag, target address, option 2 (target link-layer address); the kernel fills in the checksum.
fn advertisement(address: Ipv6Addr, mac: [u8; 6]) -> Vec<u8> {
    let mut packet = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
    packet.extend(address.octets());
    packet.extend([2, 1]);
    packet.extend(mac);
    packet
}
