//! The steps of a takeover, and the only code that starts anything: with a [`Proof`], in order, each idempotent
//! (already done = skipped), each with its time limit. Undoing runs them backwards.

use super::data::{self, Terms};
use super::machine::{self, Machine, Programs};
use super::proof::Proof;
use plugin_core::Blind;
use plugin_core::cluster::{Cluster, Group, Mount};
use plugin_core::contract::Refusal;
use plugin_core::host::Command;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A step, numbered as in TAKEOVER 3.7 (T1 and T10 to T12 are bookkeeping of `decide`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// T2: this node's copy becomes the data: receivers stop, the database, the mirror or the volume group is made writable.
    #[serde(rename = "T2")]
    Data,
    /// T3: the data's own epoch is read and the file systems are checked.
    #[serde(rename = "T3")]
    Check,
    /// T4: mount.
    #[serde(rename = "T4")]
    Mount,
    /// T5: the epoch is written into the data: from here on they are this node's.
    #[serde(rename = "T5")]
    Mark,
    /// T7: the failover addresses, after an ARP probe.
    #[serde(rename = "T7")]
    Address,
    /// T8: the services.
    #[serde(rename = "T8")]
    Services,
    /// T9: announce again, and ask the service through the failover address.
    #[serde(rename = "T9")]
    Verify,
}

impl Step {
    /// The first one.
    pub const FIRST: Step = Step::Data;

    /// The one after it.
    pub const fn next(self) -> Option<Step> {
        match self {
            Step::Data => Some(Step::Check),
            Step::Check => Some(Step::Mount),
            Step::Mount => Some(Step::Mark),
            Step::Mark => Some(Step::Address),
            Step::Address => Some(Step::Services),
            Step::Services => Some(Step::Verify),
            Step::Verify => None,
        }
    }

    /// Before the data are marked a failure is rolled back; afterwards that would only lose service.
    pub const fn can_roll_back(self) -> bool {
        matches!(self, Step::Data | Step::Check | Step::Mount | Step::Mark)
    }

    /// A failure leaves a degraded master (row 39), not a held takeover.
    pub const fn may_degrade(self) -> bool {
        matches!(self, Step::Services | Step::Verify)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Data => "T2 (data)",
            Step::Check => "T3 (check the file systems)",
            Step::Mount => "T4 (mount)",
            Step::Mark => "T5 (mark the data)",
            Step::Address => "T7 (failover address)",
            Step::Services => "T8 (services)",
            Step::Verify => "T9 (verify)",
        })
    }
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its code.
    pub code: Refusal,
    /// What was seen.
    pub text: String,
}

impl Failure {
    /// A retry can't help: a person has to decide about the data.
    const fn is_final(&self) -> bool {
        use Refusal::{DataNewer, DataOwned, DataSplit, DataStale, Fsck};
        matches!(self.code, DataNewer | DataOwned | DataSplit | DataStale | Fsck)
    }
}

fn failure(code: Refusal, text: impl Into<String>) -> Failure {
    Failure { code, text: text.into() }
}

/// The right to start a group. Made from a proof, and from nothing else (I2).
pub struct Promotion {
    cluster: Cluster,
    proof: Proof,
    terms: Terms,
}

/// Turns a proof into the right to start the groups, with data on these terms.
pub fn promote(cluster: Cluster, proof: Proof, terms: Terms) -> Promotion {
    Promotion { cluster, proof, terms }
}

/// Times a step is tried again before it has failed.
const RETRIES: u32 = 2;

impl Promotion {
    /// The proof's evidence.
    pub fn evidence(&self) -> Vec<String> {
        self.proof.evidence()
    }

    /// Runs one step of one group to its end on the machine that `within` gives for a time limit; returns what was done.
    ///
    /// # Errors
    /// The code and what was seen, after two retries where a retry can help.
    pub fn run<M: Machine>(&self, within: impl Fn(Duration) -> M, group: &str, step: Step, epoch: u64) -> Result<String, Failure> {
        let Some(group) = self.cluster.groups.iter().find(|g| g.name == group) else {
            return Err(failure(Refusal::Config, format!("group {group} is not in cluster.toml")));
        };
        let mut tries = 0;
        loop {
            let host = within(limit(step));
            let result = match step {
                Step::Data => data::take(&host, group, &self.terms).map_err(|(code, text)| failure(code, text)),
                Step::Check => check(&host, group, epoch),
                Step::Mount => mount(&host, group),
                Step::Mark => mark(&host, group, epoch, &self.cluster.name),
                Step::Address => addresses(&host, &self.cluster, group),
                Step::Services => services(&host, group),
                Step::Verify => verify(&host, &self.cluster, group),
            };
            match result {
                Err(f) if tries < RETRIES && !f.is_final() => tries += 1,
                other => return other,
            }
        }
    }
}

const fn limit(step: Step) -> Duration {
    Duration::from_secs(match step {
        Step::Data => 120,
        Step::Check => 600,
        Step::Mount => 60,
        Step::Mark | Step::Address => 20,
        Step::Services => 180,
        Step::Verify => 30,
    })
}

/// Where the data carry their epoch.
fn marker(mount: &Mount) -> PathBuf {
    mount.path.join(".twinguard/epoch")
}

fn blind(code: Refusal) -> impl Fn(Blind) -> Failure {
    move |b| failure(code, format!("cannot {b}"))
}

/// T3. A device that carries a higher epoch than ours belongs to somebody who was master later: nothing is touched.
fn check(host: &dyn Machine, group: &Group, epoch: u64) -> Result<String, Failure> {
    let mut said = Vec::new();
    for mount in &group.mounts {
        if machine::mounted(host, mount).map_err(blind(Refusal::Mount))? {
            said.push(format!("{} is mounted already", mount.path.display()));
            continue;
        }
        if mount.fs.starts_with("ext") {
            let read = Command::new(Programs::DEBUGFS).args(["-R", "cat /.twinguard/epoch"]).arg(&mount.device);
            let out = host.run(&read).map_err(blind(Refusal::Fsck))?;
            newer(&out.stdout, epoch, &host.name(), &mount.device.display().to_string())?;
            let fsck = Command::new(Programs::FSCK_EXT).arg("-p").arg(&mount.device);
            let out = host.run(&fsck).map_err(blind(Refusal::Fsck))?;
            // e2fsck(8): 0 clean, 1 corrected; 2 wants a reboot, 4 and more want a person.
            if !matches!(out.code, Some(0 | 1)) {
                let text = format!("{} ended with {:?}: {}", fsck.printable(), out.code, out.stdout.lines().last().unwrap_or_default());
                return Err(failure(Refusal::Fsck, text));
            }
            said.push(format!("{}: {}", mount.device.display(), out.stdout.lines().last().unwrap_or("clean")));
        }
    }
    Ok(if said.is_empty() { "no mounts".to_owned() } else { said.join("; ") })
}

/// Refuses data whose marker (`EPOCH NODE CLUSTER`) is ahead of ours, or is another node's of the same epoch (I8).
fn newer(text: &str, epoch: u64, me: &str, place: &str) -> Result<(), Failure> {
    let mut words = text.split_whitespace();
    let theirs = words.next().and_then(|w| w.parse::<u64>().ok());
    match (theirs, words.next()) {
        (Some(theirs), owner) if theirs > epoch || (theirs == epoch && owner != Some(me)) => {
            Err(failure(Refusal::DataNewer, format!("{place} carries epoch {theirs}, ours is {epoch}: {}", text.trim())))
        }
        _ => Ok(()),
    }
}

/// T4.
fn mount(host: &dyn Machine, group: &Group) -> Result<String, Failure> {
    let mut said = Vec::new();
    for mount in &group.mounts {
        if machine::mounted(host, mount).map_err(blind(Refusal::Mount))? {
            said.push(format!("{} is mounted already", mount.path.display()));
            continue;
        }
        let mut command = Command::new(Programs::MOUNT).args(["-t", &mount.fs]);
        if let Some(options) = &mount.options {
            command = command.args(["-o", options]);
        }
        machine::must(host, &command.arg(&mount.device).arg(&mount.path)).map_err(blind(Refusal::Mount))?;
        said.push(format!("{} on {}", mount.device.display(), mount.path.display()));
    }
    Ok(if said.is_empty() { "no mounts".to_owned() } else { said.join("; ") })
}

/// T5. Written as temp + fsync + rename + fsync of the folder.
fn mark(host: &dyn Machine, group: &Group, epoch: u64, cluster: &str) -> Result<String, Failure> {
    for mount in &group.mounts {
        let path = marker(mount);
        if let Ok(text) = host.read(&path) {
            newer(&text, epoch, &host.name(), &path.display().to_string())?;
        }
        let text = format!("{epoch} {} {cluster}\n", host.name());
        host.write_durably(&path, &text).map_err(|e| failure(Refusal::Mount, e))?;
    }
    Ok(format!("epoch {epoch}"))
}

/// Times and gap of the ARP probe before an address is taken (RFC 5227, shortened: the peer is proven to be gone).
const ARP_TRIES: u32 = 3;
const ARP_GAP: Duration = Duration::from_millis(70);

/// T7.
fn addresses(host: &dyn Machine, cluster: &Cluster, group: &Group) -> Result<String, Failure> {
    let mut said = Vec::new();
    for ip in &group.ip {
        let Some(link) = cluster.links.get(&ip.link) else { continue };
        if machine::holds(host, ip.address.address).map_err(blind(Refusal::VipConflict))? {
            said.push(format!("{} is here already", ip.address));
        } else {
            if let IpAddr::V4(address) = ip.address.address {
                let other = host.arp_probe(&link.interface, address, ARP_TRIES, ARP_GAP).map_err(blind(Refusal::VipConflict))?;
                if let Some(mac) = other {
                    let mac = mac.map(|b| format!("{b:02x}")).join(":");
                    return Err(failure(Refusal::VipConflict, format!("{mac} answers for {address} on {}", link.interface)));
                }
            }
            let add = Command::new(Programs::IP).args(["addr", "add"]).arg(ip.address.to_string()).args(["dev", &link.interface]);
            let add = if ip.address.address.is_ipv6() { add.arg("nodad") } else { add };
            machine::must(host, &add).map_err(blind(Refusal::VipConflict))?;
            said.push(format!("{} on {}", ip.address, link.interface));
        }
        host.announce(&link.interface, ip.address.address).map_err(blind(Refusal::VipConflict))?;
    }
    Ok(if said.is_empty() { "no address".to_owned() } else { said.join("; ") })
}

/// T8.
fn services(host: &dyn Machine, group: &Group) -> Result<String, Failure> {
    for unit in group.services.iter().chain(&group.master_only) {
        let start = Command::new(Programs::SYSTEMCTL).args(["start", "--", unit]);
        machine::must(host, &start).map_err(blind(Refusal::Service))?;
        let state = machine::unit_state(host, unit).map_err(blind(Refusal::Service))?;
        if state != "active" {
            return Err(failure(Refusal::Service, format!("{unit} is {state} after its start")));
        }
    }
    let units: Vec<&str> = group.services.iter().chain(&group.master_only).map(String::as_str).collect();
    Ok(if units.is_empty() { "no services".to_owned() } else { format!("{} active", units.join(", ")) })
}

/// T9.
fn verify(host: &dyn Machine, cluster: &Cluster, group: &Group) -> Result<String, Failure> {
    for ip in &group.ip {
        if let Some(link) = cluster.links.get(&ip.link) {
            host.announce(&link.interface, ip.address.address).map_err(blind(Refusal::VipConflict))?;
        }
    }
    for target in &group.verify {
        let mut answered = false;
        // A unit that is active may still take a moment to listen.
        for _ in 0..10 {
            answered = host.answers(target, Duration::from_secs(1)).map_err(blind(Refusal::Service))?;
            if answered {
                break;
            }
            host.wait(Duration::from_millis(300));
        }
        if !answered {
            return Err(failure(Refusal::Service, format!("{target} does not answer")));
        }
    }
    Ok(format!("{} answer", group.verify.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
}

/// Starts again what this master stopped in vain: `decide` asks for it only before the record DEMOTED, so this node never
/// stopped being master and nobody else may have started anything.
///
/// # Errors
/// What could not be started again.
pub fn restore(host: &dyn Machine, cluster: &Cluster, group: &Group) -> Result<(), String> {
    let text = |f: Failure| format!("{}: {}", f.code, f.text);
    mount(host, group).map_err(text)?;
    addresses(host, cluster, group).map_err(text)?;
    services(host, group).map(drop).map_err(text)
}

/// Stops and releases everything of a group, backwards. Needs no proof: giving up is always allowed.
///
/// # Errors
/// What could not be released: then the group's state here is FAILED and a person has to look.
pub fn release(host: &dyn Machine, cluster: &Cluster, group: &Group) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    // What is dirty is written while the service still runs: stopping then takes less of the outage.
    for mount in &group.mounts {
        host.flush(&mount.path);
    }
    for unit in group.master_only.iter().rev().chain(group.services.iter().rev()) {
        machine::must(host, &Command::new(Programs::SYSTEMCTL).args(["stop", "--", unit])).map_err(text)?;
    }
    for ip in group.ip.iter().rev() {
        let Some(link) = cluster.links.get(&ip.link) else { continue };
        if machine::holds(host, ip.address.address).map_err(text)? {
            let del = Command::new(Programs::IP).args(["addr", "del"]).arg(ip.address.to_string()).args(["dev", &link.interface]);
            machine::must(host, &del).map_err(text)?;
        }
    }
    for mount in group.mounts.iter().rev() {
        if machine::mounted(host, mount).map_err(text)? {
            machine::must(host, &Command::new(Programs::UMOUNT).arg(&mount.path)).map_err(text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn data_of_a_later_master_are_refused_and_older_ones_are_not() {
        for ahead in ["8 n1 pbx\n", "8 n2 pbx\n", "7 n1 pbx\n", "7\n"] {
            assert_eq!(newer(ahead, 7, "n2", "/dev/x").unwrap_err().code, Refusal::DataNewer, "{ahead:?}");
        }
        for fine in ["7 n2 pbx\n", "6 n1 pbx\n", "", "garbage"] {
            assert!(newer(fine, 7, "n2", "/dev/x").is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn the_steps_run_in_the_order_of_the_law() {
        let mut order = vec![Step::FIRST];
        while let Some(next) = order.last().unwrap().next() {
            order.push(next);
        }
        let names: Vec<String> = order.iter().map(|s| serde_json::to_string(s).unwrap()).collect();
        assert_eq!(names, ["\"T2\"", "\"T3\"", "\"T4\"", "\"T5\"", "\"T7\"", "\"T8\"", "\"T9\""]);
    }
}
