//! Two trees on one machine, random ones among them, and rsync as the judge of what differs.

use rig::process::{Done, binary, run};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

/// The roots `here` and `there` of two nodes; `/tree` below each is compared.
pub struct Pair(PathBuf);

impl Pair {
    pub fn new(name: &str) -> Self {
        Self::new_in(&std::env::temp_dir(), name)
    }

    /// Below this folder.
    pub fn new_in(base: &Path, name: &str) -> Self {
        let folder = base.join(format!("twinguard-sync-{name}-{}", std::process::id()));
        for part in ["here/tree", "there/tree", "state-here", "state-there"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        Self(folder)
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    pub fn here(&self) -> PathBuf {
        self.0.join("here/tree")
    }

    pub fn there(&self) -> PathBuf {
        self.0.join("there/tree")
    }

    pub fn sides(&self) -> [PathBuf; 2] {
        [self.here(), self.there()]
    }

    /// The files in which both sides remember digests.
    pub fn caches(&self) -> Vec<PathBuf> {
        let of = |name: &str| std::fs::read_dir(self.0.join(name)).unwrap().map(|f| f.unwrap().path()).collect::<Vec<_>>();
        [of("state-here"), of("state-there")].concat()
    }

    /// The command line, with these further arguments on the asking side; the trees are those of `args`, or `/tree`.
    pub fn args_with(&self, peer: &str, args: &[&str]) -> Vec<String> {
        let folder = |name: &str| self.0.join(name).to_str().unwrap().to_owned();
        let mut trees: Vec<&str> = args.iter().zip(args.iter().skip(1)).filter(|(key, _)| **key == "-p").map(|(_, tree)| *tree).collect();
        let mut all: Vec<String> = ["--root", &folder("here")].map(str::to_owned).to_vec();
        if trees.is_empty() {
            trees.push("/tree");
            all.extend(["-p", "/tree"].map(str::to_owned));
        }
        if !args.contains(&"--state-dir") {
            all.extend(["--state-dir".to_owned(), folder("state-here")]);
        }
        let mut words: Vec<String> =
            [peer, "--serve", "--root", &folder("there"), "--state-dir", &folder("state-there"), "-t", "60"].map(str::to_owned).to_vec();
        words.extend(trees.iter().flat_map(|tree| ["-p".to_owned(), (*tree).to_owned()]));
        words.extend(args.iter().filter(|word| **word == "--no-cache").map(|word| (*word).to_owned()));
        all.extend(words.into_iter().flat_map(|word| ["--peer-command".to_owned(), word]));
        all.extend(args.iter().map(|word| (*word).to_owned()));
        all
    }

    pub fn check(&self, args: &[&str]) -> Done {
        let program = binary("check_fs_sync");
        let all = self.args_with(program.to_str().unwrap(), args);
        let done = run(&program, &all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(done.stderr, "", "{}", done.stdout);
        done
    }

    /// With a ready-made list, without grace.
    pub fn check_preset(&self, preset: &str) -> Done {
        let program = binary("check_fs_sync");
        let folder = |name: &str| self.0.join(name).to_str().unwrap().to_owned();
        let (here, there) = (folder("here"), folder("there"));
        let words = [program.to_str().unwrap(), "--serve", "--preset", preset, "--root", &there, "--no-cache"];
        let peer = words.iter().flat_map(|word| ["--peer-command", word]);
        run(&program, &["--preset", preset, "--root", &here, "--no-cache", "--grace", "0s"].into_iter().chain(peer).collect::<Vec<_>>())
    }

    /// The paths that the check names, without grace.
    pub fn drift(&self, args: &[&str]) -> BTreeSet<String> {
        let done = self.check(&[&["--grace", "0s", "-c", "~:", "-vv"], args].concat());
        assert_eq!(done.code, Some(0), "{}", done.stdout);
        let first = done.stdout.lines().next().unwrap().split(" | ").next().unwrap();
        let Some((_, list)) = first.split_once("differences: ").or_else(|| first.split_once("difference: ")) else { return BTreeSet::new() };
        let named = list.split("; ").map(|item| item.split(" (").next().unwrap());
        let listed = done.stdout.lines().skip(1).filter(|line| line.starts_with("/tree")).map(|line| line.split(": ").next().unwrap());
        named.chain(listed).map(str::to_owned).collect()
    }

    /// Name of file number `n`: a hundred in a directory.
    pub fn name(n: u32) -> String {
        format!("{}/{n}", n / 100)
    }

    /// The same files on both sides.
    pub fn fill(&self, files: u32) {
        std::thread::scope(|scope| {
            for side in self.sides() {
                scope.spawn(move || {
                    for n in 0..files {
                        if n % 100 == 0 {
                            std::fs::create_dir(side.join((n / 100).to_string())).unwrap();
                        }
                        let mut file = std::fs::File::create(side.join(Self::name(n))).unwrap();
                        file.write_all(format!("file {n}").as_bytes()).unwrap();
                        // --quick compares times.
                        file.set_modified(UNIX_EPOCH + Duration::from_secs(n.into())).unwrap();
                    }
                });
            }
        });
    }

    /// Makes `there` what `here` is.
    pub fn copy(&self) {
        let done = rsync(&["-aHAX", "--delete"], self);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn rsync(args: &[&str], pair: &Pair) -> std::process::Output {
    let from = format!("{}/", pair.here().display());
    let to = format!("{}/", pair.there().display());
    Command::new("/usr/bin/rsync").args(args).args([&from, &to]).env("LC_ALL", "C").output().expect("rsync is missing: apt install rsync")
}

/// The paths that `rsync -naHAXci --delete` would touch; times are not compared.
pub fn oracle(pair: &Pair, args: &[&str]) -> BTreeSet<String> {
    let done = rsync(&[&["-naHAXci", "--no-times", "--delete"], args].concat(), pair);
    // 23: in a dry run it can't make way for a file where a full directory is; it names both all the same.
    assert!(matches!(done.status.code(), Some(0 | 23)), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let mut paths = BTreeSet::new();
    for line in text.lines() {
        // Something in it is left out, so it would stay; that it differs is said all the same.
        if let Some(folder) = line.strip_prefix("cannot delete non-empty directory: ") {
            paths.insert(format!("/tree/{folder}"));
            continue;
        }
        let (what, name) = line.split_once(' ').unwrap();
        let name = name.trim_start().split(" -> ").next().unwrap().trim_end_matches('/');
        // Letters after the first two say what differs; nothing but dots is a line about nothing.
        if what.chars().skip(2).any(|c| c != '.') {
            paths.insert(if name == "." { "/tree".to_owned() } else { format!("/tree/{name}") });
        }
    }
    // What is on one side only is named once by us, and with all that is below it by rsync.
    let tops: Vec<String> = paths.iter().filter(|path| differs_in_kind(pair, path)).cloned().collect();
    paths.retain(|path| !tops.iter().any(|top| path.starts_with(&format!("{top}/"))));
    paths
}

fn differs_in_kind(pair: &Pair, path: &str) -> bool {
    let kind = |side: &str| std::fs::symlink_metadata(pair.folder().join(side).join(path.trim_start_matches('/'))).ok().map(|m| m.file_type());
    kind("here") != kind("there")
}

/// A repeatable source of chance (xorshift).
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Fills a directory.
    pub fn grow(&mut self, folder: &Path, depth: usize) {
        for n in 0..3 + self.below(6) {
            self.plant(&folder.join(format!("n{n}")), depth);
        }
    }

    fn plant(&mut self, path: &Path, depth: usize) {
        match self.below(10) {
            0..=2 if depth > 0 => {
                std::fs::create_dir(path).unwrap();
                self.grow(path, depth - 1);
            }
            3 => symlink(format!("target{}", self.below(3)), path).unwrap(),
            4 => {
                let done = Command::new("/usr/bin/mkfifo").arg(path).status().unwrap();
                assert!(done.success());
            }
            _ => {
                std::fs::write(path, "x".repeat(1 + self.below(20))).unwrap();
                if self.below(4) == 0 {
                    rustix::fs::setxattr(path, "user.twinguard", b"value", rustix::fs::XattrFlags::empty()).unwrap();
                }
            }
        }
    }

    /// Every path below a directory.
    fn all(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.symlink_metadata().unwrap().is_dir() {
                    folders.push(path.clone());
                }
                found.push(path);
            }
        }
        found.sort();
        found
    }

    /// One change somewhere below a directory.
    pub fn change(&mut self, folder: &Path) {
        let all = Self::all(folder);
        if all.is_empty() {
            return;
        }
        let path = &all[self.below(all.len())];
        let meta = path.symlink_metadata().unwrap();
        match self.below(8) {
            0 if meta.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            0 => std::fs::remove_file(path).unwrap(),
            1 => {
                let name = format!("extra{}", self.below(1000));
                self.plant(&path.with_file_name(name), 1);
            }
            2 if !meta.is_symlink() => {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(meta.permissions().mode() & 0o7777 ^ 0o010)).unwrap();
            }
            3 => std::os::unix::fs::lchown(path, Some(1 + u32::try_from(self.below(50)).unwrap()), None).unwrap(),
            4 if meta.is_symlink() => {
                std::fs::remove_file(path).unwrap();
                symlink("elsewhere", path).unwrap();
            }
            5 if meta.is_file() => rustix::fs::setxattr(path, "user.other", b"1", rustix::fs::XattrFlags::empty()).unwrap(),
            6 if meta.is_file() => {
                std::fs::remove_file(path).unwrap();
                std::fs::create_dir(path).unwrap();
                self.grow(path, 1);
            }
            _ if meta.is_file() => {
                // Same length, same time: only the bytes tell.
                let was = meta.modified().unwrap();
                std::fs::write(path, "y".repeat(usize::try_from(meta.len()).unwrap())).unwrap();
                std::fs::File::options().write(true).open(path).unwrap().set_modified(was).unwrap();
            }
            _ => self.change(folder),
        }
    }
}
