//! The record of the drills that this node ran on its peer: for each device when, how long until OFF, and by whom. One file with a
//! CRC beside the durable state; nothing of a takeover but gate G7 rests on it.

use super::durable::{check, sealed};
use super::machine;
use crate::power::{Level, PROVEN, UNPROVEN};
use plugin_core::Host;
use plugin_core::contract::status::Drill;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// All records, at most one for each device: the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drills {
    /// The last drill of each device.
    done: Vec<Drill>,
    /// A drill that has begun and not ended: who, which node, which level.
    running: Option<(String, String, u8)>,
}

impl Drills {
    /// Where they lie in the folder of the durable state.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("drills")
    }

    /// What is recorded. A file that can't be trusted counts as no drill: then they are run again.
    pub fn load(host: &dyn Host, path: &Path) -> Self {
        let text = host.read(path).unwrap_or_default();
        check(text.trim_end()).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Writes them durably.
    ///
    /// # Errors
    /// What could not be written, and where.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let json = serde_json::to_string(self).map_err(|e| format!("cannot encode the drills: {e}"))?;
        machine::write_durably(path, &sealed(&json))
    }

    /// Notes the begin, or the end, of a drill.
    pub fn run(&mut self, running: Option<(String, String, u8)>) -> Option<(String, String, u8)> {
        std::mem::replace(&mut self.running, running)
    }

    /// Records a drill; it replaces the one before of the same device.
    pub fn record(&mut self, drill: Drill) {
        self.done.retain(|old| (&old.target, old.level, &old.device) != (&drill.target, drill.level, &drill.device));
        self.done.push(drill);
    }

    /// The last drill of a device. Another address, outlet or level is another device.
    pub fn of(&self, target: &str, level: u8, device: &str) -> Option<&Drill> {
        self.done.iter().find(|drill| (drill.target.as_str(), drill.level, drill.device.as_str()) == (target, level, device))
    }

    /// Devices that can't show whose they are, and that a drill has proven, count from now on.
    pub fn prove(&self, target: &str, levels: &mut [Level]) {
        for Level { level, devices } in levels {
            for (device, identity) in devices {
                if identity == UNPROVEN && self.of(target, *level, &device.name()).is_some() {
                    PROVEN.clone_into(identity);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use plugin_core::host::System;

    fn drill(level: u8, device: &str, took_ms: u64) -> Drill {
        Drill { target: "n2".into(), level, device: device.into(), at_ms: 1_000, took_ms, by: "root".into() }
    }

    #[test]
    fn a_record_survives_and_a_damaged_file_proves_nothing() {
        let path = std::env::temp_dir().join(format!("twinguard-drills-{}", std::process::id()));
        let mut drills = Drills::default();
        drills.record(drill(2, "fence_pdu 3", 700));
        drills.record(drill(1, "ipmi bmc2 port 623", 900));
        drills.record(drill(2, "fence_pdu 3", 500));
        assert_eq!(drills.run(Some(("root".into(), "n2".into(), 1))), None);
        drills.save(&path).unwrap();
        let read = Drills::load(&System::new(None), &path);
        assert_eq!(read, drills);
        assert_eq!(read.of("n2", 2, "fence_pdu 3").map(|d| d.took_ms), Some(500), "the last one counts");
        for (target, level, device) in [("n1", 2, "fence_pdu 3"), ("n2", 1, "fence_pdu 3"), ("n2", 2, "fence_pdu 4")] {
            assert_eq!(read.of(target, level, device), None, "another device");
        }
        let good = System::new(None).read(&path).unwrap();
        std::fs::write(&path, good.replace("fence_pdu 3", "fence_pdu 4")).unwrap();
        assert_eq!(Drills::load(&System::new(None), &path), Drills::default());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Drills::load(&System::new(None), &path), Drills::default());
    }
}
