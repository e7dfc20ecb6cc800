//! `tests/demo`'s own program: one real failover, told while it happens.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::demo::main(&rig::lab::arguments()))
}
