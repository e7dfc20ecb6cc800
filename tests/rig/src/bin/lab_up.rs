//! A lab to look at, until standard input ends.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::hold())
}
