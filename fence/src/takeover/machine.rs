//! Looking at this machine: what is mounted, which addresses it holds, which units run, and what would start at boot.
//! Changes nothing but the epoch marker.

use plugin_core::cluster::{Cluster, Group, Mount, Verify};
use plugin_core::host::{Command, Output, System};
use plugin_core::{Blind, Host, net};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

pub use plugin_core::host::system::nodename;

/// The machine as the steps need it: commands and files of a [`Host`], and beside them its wires and what has to survive a
/// power loss. [`System`] is the real one; the simulator has another.
pub trait Machine: Host {
    /// Name of this node.
    fn name(&self) -> String;
    /// Who answers for `address`, asked `tries` times (RFC 5227).
    ///
    /// # Errors
    /// The interface can't be used.
    fn arp_probe(&self, interface: &str, address: Ipv4Addr, tries: u32, gap: Duration) -> Result<Option<[u8; 6]>, Blind>;
    /// Tells the neighbours that `address` is here.
    ///
    /// # Errors
    /// The interface can't be used.
    fn announce(&self, interface: &str, address: IpAddr) -> Result<(), Blind>;
    /// The application behind `target` answers.
    ///
    /// # Errors
    /// The socket can't be used.
    fn answers(&self, target: &Verify, timeout: Duration) -> Result<bool, Blind>;
    /// Writes a small file so that it survives a power loss.
    ///
    /// # Errors
    /// What could not be written.
    fn write_durably(&self, path: &Path, text: &str) -> Result<(), String>;
    /// Writes what is dirty in the file system under `folder`, as far as that goes.
    fn flush(&self, folder: &Path);
}

impl Machine for System {
    fn name(&self) -> String {
        nodename()
    }

    fn arp_probe(&self, interface: &str, address: Ipv4Addr, tries: u32, gap: Duration) -> Result<Option<[u8; 6]>, Blind> {
        net::arp_probe(interface, address, tries, gap)
    }

    fn announce(&self, interface: &str, address: IpAddr) -> Result<(), Blind> {
        net::announce(interface, address)
    }

    fn answers(&self, target: &Verify, timeout: Duration) -> Result<bool, Blind> {
        answers(target, timeout)
    }

    fn write_durably(&self, path: &Path, text: &str) -> Result<(), String> {
        write_durably(path, text)
    }

    fn flush(&self, folder: &Path) {
        if let Ok(folder) = std::fs::File::open(folder) {
            let _ = rustix::fs::syncfs(&folder);
        }
    }
}

/// The application behind `target` answers.
///
/// # Errors
/// The socket can't be used.
pub fn answers(target: &Verify, timeout: Duration) -> Result<bool, Blind> {
    match target {
        Verify::Http(at) => Ok(net::http_get(*at, timeout)?.is_some_and(|status| status < 500)),
        Verify::Banner(at) => Ok(matches!(net::touch(*at, None, timeout, true)?, net::Touch::Banner(_))),
        Verify::Sip(at) => net::sip_options(*at, timeout),
    }
}

/// The programs that are driven.
pub struct Programs;

#[allow(missing_docs, reason = "each is its name")]
impl Programs {
    pub const IP: &'static str = "/usr/sbin/ip";
    pub const MOUNT: &'static str = "/usr/bin/mount";
    pub const UMOUNT: &'static str = "/usr/bin/umount";
    pub const SYSTEMCTL: &'static str = "/usr/bin/systemctl";
    pub const FSCK_EXT: &'static str = "/usr/sbin/e2fsck";
    pub const DEBUGFS: &'static str = "/usr/sbin/debugfs";
    pub const SETPRIV: &'static str = "/usr/bin/setpriv";
    pub const TOUCH: &'static str = "/usr/bin/touch";
    pub const TEST: &'static str = "/usr/bin/test";
    pub const PSQL: &'static str = "/usr/bin/psql";
    pub const MARIADB: &'static str = "/usr/bin/mariadb";
    pub const MY_PRINT_DEFAULTS: &'static str = "/usr/bin/my_print_defaults";
    pub const VGS: &'static str = "/usr/sbin/vgs";
    pub const LVS: &'static str = "/usr/sbin/lvs";
    pub const VGCHANGE: &'static str = "/usr/sbin/vgchange";
    pub const DRBDADM: &'static str = "/usr/sbin/drbdadm";
    pub const DRBDSETUP: &'static str = "/usr/sbin/drbdsetup";
}

/// Runs a command that has to succeed.
///
/// # Errors
/// [`Blind::Command`] with the end of what it said.
pub fn must(host: &dyn Host, command: &Command) -> Result<Output, Blind> {
    let out = host.run(command)?;
    if out.success() {
        return Ok(out);
    }
    let said = out.stderr.lines().chain(out.stdout.lines()).find(|l| !l.trim().is_empty()).unwrap_or("it said nothing");
    let code = out.code.map_or("a signal".to_owned(), |c| format!("code {c}"));
    Err(Blind::Command { program: command.printable(), reason: format!("it ended with {code}: {}", said.trim()) })
}

/// Something is mounted at the mount's path.
///
/// # Errors
/// The mount table can't be read, or something else is mounted there.
pub fn mounted(host: &dyn Host, mount: &Mount) -> Result<bool, Blind> {
    let table = host.read(Path::new("/proc/self/mountinfo"))?;
    let path = mount.path.to_string_lossy();
    match mount_source(&table, &path) {
        None => Ok(false),
        Some(source) if source == mount.device.to_string_lossy() => Ok(true),
        Some(source) => {
            // A device may be mounted under another name of itself (/dev/mapper against /dev/dm-0).
            let real = |path: &Path| std::fs::canonicalize(path).ok();
            let same = real(&mount.device).is_some_and(|device| real(Path::new(&source)) == Some(device));
            let reason = format!("{source} is mounted there, not {}", mount.device.display());
            if same { Ok(true) } else { Err(Blind::Parse { what: path.into_owned(), reason }) }
        }
    }
}

/// The source of what is mounted on `path` last, from the text of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).
fn mount_source(table: &str, path: &str) -> Option<String> {
    let escaped = path.replace('\\', "\\134").replace(' ', "\\040");
    table.lines().rev().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        (left.split(' ').nth(4)? == escaped).then(|| right.split(' ').nth(1).map(str::to_owned))?
    })
}

/// This machine holds `address`.
///
/// # Errors
/// `ip` can't be run.
pub fn holds(host: &dyn Host, address: IpAddr) -> Result<bool, Blind> {
    let family = if address.is_ipv4() { "-4" } else { "-6" };
    let out = must(host, &Command::new(Programs::IP).args([family, "-o", "addr", "show", "to"]).arg(address.to_string()))?;
    Ok(!out.stdout.trim().is_empty())
}

/// `ActiveState` of a unit.
///
/// # Errors
/// `systemctl` can't be run.
pub fn unit_state(host: &dyn Host, unit: &str) -> Result<String, Blind> {
    let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "ActiveState", "--value", "--", unit]);
    Ok(must(host, &show)?.stdout.trim().to_owned())
}

/// This machine holds nothing of the group: what a promise is made of.
///
/// # Errors
/// What it holds, or why it could not be seen.
pub fn clean(host: &dyn Host, group: &Group) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    for ip in &group.ip {
        if holds(host, ip.address.address).map_err(text)? {
            return Err(format!("{} is here", ip.address));
        }
    }
    for mount in &group.mounts {
        if mounted(host, mount).map_err(text)? {
            return Err(format!("{} is mounted here", mount.path.display()));
        }
    }
    for unit in group.services.iter().chain(&group.master_only) {
        let state = unit_state(host, unit).map_err(text)?;
        if state != "inactive" && state != "failed" {
            return Err(format!("{unit} is {state} here"));
        }
    }
    Ok(())
}

/// Stops and masks units, all of them, also when one refuses: what retired never starts again (RX13).
///
/// # Errors
/// The units that are not masked, and why.
pub fn mask<'a>(host: &dyn Host, units: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let systemctl = |args: &[&str]| must(host, &Command::new(Programs::SYSTEMCTL).args(args)).map_err(|blind| format!("cannot {blind}"));
    let mask = |unit: &String| {
        if systemctl(&["mask", "--now", "--", unit]).is_ok() {
            return Ok(());
        }
        // An administrator's own unit file lies where the mask would: a condition that never holds does the same.
        write_durably(Path::new("/etc/systemd/system").join(format!("{unit}.d")).join("retired.conf").as_path(), NEVER)?;
        systemctl(&["daemon-reload"])?;
        systemctl(&["stop", "--", unit]).map(drop)
    };
    let wrong: Vec<String> = units.filter_map(|unit| mask(unit).err().map(|why| format!("{unit} is not masked: {why}"))).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Drop-in of a unit that can't be masked.
const NEVER: &str =
    "# The pair was dissolved and this node retired (twinguard dissolve): it must not run this any more.\n[Unit]\nConditionPathExists=!/\n";

/// This machine holds everything that a master of the group holds.
///
/// # Errors
/// What it lacks, or why it could not be seen.
pub fn lacks(host: &dyn Host, group: &Group) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    for mount in &group.mounts {
        if !mounted(host, mount).map_err(text)? {
            return Err(format!("{} is not mounted", mount.path.display()));
        }
    }
    for ip in &group.ip {
        if !holds(host, ip.address.address).map_err(text)? {
            return Err(format!("{} is not here", ip.address));
        }
    }
    for unit in group.services.iter().chain(&group.master_only) {
        let state = unit_state(host, unit).map_err(text)?;
        if state != "active" {
            return Err(format!("{unit} is {state}"));
        }
    }
    Ok(())
}

/// G12: what would start a managed resource at boot, or let an OFF be undone by a resume (row 59).
///
/// # Errors
/// Something could not be looked at.
pub fn boot_starts(host: &dyn Host, cluster: &Cluster) -> Result<Vec<String>, Blind> {
    let mut found = Vec::new();
    let units: Vec<&str> =
        cluster.groups.iter().flat_map(|g| g.services.iter().chain(&g.master_only).chain(&g.slave_only)).map(String::as_str).collect();
    if !units.is_empty() {
        let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "Id", "-p", "UnitFileState", "--"]).args(units.iter());
        found.extend(enabled(&must(host, &show)?.stdout).into_iter().map(|unit| format!("{unit} is enabled")));
    }
    let sleep = ["sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target"];
    let show = Command::new(Programs::SYSTEMCTL).args(["show", "-p", "Id", "-p", "LoadState", "--"]).args(sleep);
    found.extend(not_masked(&must(host, &show)?.stdout).into_iter().map(|unit| format!("{unit} is not masked")));
    let fstab = host.read(Path::new("/etc/fstab")).unwrap_or_default();
    for mount in cluster.groups.iter().flat_map(|g| &g.mounts) {
        if in_fstab(&fstab, mount) {
            found.push(format!("{} is in /etc/fstab", mount.path.display()));
        }
    }
    found.extend(static_addresses(host, cluster));
    found.extend(super::data::boot_starts(host, cluster)?);
    Ok(found)
}

fn properties(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n\n").filter_map(|block| {
        let value = |key: &str| block.lines().find_map(|l| l.strip_prefix(key));
        Some((value("Id=")?, value("UnitFileState=").or_else(|| value("LoadState="))?))
    })
}

fn enabled(text: &str) -> Vec<&str> {
    properties(text).filter(|(_, state)| matches!(*state, "enabled" | "enabled-runtime" | "linked" | "alias")).map(|(id, _)| id).collect()
}

fn not_masked(text: &str) -> Vec<&str> {
    properties(text).filter(|(_, state)| *state != "masked").map(|(id, _)| id).collect()
}

/// An entry without `noauto` for the mount's path or device.
fn in_fstab(text: &str, mount: &Mount) -> bool {
    text.lines().map(str::trim).filter(|l| !l.starts_with('#')).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let same =
            fields.first().is_some_and(|d| *d == mount.device.to_string_lossy()) || fields.get(1).is_some_and(|p| *p == mount.path.to_string_lossy());
        same && !fields.get(3).is_some_and(|o| o.split(',').any(|o| o == "noauto"))
    })
}

/// Failover addresses that the network configuration sets at boot (row 56).
fn static_addresses(host: &dyn Host, cluster: &Cluster) -> Vec<String> {
    let mut files = vec![std::path::PathBuf::from("/etc/network/interfaces")];
    for folder in ["/etc/network/interfaces.d", "/etc/systemd/network", "/etc/netplan", "/etc/NetworkManager/system-connections"] {
        files.extend(std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    let addresses: Vec<String> = cluster.groups.iter().flat_map(|g| &g.ip).map(|ip| ip.address.address.to_string()).collect();
    let mut found = Vec::new();
    for file in files {
        let text = host.read(&file).unwrap_or_default();
        let words = |line: &str| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == ':')).map(str::to_owned).collect::<Vec<_>>();
        let mut lines = text.lines().filter(|l| !l.trim_start().starts_with('#'));
        if let Some(address) = lines.find_map(|l| addresses.iter().find(|a| words(l).contains(a))) {
            found.push(format!("{address} is set in {}", file.display()));
        }
    }
    found
}

/// Writes a small file so that it survives a power loss.
///
/// # Errors
/// What could not be written.
pub fn write_durably(path: &Path, text: &str) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let temp = path.with_extension("new");
    let mut file = std::fs::File::create(&temp).map_err(wrong)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
    std::fs::rename(&temp, path).map_err(wrong)?;
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        30 22 7:0 / /srv/data rw - ext4 /dev/loop0 rw\n\
        31 22 7:1 / /srv/with\\040blank rw shared:3 - ext4 /dev/loop1 rw\n";

    #[test]
    fn the_mount_table_is_read_as_the_kernel_writes_it() {
        assert_eq!(mount_source(TABLE, "/srv/data").as_deref(), Some("/dev/loop0"));
        assert_eq!(mount_source(TABLE, "/srv/with blank").as_deref(), Some("/dev/loop1"));
        assert_eq!(mount_source(TABLE, "/srv").as_deref(), None);
    }

    #[test]
    fn row_56_what_starts_at_boot_is_found() {
        let shown = "Id=nginx.service\nUnitFileState=enabled\n\nId=asterisk.service\nUnitFileState=disabled\n\nId=x.service\nUnitFileState=\n";
        assert_eq!(enabled(shown), ["nginx.service"]);
        assert_eq!(not_masked("Id=suspend.target\nLoadState=loaded\n\nId=hibernate.target\nLoadState=masked\n"), ["suspend.target"]);
        let mount = Mount { device: "/dev/webdata".into(), path: "/srv/data".into(), fs: "ext4".into(), options: None };
        assert!(in_fstab("/dev/webdata /srv/data ext4 defaults 0 2", &mount));
        assert!(in_fstab("UUID=1 /srv/data ext4 defaults 0 2", &mount));
        assert!(!in_fstab("# /dev/webdata /srv/data ext4 defaults 0 2\n/dev/webdata /srv/data ext4 rw,noauto 0 2", &mount));
    }
}
