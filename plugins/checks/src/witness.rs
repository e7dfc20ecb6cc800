//! Asking a witness: one probe that shows whether a gateway or another host answers. Every failover check asks the same way.
//!
//! Draws no conclusion: who is isolated is judged by the check that asked.

use plugin_core::Blind;
use plugin_core::cluster::{Cluster, Witness};
use plugin_core::net::{Touch, arp_request, ping, touch};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Where a witness that answers ARP is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Our interface.
    pub interface: String,
    /// Our address on it; 0.0.0.0 (an RFC 5227 probe) where it is not known.
    pub source: Ipv4Addr,
}

impl Wire {
    /// The clients' link of the configuration, as the node `me` uses it.
    pub fn configured(cluster: &Cluster, me: &str) -> Option<Self> {
        cluster.links.iter().find(|(_, link)| link.clients).map(|(name, link)| {
            let source = cluster.address(me, name).and_then(|a| if let IpAddr::V4(v4) = a { Some(v4) } else { None });
            Self { interface: link.interface.clone(), source: source.unwrap_or(Ipv4Addr::UNSPECIFIED) }
        })
    }
}

/// Does the witness answer? Pings and connections leave through `interface` where one is given.
///
/// # Errors
/// [`Blind::Net`] if it could not be asked: no interface, a missing right.
pub fn ask(witness: &Witness, wire: Option<&Wire>, interface: Option<&str>, timeout: Duration) -> Result<bool, Blind> {
    let blind = |reason: &str| Blind::Net { target: witness.to_string(), reason: reason.to_owned() };
    match witness {
        Witness::Ping(address) => ping(*address, interface, timeout).map(|answer| answer.is_some()),
        Witness::Tcp(address) => touch(*address, interface, timeout, false).map(|touch| touch != Touch::Silent),
        Witness::Arp(IpAddr::V6(_)) => Err(blind("ARP knows IPv4 only; write ping:")),
        Witness::Arp(IpAddr::V4(address)) => {
            let wire = wire.ok_or_else(|| blind("ARP needs an interface; name the one that leads to the clients"))?;
            arp_request(&wire.interface, wire.source, *address, timeout).map(|answer| answer.is_some())
        }
    }
}
