//! Random histories: everything that can break breaks, at any time; then it is repaired, and a person does what a person would.

use crate::pair::Pair;
use crate::world::{Broken, Death, Manner, Moment, NAMES};
use plugin_core::contract::status::Role;

/// What became of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Groups that were taken over or moved.
    pub takeovers: u32,
    /// Power commands that a BMC accepted.
    pub shots: u32,
    /// Groups with a master at the end.
    pub served: u32,
    pub groups: u32,
}

/// Plays one history to its end.
///
/// # Errors
/// The law that was broken.
pub fn play(seed: u64, trace: bool) -> Result<(End, Vec<String>), (String, Vec<String>)> {
    let groups = 1 + usize::from(seed % 4 == 3);
    let mut pair = Pair::founded(seed, groups, trace);
    let before = pair.shared.lock().takeovers;
    let faults = pair.shared.lock().chance.between(2, 10);
    let rough = pair.shared.lock().chance.percent(30);
    if rough {
        pair.change(|w| w.wire = [w.chance.below(20), w.chance.below(20), w.chance.below(20)]);
    }
    for _ in 0..faults {
        misfortune(&mut pair);
        let time = pair.shared.lock().chance.between(1, 12_000);
        pair.run_for(time);
    }
    repair(&mut pair);
    let world = pair.shared.lock();
    let trace = world.trace.clone().unwrap_or_default();
    if let Some(broken) = &world.violation {
        return Err((broken.clone(), trace));
    }
    let shots = world.machines.iter().map(|m| m.bmc.told).sum();
    let end = End { takeovers: world.takeovers - before, shots, served: 0, groups: u32::try_from(groups).expect("one or two") };
    drop(world);
    let served = (0..groups).filter(|g| !pair.masters(*g).is_empty()).count();
    Ok((End { served: u32::try_from(served).expect("one or two"), ..end }, trace))
}

/// One thing goes wrong, or somebody does something.
fn misfortune(pair: &mut Pair) {
    // Most of what can go wrong is of interest on the master.
    let master = pair.masters(0).first().copied().unwrap_or(0);
    let (what, node) = pair.change(|w| (w.chance.below(40), if w.chance.percent(60) { master } else { 1 - master }));
    let link = pair.change(|w| usize::from(w.chance.percent(50)));
    pair.note(format!("misfortune {what} for {}", NAMES[node]));
    match what {
        0 | 1 => pair.power_off(node),
        2 => pair.change(|w| w.machines[node].frozen = w.machines[node].up),
        3 => pair.change(|w| w.machines[node].mute = w.machines[node].up),
        4 => pair.change(|w| w.machines.iter_mut().for_each(|m| (m.frozen, m.mute) = (false, false))),
        5 | 6 => pair.change(|w| w.machines[node].cables[link] ^= true),
        7 => pair.change(|w| w.machines[node].cables = [false; 2]),
        8 => pair.change(|w| w.switch ^= true),
        9 => pair.change(|w| w.between ^= true),
        10 => pair.change(|w| w.gateway ^= true),
        11 => pair.change(|w| w.machines.iter_mut().for_each(|m| m.cables = [true; 2])),
        12 => pair.change(|w| w.machines[node].bmc.net ^= true),
        13 => pair.change(|w| {
            let manners = [Manner::Lies, Manner::Mumbles, Manner::Refuses, Manner::Denies, Manner::Crossed];
            let which = usize::try_from(w.chance.below(5)).expect("five");
            (w.machines[node].bmc.manner, w.machines[node].bmc.crossed_at) = (manners[which], w.now);
        }),
        14 => pair.change(|w| w.machines[node].bmc.latency = w.chance.between(1, 3000)),
        15 => pair.change(|w| w.machines[node].bmc.off_after = w.chance.between(0, 50_000)),
        16..=18 => pair.kill_agent(node),
        19 => {
            // The machine is stunned for some seconds: a hypervisor's snapshot.
            let time = pair.change(|w| {
                w.machines[node].frozen = w.machines[node].up;
                w.chance.between(500, 9000)
            });
            pair.run_for(time);
            pair.change(|w| w.machines[node].frozen = false);
        }
        20 => pair.change(|w| w.machines[node].skew += i64::try_from(w.chance.below(7_200_000)).expect("hours") - 3_600_000),
        21 => pair.change(|w| w.machines[node].broken.disk_full ^= true),
        22 => pair.change(|w| {
            let broken = &mut w.machines[node].broken;
            match w.chance.below(6) {
                0 => broken.fsck = true,
                1 => broken.mount = true,
                2 => broken.start[0] = true,
                3 => broken.stop = true,
                4 => broken.umount = true,
                _ => broken.stranger = true,
            }
        }),
        23 => pair.call(node, "CRITICAL", "HARD"),
        24 => pair.call(node, "CRITICAL", "SOFT"),
        25 => pair.power_on(node),
        26 | 27 => pair.order(node, "{\"migrate\":{}}"),
        28 => pair.order(node, "{\"standby\":{}}"),
        29 => pair.order(node, "rejoin"),
        30 => pair.order(node, "{\"maintenance\":{\"minutes\":5}}"),
        31 => {
            // A person says so only when it is so.
            if !pair.shared.lock().machines[1 - node].power {
                pair.order(node, &format!("{{\"confirm-fenced\":{{\"node\":\"{}\"}}}}", NAMES[1 - node]));
            }
        }
        32 => pair.order(node, "assume-master"),
        33 => {
            pair.change(|w| w.machines[node].broken.fault = true);
            pair.report(node, "twinguard-raid", "CRITICAL", "HARD");
        }
        34 | 35 => pair.report(node, "twinguard-network-failover", "CRITICAL", "HARD"),
        36 => pair.order(node, "{\"retry\":{\"group\":\"web\"}}"),
        37 => pair.order(node, "{\"abandon\":{\"group\":\"web\"}}"),
        38 => pair.order(node, "{\"migrate\":{\"group\":\"mail\"}}"),
        _ => pair.change(|w| {
            let at = [Moment::BeforeJournal, Moment::BetweenJournalAndState, Moment::AfterState];
            let which = usize::try_from(w.chance.below(3)).expect("three");
            let write = w.machines[node].writes + w.chance.between(1, 20);
            w.death = Some(Death { node, write, at: at[which], power: w.chance.percent(30) });
        }),
    }
}

/// Everything is mended and switched on; people do what the mails tell them to do.
fn repair(pair: &mut Pair) {
    pair.note("everything is repaired".to_owned());
    pair.change(|w| {
        (w.switch, w.between, w.gateway, w.wire, w.death) = (true, true, true, [0; 3], None);
        for m in &mut w.machines {
            (m.frozen, m.mute, m.skew, m.cables) = (false, false, 0, [true; 2]);
            m.broken = Broken::default();
            let bmc = &mut m.bmc;
            (bmc.net, bmc.manner, bmc.latency) = (true, Manner::Good, 10);
        }
    });
    pair.run_for(20_000);
    for node in 0..2 {
        pair.power_on(node);
    }
    pair.run_for(75_000);
    for node in 0..2 {
        pair.order(node, "{\"maintenance\":{\"minutes\":null}}");
    }
    pair.run_for(5000);
    for node in 0..2 {
        let held = pair.state(node).map(|s| s.groups.into_iter().filter(|(_, g)| matches!(g.role, Role::Taking | Role::Failed)).map(|(n, _)| n));
        for group in held.into_iter().flatten().collect::<Vec<_>>() {
            pair.order(node, &format!("{{\"retry\":{{\"group\":\"{group}\"}}}}"));
            pair.run_for(10_000);
        }
    }
    for node in 0..2 {
        let waits = |r: Role| matches!(r, Role::Standby | Role::Failed);
        if pair.state(node).is_some_and(|s| s.groups.values().any(|g| waits(g.role))) {
            pair.order(node, "rejoin");
            pair.run_for(3000);
        }
    }
    pair.run_for(5000);
}
