//! Facts for unit tests: the status file of a healthy pair.

use plugin_core::contract::status::{GroupStatus, Life, LinkStatus, PeerRecord, PeerStatus, Role, SCHEMA, Status};

/// A healthy node with these roles.
pub fn status(node: &str, roles: &[(&str, Role)]) -> Status {
    let group = |(name, role): &(&str, Role)| GroupStatus { name: (*name).to_owned(), role: *role, epoch: 7, degraded: None };
    let link = |name: &str| LinkStatus { name: name.to_owned(), carrier: true, ping: true, channel: true };
    Status {
        schema: SCHEMA,
        cluster: "pbx".into(),
        node: node.into(),
        boottime_ms: 1_000_000,
        boot_id: "boot".into(),
        automatic: true,
        armed: true,
        frozen: None,
        groups: roles.iter().map(group).collect(),
        network_ok: Some(true),
        peer: PeerStatus {
            node: if node == "pbx1" { "pbx2" } else { "pbx1" }.into(),
            life: Life::Alive,
            record: PeerRecord::Ok,
            roles: [].into(),
            network_ok: Some(true),
            links: vec![link("heartbeat"), link("lan")],
        },
        witnesses: [("arp:192.0.2.1".to_owned(), true), ("tcp:192.0.2.25:25".to_owned(), true)].into(),
        gates: Vec::new(),
        attempt: None,
        refusal: None,
        compared: plugin_core::contract::status::Compared::default(),
        devices: Vec::new(),
    }
}
