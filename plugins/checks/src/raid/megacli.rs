//! LSI `MegaRAID` controllers by `MegaCli` ("SAS Software User Guide", chapter 4): texts of `key : value` lines, each list
//! ended by `Exit Code: 0x00`.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, odd, pair};
use plugin_core::Blind;
use std::path::Path;

const VOLUMES: [&str; 4] = ["-LDInfo", "-Lall", "-aALL", "-NoLog"];
const DRIVES: [&str; 3] = ["-PDList", "-aALL", "-NoLog"];
const BATTERY: [&str; 4] = ["-AdpBbuCmd", "-GetBbuStatus", "-aALL", "-NoLog"];

/// Input: `MegaCli64`, `MegaCli` or `megacli`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["MegaCli64", "MegaCli", "megacli64", "megacli", "megasasctl"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let volumes = ask(machine, tool, &VOLUMES)?;
    let drives = ask(machine, tool, &DRIVES)?;
    if !volumes.contains("Virtual Drive:") && !drives.contains("Slot Number:") {
        return Ok(Vec::new());
    }
    let batteries: Vec<Part> = batteries(&ask(machine, tool, &BATTERY)?);
    let mut parts = Vec::new();
    for lines in sections(&volumes, "Virtual Drive:") {
        parts.extend(volume(&lines, !batteries.is_empty()).ok_or_else(|| odd(tool, &VOLUMES, "a volume without its state"))?);
    }
    let mut members = Vec::new();
    for lines in sections(&drives, "Enclosure Device ID:") {
        members.push(drive(&lines).ok_or_else(|| odd(tool, &DRIVES, "a drive without its state"))?);
    }
    rebuild(&mut parts, &members);
    parts.extend(members);
    parts.extend(batteries);
    Ok(parts)
}

/// A volume stays degraded until its rebuild is done. The lists do not tell which drive is whose, so this is said only of the one
/// degraded volume of an adapter.
fn rebuild(volumes: &mut [Part], drives: &[Part]) {
    let adapter = |part: &Part| part.name.split('/').next().unwrap_or_default().to_owned();
    let rebuilding: Vec<String> = drives.iter().filter(|drive| drive.condition == Condition::Resyncing).map(adapter).collect();
    for id in &rebuilding {
        let mut degraded = volumes.iter_mut().filter(|volume| volume.condition == Condition::Degraded && adapter(volume) == *id);
        if let (Some(only), None) = (degraded.next(), degraded.next()) {
            only.condition = Condition::Resyncing;
            only.words.push_str(", rebuilding");
        }
    }
}

/// An answer is whole when its exit code is there. A failing one is told by its text (no battery, no adapter).
fn ask(machine: &Machine<'_>, tool: &Path, args: &[&str]) -> Result<String, Blind> {
    let text = machine.run(tool, args)?.stdout;
    if text.lines().any(|line| line.starts_with("Exit Code:")) { Ok(text) } else { Err(odd(tool, args, "it is cut off: its exit code is missing")) }
}

/// The lines of each section that starts so, with the adapter in front.
fn sections<'a>(text: &'a str, start: &str) -> Vec<Vec<&'a str>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    let mut adapter = "";
    let mut open = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("Adapter") {
            (adapter, open) = (line, false);
        } else if line.starts_with(start) {
            sections.push(vec![adapter, line]);
            open = true;
        } else if let Some(section) = sections.last_mut().filter(|_| open) {
            section.push(line);
        }
    }
    sections
}

fn value<'a>(lines: &[&'a str], key: &str) -> Option<&'a str> {
    lines.iter().filter_map(|line| pair(line)).find(|(found, _)| *found == key).map(|(_, value)| value)
}

/// `Adapter #0`, `Adapter 0 -- Virtual Drive Information:` → `a0`
fn adapter(lines: &[&str]) -> String {
    let digits: String = lines.first().unwrap_or(&"").chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    format!("a{digits}")
}

fn volume(lines: &[&str], battery: bool) -> Option<Vec<Part>> {
    let state = value(lines, "State")?;
    let condition = match state {
        "Optimal" => Condition::Optimal,
        "Degraded" | "Partially Degraded" => Condition::Degraded,
        "Offline" => Condition::Failed,
        _ => Condition::Strange,
    };
    let id = value(lines, "Virtual Drive")?.split_whitespace().next()?;
    let name = format!("{}/v{id}", adapter(lines));
    let level =
        value(lines, "RAID Level").map_or_else(String::new, |level| level.split(',').next().unwrap_or_default().replace("Primary-", "RAID-") + " ");
    let ongoing = lines
        .iter()
        .filter_map(|line| pair(line))
        .find(|(key, _)| ["Check Consistency", "Background Initialization", "Initialization", "Reconstruction"].contains(key));
    let condition = match ongoing {
        Some(("Check Consistency", _)) if condition == Condition::Optimal => Condition::Checking,
        Some(_) if condition == Condition::Optimal => Condition::Resyncing,
        _ => condition,
    };
    let more = ongoing.map_or_else(String::new, |(key, value)| format!(", {key}: {value}"));
    let mut parts = vec![Part::new(Kind::Array, &name, condition, format!("{level}{state}{more}"))];
    let (wanted, current) = (value(lines, "Default Cache Policy")?, value(lines, "Current Cache Policy")?);
    if battery && current.starts_with("WriteThrough") {
        let why = if wanted.starts_with("WriteBack") { "the controller has switched it off" } else { "it is configured so" };
        parts.push(Part::new(Kind::Cache, name, Condition::CacheOff, format!("write cache is off: {why}")));
    }
    Some(parts)
}

fn drive(lines: &[&str]) -> Option<Part> {
    let state = value(lines, "Firmware state")?;
    let count = |key: &str| value(lines, key).and_then(|text| text.parse::<f64>().ok());
    let foreign = value(lines, "Foreign State").is_some_and(|state| state != "None");
    let predicted = count("Predictive Failure Count").is_some_and(|n| n > 0.0) || value(lines, "Drive has flagged a S.M.A.R.T alert") == Some("Yes");
    let base = state.split(',').next().unwrap_or_default();
    let (kind, condition) = match base {
        "Hotspare" => (Kind::Spare, Condition::Optimal),
        "Online" | "Unconfigured(good)" | "JBOD" => (Kind::Drive, Condition::Optimal),
        "Rebuild" | "Copyback" => (Kind::Drive, Condition::Resyncing),
        "Unconfigured(bad)" => (Kind::Drive, Condition::Suspicious),
        "Failed" | "Offline" | "Missing" => (Kind::Drive, Condition::Degraded),
        _ => (Kind::Drive, Condition::Strange),
    };
    let condition = if condition == Condition::Optimal && (foreign || predicted) { Condition::Suspicious } else { condition };
    let mut words = state.to_owned();
    words.push_str(if predicted { ", failure predicted" } else { "" });
    words.push_str(if foreign { ", foreign configuration" } else { "" });
    let name = format!("{}/e{}/s{}", adapter(lines), value(lines, "Enclosure Device ID")?, value(lines, "Slot Number")?);
    let part = Part::new(kind, name, condition, words).value(value(lines, "Drive Temperature").and_then(number).map(Value::Temperature));
    Some(part.value(count("Media Error Count").map(Value::MediaErrors)).value(count("Other Error Count").map(Value::OtherErrors)))
}

/// `BBU status for Adapter: 0` and its lines; an adapter without a battery has no `BatteryType`.
fn batteries(text: &str) -> Vec<Part> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("BBU status for Adapter") {
            sections.push(vec![line]);
        } else if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections.iter().filter_map(|lines| battery(lines)).collect()
}

fn battery(lines: &[&str]) -> Option<Part> {
    let model = value(lines, "BatteryType")?;
    let yes = |key: &str| value(lines, key).is_some_and(|value| value.starts_with("Yes"));
    let flags = ["Battery Pack Missing", "Battery Replacement required", "Remaining Capacity Low", "Pack is about to fail & should be replaced"];
    let mut faults: Vec<String> = flags.into_iter().filter(|key| yes(key)).map(str::to_owned).collect();
    for (key, value) in lines.iter().filter_map(|line| pair(line)) {
        if ["Voltage", "Temperature"].contains(&key) && ["Low", "High", "Failed"].contains(&value) {
            faults.push(format!("{key} {value}"));
        }
    }
    let state = value(lines, "Battery State").filter(|state| !state.is_empty());
    let (condition, words) = if yes("Learn Cycle Active") {
        (Condition::Learning, "learns".to_owned())
    } else if !faults.is_empty() {
        (Condition::Suspicious, faults.join(", "))
    } else if state.is_some_and(|state| !["Optimal", "Operational"].contains(&state)) {
        (Condition::Suspicious, state.unwrap_or_default().to_owned())
    } else {
        (Condition::Optimal, "fine".to_owned())
    };
    let heat = lines.iter().filter_map(|line| pair(line)).find(|(key, value)| *key == "Temperature" && value.ends_with('C'));
    let part = Part::new(Kind::Battery, format!("{}/bbu", adapter(lines)), condition, format!("{model} {words}"));
    Some(part.value(heat.and_then(|(_, value)| number(value)).map(Value::Temperature)))
}
