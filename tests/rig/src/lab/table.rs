//! The closing tables: one line for each scenario, and one for each row of the failure matrix (TAKEOVER 3.13 and section 1) that a
//! scenario's name begins with ("row 41: …", "rows 3, 30: …"). `tests/run` prints them at its end.

use super::scene::Phases;
use std::fs::OpenOptions;
use std::io::Write;

/// Notes how a scenario ended and its phases. Without `$TWINGUARD_LAB_TABLE` the line goes to standard output.
pub fn note(scenario: &str, seen: &str, phases: Option<&Phases>) {
    let times: Vec<String> = phases.map(Phases::rows).unwrap_or_default().into_iter().map(|(label, ms)| format!("{label} {ms}")).collect();
    let line = format!("{scenario}\t{seen}\t{}\n", times.join(", "));
    for row in rows(scenario) {
        append("TWINGUARD_MATRIX", &format!("{row}\tlab\t{}\t{seen}\n", scenario.split_once(": ").map_or(scenario, |(_, what)| what)));
    }
    if !append("TWINGUARD_LAB_TABLE", &line) {
        print!("{line}");
    }
}

/// The rows that a scenario's name begins with.
fn rows(scenario: &str) -> Vec<u8> {
    let name = scenario.trim_start_matches("⛔ ");
    let numbers = name.strip_prefix("rows ").or(name.strip_prefix("row ")).and_then(|rest| rest.split_once(": "));
    numbers.map(|(numbers, _)| numbers.split(", ").filter_map(|n| n.parse().ok()).collect()).unwrap_or_default()
}

/// Appends to the file that the environment names; `false` = it names none.
fn append(variable: &str, line: &str) -> bool {
    let Some(path) = std::env::var_os(variable) else { return false };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut f| f.write_all(line.as_bytes())).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    true
}
