//! The agent dies, or its machine loses power, at every write of a takeover, a move and a founding: before the journal, between
//! journal and state, and after both. The writes are found by playing the story once; nothing is listed by hand.

use crate::pair::Pair;
use crate::rows::seen;
use crate::world::{Death, Moment, NAMES};

const MOMENTS: [Moment; 3] = [Moment::BeforeJournal, Moment::BetweenJournalAndState, Moment::AfterState];

/// A story: how it begins, and how long it takes at most.
struct Story {
    name: &'static str,
    pair: fn() -> Pair,
    begin: fn(&mut Pair),
    time: u64,
}

fn founded() -> Pair {
    let mut pair = Pair::founded(22, 1, true);
    pair.run_for(6000);
    pair
}

fn blank() -> Pair {
    let mut pair = Pair::new(22, 1, true);
    pair.run_for(3000);
    pair
}

const STORIES: [Story; 4] = [
    Story { name: "takeover", pair: founded, begin: |p| p.change(|w| w.machines[0].frozen = true), time: 30_000 },
    Story {
        name: "takeover with a slow BMC",
        pair: founded,
        begin: |p| p.change(|w| (w.machines[0].frozen, w.machines[0].bmc.off_after, w.machines[0].bmc.latency) = (true, 3000, 400)),
        time: 60_000,
    },
    Story { name: "graceful move", pair: founded, begin: |p| p.order(0, "{\"migrate\":{}}"), time: 30_000 },
    Story { name: "founding", pair: blank, begin: |p| p.order(0, "create"), time: 20_000 },
];

fn writes(pair: &Pair) -> [u64; 2] {
    let world = pair.shared.lock();
    [world.machines[0].writes, world.machines[1].writes]
}

/// Commands on `node` that would be wrong to run twice in one boot without their opposite.
fn doubled(pair: &Pair, node: usize, from: usize) -> Option<String> {
    let world = pair.shared.lock();
    let mut open: Vec<(&str, &str)> = Vec::new();
    for command in world.machines[node].touched.iter().skip(from) {
        let (program, rest) = command.split_once(' ').unwrap_or((command, ""));
        let opened = program.ends_with("/mount") || rest.starts_with("addr add");
        let closed = program.ends_with("/umount") || rest.starts_with("addr del");
        if opened && open.iter().any(|(p, _)| *p == program) {
            return Some(command.clone());
        }
        if opened {
            open.push((program, rest));
        } else if closed {
            open.clear();
        }
    }
    None
}

/// Plays a story with one death in it; how it ended.
fn dies(story: &Story, death: Death) -> String {
    let mut pair = (story.pair)();
    let from: Vec<usize> = pair.shared.lock().machines.iter().map(|m| m.touched.len()).collect();
    pair.change(|w| w.death = Some(death));
    (story.begin)(&mut pair);
    pair.run_for(story.time + 20_000);
    let tell = |pair: &Pair| pair.shared.lock().trace.clone().unwrap_or_default().join("\n");
    let place = format!("{}: {death:?}", story.name);
    if !death.power {
        let twice = (0..2).find_map(|node| doubled(&pair, node, from[node]));
        assert_eq!(twice, None, "{place}: run twice\n{}", tell(&pair));
    }
    if death.power {
        // Whoever lost power is switched on again, and so is whoever was fenced.
        (0..2).for_each(|node| pair.power_on(node));
        pair.change(|w| w.machines[0].frozen = false);
        pair.run_for(60_000);
    }
    let broken = pair.shared.lock().violation.clone();
    assert_eq!(broken, None, "{place}\n{}", tell(&pair));
    assert!(pair.masters(0).len() <= 1, "{place}\n{}", tell(&pair));
    let held: Vec<usize> = (0..2).filter(|n| pair.shared.lock().machines[*n].held[0].any()).collect();
    let masters: Vec<usize> = pair.masters(0).into_iter().collect();
    assert_eq!(held, masters, "{place}: who holds is not who is master\n{}", tell(&pair));
    let end = seen(&pair);
    let good = match (story.name, death.power) {
        // A dead agent is no reason to stop: the end is that of the story, or nothing had begun.
        ("takeover" | "takeover with a slow BMC", false) => end == "n1 off, n2 MASTER",
        ("graceful move", false) => end == "n1 SLAVE, n2 MASTER" || end == "n1 MASTER, n2 SLAVE",
        ("founding", false) => end == "n1 MASTER, n2 SLAVE" || end == "n1 INERT, n2 INERT",
        _ => true,
    };
    assert!(good, "{place}: {end}\n{}", tell(&pair));
    end
}

#[test]
fn every_write_can_be_the_last() {
    let mut points = 0;
    let mut ends = std::collections::BTreeMap::new();
    for story in &STORIES {
        let mut pair = (story.pair)();
        let before = writes(&pair);
        (story.begin)(&mut pair);
        pair.run_for(story.time);
        let after = writes(&pair);
        assert_eq!(pair.masters(0).len(), 1, "{}: {}", story.name, seen(&pair));
        for node in 0..2 {
            for write in before[node] + 1..=after[node] {
                for at in MOMENTS {
                    for power in [false, true] {
                        points += 1;
                        *ends.entry((story.name, power, dies(story, Death { node, write, at, power }))).or_insert(0) += 1;
                    }
                }
            }
        }
        println!("{}: {} writes of {}, {} of {}", story.name, after[0] - before[0], NAMES[0], after[1] - before[1], NAMES[1]);
    }
    for ((story, power, end), count) in &ends {
        println!("  {story}, {}: {end} ({count})", if *power { "power lost" } else { "agent killed" });
    }
    println!("kill points: {points}, no law broken, nothing mounted, added or started twice");
    assert!(points > 100, "{points}");
}
