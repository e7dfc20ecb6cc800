//! 3ware controllers by `tw_cli` ("3ware SATA+SAS RAID Controller Card CLI Guide", 9.5.2): `show` lists controllers, `/cN show` has
//! one table each for units, ports and the battery, `/cN/eN show all` those of an enclosure.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, failed, odd};
use plugin_core::Blind;
use std::path::Path;

/// Input: `tw_cli` or `tw_cli.x86_64`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["tw_cli", "tw_cli.x86_64", "tw_cli64"])?;
    Some(all(machine, &tool))
}

/// One line of the controllers' table: what the other tables have to add up to.
struct Controller {
    name: String,
    drives: usize,
    units: usize,
    battery: bool,
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let output = machine.run(tool, &["show"])?;
    if output.stdout.to_lowercase().contains("no controller") {
        return Ok(Vec::new());
    }
    if !output.success() {
        return Err(failed(tool, &["show"], &output));
    }
    let list = output.stdout;
    if !list.lines().any(|line| line.starts_with("Ctl ")) {
        return Err(odd(tool, &["show"], "it has no table of controllers"));
    }
    let mut parts = Vec::new();
    for controller in list.lines().filter_map(controller) {
        let path = format!("/{}", controller.name);
        let args = [path.as_str(), "show"];
        let found = tables(&controller, &machine.text(tool, &args)?).map_err(|reason| odd(tool, &args, reason))?;
        parts.extend(found);
    }
    for enclosure in list.lines().filter_map(enclosure) {
        let args = [enclosure.as_str(), "show", "all"];
        let text = machine.text(tool, &args)?;
        if !text.lines().any(|line| line.starts_with("Encl")) {
            return Err(odd(tool, &args, "it has no table of the enclosure"));
        }
        parts.extend(text.lines().filter_map(|line| sensor(enclosure.trim_start_matches('/'), line)));
    }
    Ok(parts)
}

fn columns(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Is the word a letter and a number (`u0`)?
fn numbered(word: &str, letters: &str) -> bool {
    word.strip_prefix(letters).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// `c0  9650SE-8LPML  8  8  1  0  1  1  OK`
fn controller(line: &str) -> Option<Controller> {
    let columns = columns(line);
    let name = columns.first().filter(|name| numbered(name, "c"))?;
    let count = |at: usize| columns.get(at)?.parse().ok();
    let battery = columns.get(8).is_some_and(|battery| *battery != "-");
    Some(Controller { name: (*name).to_owned(), drives: count(3)?, units: count(4)?, battery })
}

/// `/c0/e0  12 …` below the controllers; older ones write `e0`.
fn enclosure(line: &str) -> Option<String> {
    let name = line.split_whitespace().next()?;
    let last = name.rsplit('/').next().filter(|last| numbered(last, "e"))?;
    Some(if name.starts_with("/c") { name.to_owned() } else { format!("/c0/{last}") })
}

fn tables(controller: &Controller, text: &str) -> Result<Vec<Part>, String> {
    let rows = |letters: &'static str| text.lines().map(columns).filter(move |row| row.first().is_some_and(|first| numbered(first, letters)));
    let units: Vec<_> = rows("u").map(|row| unit(controller, &row)).collect::<Result<Vec<_>, _>>()?.concat();
    let drives: Vec<_> = rows("p").map(|row| port(controller, &row)).collect::<Result<Vec<_>, _>>()?;
    let (unit_count, drive_count) = (rows("u").count(), drives.iter().flatten().count());
    if unit_count < controller.units || drive_count < controller.drives {
        let (units, drives) = (controller.units, controller.drives);
        return Err(format!("it is cut off: {unit_count} of {units} units and {drive_count} of {drives} drives"));
    }
    let batteries: Vec<_> = text.lines().map(columns).filter(|row| row.first() == Some(&"bbu")).collect();
    if controller.battery && batteries.is_empty() {
        return Err("it is cut off: there is a battery and it is not told".into());
    }
    let batteries = batteries.iter().map(|row| battery(controller, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(units.into_iter().chain(drives.into_iter().flatten()).chain(batteries).collect())
}

/// `Unit UnitType Status %RCmpl %V/I/M Stripe Size(GB) Cache AVrfy`
fn unit(controller: &Controller, row: &[&str]) -> Result<Vec<Part>, String> {
    let &[unit, kind, status, rebuilt, verified, _, _, cache, ..] = row else { return Err(format!("odd unit \"{}\"", row.join(" "))) };
    let condition = match status {
        "OK" => Condition::Optimal,
        "VERIFYING" | "VERIFY-PAUSED" => Condition::Checking,
        "INITIALIZING" | "INIT-PAUSED" | "REBUILDING" | "REBUILD-PAUSED" | "MIGRATING" | "MIGRATE-PAUSED" | "RECOVERY" => Condition::Resyncing,
        "DEGRADED" => Condition::Degraded,
        "INOPERABLE" => Condition::Failed,
        _ => Condition::Strange,
    };
    let progress = number(rebuilt).or_else(|| number(verified)).map(Value::Progress);
    let name = format!("{}/{unit}", controller.name);
    let done = progress.map_or_else(String::new, |_| format!(" {}", if number(rebuilt).is_some() { rebuilt } else { verified }));
    let role = if kind == "SPARE" { Kind::Spare } else { Kind::Array };
    let mut parts = vec![Part::new(role, &name, condition, format!("{kind} {status}{done}")).value(progress)];
    // W, RiW or ON = writes are cached; without a battery nobody wants that.
    if controller.battery && ["OFF", "Ri"].contains(&cache) {
        parts.push(Part::new(Kind::Cache, name, Condition::CacheOff, "write cache is off"));
    }
    Ok(parts)
}

/// `VPort Status Unit Size …`; an empty port is no drive.
fn port(controller: &Controller, row: &[&str]) -> Result<Option<Part>, String> {
    let &[port, status, unit, ..] = row else { return Err(format!("odd port \"{}\"", row.join(" "))) };
    let condition = match status {
        "NOT-PRESENT" | "NO-DEVICE" => return Ok(None),
        "OK" | "VERIFYING" | "SPARE" => Condition::Optimal,
        "REBUILDING" | "INITIALIZING" | "MIGRATING" => Condition::Resyncing,
        "ECC-ERROR" | "SMART-FAILURE" | "NOT-SUPPORTED" | "ORPHAN" => Condition::Suspicious,
        "DEGRADED" | "DEVICE-ERROR" | "DRIVE-REMOVED" | "FAILED" | "DCB-READ-FAILURE" | "UNIT-NUMBER-CONFLICT" => Condition::Degraded,
        _ => Condition::Strange,
    };
    // A failed drive that no unit uses costs no redundancy.
    let condition = if unit == "-" && condition == Condition::Degraded { Condition::Suspicious } else { condition };
    let of = if unit == "-" { "in no unit".to_owned() } else { format!("in {unit}") };
    Ok(Some(Part::new(Kind::Drive, format!("{}/{port}", controller.name), condition, format!("{of} {status}"))))
}

/// `Name OnlineState BBUReady Status Volt Temp Hours LastCapTest`
fn battery(controller: &Controller, row: &[&str]) -> Result<Part, String> {
    let &[_, online, ready, status, volt, temperature, ..] = row else { return Err(format!("odd battery \"{}\"", row.join(" "))) };
    let condition = match status {
        "Testing" | "Charging" => Condition::Learning,
        "OK" if ready == "Yes" && volt == "OK" && temperature == "OK" => Condition::Optimal,
        _ => Condition::Suspicious,
    };
    let words = format!("battery {status} (online {online}, ready {ready}, voltage {volt}, temperature {temperature})");
    Ok(Part::new(Kind::Battery, format!("{}/bbu", controller.name), condition, words))
}

/// Fans, temperature sensors and power supplies: `temp0  OK  41C(105F)  Off`.
fn sensor(enclosure: &str, line: &str) -> Option<Part> {
    let columns = columns(line);
    let &[name, status, reading, ..] = columns.as_slice() else { return None };
    if !["fan", "temp", "pwrs", "psu", "pw"].iter().any(|letters| numbered(name, letters)) || status == "NOT-INSTALLED" {
        return None;
    }
    let condition = if status == "OK" { Condition::Optimal } else { Condition::Suspicious };
    let temperature = if numbered(name, "temp") { number(reading).map(Value::Temperature) } else { None };
    Some(Part::new(Kind::Enclosure, format!("{enclosure}/{name}"), condition, format!("{status} {reading}")).value(temperature))
}
