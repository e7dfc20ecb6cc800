//! Sockets inside a deadline: is there somebody at that address, on that interface, and who answers?
//!
//! Knows signs of life, judges none of them. "Nobody answered" is a fact (`None`, `Silent`); a missing right or a missing
//! interface is [`Blind`]: the caller could not look.

mod answer;
mod arp;
mod datagram;
mod icmp;
mod names;
mod neighbour;
mod socket;
mod stream;
mod target;
mod tcp;

pub use answer::{http_get, sip_options};
pub use arp::{arp_holders, arp_probe, arp_request};
pub use datagram::Datagrams;
pub use icmp::ping;
pub use names::{carrier, resolve};
pub use socket::Timer;
pub use stream::{Stream, words};
pub use target::{Endpoint, Family, Target, share};
pub use tcp::{Touch, touch};

use crate::Blind;
use std::net::IpAddr;

/// Tells the neighbours of `interface` that `address` lives here now: one gratuitous ARP in its request and its reply form
/// (RFC 5227 section 3), or one unsolicited neighbour advertisement (RFC 4861 section 7.2.6).
///
/// # Errors
/// [`Blind::Net`]: no such interface, interface down, or `cap_net_raw` is missing.
pub fn announce(interface: &str, address: IpAddr) -> Result<(), Blind> {
    match address {
        IpAddr::V4(address) => arp::announce(interface, address),
        IpAddr::V6(address) => neighbour::announce(interface, address),
    }
}
