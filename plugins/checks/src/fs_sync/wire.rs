//! The protocol of two `check_fs_sync`: frames of a 4-byte length (big endian) and that many bytes, after one line of
//! greeting from the serving side. Pure. Nobody is asked to write anything, and the asked side names what it may show.

use super::entry::Entry;

/// First line of the serving side.
pub const GREETING: &[u8] = b"twinguard-fs-sync 1\n";
/// Longest frame: one directory of a million entries fits.
pub const LONGEST: usize = 256 << 20;

/// Collects bytes.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// What was collected.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The frame around what was collected.
    pub fn framed(&self) -> Vec<u8> {
        let mut frame = u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        frame.extend_from_slice(&self.0);
        frame
    }

    /// One byte.
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// 32 bits.
    pub fn word(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// 64 bits.
    pub fn long(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self, value: &[u8]) {
        self.word(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.raw(value);
    }

    /// Bytes as they are.
    pub fn raw(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
}

/// Reads bytes; `None` at the end or where a length lies.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads these.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Everything was read.
    pub const fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// This many bytes.
    pub fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.raw(1)?.first().copied()
    }

    /// 32 bits.
    pub fn word(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.raw(4)?.try_into().ok()?))
    }

    /// 64 bits.
    pub fn long(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.raw(8)?.try_into().ok()?))
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.word()?).ok()?;
        self.raw(length)
    }

    /// Something or, said explicitly, nothing.
    #[expect(clippy::option_option, reason = "the outer one is the end of the bytes, the inner one is a message")]
    fn maybe<T>(&mut self, one: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => one(self).map(Some),
            _ => None,
        }
    }

    /// A counted list.
    pub fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.word()?;
        // A count that lies runs into the end of the bytes, it reserves nothing.
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(one(self)?);
        }
        Some(all)
    }
}

fn list<T>(out: &mut Writer, all: &[T], mut one: impl FnMut(&mut Writer, &T)) {
    out.word(u32::try_from(all.len()).unwrap_or(u32::MAX));
    for item in all {
        one(out, item);
    }
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Sizes and times stand for content; no file is opened.
    pub quick: bool,
    /// Modification times are compared.
    pub times: bool,
    /// The trees, as absolute paths.
    pub paths: Vec<Vec<u8>>,
    /// Patterns of what is left out.
    pub excludes: Vec<Vec<u8>>,
}

/// A directory: number of its tree and path below it.
pub type Place = (u32, Vec<u8>);

/// From the asking side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Look at these trees. Answered by [`Answer::Trees`].
    Look(Terms),
    /// What is in these directories? Answered by [`Answer::Listings`].
    List(Vec<Place>),
    /// That was all.
    Bye,
}

/// What is in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Seconds since something was added or removed.
    pub age: u32,
    /// Sorted by name.
    pub entries: Vec<Entry>,
}

/// One side's trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    /// One for each path, with the digest of all that is below it; `None` = nothing is there.
    pub roots: Vec<Option<Entry>>,
    /// Entries seen.
    pub seen: u64,
    /// Bytes that had to be read because nothing was remembered of them.
    pub read: u64,
    /// Entries that could not be read, and the first of them.
    pub unreadable: u64,
    /// Some of them, with the reason.
    pub examples: Vec<Vec<u8>>,
}

/// From the serving side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Look`].
    Trees(Trees),
    /// To [`Question::List`]; `None` = no such directory any more.
    Listings(Vec<Option<Listing>>),
    /// Refused, or broken; in words.
    Error(String),
}

impl Question {
    /// Its frame.
    pub fn frame(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Question::Look(terms) => {
                out.byte(b'L');
                out.byte(u8::from(terms.quick) | u8::from(terms.times) << 1);
                list(&mut out, &terms.paths, |out, path| out.bytes(path));
                list(&mut out, &terms.excludes, |out, pattern| out.bytes(pattern));
            }
            Question::List(places) => {
                out.byte(b'D');
                list(&mut out, places, |out, (tree, path)| {
                    out.word(*tree);
                    out.bytes(path);
                });
            }
            Question::Bye => out.byte(b'B'),
        }
        out.framed()
    }

    /// From the bytes of a frame; `None` if it is something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let question = match from.byte()? {
            b'L' => {
                let flags = from.byte()?;
                let paths = from.list(|from| from.bytes().map(<[u8]>::to_vec))?;
                let excludes = from.list(|from| from.bytes().map(<[u8]>::to_vec))?;
                Question::Look(Terms { quick: flags & 1 != 0, times: flags & 2 != 0, paths, excludes })
            }
            b'D' => Question::List(from.list(|from| Some((from.word()?, from.bytes()?.to_vec())))?),
            b'B' => Question::Bye,
            _ => return None,
        };
        from.is_done().then_some(question)
    }
}

impl Answer {
    /// Its frame.
    pub fn frame(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Answer::Trees(trees) => {
                out.byte(b'T');
                list(&mut out, &trees.roots, |out, root| {
                    out.byte(u8::from(root.is_some()));
                    if let Some(root) = root {
                        root.send(out);
                    }
                });
                for number in [trees.seen, trees.read, trees.unreadable] {
                    out.long(number);
                }
                list(&mut out, &trees.examples, |out, example| out.bytes(example));
            }
            Answer::Listings(listings) => {
                out.byte(b'A');
                list(&mut out, listings, |out, listing| {
                    out.byte(u8::from(listing.is_some()));
                    if let Some(listing) = listing {
                        out.word(listing.age);
                        list(out, &listing.entries, |out, entry| entry.send(out));
                    }
                });
            }
            Answer::Error(text) => {
                out.byte(b'E');
                out.bytes(text.as_bytes());
            }
        }
        out.framed()
    }

    /// From the bytes of a frame; `None` if it is something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let answer = match from.byte()? {
            b'T' => Answer::Trees(Trees {
                roots: from.list(|from| from.maybe(Entry::receive))?,
                seen: from.long()?,
                read: from.long()?,
                unreadable: from.long()?,
                examples: from.list(|from| from.bytes().map(<[u8]>::to_vec))?,
            }),
            b'A' => Answer::Listings(from.list(|from| from.maybe(|from| Some(Listing { age: from.word()?, entries: from.list(Entry::receive)? })))?),
            b'E' => Answer::Error(String::from_utf8_lossy(from.bytes()?).into_owned()),
            _ => return None,
        };
        from.is_done().then_some(answer)
    }
}

#[cfg(test)]
#[path = "wire/tests.rs"]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests;
