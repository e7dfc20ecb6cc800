//! twinguard's own agent, by its status file: roles, epochs, the peer, what is frozen, what a takeover would be refused for.

use super::{Finding, Question, View};
use plugin_core::contract::status::{GroupStatus, Life, PeerRecord, Role, Status};
use plugin_core::report::Metric;
use plugin_core::{Blind, Unit};

/// Is there a status file?
pub fn present(question: &Question<'_>) -> bool {
    question.place.has_agent()
}

/// Reads it.
///
/// # Errors
/// Unreadable, of another shape, or stale.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    Ok(judge(&question.place.read(question.machine.host)?))
}

fn judge(status: &Status) -> View {
    let mut findings: Vec<Finding> = status.groups.iter().map(|group| role(status, group)).collect();
    let peer = &status.peer.node;
    findings.extend(status.frozen.as_ref().map(|why| Finding::broken(format!("automatic takeover is frozen: {why}"))));
    findings.extend(status.groups.iter().filter_map(|group| {
        let fault = group.degraded.as_ref()?;
        let text = format!("{} is degraded here: {fault}", group.name);
        // Only what the master has can be moved away from it.
        Some(if group.role == Role::Master { Finding::broken_here(text) } else { Finding::broken(text) })
    }));
    findings.extend(match status.peer.life {
        Life::Alive => None,
        Life::Mute => Some(Finding::warn(format!("{peer} hangs: only its kernel answers"))),
        Life::Silent => Some(Finding::warn(format!("{peer} is lost, there is no redundancy"))),
        Life::Unknown => Some(Finding::warn(format!("{peer} has not been looked at yet"))),
    });
    if matches!(status.peer.record, PeerRecord::FenceIntent | PeerRecord::FenceSent | PeerRecord::OffConfirmed | PeerRecord::Standby) {
        findings.push(Finding::warn(format!("{peer} was fenced or put aside; rejoin it: twinguard rejoin")));
    }
    findings.extend(status.attempt.as_ref().map(|attempt| Finding::warn(format!("takeover {} is under way: {}", attempt.id, attempt.stage))));
    if let Some(refusal) = &status.refusal {
        findings.push(Finding::warn(format!("automatic takeover refused: {} - {}; {}", refusal.code, refusal.text, refusal.code.advice())));
    } else if status.automatic && !status.armed && status.groups.iter().any(|group| group.role == Role::Slave) {
        findings.extend(unarmed(status));
    }
    if status.peer.life == Life::Alive {
        let dead = status.peer.links.iter().filter(|link| !link.channel);
        findings.extend(
            dead.map(|link| Finding::warn(format!("{peer} is not heard over {}{}", link.name, if link.carrier { "" } else { " (no carrier here)" }))),
        );
    }
    let mut notes = Vec::new();
    if !status.automatic {
        notes.push("automatic takeover is switched off in cluster.toml".to_owned());
    }
    let epoch = |group: &GroupStatus| Metric::new(format!("{}_epoch", group.name), group.epoch as f64, Unit::Counter);
    View { findings, notes, metrics: status.groups.iter().map(epoch).collect() }
}

/// Why a slave could not take over now. G0 and G3 only say that nothing has failed yet.
fn unarmed(status: &Status) -> Option<Finding> {
    let gate = status.gates.iter().find(|gate| gate.refusal.is_some() && gate.gate != "G0" && gate.gate != "G3")?;
    let code = gate.refusal?;
    Some(Finding::warn(format!("automatic takeover would be refused: {code} - {}; {}", gate.evidence, code.advice())))
}

/// Serves, or is about to.
fn serves(role: Role) -> bool {
    matches!(role, Role::Master | Role::Taking)
}

/// One group: who serves it.
fn role(status: &Status, group: &GroupStatus) -> Finding {
    let (node, peer) = (&status.node, &status.peer.node);
    let there = status.peer.roles.get(&group.name).copied();
    let other = there.map_or_else(|| format!("role of {peer} not known"), |role| format!("{peer} {role}"));
    let text = format!("{}: {node} {}, {other}, epoch {}", group.name, group.role, group.epoch);
    let heard = status.peer.links.iter().any(|link| link.channel);
    match (group.role, there) {
        (Role::Master, Some(Role::Master)) => Finding::broken(format!("two masters of {text}")),
        (Role::Master, Some(Role::Slave)) | (Role::Slave, Some(Role::Master)) => Finding::fine(text),
        (Role::Failed, _) => Finding::broken(format!("{text}; a step failed here, see twinguard status")),
        (here, Some(there)) if heard && !serves(here) && !serves(there) => Finding::broken(format!("nobody serves {text}")),
        (_, _) => Finding::warn(text),
    }
}

#[cfg(test)]
mod tests;
