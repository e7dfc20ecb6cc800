//! The last relay: this machine's own mail program. Refuses `-t`: it would send to everybody in the header again, and each
//! recipient has a transaction of its own.

use super::line::{Failure, Letter};
use plugin_core::host::{Blind, Command, Host, System};
use std::path::Path;
use std::time::Duration;

/// Hands the letter to `program`; its exit codes are those of sysexits.h.
pub(super) fn attempt(program: &Path, letter: &Letter, timeout: Duration) -> Result<(), Failure> {
    let mut command = Command::new(program).args(["-i", "-f", &letter.from, "--", &letter.to]);
    command.stdin = Some(letter.message.replace("\r\n", "\n").into_bytes());
    let output = System::new(Some(timeout)).run(&command).map_err(|blind| {
        Failure::Relay(match blind {
            Blind::Deadline { .. } => format!("no end within {} s", timeout.as_secs()),
            other => format!("cannot {other}"),
        })
    })?;
    let said = crate::clean::line(&format!("{} {}", output.stderr, output.stdout), 300);
    match output.code {
        Some(0) => Ok(()),
        // EX_NOUSER, EX_NOHOST.
        Some(code @ (67 | 68)) => Err(Failure::Never(format!("exit code {code}: {said}"))),
        // EX_TEMPFAIL.
        Some(75) => Err(Failure::Later(format!("exit code 75: {said}"))),
        Some(code) => Err(Failure::Relay(format!("exit code {code}: {said}"))),
        None => Err(Failure::Relay(format!("ended by a signal: {said}"))),
    }
}
