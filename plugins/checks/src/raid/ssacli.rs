//! HP (HPE) Smart Array controllers by `ssacli`, `hpssacli` or `hpacucli` ("HPE Smart Storage Administrator User Guide", command
//! line): `controller all show status`, then the logical and physical drives of each slot.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, failed, odd, pair};
use plugin_core::Blind;
use std::path::Path;

const STATUS: [&str; 4] = ["controller", "all", "show", "status"];

/// Input: `ssacli`, `hpssacli` or `hpacucli`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["ssacli", "hpssacli", "hpacucli"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let output = machine.run(tool, &STATUS)?;
    if output.stdout.contains("No controllers detected") || output.stderr.contains("No controllers detected") {
        return Ok(Vec::new());
    }
    if !output.success() {
        return Err(failed(tool, &STATUS, &output));
    }
    let mut parts = Vec::new();
    let mut slots: Vec<String> = Vec::new();
    for line in output.stdout.lines() {
        if let Some((_, rest)) = line.split_once(" in Slot ") {
            slots.push(rest.split_whitespace().next().unwrap_or_default().to_owned());
        } else if let (Some((key, value)), Some(slot)) = (pair(line), slots.last()) {
            parts.extend(controller(slot, key, value));
        }
    }
    if parts.len() < slots.len() || slots.is_empty() {
        return Err(odd(tool, &STATUS, "it has no status of a controller"));
    }
    for slot in &slots {
        let place = format!("slot={slot}");
        for kind in ["logicaldrive", "physicaldrive"] {
            let args = ["controller", place.as_str(), kind, "all", "show"];
            let output = machine.run(tool, &args)?;
            let text = format!("{}{}", output.stdout, output.stderr);
            // "The specified device does not have any logical drives.": a controller without arrays is none that is broken.
            if text.contains("does not have any") {
                continue;
            }
            if !output.success() || !output.stdout.contains(" in Slot ") {
                return Err(failed(tool, &args, &output));
            }
            for line in output.stdout.lines().map(str::trim).filter(|line| line.starts_with(kind)) {
                parts.push(drive(slot, kind, line).ok_or_else(|| odd(tool, &args, format!("odd line \"{line}\"")))?);
            }
        }
    }
    Ok(parts)
}

/// `Controller Status: OK`, `Cache Status: Temporarily Disabled`, `Battery/Capacitor Status: Recharging`
fn controller(slot: &str, key: &str, value: &str) -> Option<Part> {
    let name = format!("slot{slot}");
    let lower = value.to_lowercase();
    match key {
        "Controller Status" => {
            let condition = if value == "OK" { Condition::Optimal } else { Condition::Degraded };
            Some(Part::new(Kind::Controller, name, condition, format!("controller {value}")))
        }
        "Cache Status" => {
            let condition = match lower.as_str() {
                "ok" => Condition::Optimal,
                "not configured" => return None,
                _ => Condition::CacheOff,
            };
            Some(Part::new(Kind::Cache, name, condition, format!("cache {value}")))
        }
        "Battery/Capacitor Status" => {
            let condition = match lower.as_str() {
                "ok" => Condition::Optimal,
                _ if lower.contains("charging") => Condition::Learning,
                _ => Condition::Suspicious,
            };
            Some(Part::new(Kind::Battery, name, condition, format!("battery {value}")))
        }
        _ => None,
    }
}

/// `logicaldrive 1 (136.7 GB, RAID 5, Recovering, 12% complete)`,
/// `physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SAS, 900.1 GB, OK, spare)`
fn drive(slot: &str, kind: &str, line: &str) -> Option<Part> {
    let id = line.split_whitespace().nth(1)?;
    let inner = line.split_once('(')?.1.strip_suffix(')')?;
    let words: Vec<&str> = inner.split(", ").collect();
    let logical = kind == "logicaldrive";
    let name = format!("slot{slot}/{}{id}", if logical { "l" } else { "" });
    // The status follows size and level; the media (`SAS HDD`) may stand between.
    let at = words.iter().rposition(|word| ["GB", "TB", "MB"].contains(&word.rsplit(' ').next().unwrap_or_default())).unwrap_or(0) + 1;
    let at = if words.get(at).is_some_and(|word| word.starts_with("RAID")) { at + 1 } else { at };
    let status = words.get(at..).filter(|rest| !rest.is_empty())?;
    let spare = status.iter().any(|word| word.contains("spare"));
    let progress = status.iter().find(|word| word.ends_with("complete")).and_then(|word| number(word)).map(Value::Progress);
    let level = words.iter().find(|word| word.starts_with("RAID")).map_or_else(String::new, |level| format!("{level} "));
    let text = format!("{level}{}", status.join(", "));
    let condition = if logical { logical_state(status.first()?) } else { physical_state(status.first()?) };
    let role = match (logical, spare) {
        (true, _) => Kind::Array,
        (false, true) => Kind::Spare,
        (false, false) => Kind::Drive,
    };
    // "active spare": it stands in for a failed drive.
    let condition =
        if condition == Condition::Optimal && status.iter().any(|word| word.contains("active spare")) { Condition::Suspicious } else { condition };
    Some(Part::new(role, name, condition, text).value(progress))
}

fn logical_state(status: &str) -> Condition {
    match status {
        "OK" => Condition::Optimal,
        "Interim Recovery Mode" | "Regenerating" => Condition::Degraded,
        "Failed" | "Not Available" | "Disabled" => Condition::Failed,
        _ if ["Recovering", "Ready for", "Rebuild", "Transforming", "Expanding", "Queued for", "Waiting for", "Parity Initialization"]
            .iter()
            .any(|start| status.starts_with(start)) =>
        {
            Condition::Resyncing
        }
        _ => Condition::Strange,
    }
}

fn physical_state(status: &str) -> Condition {
    match status {
        "OK" => Condition::Optimal,
        "Predictive Failure" | "SSD Wear Out" => Condition::Suspicious,
        "Rebuilding" | "Erase In Progress" => Condition::Resyncing,
        "Failed" | "Not Supported" => Condition::Degraded,
        _ => Condition::Strange,
    }
}
