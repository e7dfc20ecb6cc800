//! LSI (Broadcom) SAS2 and SAS3 Integrated RAID by `sas2ircu` and `sas3ircu` ("SAS-3 Integrated RAID Solution User Guide", appendix
//! A): `LIST` names controllers, `N DISPLAY` volumes and drives, `N STATUS` what runs on a volume.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, failed, odd, pair};
use plugin_core::Blind;
use std::path::Path;

/// Input: `sas3ircu` and `sas2ircu`; each asks the controllers of its own generation.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tools: Vec<_> = ["sas3ircu", "sas2ircu"].iter().filter_map(|name| machine.tool(&[name])).collect();
    if tools.is_empty() {
        return None;
    }
    Some(tools.iter().map(|tool| all(machine, tool)).collect::<Result<Vec<_>, _>>().map(|all| all.concat()))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let list = machine.run(tool, &["LIST"])?;
    let text = format!("{}{}", list.stdout, list.stderr);
    if text.contains("MPTLib2 Error 1") || text.to_lowercase().contains("no adapter") || text.to_lowercase().contains("no controllers") {
        return Ok(Vec::new());
    }
    if !list.success() {
        return Err(failed(tool, &["LIST"], &list));
    }
    if !text.contains("Utility Completed Successfully") {
        return Err(odd(tool, &["LIST"], "it is cut off: it does not say that it completed"));
    }
    let generation = tool.file_name().and_then(|name| name.to_str()).unwrap_or_default().trim_end_matches("ircu");
    let rows = list.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ids: Vec<String> = rows
        .filter(|row| row.len() >= 5 && row.first().is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit())))
        .filter_map(|row| row.first().map(|id| (*id).to_owned()))
        .collect();
    let mut parts = Vec::new();
    for id in ids {
        let args = [id.as_str(), "DISPLAY"];
        let text = machine.text(tool, &args)?;
        if !text.contains("Completed Successfully") {
            return Err(odd(tool, &args, "it is cut off: it does not say that it completed"));
        }
        let running = progress(&machine.run(tool, &[id.as_str(), "STATUS"])?.stdout);
        let controller = format!("{generation}c{id}");
        parts.extend(display(&controller, &text, &running).map_err(|reason| odd(tool, &args, reason))?);
    }
    Ok(parts)
}

/// Volume number → operation and percent, from `STATUS`; nothing where none runs.
fn progress(text: &str) -> Vec<(String, String, f64)> {
    let mut found: Vec<(String, String, f64)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(volume) = line.strip_prefix("IR Volume ") {
            found.push((volume.trim().to_owned(), String::new(), 0.0));
        } else if let (Some((key, value)), Some(last)) = (pair(line), found.last_mut()) {
            match key {
                "Current operation" => value.clone_into(&mut last.1),
                "Percentage complete" => last.2 = number(value).unwrap_or(0.0),
                _ => {}
            }
        }
    }
    found.retain(|(_, operation, _)| !operation.is_empty() && operation != "None");
    found
}

/// A volume or a drive with its lines.
type Section<'a> = (String, Vec<(&'a str, &'a str)>);

fn display(controller: &str, text: &str, running: &[(String, String, f64)]) -> Result<Vec<Part>, String> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in text.lines().map(str::trim) {
        let lower = line.to_lowercase();
        if let Some(volume) = lower.strip_prefix("ir volume ").filter(|rest| rest.bytes().all(|b| b.is_ascii_digit())) {
            sections.push((format!("v{volume}"), vec![]));
        } else if lower == "device is a hard disk" || lower == "device is a solid state disk" {
            sections.push(("drive".to_owned(), vec![]));
        } else if line.starts_with("---") || lower.starts_with("device is a") || lower.starts_with("initiator at") {
            sections.push((String::new(), vec![]));
        } else if let (Some(pair), Some(section)) = (pair(line), sections.last_mut()) {
            section.1.push(pair);
        }
    }
    let known = sections.iter().filter(|(name, _)| !name.is_empty());
    known.map(|section| one(controller, section, running).ok_or_else(|| format!("{} has no state", section.0))).collect()
}

fn one(controller: &str, (name, lines): &Section<'_>, running: &[(String, String, f64)]) -> Option<Part> {
    let value = |key: &str| lines.iter().find(|(found, _)| *found == key).map(|(_, value)| *value);
    if name == "drive" {
        let (state, place) = (value("State")?, format!("{controller}/{}:{}", value("Enclosure #")?, value("Slot #")?));
        let (kind, condition) = match code(state) {
            "HSP" => (Kind::Spare, Condition::Optimal),
            "OPT" | "ONL" | "RDY" | "AVL" | "SBY" => (Kind::Drive, Condition::Optimal),
            "RBLD" | "OSY" => (Kind::Drive, Condition::Resyncing),
            "FLD" | "MIS" | "DGD" => (Kind::Drive, Condition::Degraded),
            _ => (Kind::Drive, Condition::Strange),
        };
        return Some(Part::new(kind, place, condition, state));
    }
    let state = value("Status of volume")?;
    let task = running.iter().find(|(volume, _, _)| name.strip_prefix('v') == Some(volume));
    let condition = match (code(state), task.map(|(_, operation, _)| operation.as_str())) {
        ("FLD", _) => Condition::Failed,
        ("OKY" | "ONL", Some("Consistency Check")) => Condition::Checking,
        ("OKY" | "ONL" | "DGD" | "INIT", Some(_)) | ("INIT", None) => Condition::Resyncing,
        ("OKY" | "ONL" | "OPT", None) => Condition::Optimal,
        ("DGD", None) | ("MIS", _) => Condition::Degraded,
        _ => Condition::Strange,
    };
    let more = task.map_or_else(String::new, |(_, operation, percent)| format!(", {operation} {percent}%"));
    let words = format!("{} {state}{more}", value("RAID level").unwrap_or("?"));
    Some(Part::new(Kind::Array, format!("{controller}/{name}"), condition, words).value(task.map(|(_, _, percent)| Value::Progress(*percent))))
}

/// `Degraded (DGD)` → `DGD`
fn code(state: &str) -> &str {
    state.rsplit_once('(').map_or(state, |(_, rest)| rest.trim_end_matches(')'))
}
