//! Can this node run the groups, and is it the only one that would? (G5, G10, G11.) Looks only.

use super::machine::{self, Programs};
use plugin_core::cluster::{Adapter, Cluster};
use plugin_core::contract::Refusal;
use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use std::collections::BTreeSet;

/// Units of cluster managers that would act on the same resources (I14).
const MANAGERS: [&str; 6] =
    ["pacemaker.service", "corosync.service", "rgmanager.service", "keepalived.service", "heartbeat.service", "drbd-reactor.service"];

/// Why this node can't run the groups; `None` = it can. `served` = those that it runs already.
///
/// # Errors
/// Something could not be looked at.
pub fn unfit(host: &dyn Host, cluster: &Cluster, served: &BTreeSet<String>) -> Result<Option<(Refusal, String)>, Blind> {
    if cluster.adapter != Adapter::Native {
        return Ok(Some((Refusal::ForeignManager, "adapter is not native: this version acts natively only".to_owned())));
    }
    let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "Id", "-p", "ActiveState", "--"]).args(MANAGERS);
    if let Some(unit) = active(&machine::must(host, &show)?.stdout).first() {
        return Ok(Some((Refusal::ForeignManager, format!("{unit} is active and would act on the same resources"))));
    }
    for group in &cluster.groups {
        for mount in &group.mounts {
            if !mount.path.is_dir() {
                return Ok(Some((Refusal::Unfit, format!("the mount point {} is missing", mount.path.display()))));
            }
            if !mount.device.exists() {
                return Ok(Some((Refusal::Unfit, format!("the device {} is missing", mount.device.display()))));
            }
        }
        for unit in group.services.iter().chain(&group.master_only) {
            let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "LoadState", "--value", "--", unit]);
            let state = machine::must(host, &show)?.stdout.trim().to_owned();
            if state != "loaded" {
                return Ok(Some((Refusal::Unfit, format!("{unit} is {state} here"))));
            }
        }
    }
    Ok(memory(cluster, served))
}

/// Ids of the blocks whose unit is active.
fn active(text: &str) -> Vec<&str> {
    let value = |block: &'_ str, key: &str| block.lines().find_map(|l| l.strip_prefix(key)).map(str::to_owned);
    text.split("\n\n")
        .filter(|block| value(block, "ActiveState=").as_deref() == Some("active"))
        .filter_map(|block| block.lines().find_map(|l| l.strip_prefix("Id=")))
        .collect()
}

/// What the groups need that this node may have to run beside those that it runs already.
fn need(cluster: &Cluster, served: &BTreeSet<String>) -> u64 {
    cluster.groups.iter().filter(|g| !served.contains(&g.name)).filter_map(|g| g.memory.as_deref().and_then(bytes)).sum()
}

/// G11: there is memory for them.
fn memory(cluster: &Cluster, served: &BTreeSet<String>) -> Option<(Refusal, String)> {
    let need = Some(need(cluster, served)).filter(|need| *need > 0)?;
    let mut system = match sysinfo::System::new() {
        Ok(system) => system,
        Err(error) => return Some((Refusal::Capacity, format!("the free memory can't be seen: {error:?}"))),
    };
    system.refresh_memory();
    let free = system.available_memory();
    let text = || format!("{} MiB of memory are available, the groups of the other node need {} MiB", free >> 20, need >> 20);
    (free < need).then(|| (Refusal::Capacity, text()))
}

/// `512M`, `2G`; validated when the configuration is read.
fn bytes(text: &str) -> Option<u64> {
    let (number, shift) = match text.as_bytes().last()? {
        b'M' => (text.strip_suffix('M')?, 20),
        b'G' => (text.strip_suffix('G')?, 30),
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn row_49_another_cluster_manager_is_seen() {
        let shown =
            "Id=pacemaker.service\nActiveState=active\n\nId=corosync.service\nActiveState=inactive\n\nId=keepalived.service\nActiveState=active\n";
        assert_eq!(active(shown), ["pacemaker.service", "keepalived.service"]);
        assert_eq!(active("Id=pacemaker.service\nActiveState=inactive\n"), Vec::<&str>::new());
    }

    #[test]
    fn g11_a_node_has_memory_for_all_groups_that_it_does_not_run_yet() {
        let cluster = Cluster::parse(include_str!("../../../icinga-conf/clusters/mail-scalix/cluster.toml")).unwrap();
        let served = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        assert_eq!(
            (need(&cluster, &served(&[])), need(&cluster, &served(&["mail1"])), need(&cluster, &served(&["mail1", "mail2"]))),
            (8 << 30, 4 << 30, 0)
        );
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!((bytes("2G"), bytes("512M"), bytes("2"), bytes("xG")), (Some(2 << 30), Some(512 << 20), None, None));
    }
}
