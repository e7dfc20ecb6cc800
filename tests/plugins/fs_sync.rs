//! `check_fs_sync` on real trees: the peer is the same binary with another root, as an ssh key's forced command would start it.

mod beside;
mod replicator;
mod ssh;

use crate::trees::{Pair, Random, oracle};
use rig::process::{Done, binary, command, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

fn alone(args: &[&str]) -> Done {
    run(&binary("check_fs_sync"), args)
}

fn first(done: &Done) -> &str {
    done.stdout.lines().next().unwrap().split(" | ").next().unwrap()
}

#[track_caller]
fn says(pair: &Pair, args: &[&str], code: i32, line: &str) {
    let done = pair.check(args);
    assert_eq!((done.code, first(&done)), (Some(code), line), "{}", done.stdout);
}

/// MD17 "Filesystem Sync" and BM9: content drift, whatever kind it is of.
#[test]
fn md17_every_kind_of_drift_is_found_and_named() {
    let pair = Pair::new("kinds");
    for side in pair.sides() {
        for name in ["same", "content", "mode", "owner", "xattr", "here"] {
            std::fs::write(side.join(name), "hello").unwrap();
        }
        std::fs::create_dir_all(side.join("a/b/c")).unwrap();
        std::fs::write(side.join("a/b/c/deep"), "deep").unwrap();
        symlink("one", side.join("link")).unwrap();
    }
    let settled = ["--grace", "0s"];
    says(&pair, &settled, 0, "FS SYNC OK - 12 entries in 1 tree are the same on both nodes");
    let there = pair.there();
    let was = std::fs::metadata(there.join("content")).unwrap().modified().unwrap();
    let each = |change: &dyn Fn(), undo: &dyn Fn(), line: &str| {
        change();
        says(&pair, &settled, 2, &format!("FS SYNC CRITICAL - 1 difference: {line}"));
        undo();
        says(&pair, &settled, 0, "FS SYNC OK - 12 entries in 1 tree are the same on both nodes");
    };
    let write = |name: &str, text: &str| std::fs::write(there.join(name), text).unwrap();
    // Same size, same time: what rsync without --checksum misses.
    let quietly = |text: &str| {
        write("content", text);
        std::fs::File::options().write(true).open(there.join("content")).unwrap().set_modified(was).unwrap();
    };
    each(&|| quietly("jello"), &|| quietly("hello"), "/tree/content (content)");
    each(&|| write("same", "hello!"), &|| write("same", "hello"), "/tree/same (content (5 B here, 6 B there))");
    each(&|| write("a/b/c/deep", "DEEP"), &|| write("a/b/c/deep", "deep"), "/tree/a/b/c/deep (content)");
    let mode = |bits| std::fs::set_permissions(there.join("mode"), std::fs::Permissions::from_mode(bits)).unwrap();
    each(&|| mode(0o600), &|| mode(0o644), "/tree/mode (mode 0644 here, 0600 there)");
    let owner = |id| std::os::unix::fs::chown(there.join("owner"), Some(id), None).unwrap();
    each(&|| owner(33), &|| owner(0), "/tree/owner (owner 0:0 here, 33:0 there)");
    let xattr = || rustix::fs::setxattr(there.join("xattr"), "user.note", b"x", rustix::fs::XattrFlags::empty()).unwrap();
    each(&xattr, &|| rustix::fs::removexattr(there.join("xattr"), "user.note").unwrap(), "/tree/xattr (extended attributes)");
    each(&|| std::fs::remove_file(there.join("here")).unwrap(), &|| write("here", "hello"), "/tree/here (file only here)");
    each(&|| write("extra", ""), &|| std::fs::remove_file(there.join("extra")).unwrap(), "/tree/extra (file only on the peer)");
    let link = |target: &str| {
        std::fs::remove_file(there.join("link")).unwrap();
        symlink(target, there.join("link")).unwrap();
    };
    each(&|| link("two"), &|| link("one"), "/tree/link (target one here, two there)");
    let folder = || {
        std::fs::remove_file(there.join("same")).unwrap();
        std::fs::create_dir(there.join("same")).unwrap();
    };
    let file = || {
        std::fs::remove_dir(there.join("same")).unwrap();
        write("same", "hello");
    };
    each(&folder, &file, "/tree/same (file here, directory there)");
    says(&pair, &["--grace", "0s", "--times"], 2, &{
        let done = pair.check(&["--grace", "0s", "--times"]);
        assert!(done.stdout.contains("(time)"), "{}", done.stdout);
        first(&done).to_owned()
    });
    for name in ["p", "q", "r", "s"] {
        write(name, "");
    }
    let many = "FS SYNC CRITICAL - 4 differences: /tree/p (file only on the peer); /tree/q (file only on the peer); /tree/r (file only on the peer) and 1 more";
    says(&pair, &settled, 2, many);
    assert!(pair.check(&settled).stdout.contains("\n/tree/s: file only on the peer\n"));
    says(&pair, &["--grace", "0s", "-w", "3", "-c", "4"], 1, &many.replace("CRITICAL", "WARNING"));
}

#[test]
fn what_is_on_its_way_is_no_drift() {
    let pair = Pair::new("flight");
    for side in pair.sides() {
        std::fs::write(side.join("old"), "old").unwrap();
    }
    std::fs::write(pair.here().join("new"), "new").unwrap();
    std::fs::remove_file(pair.there().join("old")).unwrap();
    let done = pair.check(&[]);
    assert_eq!((done.code, first(&done)), (Some(0), "FS SYNC OK - 3 entries in 1 tree are the same on both nodes"));
    assert!(done.stdout.contains("\n2 changes are younger than 60s and no drift yet\n"), "{}", done.stdout);
    assert_eq!(pair.check(&["--grace", "0s"]).code, Some(2));
    // A writer that never rests, with no grace at all: whatever is seen of the file, the check ends and says no nonsense.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut text = String::new();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                text.push('x');
                std::fs::write(pair.here().join("log"), &text).unwrap();
            }
        });
        for _ in 0..5 {
            let done = pair.check(&["--grace", "1s"]);
            assert_eq!(done.code, Some(0), "a file being written is no drift: {}", done.stdout);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn unchanged_files_are_not_read_again_and_changed_ones_are() {
    let pair = Pair::new("cache");
    for side in pair.sides() {
        for n in 0..50 {
            std::fs::write(side.join(n.to_string()), format!("file {n:04}")).unwrap();
        }
    }
    assert!(pair.check(&[]).stdout.contains("'read'=900B"), "50 files of 9 bytes on each side");
    // A file is remembered once it is old enough for its change time to be a proof.
    let start = Instant::now();
    while !pair.check(&[]).stdout.contains("'read'=0B") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", pair.check(&[]).stdout);
    }
    let file = pair.there().join("7");
    let was = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "FILE 0007").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(was).unwrap();
    let done = pair.check(&["--grace", "0s"]);
    assert_eq!(first(&done), "FS SYNC CRITICAL - 1 difference: /tree/7 (content)", "same size, same time, another change time");
    assert!(pair.check(&["--no-cache"]).stdout.contains("'read'=900B"));
    for cache in pair.caches() {
        std::fs::write(cache, "damaged").unwrap();
    }
    assert_eq!(first(&pair.check(&["--grace", "0s"])), "FS SYNC CRITICAL - 1 difference: /tree/7 (content)");
    let lost = pair.check(&["--state-dir", "/nonexistent"]);
    assert!(lost.stdout.contains("\nnothing is remembered, so all is read again next time: /nonexistent/fs_sync-"), "{}", lost.stdout);
}

/// rsync's own comparison is the oracle: on random trees both name the same paths.
#[test]
fn random_trees_differ_where_rsync_says_so() {
    for seed in 1..=12 {
        let pair = Pair::new(&format!("random-{seed}"));
        let mut random = Random(seed);
        random.grow(&pair.here(), 3);
        pair.copy();
        assert_eq!(pair.drift(&[]), oracle(&pair, &[]), "seed {seed}, before");
        for _ in 0..8 {
            random.change(&pair.there());
        }
        let (ours, theirs) = (pair.drift(&[]), oracle(&pair, &[]));
        assert!(!theirs.is_empty(), "seed {seed} changes nothing");
        assert_eq!(ours, theirs, "seed {seed}");
        let exclude = ["--exclude", "*1*"];
        assert_eq!(pair.drift(&exclude), oracle(&pair, &exclude), "seed {seed}, with an exclude");
    }
}

/// 50,000 files on each side; PERFORMANCE.md's million is `tests/run fs-sync`.
#[test]
fn fifty_thousand_files_are_compared_within_seconds() {
    let pair = Pair::new_in(Path::new("/dev/shm"), "many");
    pair.fill(50_000);
    // The deadline is the bound: past it the answer is UNKNOWN.
    let equal = pair.check(&["-t", "20"]);
    assert_eq!(first(&equal), "FS SYNC OK - 50501 entries in 1 tree are the same on both nodes", "{}", equal.stdout);
    for n in [3, 777, 1234, 49_999] {
        std::fs::write(pair.there().join(Pair::name(n)), "drift").unwrap();
    }
    std::fs::remove_file(pair.here().join(Pair::name(25_000))).unwrap();
    let found = pair.drift(&["-t", "60"]);
    assert_eq!(found.len(), 5, "{found:?}");
    let quick = pair.check(&["-t", "60", "--quick", "--grace", "0s"]);
    assert!(first(&quick).starts_with("FS SYNC CRITICAL - 5 differences: "), "{}", quick.stdout);
}

#[test]
fn a_peer_that_fails_is_unknown_and_its_words_are_shown() {
    let pair = Pair::new("faults");
    let by = |words: &[&str]| {
        let mut args = vec!["-p", "/tree", "--root"];
        let root = pair.folder().join("here").to_str().unwrap().to_owned();
        args.push(&root);
        args.extend(["--no-cache", "-t", "2"]);
        args.extend(words.iter().flat_map(|word| ["--peer-command", word]));
        let done = run(&binary("check_fs_sync"), &args);
        assert_eq!((done.code, done.stderr.as_str()), (Some(3), ""), "{words:?}: {}", done.stdout);
        first(&done).to_owned()
    };
    assert_eq!(by(&["/nonexistent"]), "FS SYNC UNKNOWN - cannot run /nonexistent: No such file or directory (os error 2)");
    assert_eq!(by(&["ssh"]), "FS SYNC UNKNOWN - cannot run ssh: the program must be an absolute path");
    // Down: it ends, with a word or without.
    let ended = by(&["/bin/ls", "/nonexistent/peer"]);
    assert!(ended.starts_with("FS SYNC UNKNOWN - cannot run /bin/ls /nonexistent/peer: it ended") && ended.contains("No such file"), "{ended}");
    // Hung: it accepts everything and never answers.
    let start = Instant::now();
    let hung = by(&["/bin/sleep", "1000"]);
    assert!(hung.starts_with("FS SYNC UNKNOWN - "), "{hung}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    // Garbage.
    let garbage = by(&["/bin/sh", "-c", "echo Welcome to pbx2; sleep 5"]);
    assert!(garbage.contains("it answers \"Welcome to pbx2\" instead of the protocol's greeting"), "{garbage}");
    let garbage = by(&["/bin/sh", "-c", "head -c 9 >/dev/null; printf 'twinguard-fs-sync 1\\n\\377\\377\\377\\377'; sleep 5"]);
    assert!(garbage.ends_with("its answer makes no sense"), "{garbage}");
    let garbage = by(&["/bin/sh", "-c", "head -c 9 >/dev/null; printf 'twinguard-fs-sync 1\\n\\0\\0\\0\\4xx'"]);
    assert!(garbage.ends_with("it ended in the middle of an answer"), "{garbage}");
    let garbage = by(&["/bin/sh", "-c", "cat"]);
    assert!(garbage.starts_with("FS SYNC UNKNOWN - cannot run /bin/sh -c cat: it answers "), "{garbage}");
    // A name that does not resolve, and a port that is closed over IPv6.
    let ssh = |target: &str| by(&["/usr/bin/ssh", "-F", "/dev/null", "-oBatchMode=yes", "-oConnectTimeout=1", "-p", "9", target, "x"]);
    let nowhere = ssh("nosuch.invalid");
    assert!(nowhere.contains("it ended without a word") && nowhere.contains("resolve hostname nosuch.invalid"), "{nowhere}");
    let closed = ssh("::1");
    assert!(closed.contains("it ended without a word") && closed.contains("Connection refused"), "{closed}");
}

#[test]
fn the_peer_shows_only_what_its_own_command_line_names() {
    let pair = Pair::new("allowed");
    let here = pair.folder().to_str().unwrap().to_owned();
    let serve = binary("check_fs_sync");
    let words = [serve.to_str().unwrap(), "--serve", "--path", "/here", "--root", &here, "--no-cache"];
    let peer: Vec<&str> = words.iter().flat_map(|word| ["--peer-command", word]).collect();
    let ask = |path: &str| run(&serve, &[&["-p", path, "--root", &here, "--no-cache"], peer.as_slice()].concat());
    assert_eq!(ask("/here").code, Some(0));
    let refused = ask("/there");
    assert_eq!(refused.code, Some(3));
    assert!(first(&refused).ends_with("the peer refuses: /there is none of the trees that --serve was started with"), "{}", refused.stdout);
}

#[test]
fn what_can_not_be_read_or_is_not_there_is_never_called_equal() {
    let pair = Pair::new("blind");
    for side in pair.sides() {
        std::fs::write(side.join("secret"), "x").unwrap();
        std::fs::set_permissions(side.join("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::create_dir(side.join("closed")).unwrap();
        std::fs::set_permissions(side.join("closed"), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    std::fs::set_permissions(pair.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The binary's own folder may be closed to others.
    let copy = pair.folder().join("check_fs_sync");
    std::fs::copy(binary("check_fs_sync"), &copy).unwrap();
    let args = pair.args_with(copy.to_str().unwrap(), &["--no-cache"]);
    let mut all = vec!["--reuid=65534", "--regid=65534", "--clear-groups", copy.to_str().unwrap()];
    all.extend(args.iter().map(String::as_str));
    let done = run(Path::new("/usr/bin/setpriv"), &all);
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(
        first(&done).contains("2 entries can't be read here: /tree/") && first(&done).contains("2 entries can't be read on the peer: "),
        "{}",
        done.stdout
    );
    says(&pair, &["-p", "/nowhere"], 3, "FS SYNC UNKNOWN - /nowhere is on neither node");
    let lacks = alone(&["-p", "tree"]);
    assert_eq!(first(&lacks), "FS SYNC UNKNOWN - cannot understand the arguments: --path tree is not absolute");
    assert_eq!(first(&alone(&[])), "FS SYNC UNKNOWN - cannot understand the arguments: give --path or --preset");
    assert_eq!(first(&alone(&["-p", "/x"])), "FS SYNC UNKNOWN - cannot understand the arguments: give --peer-command or --serve");
}

/// BM9's list ships with the check; what belongs to one node only is left out.
#[test]
fn bm9_the_list_of_bluemind_is_compared_without_what_is_per_node() {
    let pair = Pair::new("bm9");
    for (side, name) in pair.sides().iter().zip(["bm1", "bm2"]) {
        let root = side.parent().unwrap();
        for folder in ["etc/bm", "etc/network", "etc/ssl/certs", "var/lib/bm-ca", "usr/share/bm-elasticsearch/config"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["etc/aliases", "etc/bm/bm.ini", "var/lib/bm-ca/ca-cert.pem", "usr/share/bm-elasticsearch/config/elasticsearch.yml"] {
            std::fs::write(root.join(file), "same").unwrap();
        }
        std::fs::write(root.join("etc/hostname"), name).unwrap();
        std::fs::write(root.join("etc/network/interfaces"), name).unwrap();
    }
    let check = || pair.check_preset("bluemind");
    let done = check();
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    std::fs::write(pair.folder().join("there/etc/bm/bm.ini"), "diff").unwrap();
    std::fs::write(pair.folder().join("there/var/lib/bm-ca/ca-cert.pem"), "diff").unwrap();
    assert_eq!(first(&check()), "FS SYNC CRITICAL - 2 differences: /var/lib/bm-ca/ca-cert.pem (content); /etc/bm/bm.ini (content)");
}

/// Nothing of a check that is killed in the middle goes on.
#[test]
fn no_peer_outlives_its_check() {
    let pair = Pair::new("orphan");
    let marker = format!("1{}", std::process::id());
    let root = pair.folder().join("here").to_str().unwrap().to_owned();
    let words = ["-p", "/tree", "--root", &root, "--no-cache", "-t", "1", "--peer-command", "/bin/sleep", "--peer-command", &marker];
    let mut check = command(&binary("check_fs_sync"), &words);
    assert_eq!(check.stdout(std::process::Stdio::null()).status().unwrap().code(), Some(3));
    let lives = || {
        let ids = std::fs::read_dir("/proc").unwrap().filter_map(|f| std::fs::read(f.unwrap().path().join("cmdline")).ok());
        ids.into_iter().any(|line| line == [b"/bin/sleep\0", marker.as_bytes(), b"\0"].concat())
    };
    let start = Instant::now();
    while lives() {
        assert!(start.elapsed() < Duration::from_secs(3), "its peer still runs");
    }
}
