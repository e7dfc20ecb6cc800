//! `/proc/drbd` of version 8.4 ("The DRBD User's Guide 8.4", section "Status information in /proc/drbd").

use super::{Connection, Peer, Resource, Volume};

/// Parses the file. Each minor is a resource of its own: the file has no names.
///
/// # Errors
/// The offending line.
pub fn parse(text: &str) -> Result<Vec<Resource>, String> {
    let mut resources: Vec<Resource> = Vec::new();
    for line in text.lines() {
        if let Some((number, rest)) = line.trim().split_once(": cs:") {
            resources.push(minor(number, rest).ok_or_else(|| format!("odd line \"{}\"", line.trim()))?);
        } else if let Some(volume) = resources.last_mut().and_then(|resource| resource.volumes.last_mut()) {
            if let Some((_, rest)) = line.split_once("oos:") {
                volume.out_of_sync = rest.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
            } else if let Some((_, rest)) = line.split_once("sync'ed:") {
                volume.progress = rest.split('%').next().and_then(|percent| percent.trim().parse().ok());
            }
        }
    }
    Ok(resources)
}

/// ` 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----`; ` 1: cs:Unconfigured`
fn minor(number: &str, rest: &str) -> Option<Resource> {
    let number: u64 = number.parse().ok()?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let state = *words.first()?;
    let name = format!("drbd{number}");
    if state == "Unconfigured" {
        return Some(Resource { name, role: state.into(), suspended: false, volumes: vec![], peers: vec![] });
    }
    let both = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.split_once('/'));
    let ((role, peer_role), (disk, peer_disk)) = (both("ro:")?, both("ds:")?);
    // First of the I/O flags: r running, s suspended.
    let suspended = words.iter().skip(1).any(|word| word.len() >= 6 && word.starts_with('s') && word.contains('-'));
    let connection = Connection::parse(state);
    let syncing = state.contains("Sync") || state.contains("Verify");
    let volume = Volume {
        number: 0,
        disk: disk.into(),
        readable: disk == "UpToDate" || (connection == Connection::Connected && peer_disk == "UpToDate"),
        progress: (state == "SyncTarget" || state == "PausedSyncT").then_some(0.0),
        out_of_sync: 0.0,
    };
    let peer = Peer { name: "peer".into(), connection, words: state.into(), role: peer_role.into(), disks: vec![peer_disk.into()], syncing };
    Some(Resource { name, role: role.into(), suspended, volumes: vec![volume], peers: vec![peer] })
}
