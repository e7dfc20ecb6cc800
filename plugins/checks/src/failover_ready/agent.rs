//! What the agent's own status says. Pure.

use super::Defects;
use plugin_core::contract::status::{DeviceStatus, Life, PeerRecord, Role, SLOW_DRILL, Status};
use std::time::Duration;

fn serves_all(status: &Status) -> bool {
    !status.groups.is_empty() && status.groups.iter().all(|g| g.role == Role::Master)
}

/// This node's part, for the good line.
pub fn role(status: &Status) -> String {
    if serves_all(status) {
        "this node is master, the slave judges the takeover".to_owned()
    } else if status.armed {
        "automatic takeover is armed".to_owned()
    } else {
        "automatic takeover is being prepared".to_owned()
    }
}

/// Why an automatic takeover would be refused now. The master refuses by its role; there the question is the slave's.
pub fn refusals(status: &Status) -> Defects {
    let refused = |why: String| format!("automatic takeover would be refused now: {why}");
    let mut all = Vec::new();
    if let Some(why) = &status.frozen {
        all.push(refused(format!("FROZEN: {why}")));
    }
    if serves_all(status) {
        return all;
    }
    if !status.automatic && !status.gates.iter().any(|g| g.gate == "G1" && g.refusal.is_some()) {
        all.push(refused("AUTOMATIC_OFF: set automatic = true in cluster.toml on both nodes".to_owned()));
    }
    for group in status.groups.iter().filter(|g| matches!(g.role, Role::Inert | Role::Standby | Role::Failed | Role::Demoted)) {
        all.push(refused(format!("group {} is {} here, only a SLAVE may take over", group.name, group.role)));
    }
    // G3 says that the peer lives, and that is as it should be; G0 waits for an event.
    for gate in status.gates.iter().filter(|gate| !matches!(gate.gate.as_str(), "G0" | "G3")) {
        if let Some(code) = gate.refusal {
            all.push(refused(format!("{code}: {} ({})", gate.evidence, code.advice())));
        }
    }
    all
}

/// More difference of the clocks than this is a defect, in milliseconds; a graceful move is refused there as well.
const SKEW: u64 = 1000;
/// Fence devices that nobody has tried for too long, or that are slow: no gate, but the disaster is a bad time for the first try.
pub fn devices(status: &Status, wall_ms: i64, longest: Duration) -> Defects {
    let mut all = Vec::new();
    for DeviceStatus { level, device, drill } in &status.devices {
        let node = &status.peer.node;
        let place = format!("level {level} fence device of {node}, {device},");
        let again = format!("twinguard drill fence {node} --level {level}");
        match drill {
            None => all.push(format!("{place} was never drilled: {again}")),
            Some(drill) if u128::try_from(wall_ms.saturating_sub(drill.at_ms)).is_ok_and(|age| age > longest.as_millis()) => {
                all.push(format!("{place} was {}: {again}", drill.describe(wall_ms)));
            }
            Some(drill) if u128::from(drill.took_ms) > SLOW_DRILL.as_millis() => {
                let took = drill.took_ms as f64 / 1000.0;
                all.push(format!("{place} needed {took:.1} s until OFF: set HandlePowerKey=ignore in logind.conf of {node}"));
            }
            Some(_) => {}
        }
    }
    all
}

/// What is wrong without a gate that refuses.
pub fn defects(status: &Status) -> Defects {
    let mut all = Vec::new();
    let (compared, peer) = (&status.compared, &status.peer.node);
    if let (Some(own), Some(theirs)) = (&compared.version, &compared.peer_version)
        && own != theirs
    {
        all.push(format!("{peer} runs twinguard {theirs}, this node {own}: install the same version on both nodes"));
    }
    if let Some(skew) = compared.skew_ms.filter(|skew| *skew > SKEW) {
        all.push(format!("the clocks of both nodes differ by {skew} ms (RX2): look at check_time"));
    }
    for link in &status.peer.links {
        let what = match (link.carrier, link.ping, link.channel) {
            (false, _, _) => "has no carrier here",
            (true, false, _) => "does not reach the peer",
            (true, true, false) => "reaches the peer, but its agent does not speak over it",
            (true, true, true) => continue,
        };
        all.push(format!("link {} {what}: one more failure would look like a dead peer", link.name));
    }
    for (witness, up) in &status.witnesses {
        if !up {
            all.push(format!("witness {witness} does not answer"));
        }
    }
    if status.peer.life == Life::Mute {
        all.push(format!("{} is hung: only its kernel answers", status.peer.node));
    }
    if status.peer.record == PeerRecord::Standby {
        all.push(format!("{} is STANDBY and can't take over: run twinguard rejoin there once its fault is cured", status.peer.node));
    }
    if let Some(refusal) = &status.refusal {
        all.push(format!("a takeover was asked for and refused: {} ({})", refusal.code, refusal.text));
    }
    for group in &status.groups {
        if let Some(why) = &group.degraded {
            all.push(format!("group {} is degraded: {why}", group.name));
        }
    }
    all
}

/// Is this node known to be able to do it? A takeover with a fence is the only proof, and proofs grow old.
pub fn drill(status: &Status, wall_ms: i64, age: Duration) -> Option<String> {
    let (me, peer) = (&status.node, &status.peer.node);
    let Some(at) = status.compared.takeover_ms else {
        return Some(format!("{me} has never fenced {peer} and taken over: make a drill while people watch"));
    };
    let since = Duration::from_millis(u64::try_from(wall_ms.saturating_sub(at)).unwrap_or(0));
    (since > age).then(|| format!("the last takeover of {me} is {} days old: make a drill while people watch", since.as_secs() / 86_400))
}
