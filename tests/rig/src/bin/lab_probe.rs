//! The lab's client, run inside its network namespace.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::probe::main(&rig::lab::arguments()))
}
