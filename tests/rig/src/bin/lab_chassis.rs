//! The hands of the lab's BMCs: `ipmi_sim` runs this for each chassis command.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::bmc::hook(&rig::lab::arguments()))
}
