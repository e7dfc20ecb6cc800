//! Digests of files that have not changed since they were read: keyed by directory, inode, size and change time, so that an
//! unchanged million files is not read again. The change time can't be set by anybody, other than the modification time.
//!
//! A file that is not what it was written as is forgotten as a whole: a wrong digest would hide drift or invent it.

use super::entry::Digest;
use super::wire::{Reader, Writer};
use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

const MAGIC: &[u8] = b"twinguard fs-sync cache 1\n";
const HASH: usize = 32;
/// Inode, change time, size, content, attributes.
const RECORD: usize = 8 + 8 + 8 + 16 + 8;
/// Device, inode, number of records.
const HEAD: usize = 8 + 8 + 4;

/// What is remembered of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Inode.
    pub ino: u64,
    /// Change time in nanoseconds.
    pub ctime: i64,
    /// Bytes.
    pub size: u64,
    /// Of its content.
    pub content: Digest,
    /// Of its extended attributes.
    pub xattrs: u64,
}

impl Record {
    fn write(&self, out: &mut Writer) {
        out.long(self.ino);
        out.long(self.ctime.cast_unsigned());
        out.long(self.size);
        out.raw(&self.content);
        out.long(self.xattrs);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        Some(Record {
            ino: from.long()?,
            ctime: from.long()?.cast_signed(),
            size: from.long()?,
            content: from.raw(16)?.try_into().ok()?,
            xattrs: from.long()?,
        })
    }
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub struct Cache {
    bytes: Vec<u8>,
    /// Device and inode of a directory → its records.
    blocks: HashMap<(u64, u64), Range<usize>>,
}

/// The records of one directory, sorted by inode.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block<'a>(&'a [u8]);

/// What this run leaves: each directory's block, as it was or anew.
#[derive(Debug, Default)]
pub struct Harvest {
    kept: Vec<Range<usize>>,
    fresh: Writer,
    changed: bool,
}

impl Cache {
    /// Reads the file; empty if there is none, or if it is not whole.
    pub fn load(path: &Path) -> Self {
        std::fs::read(path).ok().and_then(Self::parse).unwrap_or_default()
    }

    fn parse(mut bytes: Vec<u8>) -> Option<Self> {
        let body = bytes.len().checked_sub(HASH)?;
        let hash = blake3::hash(bytes.get(..body)?);
        if !bytes.starts_with(MAGIC) || bytes.get(body..)? != hash.as_bytes() {
            return None;
        }
        bytes.truncate(body);
        let mut blocks = HashMap::new();
        let mut at = MAGIC.len();
        while at < bytes.len() {
            let mut head = Reader::new(bytes.get(at..at + HEAD)?);
            let (key, count) = ((head.long()?, head.long()?), usize::try_from(head.word()?).ok()?);
            let end = at + HEAD + count.checked_mul(RECORD)?;
            bytes.get(at..end)?;
            blocks.insert(key, at..end);
            at = end;
        }
        Some(Self { bytes, blocks })
    }

    /// The records of a directory; empty for an unknown one.
    pub fn block(&self, device: u64, directory: u64) -> Block<'_> {
        let range = self.blocks.get(&(device, directory)).cloned();
        Block(range.and_then(|r| self.bytes.get(r.start + HEAD..r.end)).unwrap_or_default())
    }

    /// Replaces the file with what was harvested, unless that is what it holds already.
    ///
    /// # Errors
    /// It can't be written.
    pub fn store(&self, path: &Path, harvests: &[Harvest]) -> std::io::Result<()> {
        let kept: usize = harvests.iter().map(|h| h.kept.len()).sum();
        if kept == self.blocks.len() && harvests.iter().all(|h| !h.changed) {
            return Ok(());
        }
        let temp = path.with_extension(format!("new-{}", std::process::id()));
        let mut hasher = blake3::Hasher::new();
        let mut write = || -> std::io::Result<()> {
            let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(&temp)?);
            let mut put = |bytes: &[u8]| {
                hasher.update(bytes);
                file.write_all(bytes)
            };
            put(MAGIC)?;
            for harvest in harvests {
                for range in &harvest.kept {
                    put(self.bytes.get(range.clone()).unwrap_or_default())?;
                }
                put(harvest.fresh.as_slice())?;
            }
            let hash = hasher.finalize();
            file.write_all(hash.as_bytes())?;
            file.flush()?;
            std::fs::rename(&temp, path)
        };
        write().inspect_err(|_| {
            // Nothing half-written is left behind.
            let _ = std::fs::remove_file(&temp);
        })
    }
}

impl Block<'_> {
    /// What is remembered of an inode.
    pub fn find(self, ino: u64) -> Option<Record> {
        let (mut low, mut high) = (0, self.0.len() / RECORD);
        while low < high {
            let middle = usize::midpoint(low, high);
            let record = Record::read(self.0.get(middle * RECORD..(middle + 1) * RECORD)?)?;
            match record.ino.cmp(&ino) {
                std::cmp::Ordering::Equal => return Some(record),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    const fn len(self) -> usize {
        self.0.len() / RECORD
    }
}

impl Harvest {
    /// Adds a directory. `hits` of the records were in the cache as they are.
    pub fn add(&mut self, cache: &Cache, device: u64, directory: u64, mut records: Vec<Record>, hits: usize) {
        let unchanged = hits == records.len() && hits == cache.block(device, directory).len();
        if let (true, Some(range)) = (unchanged, cache.blocks.get(&(device, directory))) {
            self.kept.push(range.clone());
            return;
        }
        if records.is_empty() {
            return;
        }
        // Names with the same inode (hard links) have the same record.
        records.sort_unstable_by_key(|record| record.ino);
        records.dedup_by_key(|record| record.ino);
        self.changed = true;
        self.fresh.long(device);
        self.fresh.long(directory);
        self.fresh.word(u32::try_from(records.len()).unwrap_or(0));
        for record in records {
            record.write(&mut self.fresh);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn record(ino: u64) -> Record {
        Record { ino, ctime: -3, size: ino * 2, content: [9; 16], xattrs: 4 }
    }

    #[test]
    fn what_is_stored_is_found_and_damage_is_forgotten() {
        let path = std::env::temp_dir().join(format!("twinguard-cache-{}", std::process::id()));
        let empty = Cache::load(&path);
        let mut harvest = Harvest::default();
        harvest.add(&empty, 1, 10, vec![record(30), record(10), record(20), record(10)], 0);
        harvest.add(&empty, 2, 10, vec![record(10)], 0);
        empty.store(&path, &[harvest]).unwrap();
        let cache = Cache::load(&path);
        assert_eq!([5, 10, 20, 30, 31].map(|ino| cache.block(1, 10).find(ino).is_some()), [false, true, true, true, false]);
        assert_eq!(cache.block(2, 10).find(10), Some(record(10)));
        assert_eq!((cache.block(1, 11).find(10), cache.block(2, 10).find(20)), (None, None), "another directory");
        let bytes = std::fs::read(&path).unwrap();
        for at in [0, 30, 60, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Cache::parse(damaged).is_none(), "byte {at}");
        }
        for cut in [0, 10, 40, bytes.len() - 1] {
            assert!(Cache::parse(bytes[..cut].to_vec()).is_none(), "cut at {cut}");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn only_a_change_is_written() {
        let path = std::env::temp_dir().join(format!("twinguard-cache-still-{}", std::process::id()));
        let mut first = Harvest::default();
        first.add(&Cache::default(), 1, 1, vec![record(1), record(2)], 0);
        Cache::default().store(&path, &[first]).unwrap();
        let cache = Cache::load(&path);
        std::fs::remove_file(&path).unwrap();
        let harvest = |records: Vec<Record>, hits| {
            let mut harvest = Harvest::default();
            harvest.add(&cache, 1, 1, records, hits);
            cache.store(&path, &[harvest]).unwrap();
            let written = path.exists();
            let _ = std::fs::remove_file(&path);
            written
        };
        assert!(!harvest(vec![record(1), record(2)], 2), "as it was");
        assert!(harvest(vec![record(1), record(2)], 1), "one was read anew");
        assert!(harvest(vec![record(1)], 1), "one is gone");
        cache.store(&path, &[]).unwrap();
        assert!(path.exists(), "a directory is gone");
        std::fs::remove_file(&path).unwrap();
    }
}
