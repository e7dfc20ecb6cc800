//! Proof that copied files arrive: the master stamps each folder with the slave's own last stamp, the sender copies the file like
//! any other, and the slave reads it back. Whatever copies (lsyncd, rsync by cron, csync2) is proven, not believed.

use super::freshness::Stamp;
use crate::takeover::machine;
use plugin_core::Host;
use std::path::{Path, PathBuf};

/// The stamp's name inside each folder.
pub const STAMP: &str = ".twinguard-sync";

/// The master writes the slave's stamp into every folder.
///
/// # Errors
/// What could not be written.
pub fn stamp(folders: &[PathBuf], stamp: &Stamp) -> Result<(), String> {
    folders
        .iter()
        .filter(|f| f.is_dir())
        .try_for_each(|folder| machine::write_durably(&folder.join(STAMP), &format!("{} {}\n", stamp.boot, stamp.ms)))
}

/// The slave reads: time at which the oldest of its copies was complete. `None` = one of them never carried a stamp of this boot.
pub fn complete_ms(host: &dyn Host, folders: &[PathBuf], boot: &str, now_ms: u64) -> Option<u64> {
    folders.iter().map(|folder| read(host, folder, boot).filter(|ms| *ms <= now_ms)).collect::<Option<Vec<u64>>>()?.into_iter().min()
}

fn read(host: &dyn Host, folder: &Path, boot: &str) -> Option<u64> {
    let text = host.read(&folder.join(STAMP)).ok()?;
    let (of, ms) = text.trim().split_once(' ')?;
    (of == boot).then(|| ms.parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use plugin_core::host::System;

    #[test]
    fn the_oldest_folder_counts_and_each_has_to_carry_a_stamp_of_this_boot() {
        let base = std::env::temp_dir().join(format!("twinguard-folders-{}", std::process::id()));
        let folders = ["a", "b"].map(|n| base.join(n)).to_vec();
        for folder in &folders {
            std::fs::create_dir_all(folder).unwrap();
        }
        let host = System::new(None);
        let at = |ms| Stamp { boot: "s".into(), ms };
        assert_eq!(complete_ms(&host, &folders, "s", 100), None);
        stamp(&folders, &at(50)).unwrap();
        stamp(folders.get(..1).unwrap(), &at(80)).unwrap();
        assert_eq!(complete_ms(&host, &folders, "s", 100), Some(50));
        assert_eq!(complete_ms(&host, &folders, "another boot", 100), None);
        assert_eq!(complete_ms(&host, &folders, "s", 60), None, "a stamp from the future");
        std::fs::remove_dir_all(&base).unwrap();
    }
}
