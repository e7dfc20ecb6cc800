//! Many mails and quick calls. `tests/run notify-drain` and `tests/run notify-bench` ask for the full size and print the figures;
//! here a small size shows that both work.

use crate::desk::{BIN, Desk, PROBLEM};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Largest resident size so far, in KiB.
fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn a_long_queue_drains_in_order_and_memory_does_not_grow() {
    let count = setting("TWINGUARD_DRAIN").unwrap_or(150);
    let desk = Desk::new();
    let incoming = desk.path("spool/incoming");
    // A relay that is down: they all wait.
    desk.configure(&["smtp://127.0.0.1:1".to_owned()], &["admin@example.org"]);
    for n in 0..count {
        let id = format!("m{n:05}");
        let mut event = crate::desk::takeover(&id);
        event["at_ms"] = serde_json::json!(1_795_300_867_123_i64 + i64::try_from(n).unwrap());
        event["incident"] = id.clone().into();
        fs::write(incoming.join(format!("{id}.json")), event.to_string()).unwrap();
    }
    while !desk.files("incoming").is_empty() {
        desk.deliver();
    }
    assert_eq!(desk.files("queue").len(), count);
    desk.configure(&desk.relay(), &["admin@example.org"]);
    let begun = Instant::now();
    // Peak size of each run, and how many mails it sent.
    let (mut runs, mut quarter) = (Vec::new(), None);
    while !desk.files("queue").is_empty() {
        let before = desk.files("queue").len();
        let mut child = desk.command(&["--deliver", "--flush"]).stderr(Stdio::null()).spawn().unwrap();
        let mut top = 0;
        while child.try_wait().unwrap().is_none() {
            top = peak(child.id()).unwrap_or(top).max(top);
            if quarter.is_none() && desk.files("queue").len() <= count * 3 / 4 {
                quarter = Some(top);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let sent = before - desk.files("queue").len();
        assert!(sent > 0, "a run sent nothing");
        runs.push((sent, top));
    }
    let took = begun.elapsed();
    let top = runs.iter().map(|(_, top)| *top).max().unwrap();
    eprintln!(
        "{count} mails in {:.1} s ({:.0} a second), peak {top} KiB; each run (mails, KiB): {runs:?}",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64()
    );
    let order: Vec<String> = desk.sink.mails().iter().map(|m| m.header("Message-ID").to_owned()).collect();
    let told: Vec<String> = (0..count).map(|n| format!("<m{n:05}@example.org>")).collect();
    assert_eq!(order, told);
    // The first quarter shows what a mail costs; the names of the others are all that may come on top.
    let quarter = quarter.unwrap();
    assert!(top <= quarter + 2048, "{quarter} KiB after a quarter, {top} KiB at the end");
    desk.assert_empty();
}

#[test]
fn the_call_returns_at_once_whatever_the_relays_do() {
    let calls = setting("TWINGUARD_BENCH").unwrap_or(20);
    let desk = Desk::new();
    desk.sink.behave(&serde_json::json!({"hang": "banner"}));
    let spool = desk.path("spool").display().to_string();
    let ours = [&["--spool", spool.as_str()], PROBLEM].concat();
    let (mut times, mut least) = (Vec::new(), Vec::new());
    let binary = std::env::var_os("TWINGUARD_BENCH_BIN").map_or_else(|| BIN.into(), std::path::PathBuf::from);
    for _ in 0..calls {
        let (took, good) = time(&binary, &ours, &[]);
        assert!(good);
        times.push(took);
        // What starting any program costs here and now.
        least.push(time(Path::new("/bin/true"), &[], &[]).0);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (ours, least) = (median(&mut times), median(&mut least));
    eprintln!("notify_mail as handler: median {ours:?}, worst {:?} of {calls}; /bin/true: median {least:?}", times[times.len() - 1]);
    if calls > 100 {
        stock(calls, &desk);
    }
    assert_eq!((desk.files("incoming").len(), desk.sink.connections()), (calls, 0));
    // 50 ms, beyond what this machine needs to start any program at all just now.
    assert!(ours < Duration::from_millis(50) + 5 * least, "{ours:?}");
}

/// How long one call takes, and whether it ended well.
fn time(program: &Path, args: &[&str], env: &[(&str, &str)]) -> (Duration, bool) {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(env.iter().copied()).args(args);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    (begun.elapsed(), status.success())
}

/// The stock script beside it, with a mail program that takes the mail and does nothing.
fn stock(calls: usize, desk: &Desk) {
    let script = Path::new("/etc/icinga2/scripts/mail-service-notification.sh");
    let bin = desk.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("mail")).unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
    let args =
        ["-d", "now", "-l", "pbx1", "-n", "pbx1", "-e", "disk", "-u", "disk", "-o", "x", "-r", "a@example.org", "-s", "CRITICAL", "-t", "PROBLEM"];
    let mut times: Vec<Duration> = (0..calls).map(|_| time(script, &args, &[("PATH", &path)]).0).collect();
    times.sort();
    eprintln!("{} with a mail program that does nothing: median {:?}", script.display(), times[times.len() / 2]);
}
