//! The shared disk: one image file, one loop device for each node's side, ext4 with the page that the cluster serves.

use super::site::{Node, Site};
use super::tool::{run, wait_for};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Path of the disk inside both nodes: `cluster.toml` is the same bytes on both.
pub const DEVICE: &str = "/dev/webdata";
/// What the served page says beside the node's name.
pub const CONTENT: &str = "ledger 1";

/// Makes the disk; its two loop devices.
///
/// # Errors
/// What `mkfs`, `mount` or `losetup` said.
pub fn make(folder: &Path) -> Result<Vec<String>, String> {
    let image = folder.join("shared.img");
    let file = fs::File::create(&image).map_err(|e| format!("cannot make {}: {e}", image.display()))?;
    file.set_len(64 << 20).map_err(|e| format!("cannot make {}: {e}", image.display()))?;
    let image = image.to_string_lossy().into_owned();
    let content = folder.join("content");
    super::tool::write(&content.join("www/page.txt"), format!("node=<!--# echo var=\"hostname\" -->\ndata={CONTENT}\n").as_bytes())?;
    run("mkfs.ext4", &["-q", "-F", "-L", "webdata", "-d", &content.to_string_lossy(), &image])?;
    let attach = || run("losetup", &["--find", "--show", &image]).map(|d| d.trim().to_owned());
    Ok(vec![attach()?, attach()?])
}

/// Loses power: the node's file systems on the disk take no further write, not even their journal. Without this the kernel
/// would cleanly unmount them once the last process is dead, and write under the survivor's mount.
///
/// # Errors
/// The file system can't be shut down.
pub fn lose_power(site: &Site, node: Node, root: &Path) -> Result<(), String> {
    let mountinfo = super::tool::read(root.with_file_name("mountinfo"));
    for place in mount_points(site, node, &mountinfo) {
        let place = root.join(place.trim_start_matches('/'));
        run("xfs_io", &["-x", "-c", "shutdown", &place.to_string_lossy()])?;
    }
    Ok(())
}

/// Where the node's side of the disk is mounted, by `/proc/PID/mountinfo` of its init.
pub fn mount_points<'a>(site: &Site, node: Node, mountinfo: &'a str) -> Vec<&'a str> {
    let device = site.loop_of(node).unwrap_or_default().trim_start_matches("/dev/");
    let number = super::tool::read(format!("/sys/block/{device}/dev"));
    let fields = mountinfo.lines().map(|l| l.split(' ').collect::<Vec<_>>());
    fields.filter(|f| f.get(2) == Some(&number.trim())).filter_map(|f| f.get(4).copied()).collect()
}

/// Waits until the node's side of the disk is unmounted.
///
/// # Errors
/// It stays mounted.
pub fn wait_unmounted(site: &Site, node: Node) -> Result<(), String> {
    let Some(device) = site.loop_of(node) else { return Ok(()) };
    wait_for(&format!("unmount of {device}"), Duration::from_secs(10), || !mounted(device)).map(drop)
}

/// Somebody has the device mounted: ext4 shows itself in `/sys`, and an exclusive opening is refused.
pub fn mounted(device: &str) -> bool {
    use rustix::fs::{Mode, OFlags, open};
    Path::new("/sys/fs/ext4").join(device.trim_start_matches("/dev/")).exists()
        || open(device, OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC, Mode::empty()).is_err_and(|e| e == rustix::io::Errno::BUSY)
}

/// Detaches every loop device that lies on the lab's disk.
pub fn remove(folder: &Path) {
    let Ok(list) = run("losetup", &["--list", "--noheadings", "--raw", "--output", "NAME,BACK-FILE"]) else { return };
    let image = folder.join("shared.img");
    for line in list.lines() {
        let Some((device, file)) = line.split_once(' ') else { continue };
        if Path::new(file.trim_end_matches(" (deleted)")) == image {
            let _ = wait_for("unmount", Duration::from_secs(5), || !mounted(device));
            let _ = run("losetup", &["--detach", device]);
        }
    }
}
