//! Many mails that wait. `tests/run notify-drain` asks for the full size and prints the figures; here a small size shows that it
//! works.

use crate::desk::Desk;
use rig::smtp::mta::{Kind, PASSWORD};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A number from the environment.
pub fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Largest resident size so far, in KiB.
fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

/// What a drain was like.
struct Drained {
    took: Duration,
    /// Mails, and peak size in KiB of each run.
    runs: Vec<(usize, u64)>,
    /// Peak size in KiB when a quarter was sent: it shows what a mail costs.
    quarter: u64,
}

/// `count` mails that wait, `m00000` the oldest.
fn fill(desk: &Desk, count: usize) {
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
}

/// These are the ids that [`fill`] gives, in order and each once.
fn assert_in_order<'a>(ids: impl Iterator<Item = &'a str>, count: usize) {
    let mut number = 0;
    for id in ids {
        assert_eq!(id, format!("<m{number:05}@example.org>"), "as mail number {number}");
        number += 1;
    }
    assert_eq!(number, count);
}

/// Runs the delivery, as its timer would, until nothing waits.
fn drain(desk: &Desk, count: usize) -> Drained {
    let waiting = || fs::read_dir(desk.path("spool/queue")).unwrap().count();
    let (begun, mut said) = (Instant::now(), Instant::now());
    let (mut runs, mut quarter) = (Vec::new(), None);
    while !desk.files("queue").is_empty() {
        let before = desk.files("queue").len();
        let mut child = desk.command(&["--deliver", "--flush"]).stderr(Stdio::null()).spawn().unwrap();
        let mut top = 0;
        while child.try_wait().unwrap().is_none() {
            top = peak(child.id()).unwrap_or(top).max(top);
            let left = waiting();
            if quarter.is_none() && left <= count * 3 / 4 {
                quarter = Some(top);
            }
            if said.elapsed() > Duration::from_secs(2) {
                said = Instant::now();
                eprintln!("{:6.1} s: {left} of {count} wait, {top} KiB", begun.elapsed().as_secs_f64());
            }
            std::thread::sleep(Duration::from_millis(if count > 1000 { 200 } else { 20 }));
        }
        let sent = before - desk.files("queue").len();
        assert!(sent > 0, "a run sent nothing");
        runs.push((sent, top));
    }
    let drained = Drained { took: begun.elapsed(), quarter: quarter.unwrap_or(runs[0].1), runs };
    let per_second = count as f64 / drained.took.as_secs_f64();
    eprintln!("{count} mails in {:.1} s: {per_second:.0} a second; each run (mails, peak KiB): {:?}", drained.took.as_secs_f64(), drained.runs);
    drained
}

#[test]
fn a_long_queue_drains_in_order_and_memory_does_not_grow() {
    let count = setting("TWINGUARD_DRAIN").unwrap_or(150);
    let desk = Desk::new();
    fill(&desk, count);
    desk.configure(&desk.relay(), &["admin@example.org"]);
    let drained = drain(&desk, count);
    assert_in_order(desk.sink.mails().iter().map(|m| m.header("Message-ID")), count);
    // The names of the others are all that may come on top of what a mail costs.
    let top = drained.runs.iter().map(|(_, top)| *top).max().unwrap();
    assert!(top <= drained.quarter + 2048, "{} KiB after a quarter, {top} KiB at the end", drained.quarter);
    desk.assert_empty();
}

#[test]
fn a_long_queue_drains_into_postfix_in_order_and_each_mail_once() {
    let count = setting("TWINGUARD_DRAIN").unwrap_or(30);
    let (desk, server) = crate::servers::desk(Kind::Postfix, &["admin@example.org"], Some(PASSWORD));
    let good = fs::read_to_string(desk.path("cluster.toml")).unwrap();
    fill(&desk, count);
    fs::write(desk.path("cluster.toml"), good).unwrap();
    drain(&desk, count);
    desk.assert_empty();
    // Its own log tells the order in which it took them.
    let log = server.log();
    assert_in_order(log.lines().filter_map(|line| line.split_once(": message-id=")).map(|(_, id)| id), count);
    let sessions = log.matches(": connect from ").count();
    assert!(sessions <= count / 100 + 2, "{sessions} sessions");
    // What it delivers in the end is the same, whatever its own order is.
    let mails = server.wait_for(count);
    let mut delivered: Vec<&str> = mails.iter().filter_map(|mail| mail.lines().find_map(|line| line.strip_prefix("Message-ID: "))).collect();
    delivered.sort_unstable();
    assert_in_order(delivered.into_iter(), count);
}
