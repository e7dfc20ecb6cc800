//! LSI Fusion-MPT controllers of the SAS1/SCSI generation by `mpt-status` (mpt-status(8)): `-p` looks for volumes, `-i ID` tells one.

use super::part::{Condition, Kind, Part};
use crate::machine::{Machine, odd};
use plugin_core::Blind;
use std::path::Path;

/// Input: `mpt-status`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["mpt-status"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let scan = machine.run(tool, &["-p"])?;
    let text = format!("{}{}", scan.stdout, scan.stderr);
    let ids: Vec<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix("Found SCSI id=")?.chars().take_while(char::is_ascii_digit).collect())).collect();
    if ids.is_empty() {
        // Every id was asked and none is a volume, or the driver is not there at all.
        return if text.contains("Checking for SCSI ID") || text.contains("Nothing found") {
            Ok(Vec::new())
        } else {
            Err(crate::machine::failed(tool, &["-p"], &scan))
        };
    }
    let mut parts = Vec::new();
    for id in ids {
        let args = ["-i", id.as_str()];
        // The exit code counts what is wrong; the text says it.
        let output = machine.run(tool, &args)?;
        let found: Vec<Part> = output.stdout.lines().filter_map(one).collect::<Result<_, _>>().map_err(|line| odd(tool, &args, line))?;
        let drives = found.iter().filter(|part| part.kind == Kind::Drive).count();
        let expected = output.stdout.lines().find_map(|line| line.split(", ").nth(1)?.strip_suffix(" phy")?.parse::<usize>().ok());
        if expected.is_none_or(|expected| drives < expected) {
            return Err(odd(tool, &args, format!("it is cut off: {drives} of {} drives", expected.unwrap_or(0))));
        }
        parts.extend(found);
    }
    Ok(parts)
}

/// `ioc0 vol_id 0 type IM, 2 phy, 68 GB, state DEGRADED, flags ENABLED RESYNC_IN_PROGRESS`,
/// `ioc0 phy 1 scsi_id 1 MAXTOR …, 68 GB, state ONLINE, flags OUT_OF_SYNC`
fn one(line: &str) -> Option<Result<Part, String>> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let &[controller, kind @ ("vol_id" | "phy"), id, ..] = columns.as_slice() else { return None };
    let (Some((_, state)), flags) = (line.split_once(", state "), line.split_once(", flags ").map_or("", |(_, flags)| flags.trim())) else {
        return Some(Err(format!("odd line \"{line}\"")));
    };
    let state = state.split(',').next().unwrap_or_default().trim();
    let words = if ["", "NONE", "ENABLED"].contains(&flags) { state.to_owned() } else { format!("{state} ({flags})") };
    Some(Ok(if kind == "vol_id" {
        let condition = match state {
            _ if flags.contains("RESYNC_IN_PROGRESS") => Condition::Resyncing,
            "OPTIMAL" => Condition::Optimal,
            "DEGRADED" => Condition::Degraded,
            "FAILED" => Condition::Failed,
            _ => Condition::Strange,
        };
        Part::new(Kind::Array, format!("{controller}/v{id}"), condition, words)
    } else {
        let condition = match state {
            "ONLINE" if flags.contains("OUT_OF_SYNC") => Condition::Resyncing,
            "ONLINE" => Condition::Optimal,
            "INITIALIZING" => Condition::Resyncing,
            "MISSING" | "OFFLINE_REQUESTED" | "FAILED_REQUESTED" | "NOT_COMPATIBLE" | "FAILED" | "OTHER_OFFLINE" => Condition::Degraded,
            _ => Condition::Strange,
        };
        Part::new(Kind::Drive, format!("{controller}/p{id}"), condition, words)
    }))
}
