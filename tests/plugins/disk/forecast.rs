//! The forecast of `check_disk` on a file system that does grow, and its memory when somebody spoils it.

use super::{Place, check};
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn growth_is_foretold_and_a_spoilt_memory_begins_anew_and_says_so() {
    let place = Place::new("forecast");
    let (mount, state) = (place.mount(), place.0.join("source"));
    let (path, folder) = (mount.to_str().unwrap(), state.to_str().unwrap());
    assert!(Command::new("/usr/bin/mount").args(["-t", "tmpfs", "-o", "size=1g", "twinguard-test", path]).status().unwrap().success());
    let forecast = ["-p", path, "--forecast-warning", "48:", "--forecast-critical", "8:", "--forecast-window", "20s", "--state-dir", folder];
    let look = || check(&forecast);
    let mut file = OpenOptions::new().create(true).append(true).open(mount.join("file")).unwrap();
    let first = look();
    assert_eq!(first.code, Some(0), "{}", first.stdout);
    assert!(first.stdout.ends_with(&format!("\n{path}: too little seen yet to foretell when it is full\n")), "{}", first.stdout);
    // At least 32 KiB in each moment of a GiB: full within hours, however slow this machine is.
    let start = Instant::now();
    let full = loop {
        file.write_all(&vec![1; 256 << 10]).unwrap();
        let done = look();
        if done.code != Some(0) {
            break done;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "no forecast: {}", done.stdout);
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(full.code, Some(2), "{}", full.stdout);
    let said = full.stdout.strip_prefix(&format!("DISK CRITICAL - {path} is full in ")).unwrap_or_else(|| panic!("{}", full.stdout));
    let (hours, rest) = said.split_once(" h ").unwrap();
    assert!(hours.parse::<f64>().unwrap() < 8.0 && rest.starts_with("(critical at 8: h) | "), "{}", full.stdout);
    assert!(full.stdout.contains(&format!(" '{path} full'=")), "{}", full.stdout);

    let memory = std::fs::read_dir(&state).unwrap().map(|f| f.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(memory.len(), 1, "{memory:?}");
    std::fs::write(&memory[0], "{\"disks\": rubbish").unwrap();
    let spoilt = look();
    assert_eq!(spoilt.code, Some(0), "{}", spoilt.stdout);
    assert!(spoilt.stdout.contains("\nthe state of earlier runs is lost: cannot understand "), "{}", spoilt.stdout);
    assert!(!look().stdout.contains("lost"), "it began anew");

    let nowhere = check(&["-p", path, "--forecast-warning", "48:", "--state-dir", "/nonexistent"]);
    assert_eq!(nowhere.code, Some(3), "{}", nowhere.stdout);
    let begin = "DISK UNKNOWN - no forecast: cannot read /nonexistent/disk-";
    assert!(nowhere.stdout.starts_with(begin) && nowhere.stdout.contains("run: install -d -o nagios"), "{}", nowhere.stdout);
}
