//! Looks at this node. Everything that can't be looked at is said; nothing is guessed.

use super::FailoverReady;
use crate::disk::mounts::{self, Mount};
use crate::services::listen::{self, Socket};
use crate::services::probe::show;
use crate::services::unit::{Unit, full_name};
use plugin_core::cluster::{Cluster, Data};
use plugin_core::contract::paths;
use plugin_core::host::Command;
use plugin_core::net::{arp_holders, arp_request};
use plugin_core::run::stage;
use plugin_core::{Blind, Host};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Services that manage the same resources (G10).
pub const FOREIGN: [&str; 5] = ["pacemaker.service", "corosync.service", "keepalived.service", "heartbeat.service", "rgmanager.service"];
/// Services without which no takeover is ever asked for or done.
pub const OURS: [&str; 3] = ["twinguard.service", "twinguard.socket", "icinga2.service"];
/// Where addresses are configured that come up at boot.
const NETWORK: [&str; 4] = ["etc/network/interfaces", "etc/network/interfaces.d", "etc/netplan", "etc/systemd/network"];
/// Time for the answer to an ARP request on a directly attached link.
const ARP: Duration = Duration::from_millis(300);

/// A hardware address.
pub type Mac = [u8; 6];

/// Who answers for an address on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The failover address.
    pub address: IpAddr,
    /// Everybody who answers for it.
    pub holders: Vec<Mac>,
    /// Who answers for the peer's own address.
    pub peer: Option<Mac>,
}

/// This node.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// What could not be looked at.
    pub blind: Vec<String>,
    /// Managed units, foreign managers and our own.
    pub units: Vec<Unit>,
    /// `/proc/self/mountinfo`.
    pub mounts: Vec<Mount>,
    /// `/etc/fstab`.
    pub fstab: String,
    /// File → text of what configures addresses.
    pub network: BTreeMap<PathBuf, String>,
    /// File → text of DRBD's configuration, where a group's data lie on DRBD.
    pub drbd: BTreeMap<PathBuf, String>,
    /// Interface → its addresses.
    pub addresses: Vec<(String, IpAddr)>,
    /// Mount points and devices that are not there.
    pub missing: Vec<PathBuf>,
    /// systemd says that the clock is synchronised.
    pub synchronised: Option<bool>,
    /// Listeners.
    pub sockets: Vec<Socket>,
    /// Who answers for the failover addresses that this node does not hold.
    pub answers: Vec<Answers>,
    /// Free bytes for the agent's state, or why it can't be written.
    pub state: Option<Result<f64, String>>,
    /// Free bytes for mails that wait, or why they can't.
    pub spool: Option<Result<f64, String>>,
    /// Unix time in milliseconds.
    pub wall_ms: i64,
    /// The event handler's socket is there.
    pub event_socket: bool,
}

/// Looks.
pub fn look(args: &FailoverReady, host: &dyn Host, cluster: &Cluster, me: &str) -> Machine {
    let mut machine = Machine {
        event_socket: is_socket(&args.event_socket),
        state: room(&args.state_dir),
        spool: room(Path::new(paths::SPOOL)),
        wall_ms: host.wall_ms(),
        ..Machine::default()
    };
    let mut blind = Vec::new();
    let mut note = |what: &str, error: Blind| blind.push(format!("{what} not looked at: cannot {error}"));
    stage("asking systemd");
    match units(host, cluster) {
        Ok(units) => machine.units = units,
        Err(error) => note("units", error),
    }
    match host.read(Path::new("/proc/self/mountinfo")).and_then(|text| mounts::parse(&text)) {
        Ok(mounts) => machine.mounts = mounts,
        Err(error) => note("mounts", error),
    }
    match listen::probe(host) {
        Ok(sockets) => machine.sockets = sockets,
        Err(error) => note("listeners", error),
    }
    match addresses(host) {
        Ok(addresses) => machine.addresses = addresses,
        Err(error) => note("addresses", error),
    }
    // A node without an fstab has none that mounts anything.
    machine.fstab = host.read(&args.root.join("etc/fstab")).unwrap_or_default();
    for place in NETWORK {
        read_all(host, &args.root.join(place), &mut machine.network);
    }
    if cluster.groups.iter().any(|g| matches!(g.data, Data::Drbd { .. })) {
        for place in ["etc/drbd.conf", "etc/drbd.d"] {
            read_all(host, &args.root.join(place), &mut machine.drbd);
        }
    }
    let paths = cluster.groups.iter().flat_map(|g| &g.mounts).flat_map(|m| [&m.device, &m.path]);
    machine.missing = paths.filter(|path| std::fs::symlink_metadata(path).is_err()).cloned().collect();
    let clock = Command::new("/usr/bin/timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]);
    // A node without timedated is judged by check_time.
    machine.synchronised = host.run(&clock).ok().filter(plugin_core::host::Output::success).map(|o| o.stdout.trim() == "yes");
    if !args.no_arp {
        stage("asking who answers for the failover addresses");
        match answers(cluster, me, &machine.addresses) {
            Ok(answers) => machine.answers = answers,
            Err(error) => note("the failover addresses", error),
        }
    }
    machine.blind = blind;
    machine
}

fn units(host: &dyn Host, cluster: &Cluster) -> Result<Vec<Unit>, Blind> {
    let managed = cluster.groups.iter().flat_map(|g| g.services.iter().chain(&g.master_only).chain(&g.slave_only));
    let names: Vec<String> = managed.map(|unit| full_name(unit)).chain(FOREIGN.iter().chain(&OURS).map(|unit| (*unit).to_owned())).collect();
    show(host, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A file, or every file of a folder.
fn read_all(host: &dyn Host, place: &Path, into: &mut BTreeMap<PathBuf, String>) {
    if let Ok(entries) = std::fs::read_dir(place) {
        for entry in entries.flatten() {
            if let Ok(text) = host.read(&entry.path()) {
                into.insert(entry.path(), text);
            }
        }
    } else if let Ok(text) = host.read(place) {
        into.insert(place.to_owned(), text);
    }
}

/// `ip -o addr`: `2: eth0    inet 192.0.2.11/24 …`
fn addresses(host: &dyn Host) -> Result<Vec<(String, IpAddr)>, Blind> {
    let output = host.run(&Command::new("/usr/sbin/ip").args(["-o", "addr"]))?;
    if !output.success() {
        let reason = output.stderr.lines().last().unwrap_or("it failed").to_owned();
        return Err(Blind::Command { program: "/usr/sbin/ip -o addr".into(), reason });
    }
    let one = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = fields.get(3)?.split('/').next()?.parse().ok()?;
        Some(((*fields.get(1)?).to_owned(), address))
    };
    Ok(output.stdout.lines().filter_map(one).collect())
}

/// Asks for each failover address that is not ours, and for the peer beside it.
fn answers(cluster: &Cluster, me: &str, own: &[(String, IpAddr)]) -> Result<Vec<Answers>, Blind> {
    let Some(peer) = cluster.peer_of(me) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for ip in cluster.groups.iter().flat_map(|g| &g.ip).filter(|ip| !own.iter().any(|(_, a)| *a == ip.address.address)) {
        let Some(link) = cluster.links.get(&ip.link) else { continue };
        let (Some(IpAddr::V4(source)), Some(IpAddr::V4(theirs))) = (cluster.address(me, &ip.link), cluster.address(peer, &ip.link)) else { continue };
        let IpAddr::V4(address) = ip.address.address else { continue };
        let holders = arp_holders(&link.interface, source, address, ARP)?;
        let peer = arp_request(&link.interface, source, theirs, ARP)?;
        all.push(Answers { address: ip.address.address, holders, peer });
    }
    Ok(all)
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

/// Free bytes below a folder; `None` = it can't be asked, or is not there.
fn room(folder: &Path) -> Option<Result<f64, String>> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    if stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Some(Err(format!("{} is read-only", folder.display())));
    }
    Some(Ok(stat.f_bavail as f64 * stat.f_frsize as f64))
}
