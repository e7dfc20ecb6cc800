//! The trees of this node: walked by several threads to one digest per directory, and listed again where they differ.

use super::cache::{Cache, Harvest};
use super::entry::{Digest, Entry, Kind, Sight};
use super::filter::Filter;
use super::look::{self, Found, Manner, look};
use super::wire::{Listing, Place, Terms, Trees};
use rustix::fs::{CWD, Mode, OFlags, RawDir, ResolveFlags, open, openat2};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How many unreadable entries are named.
const EXAMPLES: usize = 5;

/// One tree.
struct Tree {
    /// As it is named on both nodes.
    path: Vec<u8>,
    /// Where it is here.
    place: Vec<u8>,
    /// Its top, if that is a directory.
    top: Option<(OwnedFd, u64)>,
}

/// All trees and how to look at them.
pub struct Forest {
    trees: Vec<Tree>,
    filter: Filter,
    manner: Manner,
    cache: Cache,
    pub(super) tally: Tally,
    pub(super) digests: Mutex<HashMap<Place, Digest>>,
}

/// What was seen on the way.
#[derive(Debug, Default)]
pub struct Tally {
    seen: AtomicU64,
    read: AtomicU64,
    unreadable: AtomicU64,
    examples: Mutex<Vec<Vec<u8>>>,
}

/// What is in one directory.
pub struct Content {
    /// Sorted by name; whether a directory belongs to the tree (it does not if something else is mounted there).
    pub entries: Vec<(Entry, bool)>,
    age: u32,
}

/// NUL bytes can't come from the kernel, only from a peer.
fn c_string(bytes: &[u8]) -> Result<CString, Errno> {
    CString::new(bytes).map_err(|_| Errno::INVAL)
}

impl Forest {
    /// Opens the trees. `root` is put in front of each path here.
    pub fn open(terms: &Terms, root: &Path, now: i64, cache: Cache) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let prefix = root.as_os_str().as_bytes();
        let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
        let tree = |path: &Vec<u8>| {
            let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
            let mut place = [prefix, &path].concat();
            if place.is_empty() {
                place.push(b'/');
            }
            let top = open(place.as_slice(), FOLDER, Mode::empty()).ok();
            let top = top.and_then(|top| look::stat(top.as_fd(), c".").ok().map(|stat| (top, look::identity(&stat).0)));
            Tree { path, place, top }
        };
        Self {
            trees: terms.paths.iter().map(tree).collect(),
            filter: Filter::new(&terms.excludes),
            manner: Manner { quick: terms.quick, times: terms.times, now },
            cache,
            tally: Tally::default(),
            digests: Mutex::default(),
        }
    }

    /// Keeps what was harvested for the next run.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remember(&self, path: &Path, harvests: &[Harvest]) -> std::io::Result<()> {
        self.cache.store(path, harvests)
    }

    /// The tops of the trees, without digests of directories; `None` = nothing is there.
    pub fn tops(&self) -> Vec<Option<Entry>> {
        let top = |tree: &Tree| {
            let name = c_string(&tree.place).ok()?;
            match look(CWD, &name, &|| tree.place.clone(), self.cache.block(0, 0), self.manner) {
                Err(Errno::NOENT | Errno::NOTDIR) => None,
                Err(error) => {
                    self.tally.fail(&tree.path, error);
                    None
                }
                Ok(mut found) => {
                    self.tally.count(&found, &tree.path);
                    if found.entry.kind == Kind::Directory && tree.top.is_none() {
                        self.tally.fail(&tree.path, Errno::ACCESS);
                        found.entry.sight = Sight::Unreadable;
                    }
                    found.entry.name.clear();
                    Some(found.entry)
                }
            }
        };
        self.trees.iter().map(top).collect()
    }

    /// Absolute path of a place, as both nodes name it.
    pub fn path(&self, place: &Place) -> Vec<u8> {
        let top = self.trees.get(place.0 as usize).map(|tree| tree.path.as_slice()).unwrap_or_default();
        if place.1.is_empty() { top.to_vec() } else { [top, b"/", &place.1].concat() }
    }

    /// Reads a directory.
    ///
    /// # Errors
    /// It can't be opened or read; `NOENT` = it has vanished.
    pub fn read(&self, place: &Place, harvest: &mut Harvest) -> Result<Content, Errno> {
        let tree = self.trees.get(place.0 as usize).ok_or(Errno::NOENT)?;
        let (top, device) = tree.top.as_ref().ok_or(Errno::NOENT)?;
        let below = c_string(if place.1.is_empty() { b"." } else { &place.1 })?;
        let flags = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let folder = openat2(top, &below, FOLDER, Mode::empty(), flags)?;
        let stat = look::stat(folder.as_fd(), c".")?;
        let (folder_device, folder_ino) = look::identity(&stat);
        let block = self.cache.block(folder_device, folder_ino);
        let path = self.path(place);
        let (mut entries, mut records, mut hits) = (Vec::new(), Vec::new(), 0);
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut names = RawDir::new(&folder, &mut buffer);
        while let Some(name) = names.next() {
            let name = name?;
            let (name, is_folder) = (name.file_name(), name.file_type() == rustix::fs::FileType::Directory);
            if matches!(name.to_bytes(), b"." | b"..") || self.filter.leaves_out(&path, name.to_bytes(), is_folder) {
                continue;
            }
            let by_name = || [format!("/proc/self/fd/{}/", folder.as_raw_fd()).as_bytes(), name.to_bytes()].concat();
            let full = || [&path, b"/".as_slice(), name.to_bytes()].concat();
            match look(folder.as_fd(), name, &by_name, block, self.manner) {
                // Gone since the directory was read.
                Err(Errno::NOENT) => {}
                Err(error) => self.tally.fail(&full(), error),
                Ok(found) => {
                    if found.entry.sight == Sight::Unreadable {
                        self.tally.fail(&full(), Errno::ACCESS);
                    }
                    self.tally.count(&found, &[]);
                    hits += usize::from(found.record.is_some_and(|(_, hit)| hit));
                    records.extend(found.record.map(|(record, _)| record));
                    entries.push((found.entry, found.device == *device));
                }
            }
        }
        if !self.manner.quick {
            harvest.add(&self.cache, folder_device, folder_ino, records, hits);
        }
        entries.sort_unstable_by(|a, b| a.0.name.cmp(&b.0.name));
        Ok(Content { entries, age: look::age(&stat, self.manner.now) })
    }

    /// What is in a directory now, with the digests of the walk.
    pub fn list(&self, place: &Place) -> Option<Listing> {
        let content = self.read(place, &mut Harvest::default()).ok()?;
        let digests = self.digests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entries = content.entries.into_iter().map(|(mut entry, inside)| {
            if entry.kind == Kind::Directory && inside {
                let below = (place.0, join(&place.1, &entry.name));
                match digests.get(&below) {
                    Some(digest) => entry.content = *digest,
                    None => entry.sight = Sight::Unreadable,
                }
            }
            entry
        });
        Some(Listing { age: content.age, entries: entries.collect() })
    }

    /// What was seen, for the peer.
    pub fn trees(&self, roots: Vec<Option<Entry>>) -> Trees {
        let number = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let examples = self.tally.examples.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Trees { roots, seen: number(&self.tally.seen), read: number(&self.tally.read), unreadable: number(&self.tally.unreadable), examples }
    }
}

/// A path below a tree's top.
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

impl Tally {
    fn count(&self, found: &Found, path: &[u8]) {
        self.seen.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(found.read, Ordering::Relaxed);
        if found.entry.sight == Sight::Unreadable && !path.is_empty() {
            self.fail(path, Errno::ACCESS);
        }
    }

    /// Something can't be read.
    pub fn fail(&self, path: &[u8], error: Errno) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        let mut examples = self.examples.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if examples.len() < EXAMPLES {
            examples.push([path, b": ", std::io::Error::from(error).to_string().as_bytes()].concat());
        }
    }
}
