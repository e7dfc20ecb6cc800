//! `check_fs_sync` as it is meant to be used: over a real sshd, whose key of the check may do nothing but answer it.

use super::first;
use crate::links::{Links, wait_for};
use crate::trees::Pair;
use rig::process::{Done, binary, run};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The peer's sshd; ends with the test.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Scene {
    links: Links,
    pair: Pair,
    sshd: Sshd,
}

fn key(path: &Path) -> String {
    let done = Command::new("/usr/bin/ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path).status().unwrap();
    assert!(done.success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap().split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
}

impl Scene {
    fn new(name: &str) -> Self {
        let (links, pair) = (Links::new(), Pair::new(name));
        let place = |name: &str| pair.folder().join(name);
        for side in pair.sides() {
            std::fs::write(side.join("file"), "same").unwrap();
        }
        let (host, client) = (key(&place("host")), key(&place("client")));
        let serve = format!("{} --serve --path /tree --root {} --no-cache -t 60", binary("check_fs_sync").display(), place("there").display());
        std::fs::write(place("authorized"), format!("command=\"{serve}\",restrict {client}\n")).unwrap();
        std::fs::write(place("known"), format!("192.168.250.1 {host}\nfd00::11 {host}\n")).unwrap();
        std::fs::set_permissions(pair.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin forced-commands-only\n",
            place("host").display(),
            place("authorized").display()
        );
        std::fs::write(place("sshd_config"), config).unwrap();
        // The folder of its unprivileged half lies in /run, which is the test's own here.
        let script = "mount -t tmpfs run /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f \"$1\"";
        let mut command = Command::new("/usr/sbin/ip");
        command.args(["netns", "exec", &links.namespace("peer"), "/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"]);
        let log = std::fs::File::create(place("log")).unwrap();
        let sshd = command.arg(place("sshd_config")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let scene = Self { sshd: Sshd(sshd.unwrap()), links, pair };
        wait_for("sshd", || {
            scene.place("log").metadata().is_ok() && std::fs::read_to_string(scene.place("log")).unwrap().contains("Server listening on :: ")
        });
        scene
    }

    fn place(&self, name: &str) -> PathBuf {
        self.pair.folder().join(name)
    }

    fn check(&self, to: &str, words: &[&str], args: &[&str]) -> Done {
        let (here, key, known) = (self.place("here"), self.place("client"), format!("-oUserKnownHostsFile={}", self.place("known").display()));
        let mut all = vec!["-p", "/tree", "--root", here.to_str().unwrap(), "--no-cache", "--grace", "0s"];
        let target = format!("root@{to}");
        let ssh = ["/usr/bin/ssh", "-F", "/dev/null", "-oBatchMode=yes", &known, "-i", key.to_str().unwrap(), &target];
        all.extend(ssh.iter().chain(words).flat_map(|word| ["--peer-command", word]));
        all.extend(args);
        let done = self.links.run(&binary("check_fs_sync"), &all);
        assert_eq!(done.stderr, "", "{}", done.stdout);
        done
    }

    #[track_caller]
    fn says(&self, to: &str, words: &[&str], code: i32, said: &str) {
        let done = self.check(to, words, &["-t", "30"]);
        let log = std::fs::read_to_string(self.place("log")).unwrap();
        assert!(done.code == Some(code) && first(&done).starts_with(said), "{}\n{log}", done.stdout);
    }
}

#[test]
fn a_key_of_its_own_with_a_forced_command_is_all_that_the_check_needs() {
    let scene = Scene::new("ssh-forced");
    let same = "FS SYNC OK - 2 entries in 1 tree are the same on both nodes";
    scene.says("192.168.250.1", &[], 0, same);
    scene.says("fd00::11", &[], 0, same);
    std::fs::write(scene.pair.there().join("file"), "SAME").unwrap();
    let drift = "FS SYNC CRITICAL - 1 difference: /tree/file (content)";
    scene.says("192.168.250.1", &[], 2, drift);
    // The key opens nothing else, whatever is asked for.
    scene.says("192.168.250.1", &["cat", "/etc/shadow"], 2, drift);
    scene.says("192.168.250.1", &[], 2, drift);
    let foreign = ["-p", "/etc"];
    let refused = scene.check("192.168.250.1", &[], &foreign);
    assert_eq!(refused.code, Some(3));
    assert!(first(&refused).ends_with("the peer refuses: /etc is none of the trees that --serve was started with"), "{}", refused.stdout);
}

#[test]
fn a_peer_that_is_another_machine_or_hangs_is_unknown() {
    let scene = Scene::new("ssh-faults");
    // Frozen: the kernel takes the connection, nobody answers.
    let stop = |name: &str| assert!(run(Path::new("/usr/bin/kill"), &[name, &scene.sshd.0.id().to_string()]).code == Some(0));
    stop("-STOP");
    let start = Instant::now();
    let hung = scene.check("192.168.250.1", &[], &["-t", "1"]);
    assert_eq!(hung.code, Some(3), "{}", hung.stdout);
    assert!(first(&hung).starts_with("FS SYNC UNKNOWN - "), "{}", hung.stdout);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    stop("-CONT");
    let known = std::fs::read_to_string(scene.place("known")).unwrap();
    let other = key(&scene.place("other"));
    std::fs::write(scene.place("known"), format!("192.168.250.1 {other}\n")).unwrap();
    let replaced = scene.check("192.168.250.1", &[], &["-t", "30"]);
    assert_eq!(replaced.code, Some(3), "{}", replaced.stdout);
    assert!(first(&replaced).contains("it ended without a word") && first(&replaced).contains("Host key verification failed"), "{}", replaced.stdout);
    std::fs::write(scene.place("known"), known).unwrap();
    std::fs::write(scene.place("authorized"), "").unwrap();
    let denied = scene.check("192.168.250.1", &[], &["-t", "30"]);
    assert!(denied.code == Some(3) && first(&denied).contains("Permission denied"), "{}", denied.stdout);
}
