//! The simulator: the product's own agents on a virtual clock, network, BMC and disk. Seeded; a seed tells the same story again.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::items_after_statements,
    clippy::needless_range_loop,
    clippy::struct_excessive_bools,
    clippy::disallowed_methods,
    reason = "a checker: its world is arrays of two, and a broken expectation has to end it at once"
)]

mod agents;
mod bmc;
mod chance;
mod cib;
mod config;
mod histories;
mod judge;
mod kills;
mod looks;
mod machine;
mod moves;
mod outside;
mod pair;
mod rows;
mod wires;
mod worker;
mod world;

/// Histories of the default run; `tests/run safety` sets the number.
fn wanted(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// I1, I6 to I8, I10, I13 in random histories; the same seed plays the same again.
#[test]
fn random_histories_break_no_law() {
    let (count, first) = (wanted("TWINGUARD_HISTORIES", 150), wanted("TWINGUARD_SEED", 1));
    let next = std::sync::atomic::AtomicU64::new(first);
    let started = std::time::Instant::now();
    let work = || {
        let mut ends = Vec::new();
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed >= first + count {
                return ends;
            }
            match histories::play(seed, false) {
                Ok((end, _)) => ends.push(end),
                Err((broken, _)) => {
                    let story = histories::play(seed, true).err().map(|(_, trace)| trace).unwrap_or_default();
                    panic!("seed {seed}: {broken}\n{}", story.join("\n"));
                }
            }
        }
    };
    let ends: Vec<histories::End> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().expect("see above")).collect()
    });
    let sum = |of: fn(&histories::End) -> u32| ends.iter().map(|e| u64::from(of(e))).sum::<u64>();
    println!(
        "simulator: {} histories (seeds {first} to {}), {} takeovers, {} shots, {} of {} groups served at the end, no law broken, {:.1} s",
        ends.len(),
        first + count - 1,
        sum(|e| e.takeovers),
        sum(|e| e.shots),
        sum(|e| e.served),
        sum(|e| e.groups),
        started.elapsed().as_secs_f64()
    );
    assert_eq!(ends.len() as u64, count);
    assert!(sum(|e| e.takeovers) > count / 4 && sum(|e| e.shots) > count / 20, "nothing happened");
}

/// The same seed tells the same story, to the last line.
#[test]
fn a_seed_is_replayable() {
    let seed = wanted("TWINGUARD_SEED", 7);
    let story = |(_, lines): (histories::End, Vec<String>)| lines;
    let once = histories::play(seed, true).map_or_else(|(_, lines)| lines, story);
    let again = histories::play(seed, true).map_or_else(|(_, lines)| lines, story);
    let differs = once.iter().zip(&again).find(|(a, b)| a != b);
    assert_eq!((differs, once.len()), (None, again.len()));
    if std::env::var_os("TWINGUARD_SEED").is_some() {
        println!("{}", once.join("\n"));
    }
}

/// A device that reads OFF while its node runs is the one thing that nothing can help against; the audit has to see it.
#[test]
fn the_audit_sees_two_masters() {
    let mut pair = pair::Pair::founded(5, 1, false);
    pair.change(|w| (w.machines[0].frozen, w.machines[0].bmc.blind, w.machines[0].bmc.manner) = (true, true, world::Manner::Lies));
    pair.run_for(60_000);
    let seen = pair.shared.lock().violation.clone();
    assert!(seen.as_ref().is_some_and(|v| v.starts_with("I1: two nodes hold web")), "{seen:?}");
}
