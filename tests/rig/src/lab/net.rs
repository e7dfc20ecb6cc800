//! The networks: three switches, gateway, witness, client and one BMC host for each node, all in network namespaces that carry
//! the lab's name. A cable is cut at the switch, so that both ends lose their carrier.

use super::site::{CLIENT, GATEWAY, Link, Node, Site, WITNESS};
use super::tool::{self, run};

/// Hosts that exist as long as the lab; the nodes' namespaces come and go with their power.
const HOSTS: [&str; 6] = ["switch", "gateway", "witness", "client", "bmc1", "bmc2"];

/// Makes the switches and every host but the nodes.
///
/// # Errors
/// What `ip` said.
pub fn make(site: &Site) -> Result<(), String> {
    for host in HOSTS {
        let name = site.netns(host);
        run("ip", &["netns", "add", &name])?;
        tool::ip(&name, &["link set lo up".to_owned()])?;
    }
    let mut lines = Vec::new();
    for link in Link::ALL {
        lines.push(format!("link add {} type bridge forward_delay 0 stp_state 0", link.switch()));
        lines.push(format!("link set {} up", link.switch()));
    }
    tool::ip(&site.netns("switch"), &lines)?;
    plug(site, "gateway", Link::Lan, GATEWAY)?;
    plug(site, "witness", Link::Lan, WITNESS)?;
    plug(site, "client", Link::Lan, CLIENT)?;
    for node in Node::BOTH {
        plug(site, &bmc(node), Link::Management, &node.bmc())?;
    }
    Ok(())
}

/// Host name of a node's BMC.
pub fn bmc(node: Node) -> String {
    format!("bmc{}", node.number())
}

/// Switch port of a host on a link.
fn port(host: &str, link: Link) -> String {
    format!("{host}-{}", link.interface())
}

fn plug(site: &Site, host: &str, link: Link, address: &str) -> Result<(), String> {
    let (name, port) = (site.netns(host), port(host, link));
    let lines =
        [format!("link add {port} type veth peer name {} netns {name}", link.interface()), format!("link set {port} master {} up", link.switch())];
    tool::ip(&site.netns("switch"), &lines)?;
    tool::ip(&name, &[format!("address add {address}/24 dev {}", link.interface()), format!("link set {} up", link.interface())])
}

/// Makes a node's namespace with its three network cards, cables plugged in. Addresses are the node's own business.
///
/// # Errors
/// What `ip` said.
pub fn make_node(site: &Site, node: Node) -> Result<(), String> {
    remove_node(site, node);
    let name = site.netns(node.name());
    run("ip", &["netns", "add", &name])?;
    let mut lines = Vec::new();
    for link in Link::ALL {
        let port = port(node.name(), link);
        let (interface, number) = (link.interface(), node.number());
        lines.push(format!("link add {port} type veth peer name {interface} address 02:77:00:00:0{number}:0{} netns {name}", link as u8));
        lines.push(format!("link set {port} master {} up", link.switch()));
    }
    tool::ip(&site.netns("switch"), &lines)
}

/// Removes a node's namespace and its cables.
pub fn remove_node(site: &Site, node: Node) {
    for link in Link::ALL {
        let _ = run("ip", &["-n", &site.netns("switch"), "link", "del", &port(node.name(), link)]);
    }
    let _ = run("ip", &["netns", "del", &site.netns(node.name())]);
}

/// Cuts or repairs cables of a host.
///
/// # Errors
/// What `ip` said, for example because the node is off.
pub fn cable(site: &Site, host: &str, links: &[Link], up: bool) -> Result<(), String> {
    let state = if up { "up" } else { "down" };
    let commands: Vec<String> = links.iter().map(|l| format!("link set {} {state}", port(host, *l))).collect();
    tool::ip(&site.netns("switch"), &commands)
}

/// Every process that lives in one of the lab's namespaces.
pub fn processes(id: &str) -> Vec<String> {
    let pids = |name: &String| run("ip", &["netns", "pids", name]).unwrap_or_default();
    namespaces(id).iter().map(pids).flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The lab's namespaces.
pub fn namespaces(id: &str) -> Vec<String> {
    let text = run("ip", &["netns", "list"]).unwrap_or_default();
    let names = text.lines().filter_map(|l| l.split_whitespace().next());
    names.filter(|n| n.strip_prefix(id).is_some_and(|rest| rest.starts_with('-'))).map(str::to_owned).collect()
}

/// Removes every namespace of the lab, and with them bridges and cables.
pub fn remove(id: &str) {
    for name in namespaces(id) {
        let _ = run("ip", &["netns", "del", &name]);
    }
}
