//! DRBD's words → facts: `drbdsetup status` of 8.4 (text), of 9 (JSON), and `drbdsetup show` for the policy.

use serde::Deserialize;
use std::fmt;

/// One resource; the worst of its volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// `Primary` or `Secondary`.
    pub role: String,
    /// State of this node's disk.
    pub disk: String,
    /// The other node is connected.
    pub connected: bool,
    /// Given up: `StandAlone`.
    pub alone: bool,
    /// A resync runs.
    pub syncing: bool,
    /// State of the other node's disk, as far as it is known.
    pub peer_disk: String,
    /// The other node's role, as far as it is known.
    pub peer_role: String,
    /// The fencing policy in force; `None` = DRBD's default, `dont-care`.
    pub fencing: Option<String>,
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = match (self.alone, self.connected) {
            (true, _) => "StandAlone",
            (false, true) => "connected",
            (false, false) => "not connected",
        };
        write!(f, "DRBD is {}, {} here, {} there, {link}", self.role, self.disk, if self.peer_disk.is_empty() { "DUnknown" } else { &self.peer_disk })
    }
}

/// Best to worst; a resource is as good as its worst volume.
const DISKS: [&str; 9] = ["UpToDate", "Consistent", "Outdated", "Inconsistent", "Negotiating", "Attaching", "Detaching", "Failed", "Diskless"];

fn worse<'a>(a: &'a str, b: &'a str) -> &'a str {
    let rank = |d: &str| DISKS.iter().position(|k| *k == d).unwrap_or(DISKS.len());
    if a.is_empty() || rank(b) > rank(a) { b } else { a }
}

/// `drbdsetup status --verbose` of 8.4: words of the form `key:value`; the lines of the other node begin with `peer`.
pub(super) fn text(text: &str) -> Result<Mirror, String> {
    let mut mirror = Mirror::default();
    let mut peer = false;
    for line in text.lines() {
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_some_and(|w| *w == "peer") {
            peer = true;
        }
        for (key, value) in words.filter_map(|w| w.split_once(':')) {
            match (key, peer) {
                ("role", false) => value.clone_into(&mut mirror.role),
                ("role", true) => value.clone_into(&mut mirror.peer_role),
                ("disk", false) => mirror.disk = worse(&mirror.disk, value).to_owned(),
                ("peer-disk", _) => mirror.peer_disk = worse(&mirror.peer_disk, value).to_owned(),
                ("connection", _) => (mirror.connected, mirror.alone) = (value == "Connected", value == "StandAlone"),
                ("replication", _) => mirror.syncing |= syncing(value),
                _ => {}
            }
        }
    }
    if mirror.role.is_empty() || mirror.disk.is_empty() {
        return Err(format!("\"{}\" names no role or no disk", text.trim()));
    }
    Ok(mirror)
}

fn syncing(replication: &str) -> bool {
    !matches!(replication, "Established" | "Off")
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    role: String,
    devices: Vec<Device>,
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Device {
    disk_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Connection {
    #[serde(rename = "connection-state")]
    state: String,
    peer_role: String,
    #[serde(rename = "peer_devices")]
    peer_devices: Vec<PeerDevice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PeerDevice {
    replication_state: String,
    peer_disk_state: String,
}

/// `drbdsetup status --json` of 9. A pair has one connection.
pub(super) fn json(text: &str, name: &str) -> Result<Mirror, String> {
    let resources: Vec<Resource> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let resource = resources.into_iter().find(|r| r.name == name).ok_or_else(|| format!("it does not name {name}"))?;
    let disk = resource.devices.iter().fold("", |worst, d| worse(worst, &d.disk_state)).to_owned();
    let [connection] = resource.connections.as_slice() else {
        return Err(format!("{} connections: a pair has one", resource.connections.len()));
    };
    if disk.is_empty() {
        return Err("it has no volume".to_owned());
    }
    Ok(Mirror {
        role: resource.role,
        disk,
        connected: connection.state == "Connected",
        alone: connection.state == "StandAlone",
        syncing: connection.peer_devices.iter().any(|d| syncing(&d.replication_state)),
        peer_disk: connection.peer_devices.iter().fold("", |worst, d| worse(worst, &d.peer_disk_state)).to_owned(),
        peer_role: connection.peer_role.clone(),
        fencing: None,
    })
}

/// `fencing resource-only;` in `drbdsetup show`: in the section `disk` of 8.4, `net` of 9; a default is not printed.
pub(super) fn fencing(show: &str) -> Option<String> {
    show.lines().find_map(|line| line.trim().strip_prefix("fencing")?.trim().trim_end_matches(';').split_whitespace().next().map(str::to_owned))
}
