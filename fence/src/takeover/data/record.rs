//! What is known of the copies, across a restart of the agent: without it a slave that was cut off at ten o'clock would call its
//! copy unknown at best. Bound to the boot, since its times are boot times. Older than the truth at worst, which only refuses.

use super::freshness::Copy;
use crate::takeover::durable::{check, sealed};
use crate::takeover::machine;
use plugin_core::Host;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    boot: String,
    copies: BTreeMap<String, Copy>,
}

/// The file.
#[derive(Clone, Debug)]
pub struct Records {
    path: PathBuf,
}

impl Records {
    /// In the agent's state folder.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join("data") }
    }

    /// What was known in this boot; nothing if the file is of another boot, is missing or can't be trusted.
    pub fn load(&self, host: &dyn Host, boot: &str) -> BTreeMap<String, Copy> {
        let text = host.read(&self.path).unwrap_or_default();
        let record = check(text.trim_end()).and_then(|json| serde_json::from_str::<Record>(json).ok());
        record.filter(|r| r.boot == boot).map(|r| r.copies).unwrap_or_default()
    }

    /// Writes it durably.
    ///
    /// # Errors
    /// What could not be written.
    pub fn save(&self, boot: &str, copies: &BTreeMap<String, Copy>) -> Result<(), String> {
        let record = Record { boot: boot.to_owned(), copies: copies.clone() };
        let json = serde_json::to_string(&record).map_err(|e| format!("cannot encode {}: {e}", self.path.display()))?;
        machine::write_durably(&self.path, &sealed(&json))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use plugin_core::host::System;

    #[test]
    fn a_restart_remembers_and_a_boot_forgets() {
        let folder = std::env::temp_dir().join(format!("twinguard-data-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (records, host) = (Records::new(&folder), System::new(None));
        assert!(records.load(&host, "a").is_empty());
        let copy = Copy { database_ms: Some(5), link_lost_ms: Some(9), strict: true, ..Copy::default() };
        let copies: BTreeMap<String, Copy> = [("pbx".to_owned(), copy)].into();
        records.save("a", &copies).unwrap();
        assert_eq!(records.load(&host, "a"), copies);
        assert!(records.load(&host, "b").is_empty(), "boot times of another boot mean nothing");
        let torn = std::fs::read(folder.join("data")).unwrap();
        std::fs::write(folder.join("data"), torn.get(..torn.len() - 9).unwrap()).unwrap();
        assert!(records.load(&host, "a").is_empty(), "a torn file proves nothing");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
