//! What to probe: from the command line, or from `cluster.toml`.

use crate::witness::Wire;
use plugin_core::cluster::{Cluster, Witness, Witnesses};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// One link to the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The master's address on it.
    pub address: IpAddr,
    /// Our own interface; without one the routing table chooses.
    pub interface: Option<String>,
}

impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no link: write NAME=ADDRESS or NAME=ADDRESS@INTERFACE");
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (address, interface) = rest.split_once('@').map_or((rest, None), |(a, i)| (a, Some(i.to_owned())));
        let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && interface.as_deref() != Some("");
        let address = address.parse().ok().filter(|_| legal).ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), address, interface })
    }
}

/// Everything to probe.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The links.
    pub links: Vec<Link>,
    /// The witnesses.
    pub witnesses: Vec<Witness>,
    /// How many of them must answer.
    pub need: usize,
    /// For `arp:` witnesses: the clients' link, or the first link with an interface.
    pub wire: Option<Wire>,
}

impl Plan {
    /// From the command line.
    pub fn given(links: &[Link], witnesses: &[Witness], need: Option<usize>) -> Self {
        let wire = links.iter().find_map(|l| l.interface.clone()).map(|interface| Wire { interface, source: Ipv4Addr::UNSPECIFIED });
        let need = Witnesses { need, hosts: witnesses.to_vec() }.need();
        Self { links: links.to_vec(), witnesses: witnesses.to_vec(), need, wire }
    }

    /// From the configuration, as the node `me` sees it.
    ///
    /// # Errors
    /// `me` is not one of the two nodes.
    pub fn configured(cluster: &Cluster, me: &str) -> Result<Self, String> {
        let peer = cluster.peer_of(me).ok_or_else(|| format!("this node is \"{me}\" (uname -n), which is none of [nodes]"))?;
        let link = |(name, link): (&String, &plugin_core::cluster::Link)| {
            Some(Link { name: name.clone(), address: cluster.address(peer, name)?, interface: Some(link.interface.clone()) })
        };
        let wire = Wire::configured(cluster, me);
        Ok(Self {
            links: cluster.links.iter().filter_map(link).collect(),
            witnesses: cluster.witness.hosts.clone(),
            need: cluster.witness.need(),
            wire,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn links_as_they_are_written() {
        let link = |name: &str, address: &str, interface: Option<&str>| {
            Ok(Link { name: name.into(), address: address.parse().unwrap(), interface: interface.map(Into::into) })
        };
        assert_eq!("lan=192.0.2.1".parse(), link("lan", "192.0.2.1", None));
        assert_eq!("heartbeat=fe80::1@eth1".parse(), link("heartbeat", "fe80::1", Some("eth1")));
        for wrong in ["", "lan", "lan=", "=192.0.2.1", "lan=host", "lan=192.0.2.1@", "l|n=192.0.2.1", "la n=192.0.2.1"] {
            assert!(wrong.parse::<Link>().is_err_and(|e| e.contains(wrong)), "{wrong}");
        }
    }

    #[test]
    fn the_configuration_names_the_peer_its_links_and_the_witnesses() {
        let cluster = Cluster::parse(include_str!("../../../../icinga-conf/clusters/pbx-mobydick/cluster.toml")).unwrap();
        let plan = Plan::configured(&cluster, "pbx2").unwrap();
        let links: Vec<String> = plan.links.iter().map(|l| format!("{}={}@{}", l.name, l.address, l.interface.as_deref().unwrap_or("-"))).collect();
        assert_eq!(links, ["heartbeat=192.168.250.1@eth1", "lan=192.0.2.11@eth0"]);
        assert_eq!(plan.wire, Some(Wire { interface: "eth0".into(), source: Ipv4Addr::new(192, 0, 2, 12) }));
        assert_eq!((plan.witnesses.len(), plan.need), (2, 1));
        assert!(Plan::configured(&cluster, "pbx3").is_err_and(|e| e.contains("pbx3")));
    }
}
