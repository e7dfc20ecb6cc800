//! DRBD 8.4 and 9 as a cluster: who is primary, is there a split brain, can this node read its data? Reads what `crate::drbd` reads.

use super::{Finding, Question, View};
use crate::drbd::{Connection, Peer, Resource, resources};
use plugin_core::report::Metric;
use plugin_core::{Blind, Unit};

/// Is the module loaded?
pub fn present(question: &Question<'_>) -> bool {
    question.machine.has("/proc/drbd")
}

/// Reads its state.
///
/// # Errors
/// There is none, or it can't be read.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    let all = resources(&question.machine)
        .ok_or_else(|| Blind::Read { path: "/proc/drbd".into(), reason: "the module drbd is not loaded; run: modprobe drbd".into() })??;
    let mut view = View::default();
    for resource in &all {
        let found = judge(resource);
        if found.is_empty() {
            let peer = resource.peers.first().map_or_else(|| "no peer".to_owned(), |peer| format!("{} {}", peer.name, peer.role));
            view.findings.push(Finding::fine(format!("{} is {} and in sync, {peer}", resource.name, resource.role)));
        }
        view.findings.extend(found);
        let behind: f64 = resource.volumes.iter().map(|volume| volume.out_of_sync).sum();
        view.metrics.push(Metric::new(format!("{} behind", resource.name), behind * 1024.0, Unit::Bytes));
    }
    if all.is_empty() {
        view.findings.push(Finding::warn("no resource is configured"));
    }
    Ok(view)
}

fn judge(resource: &Resource) -> Vec<Finding> {
    let name = &resource.name;
    let primary = resource.role == "Primary";
    let mut findings = Vec::new();
    if resource.role == "Unconfigured" {
        return vec![Finding::warn(format!("{name} is not configured"))];
    }
    if primary && resource.peers.iter().any(|peer| peer.role == "Primary") {
        findings.push(Finding::broken(format!("{name} has two primaries")));
    }
    if resource.suspended {
        findings.push(Finding::broken(format!("{name} has suspended its I/O until the peer is fenced or back")));
    }
    findings.extend(resource.peers.iter().filter_map(|peer| link(name, peer)));
    let spare = resource.peers.iter().any(|peer| peer.connection == Connection::Connected && peer.disks.iter().all(|disk| disk == "UpToDate"));
    for volume in resource.volumes.iter().filter(|volume| volume.disk != "UpToDate") {
        let text = format!(
            "{name}/{} has the disk {}{}",
            volume.number,
            volume.disk,
            volume.progress.map_or_else(String::new, |percent| format!(", {percent}% in sync"))
        );
        let lost = ["Diskless", "Failed", "Detaching"].contains(&volume.disk.as_str());
        findings.push(match (lost, primary && spare) {
            (true, true) => Finding::broken_here(text),
            (true, false) => Finding::broken(text),
            (false, _) => Finding::warn(text),
        });
    }
    findings
}

fn link(name: &str, peer: &Peer) -> Option<Finding> {
    let disks = peer.disks.join(", ");
    match peer.connection {
        Connection::Alone => Some(Finding::broken(format!("{name} is StandAlone: a split brain, or disconnected by hand"))),
        Connection::Lost => Some(Finding::warn(format!("{name} has no connection to {} ({})", peer.name, peer.words))),
        Connection::Connected if peer.syncing => Some(Finding::warn(format!("{name} synchronises with {} ({disks})", peer.name))),
        Connection::Connected if peer.disks.iter().any(|disk| disk != "UpToDate") => {
            Some(Finding::warn(format!("{name} is {disks} on {}", peer.name)))
        }
        Connection::Connected => None,
    }
}
