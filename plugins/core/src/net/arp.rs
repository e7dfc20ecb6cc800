//! ARP (RFC 826) by hand: who has an address, and telling that it lives here now (RFC 5227).

use super::socket::{Timer, blind, failed, missing_right, no_interface};
use crate::Blind;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, MsgFlags, recvfrom, sendto};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, eth, socket_with};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

const BROADCAST: [u8; 6] = [0xff; 6];
const NOBODY: [u8; 6] = [0; 6];
const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// RFC 5227 probe: does anybody on `interface` use `address`? Asks `tries` times, `gap` apart, and waits `gap` after the
/// last one; the hardware address that answered. Our own packets don't count, nor do other people's probes: switches send
/// such for addresses that nobody holds.
///
/// # Errors
/// [`Blind::Net`]: no such interface, interface down (then nobody could be asked), or `cap_net_raw` is missing.
pub fn arp_probe(interface: &str, address: Ipv4Addr, tries: u32, gap: Duration) -> Result<Option<[u8; 6]>, Blind> {
    let wire = Wire::open(interface)?;
    for _ in 0..tries {
        wire.send(BROADCAST, REQUEST, Ipv4Addr::UNSPECIFIED, (NOBODY, address)).map_err(|e| wire.failed(e))?;
        if let Some(mac) = wire.hear(address, Timer::new(gap))? {
            return Ok(Some(mac));
        }
    }
    Ok(None)
}

/// Asks for `address` with a real sender, once: the hardware address, or `None` if nobody answers within `timeout` or the
/// interface is down.
///
/// # Errors
/// [`Blind::Net`]: no such interface, or `cap_net_raw` is missing.
pub fn arp_request(interface: &str, source: Ipv4Addr, address: Ipv4Addr, timeout: Duration) -> Result<Option<[u8; 6]>, Blind> {
    let wire = Wire::open(interface)?;
    match wire.send(BROADCAST, REQUEST, source, (NOBODY, address)) {
        Ok(()) => wire.hear(address, Timer::new(timeout)),
        Err(Errno::NETDOWN | Errno::NODEV | Errno::NXIO) => Ok(None),
        Err(e) => Err(wire.failed(e)),
    }
}

/// As [`arp_request`], but listens for all of `timeout`: everybody who says that the address is theirs, in the order of their answers.
///
/// # Errors
/// As [`arp_request`].
pub fn arp_holders(interface: &str, source: Ipv4Addr, address: Ipv4Addr, timeout: Duration) -> Result<Vec<[u8; 6]>, Blind> {
    let wire = Wire::open(interface)?;
    match wire.send(BROADCAST, REQUEST, source, (NOBODY, address)) {
        Ok(()) => {}
        Err(Errno::NETDOWN | Errno::NODEV | Errno::NXIO) => return Ok(Vec::new()),
        Err(e) => return Err(wire.failed(e)),
    }
    let (timer, mut holders) = (Timer::new(timeout), Vec::new());
    while let Some(mac) = wire.hear(address, timer)? {
        if !holders.contains(&mac) {
            holders.push(mac);
        }
    }
    Ok(holders)
}

/// One gratuitous ARP, as request and as reply: some neighbours only learn from one of them.
pub(super) fn announce(interface: &str, address: Ipv4Addr) -> Result<(), Blind> {
    let wire = Wire::open(interface)?;
    wire.send(BROADCAST, REQUEST, address, (NOBODY, address)).map_err(|e| wire.failed(e))?;
    wire.send(BROADCAST, REPLY, address, (BROADCAST, address)).map_err(|e| wire.failed(e))
}

/// Hardware address of an interface.
pub(super) fn hardware(interface: &str) -> Result<(LinkAddr, [u8; 6]), Blind> {
    let all = getifaddrs().map_err(|e| blind(interface, e.desc()))?;
    let mut found = all.filter(|a| a.interface_name == interface).peekable();
    if found.peek().is_none() {
        return Err(no_interface(interface));
    }
    let link = found.find_map(|a| a.address?.as_link_addr().copied()).ok_or_else(|| blind(interface, "it has no hardware address"))?;
    let mac =
        link.addr().filter(|_| link.hatype() == ETHERNET).ok_or_else(|| blind(interface, "it is no Ethernet interface, so there is no ARP on it"))?;
    Ok((link, mac))
}

/// ARPHRD_ETHER.
const ETHERNET: u16 = 1;

struct Wire<'a> {
    interface: &'a str,
    socket: OwnedFd,
    link: LinkAddr,
    mac: [u8; 6],
}

impl<'a> Wire<'a> {
    fn open(interface: &'a str) -> Result<Self, Blind> {
        let (link, mac) = hardware(interface)?;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(eth::ARP));
        let socket = socket.map_err(|e| if e == Errno::PERM { missing_right(interface, "ARP") } else { failed(interface, "no packet socket", e) })?;
        Ok(Self { interface, socket, link, mac })
    }

    fn failed(&self, error: Errno) -> Blind {
        failed(self.interface, "an ARP packet can't be sent", error)
    }

    fn send(&self, to: [u8; 6], operation: u8, sender: Ipv4Addr, target: ([u8; 6], Ipv4Addr)) -> Result<(), Errno> {
        let frame = frame(to, operation, (self.mac, sender), target);
        sendto(self.socket.as_raw_fd(), &frame, &self.link, MsgFlags::empty()).map(|_| ()).map_err(|e| Errno::from_raw_os_error(e as i32))
    }

    /// Waits for a packet whose sender holds `address`.
    fn hear(&self, address: Ipv4Addr, timer: Timer) -> Result<Option<[u8; 6]>, Blind> {
        let mut buffer = [0; 128];
        while timer.ready(&self.socket, PollFlags::IN).map_err(|e| failed(self.interface, "waiting for ARP", e))? {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((length, Some(from))) if from.ifindex() == self.link.ifindex() => {
                    let mac = holder(buffer.get(..length).unwrap_or_default(), address).filter(|mac| *mac != self.mac);
                    if mac.is_some() {
                        return Ok(mac);
                    }
                }
                Ok(_) | Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
                // A packet socket reports that its interface went down: then nobody answers any more.
                Err(nix::errno::Errno::ENETDOWN) => return Ok(None),
                Err(e) => return Err(blind(self.interface, e.desc())),
            }
        }
        Ok(None)
    }
}

fn frame(to: [u8; 6], operation: u8, sender: ([u8; 6], Ipv4Addr), target: ([u8; 6], Ipv4Addr)) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    frame.extend(to);
    frame.extend(sender.0);
    frame.extend([0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4, 0, operation]);
    frame.extend(sender.0);
    frame.extend(sender.1.octets());
    frame.extend(target.0);
    frame.extend(target.1.octets());
    frame
}

/// The hardware address of an ARP packet's sender, if it says that it holds `address`.
fn holder(frame: &[u8], address: Ipv4Addr) -> Option<[u8; 6]> {
    let arp_over_ethernet = frame.get(12..20)? == [0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4];
    let holds = frame.get(28..32)? == address.octets();
    (arp_over_ethernet && holds).then(|| frame.get(22..28)?.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

    #[test]
    fn only_the_holder_of_the_address_is_heard() {
        let reply = frame(US, REPLY, ([2, 0, 0, 0, 0, 9], ADDRESS), (US, Ipv4Addr::UNSPECIFIED));
        assert_eq!(reply.len(), 42, "Ethernet header and RFC 826 packet");
        assert_eq!(holder(&reply, ADDRESS), Some([2, 0, 0, 0, 0, 9]));
        let probe = frame(BROADCAST, REQUEST, (US, Ipv4Addr::UNSPECIFIED), (NOBODY, ADDRESS));
        assert_eq!(holder(&probe, ADDRESS), None, "somebody asks, nobody holds");
        assert_eq!(holder(&reply, Ipv4Addr::new(192, 0, 2, 11)), None);
        assert_eq!(holder(reply.get(..30).unwrap_or_default(), ADDRESS), None, "cut short");
    }

    #[test]
    fn an_interface_that_is_missing_or_no_ethernet_is_named() {
        for (name, said) in [("nosuch0", "no such interface"), ("lo", "no Ethernet")] {
            let error = arp_probe(name, ADDRESS, 1, Duration::from_millis(1)).map_err(|e| e.to_string());
            assert!(error.as_ref().is_err_and(|e| e.contains(name) && e.contains(said)), "{error:?}");
        }
    }
}
