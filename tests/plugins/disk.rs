//! `check_disk` on real mounts: one that hangs, one that is missing, one that is full.

mod forecast;
mod peer;

use crate::status::publish;
use plugin_core::contract::status::Role;
use rig::process::{Done, binary, run};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn check(args: &[&str]) -> Done {
    let done = run(&binary("check_disk"), args);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

/// A folder of its own, with everything that is mounted below it; all of it goes away also after a failed test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twinguard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("source")).unwrap();
        std::fs::create_dir_all(path.join("mount")).unwrap();
        Self(path)
    }

    fn mount(&self) -> PathBuf {
        self.0.join("mount")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = Command::new("/usr/bin/umount").args(["--lazy", "--force"]).arg(self.mount()).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn mounted(path: &Path) -> bool {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().any(|l| l.split(' ').nth(4) == path.to_str())
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "no {what} within 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A FUSE server that can be frozen: the closest thing to a dead NFS server.
struct Fuse(Child);

impl Fuse {
    fn start(place: &Place) -> Self {
        let server = Command::new("/usr/bin/bindfs").arg("-f").arg(place.0.join("source")).arg(place.mount()).stdout(Stdio::null()).spawn();
        let fuse = Self(server.expect("bindfs is missing: apt install bindfs"));
        wait_for("mount", || mounted(&place.mount()));
        fuse
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("/usr/bin/kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hung_mount_is_one_critical_line_and_the_rest_is_reported() {
    let place = Place::new("hung");
    let fuse = Fuse::start(&place);
    let mount = place.mount();
    let path = mount.to_str().unwrap();
    let healthy = check(&["-p", path, "-p", "/", "-c", "~:", "--mount-timeout", "5s"]);
    assert_eq!(healthy.code, Some(0), "{}", healthy.stdout);
    fuse.signal("-STOP");
    let start = Instant::now();
    let hung = check(&["-p", path, "-p", "/", "-c", "~:", "--mount-timeout", "300ms"]);
    assert_eq!(hung.code, Some(2), "{}", hung.stdout);
    assert!(hung.stdout.starts_with(&format!("DISK CRITICAL - {path} hangs: no answer in time | '/'=")), "{}", hung.stdout);
    assert!(hung.stdout.contains("\nOK: / "), "{}", hung.stdout);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let late = check(&["-p", path, "-t", "0.5", "--mount-timeout", "1m"]);
    assert_eq!(late.code, Some(2), "the mount is the fault, not the check's own deadline: {}", late.stdout);
    let left_out = check(&["-x", path, "-c", "~:", "--mount-timeout", "300ms"]);
    assert!(!left_out.stdout.contains(path), "what is left out is not touched: {}", left_out.stdout);
    fuse.signal("-CONT");
}

#[test]
fn a_file_system_that_the_kernel_switched_to_read_only_is_critical() {
    let place = Place::new("flipped");
    let (image, mount) = (place.0.join("image"), place.mount());
    let path = mount.to_str().unwrap();
    File::create(&image).unwrap().set_len(8 << 20).unwrap();
    assert!(Command::new("/usr/sbin/mkfs.ext4").arg("-q").arg(&image).status().unwrap().success());
    assert!(Command::new("/usr/bin/mount").args(["-o", "loop,errors=remount-ro"]).arg(&image).arg(path).status().unwrap().success());
    for options in ["remount,ro", "remount,rw"] {
        assert!(Command::new("/usr/bin/mount").args(["-o", options]).arg(path).status().unwrap().success());
        assert_eq!(check(&["-p", path]).code, Some(0), "{options}: what the administrator wants is no fault");
    }
    let source = Command::new("/usr/bin/findmnt").args(["-no", "SOURCE", path]).output().unwrap();
    let device = String::from_utf8(source.stdout).unwrap().trim().trim_start_matches("/dev/").to_owned();
    std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a test").unwrap();
    let done = check(&["-p", path]);
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stdout.starts_with(&format!("DISK CRITICAL - {path} is read-only: the kernel has switched it after an error | '{path}'=")),
        "{}",
        done.stdout
    );
}

#[test]
fn a_path_without_its_mount_is_critical() {
    let place = Place::new("missing");
    let path = place.mount();
    let done = check(&["-p", path.to_str().unwrap()]);
    assert_eq!((done.code, done.stdout), (Some(2), format!("DISK CRITICAL - {} is not mounted\n", path.display())));
}

#[test]
fn percents_are_those_of_df() {
    let place = Place::new("full");
    let mount = place.mount();
    let path = mount.to_str().unwrap();
    assert!(Command::new("/usr/bin/mount").args(["-t", "tmpfs", "-o", "size=1m,nr_inodes=100", "twinguard-test", path]).status().unwrap().success());
    std::fs::write(mount.join("file"), vec![0; 768 << 10]).unwrap();
    let thresholds = ["-p", path, "-w", "30%", "-c", "20%", "-K", "50"];
    let done = check(&thresholds);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    // 768 of 1024 KiB; 2 of 100 inodes (the root and the file).
    assert_eq!(
        done.stdout.lines().next().unwrap(),
        format!(
            "DISK WARNING - {path} 25.0% free (warning at 30%) | '{path}'=75%;70;80;0;100 '{path} free'=262144B;;;0;1048576 '{path} inodes'=2%;;50;0;100"
        )
    );
    let df = Command::new("/usr/bin/df").args(["--output=pcent", path]).output().unwrap();
    assert!(String::from_utf8_lossy(&df.stdout).contains("75%"));
    for n in 0..60 {
        std::fs::write(mount.join(n.to_string()), "").unwrap();
    }
    let done = check(&thresholds);
    assert_eq!(done.code, Some(2));
    assert!(done.stdout.starts_with(&format!("DISK CRITICAL - {path} 38.0% of the inodes free (critical at 50%) | ")), "{}", done.stdout);
    let bare = check(&["-X", "tmpfs", "-p", path]);
    assert_eq!(bare.stdout, "DISK UNKNOWN - nothing was found to judge\n");
}

/// BM5 on a real mount: the same path is right on the master and wrong on the slave.
#[test]
fn bm5_data_are_mounted_on_the_master_only() {
    let place = Place::new("data");
    let mount = place.mount();
    let path = mount.to_str().unwrap();
    let check = |role: Role, data: &str| {
        let status = publish(&place.0, "bm1", &[("mail", role)], |_| ());
        check(&["-p", "/", "-c", "~:", "--data", data, "--status", &status])
    };
    let first = |done: Done| (done.code, done.stdout.split(" | ").next().unwrap().to_owned());
    let behind = "DISK CRITICAL - /etc lies on the root file system: it stays behind when the service moves (BM5)";
    assert_eq!(first(check(Role::Master, "/etc")), (Some(2), behind.to_owned()));
    assert!(Command::new("/usr/bin/mount").args(["-t", "tmpfs", "twinguard-test", path]).status().unwrap().success());
    assert_eq!(check(Role::Master, path).code, Some(0));
    let early = format!("DISK CRITICAL - {path} is mounted at {path} on a node that is not master (BM5)");
    assert_eq!(first(check(Role::Slave, path)), (Some(2), early));
}
