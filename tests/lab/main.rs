//! The two-node lab: that it behaves as real machines do, and every failure that the product has to master.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests: a broken expectation has to end the test at once, with its own words"
)]

mod agent;
mod drill;
mod forbidden;
mod groups;
mod handler;
mod itself;
mod ledger;
mod links;
mod master;
mod moves;
mod operator;
mod ready;
mod redfish;
mod refused;
mod steps;

use rig::lab::scene::{Phases, Scene};
use rig::lab::watch::{Moment, Sign};
use rig::lab::{Node, Plan, table};

/// A founded pair that serves, or the reason why there is none.
fn scene(plan: &Plan) -> Scene {
    Scene::set(plan).unwrap_or_else(|e| panic!("{e}"))
}

fn wait(scene: &mut Scene, what: &str, since: u64, wanted: impl Fn(&Moment) -> bool) -> Moment {
    scene.wait(what, since, wanted).unwrap_or_else(|e| panic!("{e}"))
}

/// Waits until n2 serves the client and has told it by mail, and audits the way there.
fn n2_takes_over(scene: &mut Scene, failure: u64) -> Phases {
    wait(scene, "a reply from n2", failure, |m| m.sign == Sign::Reply && m.node == Some(Node::N2));
    wait(scene, "n2 master", failure, |m| m.sign == Sign::Master && m.node == Some(Node::N2));
    wait(scene, "the mail of the takeover", failure, |m| m.sign == Sign::Mail && m.text.contains(" took web over from n1"));
    Phases::of(&scene.watch, failure, Node::N2)
}

/// Ends a scenario: nothing was ever held twice, this is who holds what; into the table.
fn end(mut scene: Scene, name: &str, required: &str, phases: Option<&Phases>) {
    scene.audited().unwrap_or_else(|e| panic!("{name}: two masters: {e}"));
    let held = scene.held();
    assert_eq!(held, required, "{name}");
    table::note(name, &held, phases);
}
