//! What the agent holds across a crash: roles, epochs, the peer's record, the open attempt.
//!
//! One file with a CRC and a previous copy, written as temp + fsync + rename + fsync of the folder. Refuses to guess:
//! a file that can't be read is an error, never a default role.

mod attempt;

pub use attempt::{Attempt, Case, Handover, Promise, Released, Stage, Why};

use plugin_core::contract::Refusal;
use plugin_core::contract::status::{PeerRecord, Role};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Version of the state file's shape.
const SCHEMA: u32 = 1;

/// Everything durable of one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durable {
    /// Shape of the file.
    pub schema: u32,
    /// This node; a state file of another machine is refused.
    pub node: String,
    /// Id of the founded pair; empty until it is founded.
    pub cluster_id: String,
    /// Service groups by name.
    pub groups: BTreeMap<String, Standing>,
    /// What is held about the peer.
    pub peer: Peer,
    /// The open attempt: at most one per pair (I7).
    pub attempt: Option<Attempt>,
    /// The open case: a failure was reported HARD and is being watched; nothing was done yet.
    pub case: Option<Case>,
    /// A promise given to the peer.
    pub promise: Option<Promise>,
    /// Groups that this node gave to the peer in a graceful move, until the peer serves them.
    pub handover: Option<Handover>,
    /// What this node could not use of the peer's handover.
    pub released: Option<Released>,
    /// The attempt by which the pair was dissolved and this node retired: it never starts anything again.
    pub retired: Option<String>,
    /// An operator wants this node to be a slave again; done when the master agrees.
    pub rejoining: bool,
    /// Somebody works on the pair: nothing is automatic.
    pub maintenance: Option<Maintenance>,
    /// No rejoin before this (CLOCK_BOOTTIME, ms): a power command may still arrive (F4).
    pub drain_until_ms: u64,
    /// Why automation is frozen.
    pub frozen: Option<String>,
    /// Unix times (ms) of the automatic takeovers that were completed.
    pub takeovers: Vec<i64>,
    /// Refusals that were mailed and when (CLOCK_BOOTTIME, ms): a failure that is reported again and again is mailed once.
    #[serde(default)]
    pub mailed: Vec<(Refusal, u64)>,
}

/// One service group on this node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Role now.
    pub role: Role,
    /// Role before the last boot, while INERT.
    pub was: Role,
    /// Highest epoch seen, burnt ones included. Never decreases (I8).
    pub epoch_seen: u64,
    /// Epoch of the data.
    pub data_epoch: u64,
    /// Node that wrote the data last.
    pub data_owner: Option<String>,
    /// What is wrong with the group here.
    pub degraded: Option<String>,
}

/// What is held about the peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its record.
    pub record: PeerRecord,
    /// Its last known highest epoch by group.
    pub epochs: BTreeMap<String, u64>,
    /// What would start managed resources at its boot, from its last message; `None` = never heard (G12).
    pub boot_starts: Option<Vec<String>>,
    /// Its configuration's hash, from its last message (G9).
    pub config_hash: Option<String>,
    /// It is in maintenance, from its last message (G1).
    pub maintenance: bool,
}

/// Somebody works on the pair.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Who.
    pub by: String,
    /// Since when (Unix time, ms).
    pub since_ms: i64,
    /// Until when it was planned (Unix time, ms). It never ends by itself: afterwards it is said loudly.
    pub until_ms: i64,
    /// It was said already that it is over time.
    pub reminded: bool,
}

impl Durable {
    /// The state of a node that knows nothing: INERT in every group.
    pub fn blank<'a>(node: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        let blank = Standing { role: Role::Inert, was: Role::Inert, epoch_seen: 0, data_epoch: 0, data_owner: None, degraded: None };
        Self {
            schema: SCHEMA,
            node: node.to_owned(),
            cluster_id: String::new(),
            groups: groups.into_iter().map(|g| (g.to_owned(), blank.clone())).collect(),
            peer: Peer { record: PeerRecord::Ok, epochs: BTreeMap::new(), boot_starts: None, config_hash: None, maintenance: false },
            attempt: None,
            case: None,
            promise: None,
            handover: None,
            released: None,
            retired: None,
            rejoining: false,
            maintenance: None,
            drain_until_ms: 0,
            frozen: None,
            takeovers: Vec::new(),
            mailed: Vec::new(),
        }
    }
}

/// The state file.
pub struct Store {
    folder: PathBuf,
}

/// What is on disk.
#[derive(Debug)]
pub enum Found {
    /// Never written: a blank node.
    Nothing,
    /// Good.
    State(Box<Durable>),
    /// Present, and not to be trusted; the reason.
    Corrupt(String),
}

impl Store {
    /// The store in `folder`, which must exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Reads the state of `node`. The previous copy is kept for people; it is never believed by itself, since it is
    /// older than the last act.
    pub fn load(&self, node: &str) -> Found {
        let path = self.folder.join("state");
        let mut text = String::new();
        match std::fs::File::open(&path).and_then(|mut f| f.read_to_string(&mut text)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
            Err(e) => return Found::Corrupt(format!("cannot read {}: {e}", path.display())),
            Ok(_) => {}
        }
        let Some(json) = check(text.trim_end()) else {
            return Found::Corrupt(format!("{}: the checksum does not fit", path.display()));
        };
        match serde_json::from_str::<Durable>(json) {
            Err(e) => Found::Corrupt(format!("{}: {e}", path.display())),
            Ok(state) if state.schema != SCHEMA => Found::Corrupt(format!("{}: schema {} is not {SCHEMA}", path.display(), state.schema)),
            Ok(state) if state.node != node => Found::Corrupt(format!("{}: it is the state of {}, this is {node}", path.display(), state.node)),
            Ok(state) => Found::State(Box::new(state)),
        }
    }

    /// Writes the state durably; the copy before it stays as `state.previous`.
    ///
    /// # Errors
    /// What could not be written, and where. The file on disk is then still the old one.
    pub fn save(&self, state: &Durable) -> Result<(), String> {
        let (path, temp) = (self.folder.join("state"), self.folder.join(".state.new"));
        let wrong = |what: &str, e: &dyn std::fmt::Display| format!("cannot {what} {}: {e}", path.display());
        let json = serde_json::to_string(state).map_err(|e| wrong("encode", &e))?;
        let fd = rustix::fs::open(&temp, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)
            .map_err(|e| wrong("write", &e))?;
        let mut file = std::fs::File::from(fd);
        file.write_all(sealed(&json).as_bytes()).and_then(|()| file.sync_data()).map_err(|e| wrong("write", &e))?;
        let previous = self.folder.join("state.previous");
        let _ = std::fs::remove_file(&previous);
        let _ = std::fs::hard_link(&path, &previous);
        std::fs::rename(&temp, &path).map_err(|e| wrong("replace", &e))?;
        let folder = std::fs::File::open(&self.folder).map_err(|e| wrong("sync the folder of", &e))?;
        folder.sync_all().map_err(|e| wrong("sync the folder of", &e))
    }
}

/// A line with its checksum in front: `crc32 json\n`.
pub(super) fn sealed(json: &str) -> String {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// The JSON of a [`sealed`] line, `None` if the checksum does not fit.
pub(super) fn check(line: &str) -> Option<&str> {
    let (crc, json) = line.split_once(' ')?;
    (u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(json.as_bytes())).then_some(json)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    struct Folder(PathBuf);
    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("twinguard-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_state_comes_back_and_every_flipped_byte_is_noticed() {
        let folder = Folder::new("durable");
        let store = Store::new(&folder.0);
        assert!(matches!(store.load("n1"), Found::Nothing));
        let mut state = Durable::blank("n1", ["web"]);
        store.save(&state).unwrap();
        state.groups.get_mut("web").unwrap().epoch_seen = 7;
        store.save(&state).unwrap();
        assert!(matches!(store.load("n1"), Found::State(s) if *s == state));
        assert!(matches!(store.load("n2"), Found::Corrupt(why) if why.contains("state of n1")));

        let path = folder.0.join("state");
        let good = std::fs::read(&path).unwrap();
        // The trailing newline is no part of the record.
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            *bad.get_mut(at).unwrap() ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(store.load("n1"), Found::Corrupt(_)), "byte {at} flipped unnoticed");
        }
        for length in 0..good.len() - 1 {
            std::fs::write(&path, good.get(..length).unwrap()).unwrap();
            assert!(matches!(store.load("n1"), Found::Corrupt(_)), "cut at {length} unnoticed");
        }
    }
}
