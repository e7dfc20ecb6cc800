//! The model checker: the product's own `decide` on both nodes, in a world that loses power, links, messages and agents, and in
//! which commands arrive late. Every state within the bounds is visited; a broken invariant is printed as a story.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a checker: its world is arrays of two, and a broken expectation has to end it at once"
)]

mod moves;
mod mutants;
mod search;
mod world;

use search::{explore, live};
use world::{Bounds, Mutant};

/// The default run is small enough for an unoptimised build; `tests/run safety` sets `TWINGUARD_MODEL=full`.
fn full() -> bool {
    std::env::var("TWINGUARD_MODEL").is_ok_and(|v| v == "full")
}

/// Bounds from the environment, `FAULTS,REPAIRS,CRASHES,ACTS`, to see how far a machine gets; else these.
fn bounds(default: Bounds) -> Bounds {
    let Ok(text) = std::env::var("TWINGUARD_MODEL_BOUNDS") else { return default };
    let numbers: Vec<u8> = text.split(',').map(|n| n.parse().expect("four small numbers")).collect();
    let [faults, repairs, crashes, acts] = numbers[..] else { panic!("TWINGUARD_MODEL_BOUNDS={text}: four numbers are needed") };
    Bounds { faults, repairs, crashes, acts }
}

/// I1 (never two masters), I2 (no start without a proof), I6 (an isolated node shoots nobody), I7 (no abandoned shot),
/// I8 (epochs), I9 (nothing starts by itself after a boot).
#[test]
fn the_invariants_hold_in_every_reachable_state() {
    let more = u8::from(full());
    let found = explore(1, bounds(Bounds { faults: 1 + more, repairs: 1 + more, crashes: 1, acts: 1 }), Mutant::None);
    if let Some(story) = found.broken {
        panic!("{story}");
    }
    println!("model: {} states, {} transitions, {} levels deep; no invariant broken", found.states, found.transitions, found.depth);
    assert!(found.states > 10_000, "a world that small proves nothing: {} states", found.states);
    assert!(found.takeovers > 0, "no takeover was ever completed");
}

/// SX1: the same for two groups, each at home on its own node.
#[test]
fn the_invariants_hold_for_two_groups() {
    let more = u8::from(full());
    let found = explore(2, bounds(Bounds { faults: 1 + more, repairs: more, crashes: 0, acts: 1 }), Mutant::None);
    if let Some(story) = found.broken {
        panic!("{story}");
    }
    println!("two groups: {} states, {} transitions, {} levels deep; no invariant broken", found.states, found.transitions, found.depth);
    assert!(found.takeovers > 0, "no takeover was ever completed");
}

/// From every reachable state a state is reachable in which a node serves: with repairs and an operator, but without luck.
#[test]
fn a_serving_state_is_reachable_from_every_state() {
    let found = live(1, Bounds { faults: u8::from(full()), repairs: u8::MAX, crashes: 0, acts: u8::MAX });
    if let Some(story) = found.broken {
        panic!("no way back to service:\n{story}");
    }
    println!("liveness: {} states, each with a way back to service", found.states);
}

/// Each rule of TAKEOVER 3.14 taken out of the world, one at a time, must break an invariant.
#[test]
fn every_rule_is_needed() {
    for mutant in mutants::ALL {
        let found = explore(1, Bounds { faults: 2, repairs: 2, crashes: 0, acts: 1 }, *mutant);
        let story = found.broken.unwrap_or_else(|| panic!("{mutant:?} was not caught in {} states", found.states));
        let steps = story.lines().count() - 1;
        println!("{mutant:?}: caught after {steps} steps: {}", story.lines().next().unwrap_or_default());
    }
}
