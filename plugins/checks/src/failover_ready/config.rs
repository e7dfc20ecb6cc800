//! Defects that stand in cluster.toml. Pure.

use super::Defects;
use plugin_core::cluster::{Adapter, Cluster, Data, Device, Trigger, Witness};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Every defect of the configuration.
pub fn defects(cluster: &Cluster, me: &str) -> Defects {
    let mut all = Vec::new();
    if cluster.peer_of(me).is_none() {
        let names: Vec<&str> = cluster.nodes.keys().map(String::as_str).collect();
        all.push(format!("this node calls itself {me}, cluster.toml knows {} only (MD8)", names.join(" and ")));
    }
    fence(cluster, &mut all);
    witnesses(cluster, &mut all);
    if cluster.links.len() < 2 {
        all.push("there is one link only: its failure looks like a dead peer (MD5)".to_owned());
    }
    if !cluster.triggers.values().any(|t| *t == Trigger::PeerLost) {
        all.push("no service in [triggers] is peer-lost: nothing would ever start a takeover".to_owned());
    }
    if cluster.adapter == Adapter::Native && (cluster.limits.interval.or_forever() == Duration::ZERO || cluster.limits.per_day == 0) {
        all.push("[limits] sets no limit: two failing nodes would take over from each other for ever".to_owned());
    }
    relays(cluster, &mut all);
    for group in &cluster.groups {
        if group.verify.is_empty() {
            all.push(format!("group {} has no verify: a service that hangs counts as taken over", group.name));
        }
        if group.ip.is_empty() {
            all.push(format!("group {} has no failover address: clients stay with the dead node", group.name));
        }
        if matches!(group.data, Data::Async { max_loss, .. } if max_loss.0.is_none()) {
            all.push(format!("group {}: max_loss = never accepts data of any age", group.name));
        }
    }
    all
}

/// BM8 and the honest sentence about an IPMI on the host's own supply.
fn fence(cluster: &Cluster, all: &mut Defects) {
    for node in cluster.nodes.keys() {
        let devices = cluster.devices_of(node);
        let levels = devices.iter().map(|d| d.level).collect::<std::collections::BTreeSet<_>>().len();
        match levels {
            0 => all.push(format!("no fence device switches {node}: automatic takeover from it is refused (BM8)")),
            1 => all.push(format!("{node} has one fence level only: a device that loses its power together with the node proves nothing")),
            _ => {}
        }
        let places: Vec<_> = devices.iter().filter_map(|d| d.address.as_ref().map(|a| (d.level, a, d.port))).collect();
        if let Some((_, address, _)) =
            places.iter().find(|(l, a, p)| places.iter().any(|(level, address, port)| level > l && (address, port) == (a, p)))
        {
            all.push(format!("two fence levels of {node} are one device ({address}): when it is silent, both are"));
        }
    }
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for device in &cluster.fence.device {
        for key in keys(device) {
            match owners.get(&key) {
                Some(other) if *other != device.target => {
                    all.push(format!("{} and {other} have the same fence device ({key}): one of them would switch itself off", device.target));
                }
                _ => {
                    owners.insert(key, &device.target);
                }
            }
        }
        let own = |address: &str| cluster.nodes.values().flat_map(BTreeMap::values).any(|a| address.parse::<IpAddr>().is_ok_and(|d| d == *a));
        if device.address.as_deref().is_some_and(own) {
            all.push(format!("the fence device of {} has the address of a node: it dies with it", device.target));
        }
    }
}

/// What tells two devices apart.
fn keys(device: &Device) -> Vec<String> {
    let plain = device.identity.to_ascii_lowercase().replace('-', "");
    let address = device.address.iter().map(|a| format!("address {a} port {}", device.port.unwrap_or(0)));
    let identity = (device.identity != "drill").then(|| format!("identity {plain}"));
    address.chain(identity).collect()
}

fn witnesses(cluster: &Cluster, all: &mut Defects) {
    let address = |witness: &Witness| match witness {
        Witness::Ping(a) | Witness::Arp(a) => *a,
        Witness::Tcp(a) => a.ip(),
    };
    match cluster.witness.hosts.as_slice() {
        [] => all.push("no witness is configured: a node can't know that it is not the isolated one".to_owned()),
        [one] => all.push(format!("{one} is the only witness: while it is away no takeover is possible")),
        _ => {}
    }
    for witness in &cluster.witness.hosts {
        let of_node = cluster.nodes.iter().find(|(_, addresses)| addresses.values().any(|a| *a == address(witness)));
        if let Some((node, _)) = of_node {
            all.push(format!("witness {witness} is {node} itself: it dies with the node"));
        }
        if cluster.groups.iter().flat_map(|g| &g.ip).any(|ip| ip.address.address == address(witness)) {
            all.push(format!("witness {witness} is a failover address: it is silent exactly when it is needed"));
        }
    }
}

/// I12: the mail about a takeover must not need what is being taken over.
fn relays(cluster: &Cluster, all: &mut Defects) {
    let moves = |relay: &String| {
        let host = relay.split("://").nth(1).unwrap_or(relay);
        cluster.groups.iter().flat_map(|g| &g.ip).any(|ip| {
            let text = ip.address.address.to_string();
            host == text || host.starts_with(&format!("{text}:")) || host.starts_with(&format!("[{text}]"))
        })
    };
    if cluster.notify.relays.iter().all(moves) {
        all.push("every mail relay is a failover address: the mail about a takeover waits for its end".to_owned());
    }
}
