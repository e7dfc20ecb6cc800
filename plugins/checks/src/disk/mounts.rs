//! The mount table (`proc_pid_mountinfo(5)`), read as text: which mounts there are and which are worth a look, before any of
//! them is touched.

use plugin_core::Blind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Types that hold no data of anybody, or are full by nature.
const PSEUDO: [&str; 34] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "udf",
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
    /// The mount is meant to be written to and its file system no longer is: what the kernel does after an error.
    pub flipped: bool,
}

/// A path, and the mount that is there.
pub type Choice = (PathBuf, Option<Mount>);

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
    let (kind, options) = (rest.next()?, rest.next_back()?);
    let has = |options: &str, word: &str| options.split(',').any(|o| o == word);
    // After an error, older kernels turn the file system's "rw" into "ro"; ext4 of newer ones adds "emergency_ro" to it.
    let stopped = !has(options, "rw") || has(options, "emergency_ro") || has(options, "shutdown");
    let (device, path) = ((*fields.get(2)?).to_owned(), PathBuf::from(unescape(fields.get(4)?)));
    Some(Mount { device, path, kind: kind.to_owned(), flipped: has(fields.get(5)?, "rw") && stopped })
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

/// Everything that holds data, each file system once, under its shortest path.
pub fn by_default(table: &[Mount]) -> Vec<Choice> {
    let mut visible: Vec<&Mount> =
        table.iter().enumerate().filter(|(at, m)| !table.iter().skip(at + 1).any(|later| later.path == m.path)).map(|(_, m)| m).collect();
    visible.retain(|m| !PSEUDO.contains(&m.kind.as_str()));
    visible.sort_by_key(|m| (m.path.as_os_str().len(), m.path.clone()));
    let mut devices = BTreeSet::new();
    visible.retain(|m| devices.insert(&m.device));
    visible.into_iter().map(|m| (m.path.clone(), Some(m.clone()))).collect()
}

/// The named paths. The last mount on a path is the one that is seen there.
pub fn named(table: &[Mount], paths: &[PathBuf]) -> Vec<Choice> {
    let at = |path: &Path| table.iter().rev().find(|m| m.path == path).cloned();
    paths.iter().map(|path| (path.clone(), at(path))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const TYPICAL: &str = include_str!("../../../../tests/fixtures/disk/mountinfo-typical.txt");
    const FLIPPED: &str = include_str!("../../../../tests/fixtures/disk/mountinfo-remounted-read-only.txt");

    fn paths(choices: &[Choice]) -> Vec<&str> {
        choices.iter().map(|(path, _)| path.to_str().unwrap()).collect()
    }

    #[test]
    fn pseudo_file_systems_bind_mounts_and_hidden_mounts_are_left_out() {
        let table = parse(TYPICAL).unwrap();
        assert_eq!(table.len(), 12);
        assert_eq!(paths(&by_default(&table)), ["/", "/srv", "/mnt/archive", "/mnt/my disk"]);
        assert!(table.iter().all(|m| !m.flipped), "nothing here went read-only; /mnt/archive was mounted so");
    }

    #[test]
    fn what_is_named_is_checked_whatever_its_type() {
        let table = parse(TYPICAL).unwrap();
        let named = named(&table, &["/run".into(), "/gone".into(), "/srv".into()]);
        let kinds: Vec<_> = named.iter().map(|(_, m)| m.as_ref().map(|m| m.kind.as_str())).collect();
        assert_eq!(kinds, [Some("tmpfs"), None, Some("xfs")]);
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
