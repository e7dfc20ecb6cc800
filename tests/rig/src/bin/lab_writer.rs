//! The write ledger's client, run inside its network namespace.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::ledger::writer::main(&rig::lab::arguments()))
}
