//! What a check remembers between two runs (CHECKS.md point 11): one small JSON file, replaced atomically.
//!
//! Most checks need none. What can't be read or understood is forgotten and said: a check never fails because of its past.

use crate::{Blind, Host};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of one check with one set of arguments.
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

/// What was remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recall<T> {
    /// This is the first run.
    Nothing,
    /// There was something that nobody understands; the check starts anew and says why.
    Lost(String),
    /// The last run's word.
    Known(T),
}

impl<T> Recall<T> {
    /// What was remembered, if anything.
    pub fn known(self) -> Option<T> {
        match self {
            Recall::Known(value) => Some(value),
            Recall::Nothing | Recall::Lost(_) => None,
        }
    }
}

impl Memory {
    /// The file for `check` in `folder`. `subject` tells apart services with different arguments (their units, their mounts).
    pub fn new(folder: &Path, check: &str, subject: &str) -> Self {
        // FNV-1a: a file name, no security.
        let hash = subject.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(folder.join(format!("{check}-{hash:016x}.json")))
    }

    /// What the last run kept.
    pub fn recall<T: DeserializeOwned>(&self, host: &dyn Host) -> Recall<T> {
        if !self.0.exists() {
            return Recall::Nothing;
        }
        let lost = |reason: String| Recall::Lost(format!("the state of earlier runs is lost: cannot {reason}"));
        match host.read(&self.0) {
            Err(blind) => lost(blind.to_string()),
            Ok(text) => match serde_json::from_str(&text) {
                Ok(value) => Recall::Known(value),
                Err(error) => lost(format!("understand {}: {error}", self.0.display())),
            },
        }
    }

    /// Keeps `value` for the next run. A crash leaves the old file or the new one, never half of one.
    ///
    /// # Errors
    /// [`Blind::Read`] naming the file and what to do.
    pub fn keep<T: Serialize>(&self, value: &T) -> Result<(), Blind> {
        let folder = self.0.parent().unwrap_or(Path::new("/"));
        let wrong = |reason: String| Blind::Read {
            path: self.0.clone(),
            reason: format!("it can't be written: {reason}; run: install -d -o nagios -g nagios {}", folder.display()),
        };
        let temp = self.0.with_extension(format!("new-{}", std::process::id()));
        let json = serde_json::to_vec(value).map_err(|e| wrong(e.to_string()))?;
        let written = File::create(&temp).and_then(|mut file| file.write_all(&json)).and_then(|()| std::fs::rename(&temp, &self.0));
        written.map_err(|e| {
            // Nothing is left behind where the rename failed.
            let _ = std::fs::remove_file(&temp);
            wrong(e.to_string())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::host::System;

    #[test]
    fn what_is_kept_is_recalled_and_rubbish_is_forgotten_aloud() {
        let folder = std::env::temp_dir().join(format!("twinguard-memory-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (memory, host) = (Memory::new(&folder, "disk", "/ /srv"), System::new(None));
        assert_eq!(memory.recall::<u32>(&host), Recall::Nothing);
        memory.keep(&7_u32).unwrap();
        assert_eq!(memory.recall(&host), Recall::Known(7_u32));
        assert_eq!(Memory::new(&folder, "disk", "/").recall::<u32>(&host), Recall::Nothing, "another subject");
        std::fs::write(&memory.0, "7 and a ha").unwrap();
        assert!(matches!(memory.recall::<u32>(&host), Recall::Lost(text) if text.contains("disk-")));
        memory.keep(&8_u32).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file stays");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(memory.keep(&9_u32).unwrap_err().to_string().contains("install -d"));
    }
}
