//! What `twinguard` tells a person: the status, and the plan of a takeover. Only text.

use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::status::{Role, Status};
use plugin_core::host::System;
use std::fmt::Write as _;

/// What a takeover by this node would do, and what would refuse it.
pub fn plan(cluster: &Cluster, status: &Status) -> String {
    let mut text = String::from("gates of an automatic takeover by this node:\n");
    for gate in &status.gates {
        let verdict = gate.refusal.map_or("pass".to_owned(), |code| code.to_string());
        let _ = writeln!(text, "  {:4}{verdict:16}{}", gate.gate, gate.evidence);
    }
    let _ = writeln!(text, "steps, after {} was seen off twice:", status.peer.node);
    // Row 47: fencing is per node.
    let taken: Vec<&str> = status.groups.iter().filter(|g| g.role == Role::Slave).map(|g| g.name.as_str()).collect();
    if taken.len() > 1 {
        let _ = writeln!(text, "  all of its groups move, whichever of them failed: {}", taken.join(", "));
    }
    for group in &cluster.groups {
        let role = status.groups.iter().find(|g| g.name == group.name).map(|g| g.role);
        if role != Some(Role::Slave) {
            let _ = writeln!(text, "  {}: nothing, this node is {}", group.name, role.map_or("not in it".to_owned(), |r| r.to_string()));
            continue;
        }
        for mount in &group.mounts {
            let _ = writeln!(text, "  {}: check {}, mount it on {}", group.name, mount.device.display(), mount.path.display());
        }
        for ip in &group.ip {
            let _ = writeln!(text, "  {}: {} on link {}", group.name, ip.address, ip.link);
        }
        for unit in group.services.iter().chain(&group.master_only) {
            let _ = writeln!(text, "  {}: start {unit}", group.name);
        }
        for target in &group.verify {
            let _ = writeln!(text, "  {}: ask {target}", group.name);
        }
    }
    text
}

/// The status for people.
pub fn status(status: &Status) -> String {
    let mut text = format!("cluster {} on {}\n", status.cluster, status.node);
    for group in &status.groups {
        let degraded = group.degraded.as_ref().map(|d| format!(" - {d}")).unwrap_or_default();
        let _ = writeln!(text, "  group {}: {} (epoch {}){degraded}", group.name, group.role, group.epoch);
    }
    let life = format!("{:?}", status.peer.life).to_lowercase();
    let _ = writeln!(text, "  peer {}: {life}, record {:?}", status.peer.node, status.peer.record);
    for link in &status.peer.links {
        let word = |up| if up { "up" } else { "down" };
        let _ = writeln!(text, "    link {}: carrier {}, ping {}, channel {}", link.name, word(link.carrier), word(link.ping), word(link.channel));
    }
    for (witness, up) in &status.witnesses {
        let _ = writeln!(text, "  witness {witness}: {}", if *up { "answers" } else { "silent" });
    }
    let _ = writeln!(text, "  automatic takeover: {}", if status.armed { "armed" } else { "not armed" });
    for gate in &status.gates {
        let verdict = gate.refusal.map_or("ok".to_owned(), |code| code.to_string());
        let _ = writeln!(text, "    {} {verdict}: {}", gate.gate, gate.evidence);
    }
    for device in &status.devices {
        let drill = device.drill.as_ref().map_or("never drilled".to_owned(), |d| d.describe(System::new(None).wall_ms()));
        let _ = writeln!(text, "  fence device of {}, level {}, {}: {drill}", status.peer.node, device.level, device.device);
    }
    if let Some(why) = &status.frozen {
        let _ = writeln!(text, "  FROZEN: {why}");
    }
    if let Some(attempt) = &status.attempt {
        let _ = writeln!(text, "  attempt {}: {}", attempt.id, attempt.stage);
    }
    if let Some(refusal) = &status.refusal {
        let _ = writeln!(text, "  refused: {} - {} ({})", refusal.code, refusal.text, refusal.code.advice());
    }
    text
}
