//! Adaptec (Microsemi, Microchip) controllers by `arcconf` ("ARCCONF Command Line Utility User's Guide"): `getversion` counts the
//! controllers, `getconfig N al` lists everything, `getstatus N` tells running tasks. A whole answer ends with `Command completed
//! successfully.`

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, failed, odd, pair};
use plugin_core::Blind;
use std::path::Path;

/// Input: `arcconf`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["arcconf"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let version = ask(machine, tool, &["getversion"])?;
    let count = version.lines().find_map(|line| pair(line).filter(|(key, _)| *key == "Controllers found")?.1.parse::<u32>().ok());
    let count = count.ok_or_else(|| odd(tool, &["getversion"], "it does not count the controllers"))?;
    let mut parts = Vec::new();
    for id in (1..=count).map(|id| id.to_string()) {
        let args = ["getconfig", id.as_str(), "al"];
        let text = ask(machine, tool, &args)?;
        let tasks = tasks(&ask(machine, tool, &["getstatus", id.as_str()])?);
        parts.extend(
            controller(&format!("c{id}"), &text, &tasks).ok_or_else(|| odd(tool, &args, "the status of the controller or of a drive is missing"))?,
        );
    }
    Ok(parts)
}

fn ask(machine: &Machine<'_>, tool: &Path, args: &[&str]) -> Result<String, Blind> {
    let output = machine.run(tool, args)?;
    if output.stdout.contains("Controllers found: 0") || output.stdout.lines().any(|line| line.trim() == "Command completed successfully.") {
        return Ok(output.stdout);
    }
    if !output.success() {
        return Err(failed(tool, args, &output));
    }
    Err(odd(tool, args, "it is cut off: it does not say that the command was completed"))
}

/// A running task: logical device, operation, percent.
struct Task {
    device: String,
    operation: String,
    percent: Option<f64>,
}

fn tasks(text: &str) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for (key, value) in text.lines().filter_map(pair) {
        match key {
            "Logical device" => {
                let device = value.split_whitespace().next().unwrap_or_default().to_owned();
                tasks.push(Task { device, operation: String::new(), percent: None });
            }
            "Current operation" => {
                if let Some(task) = tasks.last_mut() {
                    value.clone_into(&mut task.operation);
                }
            }
            "Percentage complete" => {
                if let Some(task) = tasks.last_mut() {
                    task.percent = number(value);
                }
            }
            _ => {}
        }
    }
    tasks
}

/// What a line belongs to.
enum At {
    Controller,
    Battery,
    Volume,
    Drive,
}

/// A volume or drive with its `key : value` lines.
type Section<'a> = (String, Vec<(&'a str, &'a str)>);

fn controller(name: &str, text: &str, tasks: &[Task]) -> Option<Vec<Part>> {
    let (mut main, mut battery): (Section<'_>, Section<'_>) = ((name.to_owned(), vec![]), (format!("{name}/bbu"), vec![]));
    let (mut volumes, mut drives): (Vec<Section<'_>>, Vec<Section<'_>>) = (vec![], vec![]);
    let mut at = At::Controller;
    for line in text.lines().map(str::trim) {
        let lower = line.to_lowercase();
        if lower.starts_with("logical device number") {
            at = At::Volume;
            volumes.push((format!("{name}/l{}", line.rsplit(' ').next().unwrap_or_default()), vec![]));
        } else if lower.starts_with("device #") {
            at = At::Drive;
            drives.push((format!("{name}/d{}", line.rsplit('#').next().unwrap_or_default()), vec![]));
        } else if [
            "controller battery information",
            "controller zmm information",
            "cache backup unit information",
            "controller cache backup unit information",
        ]
        .contains(&lower.as_str())
        {
            at = At::Battery;
        } else if lower.ends_with(" information") && !lower.contains("segment") {
            at = At::Controller;
        } else if let Some(pair) = pair(line) {
            match at {
                At::Controller => Some(&mut main),
                At::Battery => Some(&mut battery),
                At::Volume => volumes.last_mut(),
                At::Drive => drives.last_mut(),
            }?
            .1
            .push(pair);
        }
    }
    let batteries: Vec<Part> = backup(&battery).into_iter().collect();
    let status = value(&main, "Controller Status")?;
    let condition = match status {
        "Optimal" | "Okay" | "OK" => Condition::Optimal,
        "Degraded" => Condition::Suspicious,
        "Failed" => Condition::Failed,
        _ => Condition::Strange,
    };
    let heat = value(&main, "Temperature").and_then(number).map(Value::Temperature);
    let mut parts = vec![Part::new(Kind::Controller, name, condition, format!("controller {status}")).value(heat)];
    for section in &volumes {
        parts.extend(volume(section, tasks, !batteries.is_empty())?);
    }
    // Enclosures are devices without a state of a drive.
    parts.extend(drives.iter().filter(|section| value(section, "Firmware").is_some() || value(section, "State").is_some()).filter_map(drive));
    parts.extend(batteries);
    Some(parts)
}

fn value<'a>(section: &Section<'a>, key: &str) -> Option<&'a str> {
    section.1.iter().find(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
}

fn volume(section: &Section<'_>, tasks: &[Task], battery: bool) -> Option<Vec<Part>> {
    let status = value(section, "Status of logical device")?;
    let id = section.0.rsplit('l').next().unwrap_or_default();
    let task = tasks.iter().find(|task| task.device == id && task.operation != "None" && !task.operation.is_empty());
    let condition = match status.split(',').next().unwrap_or_default() {
        "Optimal" | "Okay" => Condition::Optimal,
        "Degraded" | "Suboptimal" | "Interim Recovery" => Condition::Degraded,
        "Failed" | "Offline" | "Not Accessible" => Condition::Failed,
        "Impacted" | "Rebuilding" | "Reconfiguring" | "Ready for Recovery" => Condition::Resyncing,
        _ => Condition::Strange,
    };
    let condition = match task.map(|task| task.operation.to_lowercase()) {
        Some(operation) if operation.contains("verif") && condition == Condition::Optimal => Condition::Checking,
        Some(operation) if !operation.contains("verif") && condition != Condition::Failed => Condition::Resyncing,
        _ => condition,
    };
    let more = task.map_or_else(String::new, |task| format!(", {} {}%", task.operation, task.percent.unwrap_or(0.0)));
    let level = value(section, "RAID level").unwrap_or("?");
    let progress = task.and_then(|task| task.percent).map(Value::Progress);
    let mut parts = vec![Part::new(Kind::Array, &section.0, condition, format!("RAID-{level} {status}{more}")).value(progress)];
    let cache = value(section, "Write-cache status").or_else(|| value(section, "Write-cache mode"));
    if battery && cache.is_some_and(|cache| cache.starts_with("Off") || cache.to_lowercase().contains("write-through")) {
        parts.push(Part::new(Kind::Cache, &section.0, Condition::CacheOff, "write cache is off"));
    }
    if value(section, "Failed stripes") == Some("Yes") {
        parts.push(Part::new(Kind::Array, &section.0, Condition::Suspicious, "has failed stripes"));
    }
    Some(parts)
}

fn drive(section: &Section<'_>) -> Option<Part> {
    let state = value(section, "State")?;
    let smart = value(section, "S.M.A.R.T. warnings").and_then(number).is_some_and(|n| n > 0.0);
    let (kind, condition) = match state {
        _ if state.contains("Hot Spare") || state.contains("Hot-Spare") => (Kind::Spare, Condition::Optimal),
        "Online" | "Online (JBOD)" | "Ready" | "Raw (Pass Through)" | "Raw" | "Optimal" => (Kind::Drive, Condition::Optimal),
        "Rebuilding" => (Kind::Drive, Condition::Resyncing),
        "Failed" | "Missing" | "Offline" => (Kind::Drive, Condition::Degraded),
        _ => (Kind::Drive, Condition::Strange),
    };
    let (condition, more) = if smart && condition == Condition::Optimal { (Condition::Suspicious, ", failure predicted") } else { (condition, "") };
    let part = Part::new(kind, &section.0, condition, format!("{state}{more}"));
    let part = part.value(value(section, "Temperature").or_else(|| value(section, "Current Temperature")).and_then(number).map(Value::Temperature));
    Some(part.value(value(section, "Medium Error Count").or_else(|| value(section, "Media Failures")).and_then(number).map(Value::MediaErrors)))
}

/// Battery, zero-maintenance module or backup unit.
fn backup(section: &Section<'_>) -> Option<Part> {
    let status =
        value(section, "Status").or_else(|| value(section, "Overall Backup Unit Status")).or_else(|| value(section, "Backup Unit Status"))?;
    let lower = status.to_lowercase();
    let condition = match lower.as_str() {
        _ if lower.contains("not installed") || lower.contains("not present") => return None,
        "optimal" | "ok" | "ready" | "zmm optimal" => Condition::Optimal,
        _ if lower.contains("charging") || lower.contains("recondition") || lower.contains("learn") => Condition::Learning,
        _ => Condition::Suspicious,
    };
    let hot = value(section, "Over temperature") == Some("Yes");
    let (condition, more) = if hot && condition == Condition::Optimal { (Condition::Suspicious, ", too hot") } else { (condition, "") };
    Some(Part::new(Kind::Battery, &section.0, condition, format!("{status}{more}")))
}
