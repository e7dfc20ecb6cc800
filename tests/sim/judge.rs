//! Pacemaker's scheduler as an independent judge: the same situation is given to `crm_simulate` and to the simulated pair. Both have to
//! decide the same, or the reason why ours differs stands here.

use crate::cib::{Cib, Decision};
use crate::config::configuration;
use crate::pair::Pair;
use crate::world::Manner;
use Decision::{Moves, Nothing, Restarts, ShootsAndTakes, ShootsOnly, Takes};
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;
use std::collections::BTreeSet;

/// What our pair does: from a founded pair, n1 master, seen by its effects only.
fn ours(mut pair: Pair, what: fn(&mut Pair)) -> Decision {
    pair.run_for(6000);
    let (told, moved) = {
        let world = pair.shared.lock();
        (world.machines[0].bmc.told, world.machines[0].touched.len())
    };
    what(&mut pair);
    pair.run_for(60_000);
    let world = pair.shared.lock();
    assert_eq!(world.violation, None);
    let shot = world.machines[0].bmc.told > told;
    let taken = world.machines[1].held[0].any();
    let stopped = world.machines[0].power && world.machines[0].touched.len() > moved;
    match (shot, taken, stopped) {
        (true, true, _) => ShootsAndTakes,
        (true, false, _) => ShootsOnly,
        (false, true, true) => Moves,
        (false, true, false) => Takes,
        (false, false, true) => Restarts,
        (false, false, false) => Nothing,
    }
}

struct Situation {
    what: &'static str,
    cib: Cib,
    pair: fn() -> Pair,
    happens: fn(&mut Pair),
    /// Why ours differs, if it does.
    differs: Option<&'static str>,
}

fn founded() -> Pair {
    Pair::founded(3, 1, false)
}

fn freeze(pair: &mut Pair) {
    pair.change(|w| w.machines[0].frozen = true);
}

fn without_devices() -> Pair {
    let text = configuration(1);
    let (before, rest) = text.split_once("[[fence.device]]").expect("devices");
    let group = rest.find("[[group]]").expect("a group");
    Pair::founded_with(&format!("{before}{}", &rest[group..]), 3, 1, false)
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn situations() -> Vec<Situation> {
    let same = |what, cib, happens: fn(&mut Pair)| Situation { what, cib, pair: founded as fn() -> Pair, happens, differs: None };
    let other = |what, cib, happens: fn(&mut Pair), why| Situation { what, cib, pair: founded as fn() -> Pair, happens, differs: Some(why) };
    vec![
        same("all is well", Cib::healthy(), |_| {}),
        same("the master is lost", Cib::lost(), freeze),
        same("the master is lost, its programs only", Cib::healthy().with(|c| c.nodes[0] = (true, false, true)), |p| {
            p.change(|w| w.machines[0].mute = true);
            (0..20).for_each(|_| {
                p.call(1, "CRITICAL", "HARD");
                p.run_for(1000);
            });
        }),
        same("the master is isolated", Cib::lost(), |p| p.change(|w| w.machines[0].cables = [false; 2])),
        Situation { pair: without_devices, ..same("lost, no fence device", Cib::lost().with(|c| c.devices = false), freeze) },
        Situation {
            pair: without_devices,
            ..other(
                "lost, fencing switched off",
                Cib::lost().with(|c| c.devices = false).option("stonith-enabled", "false"),
                freeze,
                "without fencing nothing is taken: two masters are worse than none",
            )
        },
        same("lost during maintenance", Cib::lost().option("maintenance-mode", "true").option("stonith-enabled", "true"), |p| {
            p.order(1, "{\"maintenance\":{\"minutes\":60}}");
            p.run_for(2000);
            freeze(p);
        }),
        other(
            "lost, the slave is put aside",
            Cib::lost().with(|c| c.standby[1] = true),
            |p| {
                p.order(1, "{\"standby\":{}}");
                p.run_for(2000);
                freeze(p);
            },
            "nobody could take over: a shot would only end what may still serve",
        ),
        same("lost, no quorum here", Cib::lost().with(|c| c.quorum = false).option("no-quorum-policy", "stop"), |p| {
            p.change(|w| (w.machines[1].cables, w.machines[0].frozen) = ([false; 2], true));
        }),
        same("isolated slave", Cib::lost().with(|c| c.quorum = false).option("no-quorum-policy", "freeze"), |p| {
            p.change(|w| w.machines[1].cables = [false; 2]);
            p.call(1, "CRITICAL", "HARD");
        }),
        same("the master was shut down, its power is off", Cib::healthy().with(|c| (c.nodes[0], c.runs) = ((false, false, false), None)), |p| {
            p.power_off(0);
        }),
        same("the operator moves the group", Cib::healthy().with(|c| c.standby[0] = true), |p| p.order(0, "{\"migrate\":{}}")),
        same("the slave is put aside", Cib::healthy().with(|c| c.standby[1] = true), |p| p.order(1, "{\"standby\":{}}")),
        same(
            "the slave is lost: what becomes of n1's group",
            Cib::healthy().with(|c| c.nodes[1] = (false, false, true)).option("stonith-enabled", "true"),
            |p| {
                p.change(|w| w.machines[1].frozen = true);
            },
        ),
        other(
            "a resource fails on the master",
            Cib::healthy().with(|c| c.failed = Some(("ip", "monitor", 0))),
            |p| {
                p.change(|w| w.machines[0].held[0].unit = false);
            },
            "restarting a service is its unit's business (Restart= of systemd); a notify check tells a person",
        ),
        other(
            "it fails too often",
            Cib::healthy().with(|c| (c.failed, c.threshold) = (Some(("ip", "monitor", 0)), true)),
            |p| {
                p.change(|w| w.machines[0].held[0].unit = false);
            },
            "a notify check never moves a group (MD17); what may is a failover check with a trigger of its own",
        ),
        other(
            "a stop fails on the master",
            Cib::healthy().with(|c| c.failed = Some(("ip", "stop", 0))),
            |p| {
                p.change(|w| w.machines[0].broken.stop = true);
                p.order(0, "{\"migrate\":{}}");
            },
            "a wish of an operator is no reason to shoot: what was stopped is started again, a person is told",
        ),
        other(
            "a start failed on the slave, the master is lost",
            Cib::lost().with(|c| c.failed = Some(("fs", "start", 1))),
            |p| {
                p.change(|w| (w.machines[0].frozen, w.machines[1].unfit) = (true, Some(Refusal::Unfit)));
            },
            "who can't run the group shoots nobody for it (G5)",
        ),
        other(
            "the slave may not run the group, the master is lost",
            Cib::lost().with(|c| c.banned = true),
            |p| {
                p.change(|w| (w.machines[0].frozen, w.machines[1].unfit) = (true, Some(Refusal::Unfit)));
            },
            "who can't run the group shoots nobody for it (G5)",
        ),
        other(
            "lost, the group is unmanaged",
            Cib::lost().with(|c| c.unmanaged = true),
            |p| {
                p.order(1, "{\"maintenance\":{\"minutes\":60}}");
                p.run_for(2000);
                freeze(p);
            },
            "somebody works there: maintenance forbids the shot too (G1)",
        ),
        other(
            "booted alone, the other node was never seen",
            Cib::lost().with(|c| c.runs = None),
            |p| {
                p.power_off(0);
                p.power_off(1);
                p.run_for(1000);
                p.power_on(1);
            },
            "who boots alone knows nothing: INERT until the other is seen or a person decides (rows 32, 33)",
        ),
        same("both booted, nothing runs", Cib::healthy().with(|c| c.runs = None), |p| {
            p.icinga = false;
            p.power_off(0);
            p.power_off(1);
            p.run_for(1000);
            // n2 was the last master.
            p.change(|w| {
                for (machine, role) in w.machines.iter_mut().zip([Role::Slave, Role::Master]) {
                    let group = machine.state.as_mut().and_then(|s| s.groups.get_mut("web")).expect("web");
                    (group.data_epoch, group.epoch_seen, group.role) = (group.data_epoch + 1, group.epoch_seen + 1, role);
                }
            });
            p.power_on(0);
            p.power_on(1);
        }),
        other(
            "lost, the fence device does not answer",
            Cib::lost(),
            |p| {
                p.change(|w| w.machines[0].bmc.net = false);
                p.run_for(8000);
                freeze(p);
            },
            "the scheduler does not ask the device beforehand; its fence then fails, and nothing is started there either",
        ),
        other(
            "lost, the fence device lies",
            Cib::lost(),
            |p| {
                p.change(|w| (w.machines[0].frozen, w.machines[0].bmc.manner) = (true, Manner::Lies));
            },
            "the scheduler believes its agent; OFF is read twice here, and nothing is started without",
        ),
    ]
}

#[test]
fn pacemaker_decides_the_same_or_the_reason_is_written_down() {
    let mut table = Vec::new();
    let mut kinds = BTreeSet::new();
    for situation in situations() {
        let (theirs, summary) = situation.cib.decision();
        let ours = ours((situation.pair)(), situation.happens);
        kinds.insert(theirs);
        let verdict = if theirs == ours { "same" } else { situation.differs.unwrap_or("NO REASON") };
        table.push(format!("{:<55} Pacemaker: {theirs:?}, twinguard: {ours:?}; {verdict}", situation.what));
        println!("{}", table.last().expect("just pushed"));
        let expected = theirs == ours || situation.differs.is_some();
        assert!(expected, "{}: Pacemaker {theirs:?}, twinguard {ours:?}; {summary}", situation.what);
        assert!(theirs != ours || situation.differs.is_none(), "{}: the reason is out of date: both decide {ours:?}", situation.what);
    }
    assert!(table.len() >= 20 && kinds.len() >= 5, "{kinds:?}");
}
