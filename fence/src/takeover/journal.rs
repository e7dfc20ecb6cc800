//! The journal: every decision, command and reading, append-only, each record with a CRC, fsynced before the act that
//! it announces (I10). For people and audits; the durable state carries what a resume needs.

use super::durable::{check, sealed};
use super::steps::Step;
use plugin_core::contract::Refusal;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// One entry (inventory of TAKEOVER section 1; what graceful moves, maintenance and operators add comes with them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the fields are the evidence; each record is described")]
pub enum Record {
    /// The pair was founded.
    Founded { cluster_id: String, group: String, epoch: u64 },
    /// The agent started; `booted` = first start since the machine booted.
    Boot { booted: bool, boot_id: String },
    /// An accepted call of the handler opened a case.
    Event { case: String, service: String, uid: u32 },
    /// The gates, as they stood when they were decided upon.
    Gates { case: String, evidence: Vec<String> },
    /// A takeover was refused.
    Refused { case: String, code: Refusal, text: String },
    /// An attempt was opened.
    Open { attempt: String, groups: Vec<String> },
    /// About to fence.
    Intent { attempt: String },
    /// A power command goes out right after this record.
    Sent { attempt: String, level: u8, device: String },
    /// The device accepted it.
    Accepted { attempt: String, level: u8, device: String },
    /// A power state was read.
    Read { attempt: String, level: u8, device: String, power: String },
    /// The peer is off: seen twice.
    OffConfirmed { attempt: String, evidence: Vec<String> },
    /// The fence ended without a proof.
    FenceFailed { attempt: String, code: Refusal, evidence: Vec<String> },
    /// The peer lives on after the drain time: the attempt had no effect.
    Ineffective { attempt: String },
    /// This node promised the peer not to hold the groups.
    Promised { attempt: String, groups: Vec<String> },
    /// The peer promised it.
    Yielded { attempt: String },
    /// A new epoch.
    Epoch { attempt: String, group: String, epoch: u64 },
    /// A step begins.
    Begin { attempt: String, group: String, step: Step },
    /// A step is done.
    Done { attempt: String, group: String, step: Step, evidence: String },
    /// A step failed for good.
    Undo { attempt: String, group: String, step: Step, code: Refusal, text: String },
    /// A failed attempt keeps what it has and waits for a person.
    Hold { attempt: String, group: String, code: Refusal, text: String },
    /// This node serves the group.
    Master { attempt: String, group: String, epoch: u64 },
    /// This node gave groups up: to a higher epoch, or in a graceful move.
    Demoted { attempt: String, groups: Vec<String>, epoch: u64 },
    /// This node holds nothing of a handover that it could not use.
    Released { attempt: String },
    /// An operator acted.
    Operator { who: String, what: String },
    /// A drill ended.
    Drilled { drill: String, who: String, target: String, level: u8, good: bool, text: String },
    /// Maintenance began or ended.
    Maintenance { on: bool, who: String },
    /// A case or an attempt ended.
    Closed { attempt: String, why: String },
    /// Automation is frozen.
    Frozen { why: String },
    /// A node retired: the pair is dissolved; the highest epoch that it has seen is its tombstone.
    Retired { attempt: String, node: String, epoch: u64 },
    /// This node's role for a group after it agreed with the peer.
    Rejoined { group: String, role: String },
}

/// A record with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// CLOCK_BOOTTIME, milliseconds.
    pub boottime_ms: u64,
    /// Unix time, milliseconds; for people.
    pub wall_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub record: Record,
}

/// Beyond this size the journal goes on in a new file; the old one is kept once.
const ROTATE: u64 = 8 * 1024 * 1024;

/// The open journal.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens `folder/journal`. A torn last line (power loss while it was written) is ended with a newline, so that the
    /// next record starts clean; it counts as not written, since nothing was done after it.
    ///
    /// # Errors
    /// What could not be opened.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join("journal");
        if std::fs::metadata(&path).is_ok_and(|m| m.len() > ROTATE) {
            std::fs::rename(&path, folder.join("journal.previous")).map_err(|e| format!("cannot rotate {}: {e}", path.display()))?;
        }
        let wrong = |e: std::io::Error| format!("cannot open {}: {e}", path.display());
        let mut file = File::options().read(true).append(true).create(true).open(&path).map_err(wrong)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(wrong)?;
        if text.last().is_some_and(|b| *b != b'\n') {
            file.write_all(b"\n").map_err(wrong)?;
        }
        Ok(Self { path, file })
    }

    /// Appends records with one fsync.
    ///
    /// # Errors
    /// What could not be written. The caller must then not act.
    pub fn append(&mut self, boottime_ms: u64, wall_ms: i64, records: &[Record]) -> Result<(), String> {
        let mut text = String::new();
        for record in records {
            let line = Line { boottime_ms, wall_ms, record: record.clone() };
            let json = serde_json::to_string(&line).map_err(|e| format!("cannot encode a record: {e}"))?;
            text.push_str(&sealed(&json));
        }
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()).map_err(|e| format!("cannot write {}: {e}", self.path.display()))
    }
}

/// The records of a journal's text; lines whose checksum does not fit are counted, not believed.
pub fn parse(text: &str) -> (Vec<Line>, usize) {
    let mut lines = Vec::new();
    let mut bad = 0;
    for line in text.lines().filter(|l| !l.is_empty()) {
        match check(line).and_then(|json| serde_json::from_str(json).ok()) {
            Some(record) => lines.push(record),
            None => bad += 1,
        }
    }
    (lines, bad)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::string_slice, reason = "a test fails by panicking; the text is ASCII")]
mod tests {
    use super::*;

    #[test]
    fn a_torn_tail_is_left_behind_and_the_next_record_is_whole() {
        let folder = std::env::temp_dir().join(format!("twinguard-journal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let record = |n: u64| Record::Epoch { attempt: "a".into(), group: "web".into(), epoch: n };
        Journal::open(&folder).unwrap().append(1, 2, &[record(1), record(2)]).unwrap();
        let path = folder.join("journal");
        let mut whole = String::new();
        File::open(&path).unwrap().read_to_string(&mut whole).unwrap();
        let second = whole.find('\n').unwrap() + 1;
        for cut in second + 1..whole.len() - 1 {
            std::fs::write(&path, &whole[..cut]).unwrap();
            Journal::open(&folder).unwrap().append(3, 4, &[record(3)]).unwrap();
            let mut text = String::new();
            File::open(&path).unwrap().read_to_string(&mut text).unwrap();
            let (lines, bad) = parse(&text);
            let epochs: Vec<_> = lines.iter().map(|l| l.record.clone()).collect();
            assert_eq!((epochs, bad), (vec![record(1), record(3)], 1), "cut at {cut}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
