//! ZFS by `zpool status -p` (zpool-status(8)): pools, their members with error counters, and what runs.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, failed, odd, pair};
use plugin_core::Blind;
use std::path::Path;

const STATUS: [&str; 2] = ["status", "-p"];

/// Input: `zpool`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["zpool"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let output = machine.run(tool, &STATUS)?;
    if format!("{}{}", output.stdout, output.stderr).contains("no pools available") {
        return Ok(Vec::new());
    }
    if !output.success() {
        return Err(failed(tool, &STATUS, &output));
    }
    let mut parts = Vec::new();
    for pool in output.stdout.split("pool: ").skip(1) {
        parts.extend(judge(pool).ok_or_else(|| odd(tool, &STATUS, "it is cut off: a pool without its state or its errors"))?);
    }
    if parts.is_empty() { Err(odd(tool, &STATUS, "it names no pool")) } else { Ok(parts) }
}

fn judge(text: &str) -> Option<Vec<Part>> {
    let pool = text.lines().next()?.trim();
    let value = |key: &str| text.lines().filter_map(pair).find(|(found, _)| *found == key).map(|(_, value)| value);
    let (state, errors) = (value("state")?, value("errors")?);
    let scan = value("scan").unwrap_or_default();
    let running = scan.contains("in progress");
    let percent = text
        .lines()
        .find(|line| line.contains("% done"))
        .and_then(|line| number(line.split(", ").find(|word| word.contains("% done"))?))
        .filter(|_| running);
    let condition = match state {
        "FAULTED" | "UNAVAIL" | "SUSPENDED" => Condition::Failed,
        "DEGRADED" if running && scan.starts_with("resilver") => Condition::Resyncing,
        "DEGRADED" => Condition::Degraded,
        "ONLINE" if errors != "No known data errors" => Condition::Suspicious,
        "ONLINE" if running && scan.starts_with("resilver") => Condition::Resyncing,
        "ONLINE" if running => Condition::Checking,
        "ONLINE" => Condition::Optimal,
        _ => Condition::Strange,
    };
    let activity =
        scan.split_whitespace().next().filter(|_| running).map_or_else(String::new, |what| format!(", {what} {}%", percent.unwrap_or(0.0)));
    let damage = if errors == "No known data errors" { String::new() } else { format!(", {errors}") };
    let words = format!("{state}{activity}{damage}");
    let mut parts = vec![Part::new(Kind::Array, pool, condition, words).value(percent.map(Value::Progress))];
    parts.extend(members(pool, text));
    Some(parts)
}

/// `sdb FAULTED 3 12 0 too many errors`, `sdd AVAIL` below `spares`
fn members(pool: &str, text: &str) -> Vec<Part> {
    let table = text.lines().skip_while(|line| !line.trim().starts_with("NAME ")).skip(1).take_while(|line| !line.trim().is_empty());
    let mut parts = Vec::new();
    for line in table {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (Some(name), Some(state)) = (columns.first(), columns.get(1)) else { continue };
        // The pool itself and groups of drives only repeat what is below them.
        let group = ["mirror", "raidz", "draid", "spare-", "replacing", "indirect"].iter().any(|start| name.starts_with(start));
        if *name == pool || group {
            continue;
        }
        let count = |at: usize| columns.get(at).and_then(|text| text.parse::<f64>().ok());
        let faulty = [2, 3, 4].into_iter().filter_map(count).sum::<f64>();
        let why = columns.get(5..).map(|rest| rest.join(" ")).filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(" ({why})"));
        let (kind, condition) = match *state {
            "AVAIL" => (Kind::Spare, Condition::Optimal),
            // A spare that stands in.
            "INUSE" => (Kind::Spare, Condition::Suspicious),
            "ONLINE" if faulty > 0.0 => (Kind::Drive, Condition::Suspicious),
            "ONLINE" => (Kind::Drive, Condition::Optimal),
            "DEGRADED" | "FAULTED" | "UNAVAIL" | "REMOVED" | "OFFLINE" => (Kind::Drive, Condition::Degraded),
            _ => (Kind::Drive, Condition::Strange),
        };
        let counts = if faulty > 0.0 { format!(", {faulty} errors") } else { String::new() };
        let short = name.rsplit('/').next().unwrap_or_default();
        parts.push(Part::new(kind, format!("{pool}/{short}"), condition, format!("{state}{why}{counts}")).value(count(4).map(Value::MediaErrors)));
    }
    parts
}
