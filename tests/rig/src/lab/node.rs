//! A node: systemd in a container with its own namespaces and control group. Starts it, runs programs in it, finds its init.
//! Its root is an overlay (own layer, product, image) mounted inside the container's private mount namespace, so that nothing
//! stays behind on the host when the node dies.

use super::cgroup::Cgroup;
use super::disk;
use super::net;
use super::site::{Node, Site};
use super::tool::{self, read, wait_for};
use crate::process::Done;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The node's control group.
///
/// # Errors
/// This host has no unified hierarchy.
pub fn cgroup(site: &Site, node: Node) -> Result<Cgroup, String> {
    Cgroup::at(&format!("{}/{}", site.id, node.name()))
}

/// Control group of the helper programs (BMC simulators, client).
///
/// # Errors
/// This host has no unified hierarchy.
pub fn helpers(site: &Site) -> Result<Cgroup, String> {
    Cgroup::at(&format!("{}/helpers", site.id))
}

/// Starts the node's init and returns at once.
///
/// # Errors
/// Namespaces, control group or container can't be made.
pub fn boot(site: &Site, node: Node) -> Result<(), String> {
    net::make_node(site, node)?;
    let group = cgroup(site, node)?;
    group.remove()?;
    group.make()?;
    let folder = site.disk.join(node.name());
    for part in ["upper", "work", "root", "cgroup"] {
        fs::create_dir_all(folder.join(part)).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    }
    let device = site.loop_of(node).ok_or("the lab has no shared disk")?;
    let (folder, product, image) = (folder.display(), site.product(), site.image.display());
    let (name, netns) = (node.name(), site.netns_path(node.name()));
    // A fresh sysfs, made inside the node's network namespace, shows the node's own network cards; the container's manager would
    // hand on the host's. The control groups move over to it. nice: a compile beside the lab must not make a node look stunned.
    // The copies of other hosts' namespaces are dropped: held here, they would outlive their removal.
    let script = format!(
        "set -e\n{enter}umount --recursive --lazy /run/netns || true\nmount -t overlay -o lowerdir={product}:{image},upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root\n\
         mount --rbind /sys/fs/cgroup {folder}/cgroup\nmount -t sysfs sysfs /sys\nmount --rbind {folder}/cgroup /sys/fs/cgroup\n\
         exec nice -n -10 systemd-nspawn --boot --quiet --directory={folder}/root --register=no --keep-unit --machine={id}-{name} --hostname={name} \
         --resolv-conf=off --timezone=off --capability=all --link-journal=no --console=pipe --bind={device}:{inside} --kill-signal=SIGRTMIN+3\n",
        enter = group.enter(),
        product = product.display(),
        id = site.id,
        inside = disk::DEVICE,
    );
    let netns = format!("--net={}", netns.display());
    spawn(&site.console(node), &["nsenter", &netns, "unshare", "--mount", "--propagation", "private", "sh", "-c", &script])?;
    // Whoever switches the node off from now on has to find something to kill.
    wait_for(&format!("start of {name}"), Duration::from_secs(10), || group.populated()).map(drop)
}

/// Starts a helper program of the lab, detached from its parent, in the helpers' control group and, if given, in a host's network
/// namespace (and in nothing else of it: the chassis hook has to see the control groups). It ends with the lab.
///
/// # Errors
/// It can't be started.
pub fn start_helper(site: &Site, host: Option<&str>, log: &str, argv: &[&str]) -> Result<(), String> {
    let group = helpers(site)?;
    group.make()?;
    let script = format!("{}exec \"$@\"", group.enter());
    let mut all = vec!["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    if let Some(host) = host {
        all.push("nsenter".to_owned());
        all.push(format!("--net={}", site.netns_path(host).display()));
    }
    all.extend(argv.iter().map(|a| (*a).to_owned()));
    spawn(&site.run.join(log), &all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `setsid --fork` hands the program to init: nobody has to wait for it, and it outlives the hook that started it.
fn spawn(log: &Path, argv: &[&str]) -> Result<(), String> {
    let open = || fs::OpenOptions::new().create(true).append(true).open(log).map_err(|e| format!("cannot write {}: {e}", log.display()));
    let mut command = std::process::Command::new("setsid");
    command.arg("--fork").args(argv).stdin(std::process::Stdio::null()).stdout(open()?).stderr(open()?).current_dir("/");
    let status = command.status().map_err(|e| format!("cannot start {}: {e}", argv.join(" ")))?;
    if status.success() { Ok(()) } else { Err(format!("cannot start {}: {status}", argv.join(" "))) }
}

/// Process id, on the host, of the node's init.
pub fn init(site: &Site, node: Node) -> Option<u32> {
    let is_init = |pid: &u32| {
        let status = read(format!("/proc/{pid}/status"));
        status.lines().find(|l| l.starts_with("NSpid:")).is_some_and(|l| l.split_whitespace().count() == 3 && l.ends_with("\t1"))
    };
    cgroup(site, node).ok()?.processes().into_iter().find(is_init)
}

/// The node's file tree as the host reaches it.
pub fn root(site: &Site, node: Node) -> Option<PathBuf> {
    init(site, node).map(|pid| PathBuf::from(format!("/proc/{pid}/root")))
}

/// Runs a program in the node, as root, in all of its namespaces.
///
/// # Errors
/// The node is off.
pub fn exec(site: &Site, node: Node, argv: &[&str]) -> Result<Done, String> {
    let pid = init(site, node).ok_or_else(|| format!("{} is off", node.name()))?.to_string();
    let mut command = vec!["--target", pid.as_str(), "--all", "--wdns=/", "env", "-i"];
    command.extend(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"]);
    command.extend(argv);
    tool::done("nsenter", &command)
}
