//! A check that panics while it looks. Never installed: the tests build it in the profile of the packages, to show that a
//! bug ends in UNKNOWN there too, where a panic aborts.

use plugin_core::{Blind, Check, Host, Report};

/// Panics
#[derive(clap::Args)]
struct Panics {}

impl Check for Panics {
    const TITLE: &'static str = "PANICS";
    type Facts = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn probe(&self, _: &dyn Host) -> Result<(), Blind> {
        panic!("a bug | with=1 performance data\nand a second line")
    }

    fn evaluate(&self, (): &(), _: &mut Report) {}
}

fn main() -> std::process::ExitCode {
    plugin_core::main::<Panics>()
}
