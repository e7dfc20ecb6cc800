//! What the program that copies the trees says is still to be done: lsyncd's status file, csync2's list of dirty files.
//!
//! A word beside the comparison, never instead of it: an event that was lost waits nowhere. The age of lsyncd's file is no
//! alarm, it is written on change only.

use plugin_core::host::Command;
use plugin_core::report::Metric;
use plugin_core::{Blind, Host, Limits, Range, Report, State, Unit};
use std::path::{Path, PathBuf};

const CSYNC2: &str = "/usr/sbin/csync2";

/// Whom to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct Replicator {
    /// lsyncd's `statusFile`: how many changes wait there
    #[arg(long, value_name = "FILE")]
    lsyncd_status: Option<PathBuf>,
    /// Configuration of csync2 (its -C; "default" is /etc/csync2.cfg): how many files are dirty; transfers nothing
    #[arg(long, value_name = "NAME")]
    csync2: Option<String>,
    /// WARNING when the number of changes that wait to be copied leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    waiting_warning: Option<Range>,
    /// CRITICAL when the number of changes that wait to be copied leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    waiting_critical: Option<Range>,
}

/// Who was asked, and how many changes wait there.
pub type Waiting = Vec<(&'static str, Result<u64, Blind>)>;

impl Replicator {
    /// Asks.
    pub fn look(&self, host: &dyn Host) -> Waiting {
        let lsyncd = self.lsyncd_status.iter().map(|file| ("lsyncd", host.read(file).and_then(|text| delays(&text, file))));
        let csync2 = self.csync2.iter().map(|config| ("csync2", dirty(host, config)));
        lsyncd.chain(csync2).collect()
    }

    /// Judges.
    pub fn judge(&self, waiting: &Waiting, report: &mut Report) {
        let limits = Limits { warning: self.waiting_warning.clone(), critical: self.waiting_critical.clone() };
        for (who, seen) in waiting {
            match seen {
                Err(blind) => report.say(State::Unknown, format!("{who}: cannot {blind}")),
                Ok(count) => {
                    let value = *count as f64;
                    let (state, range) = limits.judge(value);
                    let words = format!("{who}: {count} change{} wait{}", if *count == 1 { "" } else { "s" }, if *count == 1 { "s" } else { "" });
                    match range {
                        Some(range) => report.say(state, format!("{words} ({} at {range})", state.to_string().to_lowercase())),
                        None => report.note(words),
                    }
                    report.export(Metric::new(format!("{who} waiting"), value, Unit::Number).limits(&limits).bounds(0.0, f64::INFINITY));
                }
            }
        }
    }
}

/// `There are 3 delays`, once for each `sync` of the configuration.
fn delays(text: &str, file: &Path) -> Result<u64, Blind> {
    let one = |line: &str| line.strip_prefix("There are ")?.split_once(" delays")?.0.parse::<u64>().ok();
    let counts: Vec<u64> = text.lines().filter_map(one).collect();
    if counts.is_empty() {
        let reason = "it holds no line \"There are N delays\"; is it the statusFile of lsyncd?".to_owned();
        return Err(Blind::Parse { what: file.display().to_string(), reason });
    }
    Ok(counts.iter().sum())
}

/// `csync2 -M`: a line for each dirty file, exit code 2 where there is none (csync2(8), "Exit codes").
fn dirty(host: &dyn Host, config: &str) -> Result<u64, Blind> {
    let command = Command::new(CSYNC2);
    let command = if config == "default" { command } else { command.args(["-C", config]) };
    let output = host.run(&command.args(["-M"]))?;
    if !matches!(output.code, Some(0 | 2)) {
        let reason = output.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").to_owned();
        return Err(Blind::Command { program: format!("{CSYNC2} -M"), reason });
    }
    Ok(output.stdout.lines().filter(|line| !line.trim().is_empty()).count() as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    /// In the words of lsyncd 2.2.3, with two `sync` blocks.
    const STATUS: &str = include_str!("../../../../tests/fixtures/fs_sync/lsyncd-two-syncs.txt");

    fn said(waiting: &Waiting) -> String {
        let args = Replicator { lsyncd_status: None, csync2: None, waiting_warning: "3".parse().ok(), waiting_critical: "9".parse().ok() };
        let mut report = Report::default();
        report.say(State::Ok, "same");
        args.judge(waiting, &mut report);
        report.render("FS SYNC", 0)
    }

    #[test]
    fn every_sync_of_lsyncd_counts_and_another_file_is_blindness() {
        assert_eq!(delays(STATUS, Path::new("/s")).unwrap(), 5);
        assert!(delays("nonsense\n", Path::new("/s")).unwrap_err().to_string().starts_with("understand /s: it holds no line"));
    }

    #[test]
    fn what_waits_is_a_note_or_a_finding() {
        assert_eq!(said(&vec![("lsyncd", Ok(1))]), "FS SYNC OK - same | 'lsyncd waiting'=1;3;9;0;\nlsyncd: 1 change waits\n");
        assert!(said(&vec![("csync2", Ok(4))]).starts_with("FS SYNC WARNING - csync2: 4 changes wait (warning at 3) | "));
        assert!(said(&vec![("csync2", Ok(10))]).starts_with("FS SYNC CRITICAL - csync2: 10 changes wait (critical at 9) | "));
        let blind = Blind::Read { path: "/s".into(), reason: "gone".into() };
        assert!(said(&vec![("lsyncd", Err(blind))]).starts_with("FS SYNC UNKNOWN - lsyncd: cannot read /s: gone\n"));
    }
}
