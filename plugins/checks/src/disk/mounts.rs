//! The mount table (`proc_pid_mountinfo(5)`), read as text: which mounts there are and which are worth a look, before any of
//! them is touched.

use plugin_core::Blind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Types that hold no data of anybody: windows into the kernel.
const KERNEL: [&str; 27] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devfs",
    "devpts",
    "efivarfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// Types that lie in memory or are full by nature: looked at only when somebody asks for them.
const FULL: [&str; 7] = ["devtmpfs", "erofs", "iso9660", "ramfs", "squashfs", "tmpfs", "udf"];

/// Types whose data lie on another machine, beside all kinds of NFS.
const REMOTE: [&str; 17] = [
    "9p",
    "acfs",
    "afs",
    "auristorfs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "smb3",
    "smbfs",
];

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor`: the same for every view of one file system.
    pub device: String,
    /// Where.
    pub path: PathBuf,
    /// Type of the file system.
    pub kind: String,
    /// The device or the export.
    pub source: String,
    /// The mount is meant to be written to and its file system no longer is: what the kernel does after an error.
    pub flipped: bool,
}

impl Mount {
    /// Its data lie on another machine.
    pub fn remote(&self) -> bool {
        self.kind.starts_with("nfs") && self.kind != "nfsd" || REMOTE.contains(&self.kind.as_str())
    }
}

/// Parses the table.
///
/// # Errors
/// [`Blind::Parse`] with the offending line.
pub fn parse(text: &str) -> Result<Vec<Mount>, Blind> {
    text.lines().map(|line| one(line).ok_or_else(|| Blind::Parse { what: super::MOUNTINFO.into(), reason: format!("odd line \"{line}\"") })).collect()
}

fn one(line: &str) -> Option<Mount> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let fields: Vec<&str> = mount.split(' ').collect();
    let mut rest = filesystem.split(' ');
    let (kind, source, options) = (rest.next()?, unescape(rest.next()?), rest.next_back()?);
    let has = |options: &str, word: &str| options.split(',').any(|o| o == word);
    // After an error, older kernels turn the file system's "rw" into "ro"; ext4 of newer ones adds "emergency_ro" to it.
    let stopped = !has(options, "rw") || has(options, "emergency_ro") || has(options, "shutdown");
    let (device, path) = ((*fields.get(2)?).to_owned(), PathBuf::from(unescape(fields.get(4)?)));
    Some(Mount { device, path, kind: kind.to_owned(), source, flipped: has(fields.get(5)?, "rw") && stopped })
}

/// `\040` and the like.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            out.push(char::from(code));
            out.push_str(part.get(3..).unwrap_or_default());
        } else {
            out.push('\\');
            out.push_str(part);
        }
    }
    out
}

/// What a person sees of the table: of several mounts on one path the last, no windows into the kernel.
pub fn visible(table: &[Mount]) -> Vec<&Mount> {
    let hidden = |at: usize, m: &Mount| table.iter().skip(at + 1).any(|later| later.path == m.path);
    let mut visible: Vec<&Mount> =
        table.iter().enumerate().filter(|(at, m)| !hidden(*at, m) && !KERNEL.contains(&m.kind.as_str())).map(|(_, m)| m).collect();
    visible.sort_by_key(|m| (m.path.as_os_str().len(), m.path.clone()));
    visible
}

/// Everything that holds data, each file system once, under its shortest path; and what lies in memory where `types` asks for it.
pub fn by_default<'a>(table: &'a [Mount], types: &[String]) -> Vec<&'a Mount> {
    let mut chosen = visible(table);
    chosen.retain(|m| !FULL.contains(&m.kind.as_str()) || types.contains(&m.kind));
    let mut devices = BTreeSet::new();
    chosen.retain(|m| devices.insert(&m.device));
    chosen
}

/// The mount at a path or of a device; with `best` the one under the path. The last mount on a path is the one that is seen there.
pub fn named<'a>(table: &'a [Mount], path: &Path, best: bool) -> Option<&'a Mount> {
    let at = table.iter().rev().find(|m| m.path == path);
    let of = || visible(table).into_iter().find(|m| m.source.starts_with('/') && Path::new(&m.source) == path);
    at.or_else(of).or_else(|| if best { under(table, path) } else { None })
}

/// The mount under a path.
pub fn under<'a>(table: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    // Of two mounts on one path the later one is seen.
    table.iter().filter(|m| path.starts_with(&m.path)).max_by_key(|m| m.path.as_os_str().len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const TYPICAL: &str = include_str!("../../../../tests/fixtures/disk/mountinfo-typical.txt");
    const FLIPPED: &str = include_str!("../../../../tests/fixtures/disk/mountinfo-remounted-read-only.txt");

    fn paths(mounts: Vec<&Mount>) -> Vec<&str> {
        mounts.into_iter().map(|m| m.path.to_str().unwrap()).collect()
    }

    #[test]
    fn pseudo_file_systems_bind_mounts_and_hidden_mounts_are_left_out() {
        let table = parse(TYPICAL).unwrap();
        assert_eq!(table.len(), 12);
        assert_eq!(paths(by_default(&table, &[])), ["/", "/srv", "/mnt/archive", "/mnt/my disk"]);
        assert!(table.iter().all(|m| !m.flipped), "nothing here went read-only; /mnt/archive was mounted so");
    }

    #[test]
    fn what_is_named_is_checked_whatever_its_type() {
        let table = parse(TYPICAL).unwrap();
        let kind = |path: &str| named(&table, Path::new(path), false).map(|m| m.kind.as_str());
        assert_eq!(["/run", "/gone", "/srv", "/dev/sdc1"].map(kind), [Some("tmpfs"), None, Some("xfs"), Some("ext4")]);
    }

    #[test]
    fn a_file_system_that_the_kernel_made_read_only_is_seen() {
        let table = parse(FLIPPED).unwrap();
        let flipped: Vec<_> = table.iter().filter(|m| m.flipped).map(|m| m.path.to_str().unwrap()).collect();
        assert_eq!(flipped, ["/srv", "/srv/mail", "/srv/old"]);
    }

    #[test]
    fn an_odd_table_is_blindness() {
        for wrong in ["nonsense", "1 2 3:4 / / rw - ext4", "1 2 - ext4 /dev/x rw"] {
            assert!(parse(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
        assert_eq!(unescape("a\\040b\\134c\\x"), "a b\\c\\x");
    }
}
