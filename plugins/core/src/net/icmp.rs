//! One ICMP echo (RFC 792, RFC 4443 section 4): unprivileged ping socket first, raw socket otherwise.
//!
//! A ping socket rewrites the identifier, and both kinds may hear foreign packets: only the sequence number together with a
//! random payload tells which answer is ours.

use super::socket::{Timer, bind_to, failed, missing_right, nobody};
use crate::Blind;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, connect, ipproto, recv, send, socket_with};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// One echo to `target`, over `interface` where one is given. `None` = no answer within `timeout`.
///
/// # Errors
/// [`Blind::Net`]: no such interface, or neither ping group nor `cap_net_raw` allow it (named with the command to run).
pub fn ping(target: IpAddr, interface: Option<&str>, timeout: Duration) -> Result<Option<Duration>, Blind> {
    let name = target.to_string();
    let timer = Timer::new(timeout);
    let (socket, raw) = open(target, &name)?;
    bind_to(&socket, interface, &name)?;
    let nonce = RandomState::new().build_hasher().finish();
    let sequence = u16::from_be_bytes([nonce.to_be_bytes()[0], nonce.to_be_bytes()[1]]);
    let packet = request(target, sequence, nonce);
    let address = address(target, interface, &socket);
    for attempt in [connect(&socket, &address).map(|()| 0), send(&socket, &packet, SendFlags::empty())] {
        match attempt {
            Ok(_) => {}
            Err(e) if nobody(e) => return Ok(None),
            Err(e) => return Err(failed(&name, "a ping can't be sent", e)),
        }
    }
    let mut buffer = [0; 512];
    while timer.ready(&socket, PollFlags::IN).map_err(|e| failed(&name, "waiting for a ping", e))? {
        match recv(&socket, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((length, _)) if is_answer(buffer.get(..length).unwrap_or_default(), target.is_ipv4() && raw, target.is_ipv4(), sequence, nonce) => {
                return Ok(Some(timer.passed()));
            }
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(e) if nobody(e) => return Ok(None),
            Err(e) => return Err(failed(&name, "a ping's answer can't be read", e)),
        }
    }
    Ok(None)
}

/// The socket, and whether it is a raw one.
fn open(target: IpAddr, name: &str) -> Result<(OwnedFd, bool), Blind> {
    let (family, protocol): (_, Protocol) =
        if target.is_ipv4() { (AddressFamily::INET, ipproto::ICMP) } else { (AddressFamily::INET6, ipproto::ICMPV6) };
    if let Ok(socket) = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(protocol)) {
        return Ok((socket, false));
    }
    match socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol)) {
        Ok(socket) => Ok((socket, true)),
        Err(Errno::PERM | Errno::ACCESS) => Err(missing_right(name, "sending pings")),
        Err(e) => Err(failed(name, "a ping socket can't be opened", e)),
    }
}

/// A link-local address means nothing without its interface.
fn address(target: IpAddr, interface: Option<&str>, socket: &OwnedFd) -> SocketAddr {
    match (target, interface) {
        (IpAddr::V6(v6), Some(interface)) if v6.is_unicast_link_local() => {
            SocketAddr::V6(SocketAddrV6::new(v6, 0, 0, rustix::net::netdevice::name_to_index(socket, interface).unwrap_or(0)))
        }
        _ => SocketAddr::new(target, 0),
    }
}

fn request(target: IpAddr, sequence: u16, nonce: u64) -> Vec<u8> {
    let mut packet = vec![if target.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend(nonce.to_be_bytes());
    packet.extend(*b"twinguard       ");
    if target.is_ipv4() {
        // The kernel fills in the checksum of ICMPv6 itself; its pseudo header is not known here.
        let sum = checksum(&packet);
        packet.splice(2..4, sum.to_be_bytes());
    }
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn is_answer(packet: &[u8], ip_header: bool, v4: bool, sequence: u16, nonce: u64) -> bool {
    let start = if ip_header { packet.first().map_or(0, |b| usize::from(b & 0x0f) * 4) } else { 0 };
    let icmp = packet.get(start..).unwrap_or_default();
    icmp.first() == Some(&if v4 { 0 } else { 129 })
        && icmp.get(6..8) == Some(&sequence.to_be_bytes())
        && icmp.get(8..16) == Some(&nonce.to_be_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_verifies_to_zero() {
        let packet = request("192.0.2.1".parse().unwrap(), 0x1234, 0xdead_beef_0102_0304);
        assert_eq!(checksum(&packet), 0, "RFC 1071: a packet with its checksum sums up to all ones");
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2, "the example of RFC 1071 section 3");
    }

    #[test]
    fn only_our_own_echo_reply_is_an_answer() {
        let target = "192.0.2.1".parse().unwrap();
        let mut reply = request(target, 7, 99);
        assert!(!is_answer(&reply, false, true, 7, 99), "our own request is no answer");
        reply[0] = 0;
        assert!(is_answer(&reply, false, true, 7, 99));
        assert!(!is_answer(&reply, false, true, 8, 99));
        assert!(!is_answer(&reply, false, true, 7, 98));
        assert!(!is_answer(&reply[..12], false, true, 7, 99));
        let mut with_header = vec![0x46; 24];
        with_header.extend(&reply);
        assert!(is_answer(&with_header, true, true, 7, 99), "IP options are skipped");
        assert!(!is_answer(&[], true, true, 7, 99));
    }
}
