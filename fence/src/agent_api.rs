//! The ClusterLabs fence agent contract (`FenceAgentAPI.md`): options by standard input or flags, actions, exit codes, metadata.
//!
//! One table of options per agent makes the parser, the `--help` and the metadata. Refuses to call anything "off" that was not
//! read OFF twice, and to guess: every failure is exit code 1, also a usage error.

mod action;
mod input;
pub mod login;
mod metadata;
mod option;

pub use action::Action;
pub use input::Values;
pub use option::{Kind, Opt, SHARED};

use crate::power::PowerSwitch;
use plugin_core::Host;
use plugin_core::host::System;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;

/// Makes the driver from the options; sends nothing. The error is a sentence.
pub type Build = fn(&Values, &dyn Host) -> Result<Box<dyn PowerSwitch>, String>;

/// One fence agent.
pub struct Agent {
    /// Name of the binary.
    pub name: &'static str,
    /// One line.
    pub shortdesc: &'static str,
    /// A paragraph for the metadata and `--help`.
    pub longdesc: &'static str,
    /// Options beside [`SHARED`].
    pub options: &'static [Opt],
    /// Makes the driver.
    pub build: Build,
}

impl Agent {
    fn all_options(&self) -> impl Iterator<Item = &Opt> {
        self.options.iter().chain(SHARED)
    }
}

/// What the agent sees of the world.
pub struct World<'a> {
    /// Arguments without the program's name. None: read standard input.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Value of an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Clock, files, commands.
    pub host: &'a dyn Host,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error: what the cluster logs as a warning, so nothing on success.
    pub err: &'a mut dyn Write,
}

/// A binary's whole work: arguments, standard streams, exit code.
pub fn main(agent: &Agent) -> ExitCode {
    let mut world = World {
        args: std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect(),
        stdin: &mut stdin().lock(),
        env: &|name| std::env::var(name).ok(),
        host: &System::new(None),
        out: &mut stdout().lock(),
        err: &mut stderr().lock(),
    };
    ExitCode::from(run(agent, &mut world))
}

/// Runs one action; the exit code (0 success, 1 any failure; `status`: 0 on, 2 off, 1 unknown).
pub fn run(agent: &Agent, world: &mut World<'_>) -> u8 {
    let values = match input::read(agent, world) {
        Ok(input::Asked::Action(values)) => values,
        Ok(input::Asked::Text(text)) => return u8::from(world.out.write_all(text.as_bytes()).is_err()),
        Err(error) => return complain(agent, world, &error),
    };
    let ended = match Action::parse(values.text("action").unwrap_or_default()) {
        Ok(Action::Metadata) => {
            let text = metadata::render(agent);
            world.out.write_all(text.as_bytes()).map(|()| 0).map_err(|e| format!("standard output can't be written: {e}"))
        }
        Ok(action) => action::act(agent, action, &values, world),
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| complain(agent, world, &error))
}

fn complain(agent: &Agent, world: &mut World<'_>, error: &str) -> u8 {
    // Nobody left to tell if this fails; the exit code says it as well.
    let _ = writeln!(world.err, "{}: {}", agent.name, error.trim_end());
    1
}
