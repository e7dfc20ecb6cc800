//! Reads a growing file line by line, each line once and only when it is whole.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// A file that somebody else appends to.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    offset: u64,
}

impl Follow {
    /// From the file's beginning; it need not exist yet.
    pub fn start(path: PathBuf) -> Self {
        Self { path, offset: 0 }
    }

    /// The lines that came since the last call.
    pub fn lines(&mut self) -> Vec<String> {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            // A file that was started anew is read from its beginning.
            if file.metadata()?.len() < self.offset {
                self.offset = 0;
            }
            file.seek(SeekFrom::Start(self.offset))?;
            file.read_to_end(&mut text)
        });
        let Some(end) = text.iter().rposition(|b| *b == b'\n').filter(|_| read.is_ok()) else { return Vec::new() };
        self.offset += end as u64 + 1;
        String::from_utf8_lossy(&text[..end]).lines().map(str::to_owned).collect()
    }
}
