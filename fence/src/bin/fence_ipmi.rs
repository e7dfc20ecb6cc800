//! The fence agent `fence_ipmi`.

use fence::agent_api::{World, run};
use fence::ipmi::FENCE_IPMI;
use plugin_core::host::System;
use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut world = World {
        args: std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect(),
        stdin: &mut stdin().lock(),
        env: &|name| std::env::var(name).ok(),
        host: &System::new(None),
        out: &mut stdout().lock(),
        err: &mut stderr().lock(),
    };
    ExitCode::from(run(&FENCE_IPMI, &mut world))
}
