//! `check_fs_sync` beside `rsync -naHAXci --delete` on the same two trees: the same paths, and how long each takes. A few
//! thousand files by default; `tests/run fs-sync N` runs it at full size with the shipped profile and prints the figures.

use super::first;
use crate::trees::{Pair, oracle};
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[test]
fn the_same_drift_as_rsync_in_a_part_of_its_time() {
    let files: u32 = std::env::var("TWINGUARD_SYNC_FILES").map_or(4_000, |n| n.parse().expect("TWINGUARD_SYNC_FILES is no number"));
    let base = std::env::var_os("TWINGUARD_SYNC_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let pair = Pair::new_in(&base, "beside");
    pair.fill(files);
    let deadline = ["-t", "3600"];
    let entries = files + files.div_ceil(100) + 1;
    let same = format!("FS SYNC OK - {entries} entries in 1 tree are the same on both nodes");
    let mut rows = Vec::new();
    let mut ours = |what: &str| {
        let (done, time) = timed(|| pair.check(&deadline));
        assert_eq!(first(&done), same, "{}", done.stdout);
        rows.push((format!("check_fs_sync, {what}"), time));
        done.stdout.contains("'read'=0B")
    };
    ours("first run, every file read");
    // What is younger than its proof is read once more.
    let start = Instant::now();
    while !ours("until everything is remembered") {
        assert!(start.elapsed() < Duration::from_mins(30), "the memory never fills");
    }
    for _ in 0..3 {
        assert!(ours("unchanged"), "an unchanged file was read again");
    }
    let (none, time) = timed(|| oracle(&pair, &[]));
    assert!(none.is_empty(), "{none:?}");
    rows.push(("rsync -naHAXci --delete, unchanged".to_owned(), time));
    // Ten scattered differences.
    for n in (0..9).map(|n| n * files / 9 + 1) {
        std::fs::write(pair.there().join(Pair::name(n)), "drift").unwrap();
    }
    std::fs::remove_file(pair.here().join(Pair::name(files / 2))).unwrap();
    let (found, time) = timed(|| pair.drift(&deadline));
    rows.push(("check_fs_sync, ten differences".to_owned(), time));
    let (wanted, time) = timed(|| oracle(&pair, &[]));
    rows.push(("rsync -naHAXci --delete, ten differences".to_owned(), time));
    assert_eq!((found.len(), &found), (10, &wanted));
    eprintln!("{files} files on each side");
    for (what, time) in rows {
        eprintln!("{:>9.2} s  {what}", time.as_secs_f64());
    }
}
