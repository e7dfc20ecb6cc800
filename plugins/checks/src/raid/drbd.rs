//! DRBD as a RAID over two machines: is this node's half good, and is there a second one? Reads what `crate::drbd` reads.

use super::part::{Condition, Kind, Part, Value};
use crate::drbd::{Connection, Resource, resources};
use crate::machine::Machine;
use plugin_core::Blind;

/// Input: `/proc/drbd`, and `drbdsetup` for version 9.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    Some(resources(machine)?.map(|all| all.iter().flat_map(parts).collect()))
}

fn parts(resource: &Resource) -> Vec<Part> {
    let mut parts = Vec::new();
    for volume in &resource.volumes {
        let name = format!("{}/{}", resource.name, volume.number);
        let condition = match volume.disk.as_str() {
            "UpToDate" => Condition::Optimal,
            "Inconsistent" if volume.progress.is_some() => Condition::Resyncing,
            "Negotiating" | "Attaching" => Condition::Resyncing,
            "Consistent" | "Outdated" | "Inconsistent" => Condition::Degraded,
            // A primary without a disk of its own reads from the peer; one without any can't read at all.
            "Diskless" | "Failed" | "Detaching" if volume.readable || resource.role != "Primary" => Condition::Degraded,
            "Diskless" | "Failed" | "Detaching" => Condition::Failed,
            _ => Condition::Strange,
        };
        parts.push(
            Part::new(Kind::Array, name, condition, format!("{} disk {}", resource.role, volume.disk)).value(volume.progress.map(Value::Progress)),
        );
    }
    if resource.suspended {
        parts.push(Part::new(Kind::Array, &resource.name, Condition::Degraded, "I/O is suspended"));
    }
    for peer in &resource.peers {
        let condition = match peer.connection {
            Connection::Connected if peer.disks.iter().all(|disk| disk == "UpToDate") => Condition::Optimal,
            Connection::Connected if peer.syncing => Condition::Resyncing,
            Connection::Connected | Connection::Lost | Connection::Alone => Condition::Degraded,
        };
        parts.push(Part::new(
            Kind::Drive,
            format!("{}/{}", resource.name, peer.name),
            condition,
            format!("{} ({})", peer.words, peer.disks.join(", ")),
        ));
    }
    parts
}
