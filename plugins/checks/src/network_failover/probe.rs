//! The rounds: carriers, every witness at once, and at the end of each round what the agent says. The rounds overlap.

use super::{Plan, Round};
use crate::witness::ask;
use plugin_core::cluster::Witness;
use plugin_core::host::read_status;
use plugin_core::net::carrier;
use plugin_core::{Blind, Host};
use std::path::Path;
use std::thread::scope;
use std::time::Duration;

/// Probes in `count` rounds; takes `timeout` and a third of it for each further round.
pub fn rounds(host: &dyn Host, plan: &Plan, count: u32, timeout: Duration, status: &Path) -> Vec<Round> {
    scope(|threads| {
        let start = |number: u32| {
            threads.spawn(move || {
                host.wait(timeout / 3 * number);
                round(host, plan, timeout, status)
            })
        };
        let rounds: Vec<_> = (0..count).map(start).collect();
        // A probe that panics ends the whole check in the panic hook, so a join can't fail.
        rounds.into_iter().filter_map(|round| round.join().ok()).collect()
    })
}

fn round(host: &dyn Host, plan: &Plan, timeout: Duration, status: &Path) -> Round {
    let witnesses = scope(|threads| {
        let start = |witness: &Witness| {
            let (witness, name) = (witness.clone(), witness.to_string());
            (name, threads.spawn(move || through_any(plan, &witness, timeout)))
        };
        let asked: Vec<_> = plan.witnesses.iter().map(start).collect();
        let panicked = |_| Err(Blind::Deadline { stage: "a probe".into() });
        asked.into_iter().map(|(name, thread)| (name, thread.join().unwrap_or_else(panicked))).collect()
    });
    Round {
        carriers: plan.interfaces.iter().map(|interface| (interface.clone(), carrier(host, interface))).collect(),
        witnesses,
        status: read_status(host, status),
    }
}

/// Asks through each interface that leads to the clients, so that an answer over the heartbeat link does not count.
fn through_any(plan: &Plan, witness: &Witness, timeout: Duration) -> Result<bool, Blind> {
    let share = timeout / u32::try_from(plan.interfaces.len().max(1)).unwrap_or(1);
    let mut result = Ok(false);
    for interface in &plan.interfaces {
        match ask(witness, plan.wire.as_ref(), Some(interface), share) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(blind) => result = Err(blind),
        }
    }
    result
}
