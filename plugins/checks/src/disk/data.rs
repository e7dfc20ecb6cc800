//! Where does a directory of managed data lie? Not on NFS (BM4, SX3), and on the master on storage that moves with the
//! service (BM5): on the root file system it would stay behind. Pure.

use super::mounts::{Mount, under};
use plugin_core::contract::status::{Role, Status};
use plugin_core::{Blind, Report, State};
use std::path::{Path, PathBuf};

/// The nine directories of `BlueMind` (BM5).
const BLUEMIND: [&str; 9] = [
    "/var/spool/bm-docs",
    "/var/spool/bm-elasticsearch",
    "/var/spool/bm-hsm",
    "/var/spool/cyrus",
    "/var/spool/postfix",
    "/var/spool/sieve",
    "/var/spool/bluemind-pkgs",
    "/var/lib/cyrus",
    "/var/lib/postgresql",
];

/// A product whose directories of data are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// The nine directories of `BlueMind` (BM5)
    Bluemind,
}

impl Preset {
    /// Its directories.
    pub fn paths(self) -> impl Iterator<Item = PathBuf> {
        match self {
            Preset::Bluemind => BLUEMIND.iter().map(PathBuf::from),
        }
    }
}

/// The mount under a directory, and those of other machines below it.
pub fn mounts<'a>(table: &'a [Mount], path: &Path) -> (Option<&'a Mount>, Vec<&'a Mount>) {
    let below = table.iter().filter(|m| m.remote() && m.path != path && m.path.starts_with(path));
    (under(table, path), below.collect())
}

/// Judges one directory. Without a role only the kind of its file system is judged.
pub fn judge(path: &Path, mount: Option<&Mount>, below: &[Mount], status: &Result<Status, Blind>, report: &mut Report) {
    let Some(mount) = mount else { return };
    let place = path.display();
    for far in below {
        report.say(State::Critical, format!("{} in {place} lies on {}: it can't be fenced off (BM4)", far.path.display(), far.kind));
    }
    if mount.remote() {
        report.say(State::Critical, format!("{place} lies on {}: it can't be fenced off (BM4)", mount.kind));
        return;
    }
    let own = mount.path != Path::new("/");
    match status {
        Err(blind) => report.say(State::Unknown, format!("{place}: role unknown: cannot {blind}")),
        Ok(status) if status.groups.iter().any(|g| g.role == Role::Master) => {
            if !own {
                report.say(State::Critical, format!("{place} lies on the root file system: it stays behind when the service moves (BM5)"));
            }
        }
        Ok(status) => {
            let quiet = status.groups.iter().all(|g| matches!(g.role, Role::Slave | Role::Standby | Role::Inert));
            if own && quiet {
                report.say(State::Critical, format!("{place} is mounted at {} on a node that is not master (BM5)", mount.path.display()));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::ready_made::status;

    const TABLE: &str = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                         2 1 0:9 / /var/spool/cyrus rw - nfs4 nas:/cyrus rw\n\
                         3 1 8:2 / /var/lib/cyrus rw - ext4 /dev/sdb1 rw\n";

    fn said(path: &str, role: Option<Role>) -> String {
        let table = super::super::mounts::parse(TABLE).unwrap();
        let gone = Blind::Read { path: "/run/x".into(), reason: "gone".into() };
        let status = role.map(|role| status("bm1", &[("mail", role)])).ok_or(gone);
        let mut report = Report::default();
        report.say(State::Ok, "fine");
        let (under, below) = mounts(&table, Path::new(path));
        let below: Vec<_> = below.into_iter().cloned().collect();
        judge(Path::new(path), under, &below, &status, &mut report);
        report.render("DISK", 0).lines().next().unwrap().to_owned()
    }

    #[test]
    fn bm4_data_on_nfs_is_critical_whatever_the_role() {
        for role in [Some(Role::Master), Some(Role::Slave), None] {
            assert_eq!(said("/var/spool/cyrus/mail", role), "DISK CRITICAL - /var/spool/cyrus/mail lies on nfs4: it can't be fenced off (BM4)");
        }
    }

    #[test]
    fn bm4_nfs_somewhere_in_the_data_is_critical_too() {
        assert_eq!(
            said("/var/spool", Some(Role::Slave)),
            "DISK CRITICAL - /var/spool/cyrus in /var/spool lies on nfs4: it can't be fenced off (BM4)"
        );
    }

    #[test]
    fn bm5_data_move_with_the_service() {
        let behind = "DISK CRITICAL - /var/lib/postgresql lies on the root file system: it stays behind when the service moves (BM5)";
        assert_eq!(said("/var/lib/postgresql", Some(Role::Master)), behind);
        assert_eq!(said("/var/lib/postgresql", Some(Role::Slave)), "DISK OK - fine");
        assert_eq!(said("/var/lib/cyrus", Some(Role::Master)), "DISK OK - fine");
        let early = "DISK CRITICAL - /var/lib/cyrus is mounted at /var/lib/cyrus on a node that is not master (BM5)";
        assert_eq!(said("/var/lib/cyrus", Some(Role::Slave)), early);
        assert_eq!(said("/var/lib/cyrus", Some(Role::Taking)), "DISK OK - fine", "between two roles");
        assert_eq!(said("/var/lib/cyrus", None), "DISK UNKNOWN - /var/lib/cyrus: role unknown: cannot read /run/x: gone");
        assert_eq!(Preset::Bluemind.paths().count(), 9);
    }
}
