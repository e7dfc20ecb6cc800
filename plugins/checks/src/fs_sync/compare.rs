//! Two listings of one directory: what differs, and is it drift or only on its way? Pure.
//!
//! Ages are each node's own (seconds since its own clock saw the last change), so a wrong clock can neither make drift nor
//! hide it.

use super::entry::{Entry, Kind, Sight};
use super::wire::Listing;
use std::fmt::Write;

/// One difference that has stood for longer than the grace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Absolute path, as both nodes name it.
    pub path: Vec<u8>,
    /// In words: `content`, `only here`, `mode 0644 here, 0600 there`.
    pub what: String,
}

/// What two nodes' listings show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Differences.
    pub drift: Vec<Drift>,
    /// Differences that are younger than the grace, or of files that are being written.
    pub in_flight: u64,
    /// Pairs of which one can't be read.
    pub blind: u64,
}

/// What to do with a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing more.
    Done,
    /// It is a directory on both nodes and something below it differs.
    Descend,
}

/// Compares two listings; names of directories below which something differs.
pub fn listings(path: &[u8], here: &Listing, there: &Listing, grace: u32, findings: &mut Findings) -> Vec<Vec<u8>> {
    let ages = (here.age, there.age);
    let mut descend = Vec::new();
    let (mut ours, mut theirs) = (here.entries.iter().peekable(), there.entries.iter().peekable());
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return descend,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.name.cmp(&b.name),
        };
        let mine = if order.is_le() { ours.next() } else { None };
        let other = if order.is_ge() { theirs.next() } else { None };
        let name = mine.or(other).map(|entry| entry.name.as_slice()).unwrap_or_default();
        if pair(&[path, b"/", name].concat(), mine, other, ages, grace, findings) == Next::Descend {
            descend.push(name.to_vec());
        }
    }
}

/// Compares one entry with its twin. `ages` are those of the directories that hold them.
pub fn pair(path: &[u8], here: Option<&Entry>, there: Option<&Entry>, ages: (u32, u32), grace: u32, findings: &mut Findings) -> Next {
    let mut drift = |young: bool, what: String| {
        if young {
            findings.in_flight += 1;
        } else {
            findings.drift.push(Drift { path: path.to_vec(), what });
        }
    };
    match (here, there) {
        (None, None) => {}
        // It was created there lately, or deleted here lately: both directories know when they changed.
        (Some(only), None) => drift(only.age < grace || ages.1 < grace, format!("{} only here", word(only.kind))),
        (None, Some(only)) => drift(only.age < grace || ages.0 < grace, format!("{} only on the peer", word(only.kind))),
        (Some(a), Some(b)) if a.sight == Sight::Unreadable || b.sight == Sight::Unreadable => findings.blind += 1,
        (Some(a), Some(b)) => {
            let what = differences(a, b);
            if !what.is_empty() {
                let young = a.age.min(b.age) < grace || a.sight == Sight::Moving || b.sight == Sight::Moving;
                drift(young, what.join(", "));
            }
            if a.kind == Kind::Directory && b.kind == Kind::Directory && a.content != b.content {
                return Next::Descend;
            }
        }
    }
    Next::Done
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Link => "link",
        Kind::Special => "special file",
    }
}

/// What differs between two entries, apart from what is below a directory.
fn differences(a: &Entry, b: &Entry) -> Vec<String> {
    if a.kind != b.kind {
        return vec![format!("{} here, {} there", word(a.kind), word(b.kind))];
    }
    let mut what = Vec::new();
    match a.kind {
        Kind::File if a.size != b.size => what.push(format!("content ({} B here, {} B there)", a.size, b.size)),
        Kind::File if a.content != b.content => what.push("content".to_owned()),
        // The type bits tell a block device from a pipe.
        Kind::Special if a.size != b.size || a.mode >> 12 != b.mode >> 12 => what.push("device".to_owned()),
        _ => {}
    }
    if a.target != b.target {
        what.push(format!("target {} here, {} there", text(&a.target), text(&b.target)));
    }
    // The permissions of a link are nobody's choice.
    if a.mode & 0o7777 != b.mode & 0o7777 && a.kind != Kind::Link {
        what.push(format!("mode {:04o} here, {:04o} there", a.mode & 0o7777, b.mode & 0o7777));
    }
    if (a.uid, a.gid) != (b.uid, b.gid) {
        what.push(format!("owner {}:{} here, {}:{} there", a.uid, a.gid, b.uid, b.gid));
    }
    if a.xattrs != b.xattrs {
        what.push("extended attributes".to_owned());
    }
    if a.mtime != b.mtime {
        what.push("time".to_owned());
    }
    what
}

/// A name as text; what is none is shown as `\xHH`.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| if c.is_control() { '?' } else { c }));
        for byte in chunk.invalid() {
            // Writing to a string can't fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
