//! The write ledger: random failovers of a pair with a replicating database (tests/run ledger).
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::ledger::main(&rig::lab::arguments()))
}
