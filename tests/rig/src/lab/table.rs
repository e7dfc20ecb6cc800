//! The closing table of the scenarios: one line each, appended to the file that `tests/run lab` prints at its end.

use super::scene::Phases;
use std::fs::OpenOptions;
use std::io::Write;

/// Notes how a scenario ended and its phases. Without `$TWINGUARD_LAB_TABLE` the line goes to standard output.
pub fn note(scenario: &str, seen: &str, phases: Option<&Phases>) {
    let times: Vec<String> = phases.map(Phases::rows).unwrap_or_default().into_iter().map(|(label, ms)| format!("{label} {ms}")).collect();
    let line = format!("{scenario}\t{seen}\t{}\n", times.join(", "));
    match std::env::var_os("TWINGUARD_LAB_TABLE") {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.and_then(|mut f| f.write_all(line.as_bytes())).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        }
        None => print!("{line}"),
    }
}
