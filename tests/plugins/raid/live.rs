//! `check_raid` on a real RAID of this machine's kernel: a btrfs mirror on loop devices. (The kernels of many test machines have
//! no md; its states are recorded.) And how often a controller's tool is really called.

use crate::recorded::{Recorded, verdict};
use rig::process::{Done, binary, run};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

/// Two loop devices with a mirror on them; gone also after a failed test.
struct Mirror {
    folder: PathBuf,
    loops: Vec<String>,
    label: String,
}

fn tool(program: &str, args: &[&str]) -> String {
    let done = run(&PathBuf::from(program), args);
    assert_eq!(done.code, Some(0), "{program} {args:?}: {}{}", done.stdout, done.stderr);
    done.stdout.trim().to_owned()
}

impl Mirror {
    fn new() -> Self {
        let label = format!("twin-{}", std::process::id());
        let folder = std::env::temp_dir().join(format!("twinguard-mirror-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("mount")).unwrap();
        let mut mirror = Self { folder, loops: Vec::new(), label };
        for name in ["a", "b"] {
            let image = mirror.folder.join(name);
            File::create(&image).unwrap().set_len(256 << 20).unwrap();
            mirror.loops.push(tool("/usr/sbin/losetup", &["--find", "--show", image.to_str().unwrap()]));
        }
        let devices: Vec<&str> = mirror.loops.iter().map(String::as_str).collect();
        tool("/usr/sbin/mkfs.btrfs", &[&["-q", "-L", &mirror.label, "-d", "raid1", "-m", "raid1"], devices.as_slice()].concat());
        tool("/usr/bin/mount", &["-t", "btrfs", "-o", &format!("device={}", devices[1]), devices[0], mirror.mount()]);
        mirror
    }

    fn mount(&self) -> &'static str {
        Box::leak(self.folder.join("mount").to_str().unwrap().to_owned().into_boxed_str())
    }

    /// What the check says of this mirror; other file systems of the machine are none of ours.
    fn lines(&self) -> Vec<String> {
        let done = run(&binary("check_raid"), &["--backend", "btrfs", "-v"]);
        assert_eq!(done.stderr, "", "{}", done.stdout);
        done.stdout.replace("btrfs ", "\n").lines().filter(|line| line.contains(&self.label)).map(str::to_owned).collect()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = Command::new("/usr/bin/umount").arg(self.folder.join("mount")).status();
        for device in &self.loops {
            let _ = Command::new("/usr/sbin/losetup").args(["--detach", device]).status();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_real_btrfs_mirror_that_loses_its_data_on_one_side() {
    let mirror = Mirror::new();
    let healthy = mirror.lines().join("\n");
    assert!(!healthy.is_empty() && !healthy.contains("corruption_errs"), "{healthy}");
    std::fs::write(mirror.folder.join("mount/file"), vec![7_u8; 32 << 20]).unwrap();
    tool("/usr/bin/btrfs", &["filesystem", "sync", mirror.mount()]);
    // One side forgets: wherever the file lies on the second device, it is overwritten behind the file system's back.
    let image = File::options().write(true).open(mirror.folder.join("b")).unwrap();
    let rubbish = vec![0xa5_u8; 1 << 20];
    for mebibyte in 70..250 {
        image.write_all_at(&rubbish, mebibyte << 20).unwrap();
    }
    image.sync_all().unwrap();
    tool("/usr/sbin/blockdev", &["--flushbufs", &mirror.loops[1]]);
    // A scrub that repairs what it finds ends with 0 or 3 (uncorrectable), as its version likes.
    let scrub = run(&PathBuf::from("/usr/bin/btrfs"), &["scrub", "start", "-B", mirror.mount()]);
    let seen = mirror.lines().join("\n");
    assert!(seen.contains("corruption_errs"), "{seen}\n{}{}", scrub.stdout, scrub.stderr);
    tool("/usr/bin/btrfs", &["device", "stats", "-z", mirror.mount()]);
    let cured = mirror.lines().join("\n");
    assert!(!cured.contains("corruption_errs"), "{cured}");
}

/// A controller holds back the data while it answers, so it is asked rarely; what it said stands meanwhile, with its age.
#[test]
fn a_controller_is_asked_at_most_once_in_the_given_time() {
    let machine = Recorded::new("raid/3ware/mirror-and-spare");
    let calls = machine.0.join("calls");
    let tool = ["/usr/sbin/tw_cli", "/usr/bin/tw_cli", "/sbin/tw_cli", "/opt/3ware/CLI/tw_cli"]
        .map(|path| machine.at(path))
        .into_iter()
        .find(|path| path.is_file());
    let tool = tool.expect("the recorded machine has no tw_cli");
    let script = std::fs::read_to_string(&tool).unwrap();
    std::fs::write(&tool, script.replacen("#!/bin/sh\n", &format!("#!/bin/sh\necho x >>{}\n", calls.display()), 1)).unwrap();
    let count = || std::fs::read_to_string(&calls).unwrap_or_default().lines().count();
    let folder = machine.0.join("memory");
    std::fs::create_dir(&folder).unwrap();
    let ask = |more: &[&str]| -> Done { machine.check("check_raid", &[&["--state-dir", folder.to_str().unwrap()], more].concat()) };
    let first = ask(&["--every", "1h"]);
    let once = count();
    assert!(once > 0 && first.code == Some(0), "{}", first.stdout);
    let again = ask(&["--every", "1h"]);
    assert_eq!((count(), verdict(&again), again.code), (once, verdict(&first), first.code));
    assert!(again.stdout.contains("\nasked ") && again.stdout.contains(" s ago\n"), "{}", again.stdout);
    ask(&[]);
    assert_eq!(count(), 2 * once, "without --every it is asked at each call");
    ask(&["--every", "1ms"]);
    assert_eq!(count(), 3 * once, "an old answer is none");
    for memory in std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()) {
        std::fs::write(memory, "rubbish").unwrap();
    }
    let spoilt = ask(&["--every", "1h"]);
    assert_eq!((count(), spoilt.code), (4 * once, Some(0)));
    assert!(spoilt.stdout.contains("\nthe state of earlier runs is lost: cannot understand "), "{}", spoilt.stdout);
    // A tool that fails is never remembered.
    std::fs::write(&tool, format!("#!/bin/sh\necho x >>{}\nexit 9\n", calls.display())).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(ask(&["--every", "1h"]).code, Some(3));
    let before = count();
    assert_eq!(ask(&["--every", "1h"]).code, Some(3));
    assert!(count() > before, "it is asked again at once");
}
