//! A command to run: argv only, absolute path, empty environment, never a shell, with a printable form that is free of secrets.

use std::ffi::OsString;
use std::path::PathBuf;

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Arguments. Never a secret: argv is public.
    pub args: Vec<OsString>,
    /// Environment beside `LC_ALL=C` and a fixed `PATH`.
    pub env: Vec<(String, OsString)>,
    /// Written to standard input, which is closed afterwards; `None` = /dev/null. The place for secrets.
    pub stdin: Option<Vec<u8>>,
}

impl Command {
    /// A command without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The form for logs and errors: program and arguments, never environment or standard input.
    pub fn printable(&self) -> String {
        let mut text = self.program.display().to_string();
        for arg in &self.args {
            text.push(' ');
            text.push_str(&arg.to_string_lossy());
        }
        text
    }
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output, at most 1 MiB.
    pub stdout: String,
    /// Standard error, at most 64 KiB.
    pub stderr: String,
}

impl Output {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}
