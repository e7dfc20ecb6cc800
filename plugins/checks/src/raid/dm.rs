//! RAID and mirrors of the device mapper (LVM) by `dmsetup status` (`Documentation/admin-guide/device-mapper/dm-raid.rst`,
//! `dm-log.rst`).

use super::part::{Condition, Kind, Part, Value};
use crate::machine::{Machine, odd};
use plugin_core::Blind;
use std::path::Path;

/// Input: `dmsetup`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    // Without a device there is nothing to ask, and dmsetup may need a right for that.
    let devices = machine.list("/sys/block").iter().any(|name| name.starts_with("dm-"));
    let tool = machine.tool(&["dmsetup"]).filter(|_| devices)?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let text = machine.text(tool, &["status"])?;
    let mut parts = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && line.trim() != "No devices found") {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[name, _, _, target, ref rest @ ..] = words.as_slice() else {
            return Err(odd(tool, &["status"], format!("odd line \"{line}\"")));
        };
        let name = name.trim_end_matches(':');
        let part = match target {
            "raid" => raid(name, rest),
            "mirror" => mirror(name, rest),
            _ => continue,
        };
        parts.push(part.ok_or_else(|| odd(tool, &["status"], format!("odd line \"{line}\"")))?);
    }
    Ok(parts)
}

/// `raid1 2 AA 2097152/2097152 idle 0 …`: health per drive is A alive and in sync, a alive and not in sync, D dead.
fn raid(name: &str, rest: &[&str]) -> Option<Part> {
    let &[level, count, health, ratio, ref more @ ..] = rest else { return None };
    let percent = ratio_percent(ratio)?;
    if count.parse::<usize>().ok()? != health.len() {
        return None;
    }
    let action = more.first().copied().unwrap_or("idle");
    let condition = match action {
        _ if health.contains('D') => Condition::Degraded,
        "check" | "repair" => Condition::Checking,
        _ if health.contains('a') || percent < 100.0 => Condition::Resyncing,
        "idle" | "frozen" => Condition::Optimal,
        _ => Condition::Resyncing,
    };
    let condition = if health.bytes().all(|b| b == b'D') { Condition::Failed } else { condition };
    let done = if action == "idle" && percent >= 100.0 { String::new() } else { format!(", {action} {percent:.1}%") };
    Some(Part::new(Kind::Array, name, condition, format!("{level} {health}{done}")).value((percent < 100.0).then_some(Value::Progress(percent))))
}

/// `2 254:57 254:58 2048/2048 1 AA 1 core`: A alive, D write failed, S sync failed, R read failed, F failed, U unclassified.
fn mirror(name: &str, rest: &[&str]) -> Option<Part> {
    let count: usize = rest.first()?.parse().ok()?;
    let (percent, health) = (ratio_percent(rest.get(count + 1)?)?, rest.get(count + 3)?);
    if health.len() != count {
        return None;
    }
    let condition = match health.bytes().all(|b| b == b'A') {
        true if percent < 100.0 => Condition::Resyncing,
        true => Condition::Optimal,
        false => Condition::Degraded,
    };
    let done = if percent < 100.0 { format!(", sync {percent:.1}%") } else { String::new() };
    Some(Part::new(Kind::Array, name, condition, format!("mirror {health}{done}")).value((percent < 100.0).then_some(Value::Progress(percent))))
}

fn ratio_percent(ratio: &str) -> Option<f64> {
    let (done, all) = ratio.split_once('/')?;
    let (done, all): (f64, f64) = (done.parse().ok()?, all.parse().ok()?);
    (all > 0.0).then_some(100.0 * done / all)
}
