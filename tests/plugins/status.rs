//! The agent's status file of a healthy pair, written as of now.

use plugin_core::Host;
use plugin_core::contract::status::{GroupStatus, Life, LinkStatus, PeerRecord, PeerStatus, Role, SCHEMA, Status};
use plugin_core::host::System;
use std::path::Path;

/// Writes `status.json` of `node` into `folder`; its path.
pub fn publish(folder: &Path, node: &str, roles: &[(&str, Role)], change: impl FnOnce(&mut Status)) -> String {
    let group = |(name, role): &(&str, Role)| GroupStatus { name: (*name).to_owned(), role: *role, epoch: 7, degraded: None };
    let link = |name: &str| LinkStatus { name: name.to_owned(), carrier: true, ping: true, channel: true };
    let mut status = Status {
        schema: SCHEMA,
        cluster: "pbx".into(),
        node: node.into(),
        boottime_ms: u64::try_from(System::new(None).now().as_millis()).unwrap(),
        boot_id: "boot".into(),
        automatic: true,
        armed: true,
        frozen: None,
        groups: roles.iter().map(group).collect(),
        network_ok: Some(true),
        peer: PeerStatus {
            node: "peer".into(),
            life: Life::Alive,
            record: PeerRecord::Ok,
            roles: [].into(),
            network_ok: Some(true),
            links: vec![link("heartbeat"), link("lan")],
        },
        witnesses: [("arp:192.0.2.1".to_owned(), true)].into(),
        gates: Vec::new(),
        attempt: None,
        refusal: None,
        compared: plugin_core::contract::status::Compared::default(),
        devices: Vec::new(),
    };
    change(&mut status);
    let path = folder.join("status.json");
    std::fs::write(&path, serde_json::to_string(&status).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}
