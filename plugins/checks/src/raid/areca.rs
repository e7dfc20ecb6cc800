//! Areca controllers by `cli64` ("ARC-1xxx Command Line Interface Reference"): `rsf info` lists RAID sets, `vsf info` volumes, `disk
//! info` drives; a whole answer ends with `GuiErrMsg<0x00>: Success.`

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, odd};
use plugin_core::Blind;
use std::path::Path;

/// Input: `cli64`, `areca-cli` or `cli32`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["cli64", "areca-cli", "areca.cli64", "cli32"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let sets = ask(machine, tool, &["rsf", "info"])?;
    let Some(sets) = sets else { return Ok(Vec::new()) };
    let volumes = ask(machine, tool, &["vsf", "info"])?.unwrap_or_default();
    let disks = ask(machine, tool, &["disk", "info"])?.unwrap_or_default();
    let mut parts: Vec<Part> = rows(&sets).filter_map(set).collect();
    parts.extend(rows(&volumes).filter_map(volume));
    parts.extend(rows(&disks).filter_map(disk));
    if parts.is_empty() && rows(&sets).count() > 0 {
        return Err(odd(tool, &["rsf", "info"], "its table has other columns than are known"));
    }
    Ok(parts)
}

/// `None`: no controller.
fn ask(machine: &Machine<'_>, tool: &Path, args: &[&str]) -> Result<Option<String>, Blind> {
    let text = machine.run(tool, args)?.stdout;
    if text.contains("GuiErrMsg<0x00>") {
        return Ok(Some(text));
    }
    // "ErrMsg: No Controller Found" in several spellings.
    if text.to_lowercase().contains("no controller") || text.to_lowercase().contains("controller not found") {
        return Ok(None);
    }
    let last = text.lines().rfind(|line| line.contains("ErrMsg")).map_or("it is cut off: GuiErrMsg is missing", str::trim);
    Err(odd(tool, args, last))
}

/// Lines between the rules that start with a number.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
}

/// Columns are separated by two blanks or more where names may hold one.
fn last_columns(row: &str) -> Vec<&str> {
    row.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect()
}

fn condition(state: &str) -> Condition {
    let start = state.split('(').next().unwrap_or_default().trim();
    match start.to_lowercase().as_str() {
        "normal" => Condition::Optimal,
        "checking" => Condition::Checking,
        "rebuilding" | "initializing" | "migrating" | "need rebuild" | "need init" | "expanding" | "foreground init" => Condition::Resyncing,
        // A set of a stray drive is incomplete too.
        "degraded" | "incomplete" => Condition::Degraded,
        "failed" | "offline" => Condition::Failed,
        _ => Condition::Strange,
    }
}

/// ` 1  data                15 11250.0GB    0.0GB 123456789ABCDEF    Rebuilding`
fn set(row: &str) -> Option<Part> {
    let columns = last_columns(row);
    let (id, name, state) = (columns.first()?, columns.get(1)?, columns.last()?);
    Some(Part::new(Kind::Array, format!("set{}", id.split(' ').next()?), condition(state), format!("{name} {state}")))
}

/// ` 1  ARC-1280-VOL#00  data  Raid6  9750.0GB 00/00/00  Rebuilding(12.3%)`
fn volume(row: &str) -> Option<Part> {
    let columns: Vec<&str> = row.split_whitespace().collect();
    let (id, name, state) = (columns.first()?, columns.get(1)?, columns.last()?);
    let progress = state.split_once('(').and_then(|(_, rest)| number(rest)).map(Value::Progress);
    Some(Part::new(Kind::Array, format!("volume{id}"), condition(state), format!("{name} {state}")).value(progress))
}

/// ` 16 16  WDC WD7502ABYS-05A6B0            750.2GB  Failed`
fn disk(row: &str) -> Option<Part> {
    let columns = last_columns(row);
    let usage = *columns.last()?;
    if usage == "N.A." || row.contains(" 0.0GB") {
        return None;
    }
    let id = row.split_whitespace().next()?;
    let (kind, condition) = match usage.to_lowercase().as_str() {
        lower if lower.starts_with("hotspare") => (Kind::Spare, Condition::Optimal),
        "failed" => (Kind::Drive, Condition::Degraded),
        // A drive that belongs to no set although it did: a returned or foreign one.
        "incomplete" | "free(incomplete)" => (Kind::Drive, Condition::Suspicious),
        _ => (Kind::Drive, Condition::Optimal),
    };
    Some(Part::new(kind, format!("disk{id}"), condition, usage))
}
