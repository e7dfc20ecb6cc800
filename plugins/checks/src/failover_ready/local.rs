//! Defects of this node that no gate shows. Pure.

use super::Defects;
use super::machine::{FOREIGN, Mac, Machine, OURS};
use crate::services::listen::Socket;
use crate::services::unit::{Unit, full_name};
use plugin_core::Unit as Measure;
use plugin_core::cluster::{Adapter, Cluster, Verify};
use std::path::Path;

/// Least room for the agent's journal.
const ROOM: f64 = 16.0 * 1024.0 * 1024.0;
/// Least room for mails that wait.
const MAIL_ROOM: f64 = 1024.0 * 1024.0;

/// Every defect of this node.
pub fn defects(cluster: &Cluster, me: &str, machine: &Machine) -> Defects {
    let mut all = Vec::new();
    units(cluster, machine, &mut all);
    storage(cluster, machine, &mut all);
    network(cluster, me, machine, &mut all);
    listeners(cluster, machine, &mut all);
    drbd(machine, &mut all);
    match &machine.state {
        Some(Err(why)) => all.push(format!("the agent's state can't be written: {why}; every takeover would be refused")),
        Some(Ok(free)) if *free < ROOM => all.push(format!("only {} are left for the agent's journal", Measure::Bytes.words(*free))),
        _ => {}
    }
    match &machine.spool {
        Some(Err(why)) => all.push(format!("no mail could be kept until it is sent: {why}")),
        Some(Ok(free)) if *free < MAIL_ROOM => all.push(format!("only {} are left for the mails about a takeover", Measure::Bytes.words(*free))),
        _ => {}
    }
    if !machine.event_socket {
        all.push("the event handler's socket is missing: no check could start a takeover; run: systemctl start twinguard.socket".to_owned());
    }
    if machine.synchronised == Some(false) {
        all.push("nobody sets this node's clock: configure chrony or timesyncd (RX2)".to_owned());
    }
    all
}

fn starts_at_boot(unit: &Unit) -> bool {
    matches!(unit.file.as_str(), "enabled" | "enabled-runtime") || !unit.pulled_by.is_empty()
}

/// SX16, and what a takeover needs to find.
fn units(cluster: &Cluster, machine: &Machine, all: &mut Defects) {
    let find = |name: &str| machine.units.iter().find(|unit| unit.id == name);
    for group in &cluster.groups {
        for name in group.services.iter().chain(&group.master_only).chain(&group.slave_only).map(|name| full_name(name)) {
            // An alias shows its real name; systemd answers for it all the same.
            let Some(unit) = find(&name) else { continue };
            match unit.load.as_str() {
                "not-found" => all.push(format!("{name} of group {} is not installed on this node", group.name)),
                "masked" => all.push(format!("{name} of group {} is masked on this node", group.name)),
                _ if starts_at_boot(unit) => {
                    all.push(format!("{name} starts at boot by itself: only twinguard may start it (SX16); run: systemctl disable {name}"));
                }
                _ => {}
            }
        }
    }
    for unit in OURS.iter().filter_map(|name| find(name)) {
        if unit.load == "not-found" || !starts_at_boot(unit) {
            all.push(format!("{} does not start at boot: after the next reboot nobody guards the pair; run: systemctl enable {}", unit.id, unit.id));
        }
    }
    if cluster.adapter == Adapter::Native {
        for unit in FOREIGN.iter().filter_map(|name| find(name)).filter(|unit| unit.active == "active" || starts_at_boot(unit)) {
            all.push(format!("{} manages resources here too: stop and disable it, or set the adapter in cluster.toml", unit.id));
        }
    }
}

/// SX8, SX11, BM4: what is mounted by whom.
fn storage(cluster: &Cluster, machine: &Machine, all: &mut Defects) {
    for path in &machine.missing {
        all.push(format!("{} is missing on this node: the mount would fail (SX8)", path.display()));
    }
    for mount in cluster.groups.iter().flat_map(|g| &g.mounts) {
        for line in machine.fstab.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let here = fields.get(1).is_some_and(|path| Path::new(path) == mount.path);
            let waits = fields.get(3).is_some_and(|options| options.split(',').any(|option| option == "noauto"));
            if here && !waits {
                all.push(format!("fstab mounts {} at boot: write noauto, or two nodes mount it at once", mount.path.display()));
            }
        }
        // The file system under the path, whether it is mounted by us now or not.
        let under = machine.mounts.iter().filter(|m| mount.path.starts_with(&m.path)).max_by_key(|m| m.path.as_os_str().len());
        if let Some(under) = under.filter(|m| m.remote()) {
            all.push(format!("{} lies on {}: it can't be fenced off (BM4)", mount.path.display(), under.kind));
        }
    }
}

/// MD5, RX9: the failover address is on one node, and only twinguard puts it there.
fn network(cluster: &Cluster, me: &str, machine: &Machine, all: &mut Defects) {
    for (name, link) in &cluster.links {
        let Some(own) = cluster.address(me, name) else { continue };
        let there = machine.addresses.iter().any(|(interface, address)| *interface == link.interface && *address == own);
        if !there && !machine.addresses.is_empty() {
            all.push(format!("{} has no address {own}: cluster.toml says so for link {name}", link.interface));
        }
    }
    for ip in cluster.groups.iter().flat_map(|g| &g.ip) {
        let address = ip.address.address.to_string();
        let ends = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
        for (file, text) in &machine.network {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            if lines.flat_map(|line| line.split(ends)).any(|word| word.trim_end_matches(':') == address) {
                all.push(format!("{} brings the failover address {address} up at boot: remove it there", file.display()));
            }
        }
    }
    for answers in &machine.answers {
        // Without an answer for the peer's own address nobody can say whose the other one is.
        let Some(peer) = answers.peer else { continue };
        for holder in answers.holders.iter().filter(|holder| **holder != peer) {
            all.push(format!("{} is answered by {}, which is neither node", answers.address, words(*holder)));
        }
    }
}

fn words(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// RX6: a server that is bound to this node's own address is silent at the failover address.
fn listeners(cluster: &Cluster, machine: &Machine, all: &mut Defects) {
    for group in &cluster.groups {
        for verify in &group.verify {
            let (address, udp) = match verify {
                Verify::Http(address) | Verify::Banner(address) => (address, false),
                Verify::Sip(address) => (address, true),
            };
            let bound: Vec<&str> = machine.sockets.iter().filter(|s| s.is_at(udp, address.port())).map(Socket::local).collect();
            let reached = |local: &&str| matches!(*local, "*" | "0.0.0.0" | "[::]") || local.trim_matches(['[', ']']) == address.ip().to_string();
            // A server on the loopback is beside the matter: databases have one for themselves.
            let outside: Vec<&str> = bound.iter().copied().filter(|local| !local.starts_with("127.") && *local != "[::1]").collect();
            if !outside.is_empty() && !bound.iter().any(reached) {
                let text = format!("port {} is bound to {} only: nobody would answer at {} (RX6)", address.port(), outside.join(", "), address.ip());
                all.push(text);
            }
        }
    }
}

/// TAKEOVER.md 3.8: DRBD must neither promote by itself nor forget to fence.
fn drbd(machine: &Machine, all: &mut Defects) {
    let mut fencing = machine.drbd.is_empty();
    for (file, text) in &machine.drbd {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
            match words.as_slice() {
                ["auto-promote", "yes"] => all.push(format!("{}: auto-promote yes lets a mount make a node primary", file.display())),
                ["fencing", "dont-care"] => {
                    all.push(format!("{}: fencing dont-care loses writes after a split (write resource-and-stonith)", file.display()));
                }
                ["fencing", _] => fencing = true,
                ["allow-two-primaries", "yes"] | ["allow-two-primaries"] => all.push(format!("{}: two primaries are allowed", file.display())),
                _ => {}
            }
        }
    }
    if !fencing && !machine.drbd.values().any(|text| text.contains("dont-care")) {
        all.push("DRBD has no fencing policy: its default is dont-care".to_owned());
    }
}
