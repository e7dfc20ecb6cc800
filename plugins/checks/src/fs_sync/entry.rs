//! One entry of a directory: what two nodes compare, and its only byte form. The same bytes are hashed into the digest of
//! the directory and sent over the wire, so what is compared is what is shown.

use super::wire::{Reader, Writer};

/// The first half of a BLAKE3 hash; zeros = none.
pub type Digest = [u8; 16];

/// What the name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Regular file.
    File = b'f',
    /// Directory.
    Directory = b'd',
    /// Symbolic link.
    Link = b'l',
    /// Block or character device, socket, pipe: compared by type and number, never opened.
    Special = b's',
}

/// Why an entry's content is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Sight {
    /// It was read.
    #[default]
    Whole = 0,
    /// It could not be read.
    Unreadable = 1,
    /// It changed while it was read.
    Moving = 2,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: bytes, not text.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file, number of a device; 0 otherwise.
    pub size: u64,
    /// Modification time in nanoseconds, where times are compared; 0 otherwise and for directories.
    pub mtime: i64,
    /// Target of a symbolic link.
    pub target: Vec<u8>,
    /// Of a file's bytes, or of all that is in a directory.
    pub content: Digest,
    /// Of names and values of the extended attributes (with them ACLs and capabilities); 0 = none.
    pub xattrs: u64,
    /// Was it seen whole? Not part of a digest.
    pub sight: Sight,
    /// Seconds since it last changed in any way, by its own node's clock. Not part of a digest.
    pub age: u32,
}

impl Entry {
    /// The bytes that are compared.
    pub fn encode(&self, out: &mut Writer) {
        out.bytes(&self.name);
        out.byte(self.kind as u8);
        out.word(self.mode);
        out.word(self.uid);
        out.word(self.gid);
        out.long(self.size);
        out.long(self.mtime.cast_unsigned());
        out.bytes(&self.target);
        out.raw(&self.content);
        out.long(self.xattrs);
    }

    /// The bytes that are compared, and what is not.
    pub fn send(&self, out: &mut Writer) {
        self.encode(out);
        out.byte(self.sight as u8);
        out.word(self.age);
    }

    /// Reads what [`Entry::send`] wrote; `None` if it is something else.
    pub fn receive(from: &mut Reader<'_>) -> Option<Self> {
        Some(Entry {
            name: from.bytes()?.to_vec(),
            kind: match from.byte()? {
                b'f' => Kind::File,
                b'd' => Kind::Directory,
                b'l' => Kind::Link,
                b's' => Kind::Special,
                _ => return None,
            },
            mode: from.word()?,
            uid: from.word()?,
            gid: from.word()?,
            size: from.long()?,
            mtime: from.long()?.cast_signed(),
            target: from.bytes()?.to_vec(),
            content: from.raw(16)?.try_into().ok()?,
            xattrs: from.long()?,
            sight: match from.byte()? {
                0 => Sight::Whole,
                1 => Sight::Unreadable,
                2 => Sight::Moving,
                _ => return None,
            },
            age: from.word()?,
        })
    }
}

/// Digest of a directory: of its entries, sorted by name.
pub fn digest(entries: &[Entry]) -> Digest {
    let mut bytes = Writer::default();
    for entry in entries {
        entry.encode(&mut bytes);
    }
    shorten(&blake3::hash(bytes.as_slice()))
}

/// The first half of a hash.
pub fn shorten(hash: &blake3::Hash) -> Digest {
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    short
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
pub mod tests {
    use super::*;

    /// A file of root's.
    pub fn file(name: &str) -> Entry {
        Entry {
            name: name.into(),
            kind: Kind::File,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            size: 5,
            mtime: 0,
            target: vec![],
            content: [7; 16],
            xattrs: 0,
            sight: Sight::Whole,
            age: 1000,
        }
    }

    #[test]
    fn every_compared_field_changes_the_digest_and_no_other_does() {
        let plain = digest(&[file("a")]);
        let changes: [fn(&mut Entry); 9] = [
            |e| e.name = b"b".to_vec(),
            |e| e.kind = Kind::Link,
            |e| e.mode ^= 1,
            |e| e.uid = 1,
            |e| e.gid = 1,
            |e| e.size = 6,
            |e| e.target = b"x".to_vec(),
            |e| e.content[15] = 0,
            |e| e.xattrs = 1,
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut entry = file("a");
            change(&mut entry);
            assert_ne!(digest(&[entry]), plain, "change {at}");
        }
        assert_eq!(digest(&[Entry { age: 3, sight: Sight::Moving, ..file("a") }]), plain);
    }

    #[test]
    fn what_is_sent_is_received() {
        let entry = Entry { name: vec![0xff, b'\n'], kind: Kind::Link, target: b"..".to_vec(), mtime: -5, sight: Sight::Unreadable, ..file("x") };
        let mut out = Writer::default();
        entry.send(&mut out);
        assert_eq!(Entry::receive(&mut Reader::new(out.as_slice())), Some(entry));
        for cut in 0..out.as_slice().len() {
            assert_eq!(Entry::receive(&mut Reader::new(out.as_slice().get(..cut).unwrap())), None, "cut at {cut}");
        }
    }
}
