//! `drbdsetup status --json` of version 9 (drbdsetup-9.0(8)).

use super::{Connection, Peer, Resource, Volume};
use serde_json::Value as Json;

/// Parses the answer.
///
/// # Errors
/// What is missing.
pub fn parse(text: &str) -> Result<Vec<Resource>, String> {
    let json: Json = serde_json::from_str(text).map_err(|e| e.to_string())?;
    json.as_array().ok_or("it is no list of resources")?.iter().map(resource).collect()
}

fn text<'a>(json: &'a Json, key: &str) -> Result<&'a str, String> {
    json.get(key).and_then(Json::as_str).ok_or_else(|| format!("{key} is missing"))
}

fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn resource(json: &Json) -> Result<Resource, String> {
    let peers = list(json, "connections").iter().map(peer).collect::<Result<Vec<_>, _>>()?;
    let volumes = list(json, "devices").iter().map(|device| volume(device, json, &peers)).collect::<Result<Vec<_>, _>>()?;
    Ok(Resource {
        name: text(json, "name")?.to_owned(),
        role: text(json, "role")?.to_owned(),
        suspended: json.get("suspended").is_some_and(|s| s.as_bool() == Some(true) || s.as_str().is_some_and(|s| s != "no")),
        volumes,
        peers,
    })
}

fn peer(json: &Json) -> Result<Peer, String> {
    let state = text(json, "connection-state")?;
    let devices = list(json, "peer_devices");
    let replication = |device: &Json| text(device, "replication-state").unwrap_or("Off").to_owned();
    Ok(Peer {
        name: text(json, "name")?.to_owned(),
        connection: Connection::parse(state),
        words: state.to_owned(),
        role: json.get("peer-role").and_then(Json::as_str).unwrap_or("Unknown").to_owned(),
        disks: devices.iter().map(|device| text(device, "peer-disk-state").map(str::to_owned)).collect::<Result<_, _>>()?,
        syncing: devices.iter().map(replication).any(|state| state.contains("Sync") || state.contains("Verify")),
    })
}

fn volume(device: &Json, resource: &Json, peers: &[Peer]) -> Result<Volume, String> {
    let number = device.get("volume").and_then(Json::as_u64).ok_or("volume is missing")?;
    let disk = text(device, "disk-state")?;
    let of_this =
        list(resource, "connections").iter().flat_map(|c| list(c, "peer_devices")).filter(|d| d.get("volume").and_then(Json::as_u64) == Some(number));
    let target = |d: &&Json| text(d, "replication-state").is_ok_and(|state| state.starts_with("SyncTarget") || state == "PausedSyncT");
    let progress = of_this.clone().find(target).map(|d| d.get("percent-in-sync").and_then(Json::as_f64).unwrap_or(0.0));
    let out_of_sync = of_this.filter_map(|d| d.get("out-of-sync").and_then(Json::as_f64)).fold(0.0, f64::max);
    let elsewhere = peers.iter().any(|peer| peer.connection == Connection::Connected && peer.disks.iter().any(|disk| disk == "UpToDate"));
    Ok(Volume { number, disk: disk.to_owned(), readable: disk == "UpToDate" || elsewhere, progress, out_of_sync })
}
