//! One entry of one directory, read without following a link, opening a device, waking an automounter, or leaving the tree.

use super::cache::{Block, Record};
use super::entry::{Digest, Entry, Kind, Sight, shorten};
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags, StatxTimestamp, lgetxattr, llistxattr, openat, readlinkat, statx};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// Most bytes that are read at once.
const CHUNK: usize = 256 << 10;
/// A change younger than this may be followed by one with the same change time: it is not remembered.
const RACY: i64 = 2_000_000_000;

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Sizes and times stand for content and attributes.
    pub quick: bool,
    /// Modification times are compared.
    pub times: bool,
    /// This node's Unix time in nanoseconds.
    pub now: i64,
}

/// What looking found.
#[derive(Debug)]
pub struct Found {
    /// The entry.
    pub entry: Entry,
    /// Its device.
    pub device: u64,
    /// What may be remembered of it, and whether it was remembered so.
    pub record: Option<(Record, bool)>,
    /// Bytes that were read.
    pub read: u64,
}

fn nanos(time: StatxTimestamp) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}

/// Number of a device.
fn device(major: u32, minor: u32) -> u64 {
    u64::from(major) << 32 | u64::from(minor)
}

/// statx(2) that touches neither links nor automounters.
pub fn stat(at: BorrowedFd<'_>, name: &CStr) -> Result<Statx, Errno> {
    statx(at, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

/// Device and inode.
pub fn identity(stat: &Statx) -> (u64, u64) {
    (device(stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino)
}

/// Seconds since the last change.
pub fn age(stat: &Statx, now: i64) -> u32 {
    let age = now.saturating_sub(nanos(stat.stx_ctime)) / 1_000_000_000;
    u32::try_from(age.max(0)).unwrap_or(u32::MAX)
}

/// Looks at `name` in the directory `at`; `path` leads to the same entry by name, for the calls that know no directory.
///
/// # Errors
/// The entry can't be looked at; `NOENT` = it has vanished.
pub fn look(at: BorrowedFd<'_>, name: &CStr, path: &dyn Fn() -> Vec<u8>, block: Block<'_>, manner: Manner) -> Result<Found, Errno> {
    let stat = stat(at, name)?;
    let kind = match FileType::from_raw_mode(stat.stx_mode.into()) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    };
    let (its_device, ino) = identity(&stat);
    let mut entry = Entry {
        name: name.to_bytes().to_vec(),
        kind,
        mode: stat.stx_mode.into(),
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        size: match kind {
            Kind::File => stat.stx_size,
            Kind::Special => device(stat.stx_rdev_major, stat.stx_rdev_minor),
            Kind::Directory | Kind::Link => 0,
        },
        mtime: if manner.times && kind != Kind::Directory { nanos(stat.stx_mtime) } else { 0 },
        target: Vec::new(),
        content: [0; 16],
        xattrs: 0,
        sight: Sight::Whole,
        age: age(&stat, manner.now),
    };
    if kind == Kind::Link {
        entry.target = readlinkat(at, name, Vec::new())?.into_bytes();
    }
    let mut found = Found { entry, device: its_device, record: None, read: 0 };
    if !manner.quick && matches!(kind, Kind::File | Kind::Directory) {
        let ctime = nanos(stat.stx_ctime);
        let known = block.find(ino).filter(|r| r.ctime == ctime && r.size == found.entry.size);
        if let Some(record) = known {
            (found.entry.content, found.entry.xattrs) = (record.content, record.xattrs);
            found.record = Some((record, true));
        } else {
            read(at, name, path, &stat, &mut found);
            let (content, xattrs, size) = (found.entry.content, found.entry.xattrs, found.entry.size);
            let settled = found.entry.sight == Sight::Whole && manner.now.saturating_sub(ctime) > RACY;
            found.record = settled.then_some((Record { ino, ctime, size, content, xattrs }, false));
        }
    }
    Ok(found)
}

/// Reads content and attributes.
fn read(at: BorrowedFd<'_>, name: &CStr, path: &dyn Fn() -> Vec<u8>, before: &Statx, found: &mut Found) {
    let entry = &mut found.entry;
    if entry.kind == Kind::File {
        match content(at, name, entry.size) {
            Ok((digest, bytes)) => (entry.content, found.read) = (digest, bytes),
            Err(Errno::NOENT) => entry.sight = Sight::Moving,
            Err(_) => entry.sight = Sight::Unreadable,
        }
    }
    match xattrs(&path()) {
        Ok(hash) => entry.xattrs = hash,
        Err(Errno::NOENT) => entry.sight = Sight::Moving,
        Err(_) => entry.sight = Sight::Unreadable,
    }
    let still = stat(at, name)
        .is_ok_and(|after| nanos(after.stx_ctime) == nanos(before.stx_ctime) && after.stx_size == before.stx_size && after.stx_ino == before.stx_ino);
    if !still && entry.kind == Kind::File && entry.sight == Sight::Whole {
        entry.sight = Sight::Moving;
    }
}

/// Digest of a file's bytes, and their number.
fn content(at: BorrowedFd<'_>, name: &CStr, size: u64) -> Result<(Digest, u64), Errno> {
    // Not blocking: a file may have become a pipe since it was looked at.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    // Reading for a comparison is no use of the file; only its owner and root may say so.
    let file = match openat(at, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(at, name, flags, Mode::empty())?,
        other => other?,
    };
    let mut hasher = blake3::Hasher::new();
    let room = usize::try_from(size).unwrap_or(CHUNK).saturating_add(1).clamp(512, CHUNK);
    let mut buffer = Vec::with_capacity(room);
    let mut total = 0;
    loop {
        buffer.clear();
        let count = rustix::io::read(&file, spare_capacity(&mut buffer))?;
        if count == 0 {
            return Ok((shorten(&hasher.finalize()), total));
        }
        hasher.update(&buffer);
        total += count as u64;
    }
}

/// Hash of all attributes, sorted by name; 0 if there are none or the file system knows none.
fn xattrs(path: &[u8]) -> Result<u64, Errno> {
    let mut names = Vec::with_capacity(1024);
    match llistxattr(path, spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(Errno::NOTSUP) => return Ok(0),
        // 64 KiB is the kernel's own limit (listxattr(2)).
        Err(Errno::RANGE) => {
            names.reserve(64 << 10);
            llistxattr(path, spare_capacity(&mut names))?;
        }
        Err(error) => return Err(error),
    }
    if names.is_empty() {
        return Ok(0);
    }
    let mut sorted: Vec<&[u8]> = names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    sorted.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for name in sorted {
        let mut value = Vec::with_capacity(256);
        match lgetxattr(path, name, spare_capacity(&mut value)) {
            Err(Errno::RANGE) => {
                value.reserve(64 << 10);
                lgetxattr(path, name, spare_capacity(&mut value))?;
            }
            // Removed a moment ago.
            Err(Errno::NODATA) => continue,
            other => {
                other?;
            }
        }
        for part in [name, &value] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    let hash = hasher.finalize();
    let (head, _) = hash.as_bytes().split_at(8);
    Ok(head.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
