//! A real lsyncd and a real csync2 that hold changes back: what they say waits is told beside the comparison.

use super::first;
use crate::links::wait_for;
use crate::trees::Pair;
use rig::process::{Done, binary};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn changes_that_wait_in_lsyncd_are_counted() {
    let pair = Pair::new("lsyncd");
    let (status, config) = (pair.folder().join("status"), pair.folder().join("lsyncd.lua"));
    let text = format!(
        "settings {{ statusFile = {status:?}, statusInterval = 1, nodaemon = true }}\nsync {{ default.rsync, source = {:?}, target = {:?}, delay = 1000 }}\n",
        pair.here(),
        pair.there()
    );
    std::fs::write(&config, text).unwrap();
    let lsyncd = Command::new("/usr/bin/lsyncd").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _lsyncd = Daemon(lsyncd.expect("lsyncd is missing: apt install lsyncd"));
    let shows = |what: &str| std::fs::read_to_string(&status).is_ok_and(|text| text.contains(what));
    wait_for("first status of lsyncd", || shows("There are 0 delays"));
    let file = status.to_str().unwrap();
    let check = |more: &[&str]| pair.check(&[&["--lsyncd-status", file, "--waiting-warning", "0", "--waiting-critical", "5"], more].concat());
    let done = check(&[]);
    assert_eq!((done.code, first(&done)), (Some(0), "FS SYNC OK - 1 entries in 1 tree are the same on both nodes"), "{}", done.stdout);
    assert!(done.stdout.contains(" 'lsyncd waiting'=0;0;5;0;") && done.stdout.contains("\nlsyncd: 0 changes wait\n"), "{}", done.stdout);
    std::fs::create_dir(pair.here().join("folder")).unwrap();
    wait_for("a change in lsyncd's queue", || shows("There are 1 delays"));
    // Younger than the grace: no drift yet, and still somebody is told that it does not get through.
    let done = check(&[]);
    assert_eq!((done.code, first(&done)), (Some(1), "FS SYNC WARNING - lsyncd: 1 change waits (warning at 0)"), "{}", done.stdout);
    let other = pair.check(&["--lsyncd-status", config.to_str().unwrap()]);
    assert_eq!(other.code, Some(3));
    assert!(first(&other).contains("lsyncd.lua: it holds no line \"There are N delays\""), "{}", other.stdout);
    assert!(first(&pair.check(&["--lsyncd-status", "/nonexistent"])).contains("lsyncd: cannot read /nonexistent: No such file"));
}

/// csync2's configuration lies in /etc and its database in /var: both are the test's own, in a mount namespace of its own.
#[test]
fn files_that_are_dirty_in_csync2_are_counted() {
    let pair = Pair::new("csync2");
    for side in pair.sides() {
        std::fs::write(side.join("file"), "same").unwrap();
    }
    let place = pair.folder().to_str().unwrap();
    std::fs::write(
        pair.folder().join("csync2_pair.cfg"),
        format!("group pair {{ host n1; host n2; key /etc/csync2_pair.key; include {}; }}\n", pair.here().display()),
    )
    .unwrap();
    std::fs::create_dir(pair.folder().join("database")).unwrap();
    let script = format!(
        "set -e; cd /; hostname n1; mkdir -p {place}/etc; mount -t tmpfs etc {place}/etc; mkdir {place}/etc/upper {place}/etc/work\n\
         mount -t overlay -o lowerdir=/etc,upperdir={place}/etc/upper,workdir={place}/etc/work etc /etc; mount --bind {place}/database /var/lib/csync2\n\
         cp {place}/csync2_pair.cfg /etc/; head -c 64 /dev/zero | tr '\\0' k >/etc/csync2_pair.key; before=$1; shift; eval \"$before\"; exec \"$@\""
    );
    let program = binary("check_fs_sync");
    let check = |before: &str, more: &[&str]| -> Done {
        let args = pair.args_with(program.to_str().unwrap(), more);
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["--mount", "--uts", "/bin/sh", "-c", &script, "sh", before]).arg(&program).args(args);
        command.stdin(Stdio::null()).output().unwrap().into()
    };
    let asked = ["--csync2", "pair", "--waiting-critical", "1"];
    let done = check("true", &asked);
    assert_eq!((done.code, first(&done)), (Some(0), "FS SYNC OK - 2 entries in 1 tree are the same on both nodes"), "{done:?}");
    assert!(done.stdout.contains("\ncsync2: 0 changes wait\n"), "{}", done.stdout);
    // csync2 sees the new tree and marks it and the file as dirty for n2.
    let done = check(&format!("csync2 -C pair -cr {} >/dev/null", pair.here().display()), &asked);
    assert_eq!((done.code, first(&done)), (Some(2), "FS SYNC CRITICAL - csync2: 2 changes wait (critical at 1)"), "{done:?}");
    let done = check("true", &["--csync2", "nosuch"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(first(&done).starts_with("FS SYNC UNKNOWN - csync2: cannot run /usr/sbin/csync2 -M: "), "{done:?}");
    assert!(!Path::new("/etc/csync2_pair.cfg").exists(), "this machine's own /etc is untouched");
}
