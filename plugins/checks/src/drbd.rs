//! DRBD's state as facts: version 8.4 by `/proc/drbd` (text), version 9 by `drbdsetup status --json --statistics`. Two checks read it.
//!
//! Judges nothing.

mod v84;
mod v9;

use crate::machine::Machine;
use plugin_core::Blind;

const PROC: &str = "/proc/drbd";
const ARGS: [&str; 3] = ["status", "--json", "--statistics"];

/// One resource; in version 8.4 one minor.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its name; `drbdN` where only the minor is known.
    pub name: String,
    /// `Primary` or `Secondary`.
    pub role: String,
    /// I/O is frozen.
    pub suspended: bool,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// The other nodes.
    pub peers: Vec<Peer>,
}

/// One volume of this node.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Its number.
    pub number: u64,
    /// State of the own disk (`UpToDate`, `Inconsistent`, …).
    pub disk: String,
    /// Data can be read, from the own disk or the peer's.
    pub readable: bool,
    /// Done part of a running resync in percent.
    pub progress: Option<f64>,
    /// KiB that differ.
    pub out_of_sync: f64,
}

/// How the other node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Connected.
    Connected,
    /// Tries to.
    Lost,
    /// Has given up: `StandAlone`, after a split brain or by an administrator.
    Alone,
}

/// The other node.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its name; `peer` where it is not known.
    pub name: String,
    /// How it is reached.
    pub connection: Connection,
    /// State of the connection as DRBD writes it.
    pub words: String,
    /// Its role.
    pub role: String,
    /// States of its disks.
    pub disks: Vec<String>,
    /// A resync runs.
    pub syncing: bool,
}

impl Connection {
    /// From DRBD's word: connection state of 9, or the combined one of 8.4.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "StandAlone" => Connection::Alone,
            "Disconnecting" | "Unconnected" | "Timeout" | "BrokenPipe" | "NetworkFailure" | "ProtocolError" | "TearDown" | "WFConnection"
            | "Connecting" | "WFReportParams" | "Unknown" => Connection::Lost,
            _ => Connection::Connected,
        }
    }
}

/// The resources; `None` = no DRBD here.
pub fn resources(machine: &Machine<'_>) -> Option<Result<Vec<Resource>, Blind>> {
    if !machine.has(PROC) {
        return None;
    }
    let text = match machine.read(PROC) {
        Ok(text) => text,
        Err(blind) => return Some(Err(blind)),
    };
    // Version 9 keeps the file for its version only.
    if text.starts_with("version: 8") {
        return Some(v84::parse(&text).map_err(|reason| Blind::Parse { what: PROC.into(), reason }));
    }
    let Some(tool) = machine.tool(&["drbdsetup"]) else {
        return Some(Err(Blind::Command { program: "drbdsetup".into(), reason: "it is not installed; install drbd-utils".into() }));
    };
    Some(machine.text(&tool, &ARGS).and_then(|text| v9::parse(&text).map_err(|reason| crate::machine::odd(&tool, &ARGS, reason))))
}
