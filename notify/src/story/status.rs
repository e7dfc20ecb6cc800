//! The agent's view of both nodes, for the mails of Icinga's notifications. Refuses to guess: without a fresh status file
//! there is no table.

use super::{Light, Node};
use crate::clean::{LINE, line};
use plugin_core::contract::Status;
use plugin_core::contract::status::{Life, PeerRecord, Role};

/// What a node reports that is cut off from its clients.
const CUT_OFF: &str = "does not see its clients' network";

/// Both nodes as the agent sees them.
pub(super) fn nodes(status: &Status) -> Vec<Node> {
    let mut own: Vec<String> = Vec::new();
    let mut own_light = Light::Green;
    for group in &status.groups {
        own_light = worse(own_light, of_role(group.role));
        let mut text = format!("{} of {}", group.role, group.name);
        if let Some(why) = &group.degraded {
            text = format!("{text}, degraded: {why}");
            own_light = worse(own_light, Light::Amber);
        }
        own.push(text);
    }
    if status.network_ok == Some(false) {
        own.push(CUT_OFF.to_owned());
        own_light = Light::Red;
    }
    let peer = &status.peer;
    let mut theirs: Vec<String> = peer.roles.iter().map(|(group, role)| format!("{role} of {group}")).collect();
    let (life, mut light) = match peer.life {
        Life::Alive => (None, peer.roles.values().fold(Light::Green, |light, role| worse(light, of_role(*role)))),
        Life::Mute => (Some("hangs: only its kernel answers"), Light::Red),
        Life::Silent => (Some("silent on every link"), Light::Red),
        Life::Unknown => (Some("not probed yet"), Light::Violet),
    };
    if life.is_some() {
        // Its roles are from its last message and may be history.
        theirs.clear();
    }
    theirs.extend(life.map(str::to_owned));
    if peer.network_ok == Some(false) {
        theirs.push(CUT_OFF.to_owned());
        light = Light::Red;
    }
    if let Some(record) = of_record(peer.record) {
        theirs.push(record.to_owned());
        light = worse(light, Light::Amber);
    }
    [(&status.node, own, own_light), (&peer.node, theirs, light)]
        .into_iter()
        .map(|(name, text, light)| Node { name: line(name, 64), role: line(&text.join(", "), LINE), light })
        .collect()
}

/// Whether a failure of the peer would be answered, where that is this node's task.
pub(super) fn automation(status: &Status) -> Option<String> {
    if let Some(why) = &status.frozen {
        return Some(line(&format!("frozen: {why}"), LINE));
    }
    if let Some(refusal) = &status.refusal {
        return Some(line(&format!("refused: {} - {}; {}", refusal.code, refusal.text, refusal.code.advice()), LINE));
    }
    if status.armed {
        return Some(format!("ready on {}", line(&status.node, 64)));
    }
    let slave = status.groups.iter().any(|g| g.role == Role::Slave);
    let gate =
        status.gates.iter().find_map(|gate| gate.refusal.map(|code| format!("not possible now: {code} - {}; {}", gate.evidence, code.advice())));
    gate.filter(|_| slave).map(|text| line(&text, LINE))
}

const fn of_role(role: Role) -> Light {
    match role {
        Role::Master | Role::Slave => Light::Green,
        Role::Inert | Role::Standby | Role::Taking | Role::Demoted | Role::Retired => Light::Amber,
        Role::Failed => Light::Red,
    }
}

const fn of_record(record: PeerRecord) -> Option<&'static str> {
    match record {
        PeerRecord::Ok => None,
        PeerRecord::Lost => Some("no contact"),
        PeerRecord::FenceIntent => Some("about to be fenced"),
        PeerRecord::FenceSent => Some("power off sent"),
        PeerRecord::OffConfirmed => Some("seen off"),
        PeerRecord::Standby => Some("not eligible until it is rejoined"),
        PeerRecord::Retired => Some("retired: the pair is dissolved"),
    }
}

fn worse(a: Light, b: Light) -> Light {
    let rank = |light| match light {
        Light::Green => 0,
        Light::Violet => 1,
        Light::Amber => 2,
        Light::Red => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use plugin_core::contract::Refusal;
    use plugin_core::contract::status::{GateStatus, GroupStatus, PeerStatus, RefusalStatus, SCHEMA};

    fn status() -> Status {
        Status {
            schema: SCHEMA,
            cluster: "pbx".into(),
            node: "pbx2".into(),
            boottime_ms: 0,
            boot_id: "b".into(),
            automatic: true,
            armed: true,
            frozen: None,
            groups: vec![GroupStatus { name: "pbx".into(), role: Role::Slave, epoch: 3, degraded: None }],
            network_ok: None,
            peer: PeerStatus {
                node: "pbx1".into(),
                life: Life::Alive,
                record: PeerRecord::Ok,
                roles: [("pbx".to_owned(), Role::Master)].into(),
                network_ok: None,
                links: Vec::new(),
            },
            witnesses: std::collections::BTreeMap::new(),
            gates: vec![GateStatus { gate: "G7".into(), refusal: Some(Refusal::DeviceSilent), evidence: "no answer from 198.51.100.11".into() }],
            attempt: None,
            refusal: None,
            compared: plugin_core::contract::status::Compared::default(),
            devices: Vec::new(),
        }
    }

    fn shown(status: &Status) -> Vec<(Light, String)> {
        nodes(status).into_iter().map(|n| (n.light, format!("{}: {}", n.name, n.role))).collect()
    }

    #[test]
    fn a_healthy_pair_is_green_and_ready() {
        let s = status();
        assert_eq!(shown(&s), [(Light::Green, "pbx2: SLAVE of pbx".to_owned()), (Light::Green, "pbx1: MASTER of pbx".to_owned())]);
        assert_eq!(automation(&s).unwrap(), "ready on pbx2");
    }

    #[test]
    fn a_silent_peer_is_red_and_its_old_role_is_not_shown() {
        let mut s = status();
        (s.peer.life, s.peer.record) = (Life::Silent, PeerRecord::Lost);
        assert_eq!(shown(&s)[1], (Light::Red, "pbx1: silent on every link, no contact".to_owned()));
    }

    #[test]
    fn a_node_without_its_clients_network_is_red() {
        let mut s = status();
        s.peer.network_ok = Some(false);
        let peer = (Light::Red, "pbx1: MASTER of pbx, does not see its clients' network".to_owned());
        assert_eq!(shown(&s), [(Light::Green, "pbx2: SLAVE of pbx".to_owned()), peer]);
        s.network_ok = Some(false);
        assert_eq!(shown(&s)[0], (Light::Red, "pbx2: SLAVE of pbx, does not see its clients' network".to_owned()));
    }

    #[test]
    fn what_prevents_a_takeover_is_said_with_its_code_where_it_matters() {
        let mut s = status();
        s.armed = false;
        let gate = automation(&s).unwrap();
        assert!(gate.starts_with("not possible now: DEVICE_SILENT - no answer from 198.51.100.11; look at"), "{gate}");
        s.refusal = Some(RefusalStatus { code: Refusal::NoStonith, text: "no device for pbx1".into(), since_ms: 0 });
        assert!(automation(&s).unwrap().starts_with("refused: NO_STONITH - no device for pbx1; configure"));
        s.frozen = Some("two masters".into());
        assert_eq!(automation(&s).unwrap(), "frozen: two masters");
        // A master is not expected to take over anything.
        (s.frozen, s.refusal, s.groups[0].role) = (None, None, Role::Master);
        assert_eq!(automation(&s), None);
    }
}
