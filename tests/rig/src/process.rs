//! Runs a binary of the product as Icinga would: arguments, no shell, and everything it leaves behind is collected.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a binary left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A binary of the product: in `$TWINGUARD_BIN`, or in the folder above the one of the running test.
///
/// # Panics
/// If it is missing; a test whose binary is missing fails, it does not skip.
pub fn binary(name: &str) -> PathBuf {
    let beside = || std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned();
    let path = std::env::var_os("TWINGUARD_BIN").map_or_else(beside, PathBuf::from).join(name);
    assert!(path.is_file(), "{} is missing: build it with cargo build --workspace --bins", path.display());
    path
}

/// A command of which standard input is empty.
pub fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs `program` to its end.
///
/// # Panics
/// If it can't be started.
pub fn run(program: &Path, args: &[&str]) -> Done {
    command(program, args).output().unwrap_or_else(|e| panic!("{}: {e}", program.display())).into()
}

/// Runs `program` with `stdout` as its standard output; the exit code.
///
/// # Panics
/// If it can't be started.
pub fn run_into(program: &Path, args: &[&str], stdout: File) -> Option<i32> {
    command(program, args).stdout(stdout).stderr(Stdio::null()).status().unwrap_or_else(|e| panic!("{}: {e}", program.display())).code()
}

/// Runs `program` with its standard output closed, as a shell's `>&-` does; the exit code and standard error.
///
/// # Panics
/// If it can't be started.
pub fn run_closed(program: &Path, args: &[&str]) -> Done {
    // Standard library and stable Rust can't start a child with a closed descriptor, a shell can; "$@" keeps the words whole.
    let mut shell = Command::new("/bin/sh");
    shell.arg0("sh").args(["-c", "exec \"$@\" >&-", "sh"]).arg(program).args(args).stdin(Stdio::null());
    shell.output().unwrap_or_else(|e| panic!("/bin/sh: {e}")).into()
}
