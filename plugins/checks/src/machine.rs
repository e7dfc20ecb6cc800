//! The administrator's tools and the kernel's files, as checks of hardware and of cluster managers ask them: by absolute path,
//! under `--sysroot` where one is given, through sudo where that is asked for.
//!
//! Refuses to call a tool that was not allowed to look a finding: a missing right is [`Blind`], with the line that grants it.

use plugin_core::host::{Command, Output};
use plugin_core::{Blind, Host};
use std::path::{Path, PathBuf};

/// Where vendors put their tools.
const FOLDERS: [&str; 20] = [
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/opt/3ware/CLI",
    "/opt/lsi/3ware",
    "/opt/MegaRAID/storcli",
    "/opt/MegaRAID/perccli",
    "/opt/MegaRAID/MegaCli",
    "/opt/lsi/sas2ircu",
    "/opt/lsi/sas3ircu",
    "/usr/Arcconf",
    "/usr/StorMan",
    "/opt/areca",
    "/opt/smartstorageadmin/ssacli/bin",
    "/opt/hp/hpssacli/bld",
    "/opt/compaq/hpacucli/bld",
    "/usr/libexec",
];

/// What tools say when they may not look.
const NO_RIGHT: [&str; 11] = [
    "permission denied",
    "not permitted",
    "must be root",
    "be run as root",
    "run as root",
    "requires root",
    "root privilege",
    "root permission",
    "superuser",
    "administrator privilege",
    "need to be root",
];

/// How a check reaches tools and files.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Access {
    /// Run the tools by sudo -n; the sudoers line is named when it is missing
    #[arg(long)]
    sudo: bool,
    /// Look below this folder, for recorded trees
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,
}

/// A machine with its tools.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// The seam below.
    pub host: &'a dyn Host,
    access: &'a Access,
}

impl<'a> Machine<'a> {
    /// The machine as `access` shows it.
    pub fn new(host: &'a dyn Host, access: &'a Access) -> Self {
        Self { host, access }
    }

    /// The place of an absolute path.
    pub fn at(&self, path: &str) -> PathBuf {
        self.access.sysroot.as_ref().map_or_else(|| PathBuf::from(path), |root| root.join(path.trim_start_matches('/')))
    }

    /// Is there such a file or folder?
    pub fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// Names in a folder, sorted; none if it is missing.
    pub fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Blind::Read`] naming it.
    pub fn read(&self, path: &str) -> Result<String, Blind> {
        self.host.read(&self.at(path))
    }

    /// The first of these programs that is installed.
    pub fn tool(&self, names: &[&str]) -> Option<PathBuf> {
        let places = names.iter().flat_map(|name| FOLDERS.iter().map(move |folder| format!("{folder}/{name}")));
        places.map(|path| self.at(&path)).find(|path| path.is_file())
    }

    /// Runs a tool; a failing exit code is the caller's to judge (many tools fail because an array does).
    ///
    /// # Errors
    /// [`Blind`]: it can't be started, was killed, or may not look.
    pub fn run(&self, tool: &Path, args: &[&str]) -> Result<Output, Blind> {
        let command = if self.access.sudo {
            Command::new(self.at("/usr/bin/sudo")).arg("-n").arg(tool).args(args.iter().copied())
        } else {
            Command::new(tool).args(args.iter().copied())
        };
        let blind = |reason: String| Blind::Command { program: command.printable(), reason };
        plugin_core::run::stage(format!("waiting for {}", command.printable()));
        let output = self.host.run(&command)?;
        if output.code.is_none() {
            return Err(blind("a signal ended it".into()));
        }
        if self.access.sudo && !output.success() && output.stderr.starts_with("sudo:") {
            return Err(blind(format!("sudo does not allow it; add to sudoers: {}", sudoers(tool, args))));
        }
        let said = format!("{}\n{}", output.stdout, output.stderr).to_lowercase();
        if NO_RIGHT.iter().any(|words| said.contains(words)) {
            return Err(blind(format!("it needs root; give --sudo and add to sudoers: {}", sudoers(tool, args))));
        }
        Ok(output)
    }

    /// What a tool prints.
    ///
    /// # Errors
    /// [`Blind`]: as [`Machine::run`], or it failed.
    pub fn text(&self, tool: &Path, args: &[&str]) -> Result<String, Blind> {
        let output = self.run(tool, args)?;
        if output.success() { Ok(output.stdout) } else { Err(failed(tool, args, &output)) }
    }
}

/// A tool that failed for a reason of its own.
pub fn failed(tool: &Path, args: &[&str], output: &Output) -> Blind {
    let code = output.code.map_or_else(String::new, |code| format!("exit code {code}"));
    let last = output.stderr.lines().chain(output.stdout.lines()).rfind(|line| !line.trim().is_empty());
    let words = last.map_or_else(String::new, |line| format!(": {}", line.trim().chars().take(120).collect::<String>()));
    Blind::Command { program: Command::new(tool).args(args.iter().copied()).printable(), reason: format!("{code}{words}") }
}

/// An answer that can't be understood.
pub fn odd(tool: &Path, args: &[&str], reason: impl Into<String>) -> Blind {
    Blind::Parse { what: format!("the answer of {}", Command::new(tool).args(args.iter().copied()).printable()), reason: reason.into() }
}

/// The line of sudoers(5) that allows the call to Icinga's user; `,`, `:`, `=` and `\` are escaped there.
fn sudoers(tool: &Path, args: &[&str]) -> String {
    let call = Command::new(tool).args(args.iter().copied()).printable();
    let escaped: String = call.chars().flat_map(|c| if ",:=\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    format!("nagios ALL=(root) NOPASSWD: {escaped}")
}

/// `key : value`, both trimmed.
pub fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sudoers_line_is_one_that_sudo_reads() {
        let line = sudoers(Path::new("/usr/sbin/ssacli"), &["controller", "slot=0", "physicaldrive", "all", "show"]);
        assert_eq!(line, "nagios ALL=(root) NOPASSWD: /usr/sbin/ssacli controller slot\\=0 physicaldrive all show");
    }

    #[test]
    fn a_failure_is_told_by_the_last_words_of_the_tool() {
        let output = Output { code: Some(4), stdout: "first\nlast out\n".into(), stderr: String::new() };
        assert_eq!(failed(Path::new("/x"), &["a"], &output).to_string(), "run /x a: exit code 4: last out");
        let silent = Output { code: Some(4), stdout: String::new(), stderr: String::new() };
        assert_eq!(failed(Path::new("/x"), &[], &silent).to_string(), "run /x: exit code 4");
    }
}
