//! The spool on disk. One file per message; a file is written under a hidden name, fsynced and renamed, so that a reader
//! never sees half of it and a power cut never loses one that was promised. Refuses to follow links and to read anything
//! but small regular files: every local service that may notify can write into `incoming/`.

mod queued;

pub use queued::{Queued, Refused, Told};

use plugin_core::Host;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest event file: 128 KiB of output (the kernel's limit for one argument), each byte as a JSON escape.
const EVENT_CAP: u64 = 1024 * 1024;

/// Longest file name, so that `.try10`, `.reason` and a dot fit into the 255 bytes of every file system.
const NAME_CAP: usize = 200;

/// What a run leaves for the next one in `queue/`; hidden, so that it is no mail itself. Survives the end of the process, need not
/// survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The mail that is being delivered.
    Begun,
    /// When follow-ups were sent, per recipients.
    Rate,
}

impl Note {
    const fn name(self) -> &'static str {
        match self {
            Note::Begun => ".begun",
            Note::Rate => ".rate",
        }
    }
}

/// The spool.
pub struct Spool {
    root: PathBuf,
}

/// The folders of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Events to take in: mode 3730, so that group nagios may add, but neither list nor remove another's file.
    Incoming,
    /// Mails on their way.
    Queue,
    /// What could not be understood or delivered, with the reason.
    Failed,
    /// Open incidents.
    Incidents,
}

impl Folder {
    const fn name(self) -> &'static str {
        match self {
            Folder::Incoming => "incoming",
            Folder::Queue => "queue",
            Folder::Failed => "failed",
            Folder::Incidents => "incidents",
        }
    }

    const fn mode(self) -> u32 {
        if matches!(self, Folder::Incoming) { 0o3730 } else { 0o700 }
    }
}

impl Spool {
    /// The spool in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// One of its folders.
    pub fn folder(&self, folder: Folder) -> PathBuf {
        self.root.join(folder.name())
    }

    /// Makes the folders that are missing (the package's tmpfiles make them with the right owners).
    ///
    /// # Errors
    /// Names the folder.
    pub fn prepare(&self) -> io::Result<()> {
        for folder in [Folder::Incoming, Folder::Queue, Folder::Failed, Folder::Incidents] {
            let path = self.folder(folder);
            if !path.is_dir() {
                DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|e| named(&path, &e))?;
                // The builder's mode passes the umask; the sticky and set-group-id bits need their own call.
                fs::set_permissions(&path, Permissions::from_mode(folder.mode())).map_err(|e| named(&path, &e))?;
            }
        }
        Ok(())
    }

    /// Waits until no other run delivers, and keeps it so while the file is held; `None` if the deadline came first.
    ///
    /// # Errors
    /// Names the lock file.
    pub fn lock(&self, host: &dyn Host) -> io::Result<Option<File>> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(|e| named(&path, &e))?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(file)),
                Err(rustix::io::Errno::WOULDBLOCK) if host.left().is_zero() => return Ok(None),
                Err(rustix::io::Errno::WOULDBLOCK) => host.wait(Duration::from_millis(50)),
                Err(e) => return Err(named(&path, &e.into())),
            }
        }
    }

    /// Removes what killed writers left half written. Only for the holder of the lock, who is the only writer but in `incoming/`;
    /// there a writer may be at work, so only what is an hour old goes.
    ///
    /// # Errors
    /// Names the folder.
    pub fn sweep(&self, now_ms: i64) -> io::Result<()> {
        for folder in [Folder::Incoming, Folder::Queue, Folder::Failed, Folder::Incidents] {
            let path = self.folder(folder);
            for entry in fs::read_dir(&path).map_err(|e| named(&path, &e))?.flatten() {
                let name = entry.file_name();
                let half = name.as_encoded_bytes().starts_with(b".") && name.as_encoded_bytes().ends_with(b".tmp");
                let old = || entry.metadata().is_ok_and(|about| now_ms / 1000 - about.mtime() > 3600);
                if half && (folder != Folder::Incoming || old()) {
                    // What can't be removed is in nobody's way.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(())
    }

    /// Writes one file durably: when this returns, a power cut can't lose it.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(&self, folder: Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = self.folder(folder);
        let (hidden, path) = (dir.join(format!(".{name}.tmp")), dir.join(name));
        let mode = if folder == Folder::Incoming { 0o640 } else { 0o600 };
        let written = (|| {
            // The only writer of a queue name is the holder of the lock; what a killed run left behind is replaced.
            if folder != Folder::Incoming {
                remove_if_there(&hidden)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&hidden)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&hidden, &path)?;
            match File::open(&dir) {
                Ok(dir) => dir.sync_all(),
                // incoming/ may not be read by its writers. The rename touched the file, so that its own fsync commits
                // both (ext4, XFS, btrfs).
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => file.sync_all(),
                Err(e) => Err(e),
            }
        })();
        written.map_err(|e| {
            let _ = fs::remove_file(&hidden);
            named(&path, &e)
        })
    }

    /// Removes a file durably.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove(&self, folder: Folder, name: &str) -> io::Result<()> {
        let dir = self.folder(folder);
        remove_if_there(&dir.join(name)).and_then(|()| File::open(&dir)?.sync_all()).map_err(|e| named(&dir.join(name), &e))
    }

    /// Moves a file to another folder or name, replacing what is there.
    ///
    /// # Errors
    /// Names the path.
    pub fn rename(&self, from: (Folder, impl AsRef<Path>), to: (Folder, &str)) -> io::Result<()> {
        let path = self.folder(from.0).join(from.1);
        fs::rename(&path, self.folder(to.0).join(to.1)).map_err(|e| named(&path, &e))
    }

    /// Names of the files in a folder that are not hidden, oldest first (a name begins with the time).
    ///
    /// # Errors
    /// Names the folder.
    pub fn names(&self, folder: Folder) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self.entries(folder)?.filter_map(|n| n.into_string().ok()).filter(|n| n.len() <= NAME_CAP).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Names that [`Self::names`] leaves out: no text, or too long for what is appended to a name.
    ///
    /// # Errors
    /// Names the folder.
    pub fn strange_names(&self, folder: Folder) -> io::Result<Vec<OsString>> {
        Ok(self.entries(folder)?.filter(|n| n.len() > NAME_CAP || n.to_str().is_none()).collect())
    }

    fn entries(&self, folder: Folder) -> io::Result<impl Iterator<Item = OsString>> {
        let path = self.folder(folder);
        let entries = fs::read_dir(&path).map_err(|e| named(&path, &e))?;
        Ok(entries.flatten().map(|e| e.file_name()).filter(|n| !n.as_encoded_bytes().starts_with(b".")))
    }

    /// Leaves a note; an empty text removes it.
    ///
    /// # Errors
    /// Names the file.
    pub fn note(&self, note: Note, text: &str) -> io::Result<()> {
        let path = self.folder(Folder::Queue).join(note.name());
        if text.is_empty() { remove_if_there(&path) } else { fs::write(&path, text) }.map_err(|e| named(&path, &e))
    }

    /// The note that the last run left.
    pub fn noted(&self, note: Note) -> Option<String> {
        fs::read(self.folder(Folder::Queue).join(note.name())).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// Reads a file that this program wrote itself; `None` if there is none.
    ///
    /// # Errors
    /// Names the path.
    pub fn read(&self, folder: Folder, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.folder(folder).join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(named(&path, &e)),
        }
    }

    /// Reads an event that somebody else wrote, with the writer's user id.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read_event(&self, name: &str) -> io::Result<(Vec<u8>, u32)> {
        let path = self.folder(Folder::Incoming).join(name);
        // O_NONBLOCK: opening a FIFO must not hang.
        let file = File::from(rustix::fs::open(&path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
        let about = file.metadata()?;
        if !about.is_file() || about.len() > EVENT_CAP {
            return Err(io::Error::other("it is no regular file of at most 1 MiB"));
        }
        let mut bytes = Vec::new();
        file.take(EVENT_CAP).read_to_end(&mut bytes)?;
        Ok((bytes, about.uid()))
    }
}

/// Events are the `.json` files of `incoming/`, as the path unit's pattern says.
pub fn is_event(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|stem| !stem.is_empty())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
