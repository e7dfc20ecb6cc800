//! What the kernel says of an interface to the clients: speed, duplex, error counters, and the members of a bond
//! (`Documentation/ABI/testing/sysfs-class-net`, `Documentation/networking/bonding.rst`).
//!
//! Details only: no failover rests on them.

use plugin_core::Host;
use std::path::{Path, PathBuf};

/// The counters that tell of a bad cable or a bad port.
const COUNTERS: [&str; 4] = ["rx_errors", "tx_errors", "rx_crc_errors", "tx_carrier_errors"];

/// One interface. What the kernel does not tell is absent, not wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Megabits per second.
    pub speed: Option<u32>,
    /// `full` or `half`.
    pub duplex: Option<String>,
    /// Name → count.
    pub counters: Vec<(&'static str, u64)>,
    /// The bond, if it is one.
    pub bond: Option<Bond>,
}

/// Interfaces that act as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bond {
    /// As the kernel names it (`active-backup`, `802.3ad`).
    pub mode: String,
    /// The one in use, where the mode has one.
    pub active: Option<String>,
    /// Member → its link is up (`mii_status`).
    pub members: Vec<(String, bool)>,
}

impl Device {
    /// What is wrong with it although it carries data.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.duplex.as_deref() == Some("half") {
            faults.push(format!("{} runs half duplex; look at its cable and at the switch's port", self.name));
        }
        for (member, _) in self.bond.iter().flat_map(|bond| &bond.members).filter(|(_, up)| !up) {
            faults.push(format!("{} has lost its member {member}", self.name));
        }
        if self.bond.as_ref().is_some_and(|bond| bond.members.is_empty()) {
            faults.push(format!("{} is a bond without members", self.name));
        }
        faults
    }

    /// One line for people.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.speed.map(|speed| format!("{speed} Mbit/s")));
        parts.extend(self.duplex.as_ref().map(|duplex| format!("{duplex} duplex")));
        if let Some(bond) = &self.bond {
            let member = |(name, up): &(String, bool)| format!("{name} {}", if *up { "up" } else { "down" });
            let members: Vec<String> = bond.members.iter().map(member).collect();
            let active = bond.active.as_ref().map_or_else(String::new, |active| format!(", {active} in use"));
            parts.push(format!("bond {} of {}{active}", bond.mode, members.join(" and ")));
        }
        parts.extend(self.counters.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")));
        if parts.is_empty() { "the kernel tells nothing more".to_owned() } else { parts.join(", ") }
    }
}

/// Reads what the kernel tells.
pub fn look(host: &dyn Host, name: &str) -> Device {
    let folder = PathBuf::from("/sys/class/net").join(name);
    let text = |file: &str| one(host, &folder.join(file));
    let counter = |counter: &'static str| Some((counter, text(&format!("statistics/{counter}"))?.parse().ok()?));
    Device {
        name: name.to_owned(),
        // -1 = not known (the link is down, or it is a virtual one).
        speed: text("speed").and_then(|speed| speed.parse().ok()).filter(|speed| *speed > 0 && *speed < u32::MAX),
        duplex: text("duplex").filter(|duplex| duplex != "unknown"),
        counters: COUNTERS.into_iter().filter_map(counter).collect(),
        bond: text("bonding/mode").map(|mode| bond(host, &folder, &mode)),
    }
}

fn bond(host: &dyn Host, folder: &Path, mode: &str) -> Bond {
    let members = one(host, &folder.join("bonding/slaves")).unwrap_or_default();
    let up = |member: &str| {
        let status = PathBuf::from("/sys/class/net").join(member).join("bonding_slave/mii_status");
        one(host, &status).is_some_and(|status| status == "up")
    };
    Bond {
        mode: mode.split_whitespace().next().unwrap_or_default().to_owned(),
        active: one(host, &folder.join("bonding/active_slave")).filter(|active| !active.is_empty()),
        members: members.split_whitespace().map(|member| (member.to_owned(), up(member))).collect(),
    }
}

fn one(host: &dyn Host, path: &Path) -> Option<String> {
    host.read(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use plugin_core::Blind;
    use plugin_core::host::{Command, Output};
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// Files only.
    struct Tree(BTreeMap<&'static str, &'static str>);

    impl Host for Tree {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
        fn wall_ms(&self) -> i64 {
            0
        }
        fn left(&self) -> Duration {
            Duration::MAX
        }
        fn wait(&self, _: Duration) {}
        fn read(&self, path: &Path) -> Result<String, Blind> {
            let text = path.to_str().and_then(|path| self.0.get(path.trim_start_matches("/sys/class/net/")));
            text.map(|text| format!("{text}\n")).ok_or_else(|| Blind::Read { path: path.to_owned(), reason: "gone".into() })
        }
        fn run(&self, command: &Command) -> Result<Output, Blind> {
            panic!("nothing is to be run: {}", command.printable())
        }
    }

    #[test]
    fn a_bond_with_a_dead_member_still_carries_data_and_says_so() {
        let tree = Tree(BTreeMap::from([
            ("bond0/speed", "1000"),
            ("bond0/duplex", "full"),
            ("bond0/bonding/mode", "active-backup 1"),
            ("bond0/bonding/slaves", "eth0 eth2"),
            ("bond0/bonding/active_slave", "eth2"),
            ("eth0/bonding_slave/mii_status", "down"),
            ("eth2/bonding_slave/mii_status", "up"),
            ("bond0/statistics/rx_errors", "7"),
            ("bond0/statistics/tx_errors", "0"),
        ]));
        let device = look(&tree, "bond0");
        assert_eq!(device.words(), "1000 Mbit/s, full duplex, bond active-backup of eth0 down and eth2 up, eth2 in use, rx_errors 7");
        assert_eq!(device.faults(), ["bond0 has lost its member eth0"]);
        assert_eq!(device.counters, [("rx_errors", 7), ("tx_errors", 0)]);
    }

    #[test]
    fn half_duplex_is_a_fault_and_silence_of_the_kernel_is_none() {
        let half = look(&Tree(BTreeMap::from([("eth0/speed", "-1"), ("eth0/duplex", "half")])), "eth0");
        assert_eq!((half.speed, half.faults().len()), (None, 1));
        let mute = look(&Tree(BTreeMap::from([("eth0/duplex", "unknown")])), "eth0");
        assert_eq!((mute.words().as_str(), mute.faults()), ("the kernel tells nothing more", vec![]));
        let lonely = look(&Tree(BTreeMap::from([("bond0/bonding/mode", "802.3ad 4"), ("bond0/bonding/slaves", "")])), "bond0");
        assert_eq!(lonely.faults(), ["bond0 is a bond without members"]);
    }
}
