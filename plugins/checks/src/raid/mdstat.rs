//! Software RAID of the kernel by `/proc/mdstat` and `/sys/block/mdN/md/` (`Documentation/admin-guide/md.rst`). No tool, no right.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::Machine;
use plugin_core::Blind;

const MDSTAT: &str = "/proc/mdstat";

/// Input: `/proc/mdstat`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    machine.has(MDSTAT).then(|| all(machine))
}

fn all(machine: &Machine<'_>) -> Result<Vec<Part>, Blind> {
    let text = machine.read(MDSTAT)?;
    let odd = |reason: String| Blind::Parse { what: MDSTAT.into(), reason };
    if !text.starts_with("Personalities") {
        return Err(odd("it does not start with Personalities".into()));
    }
    let mut parts = Vec::new();
    for array in arrays(&text) {
        parts.extend(judge(machine, &array).ok_or_else(|| odd(format!("odd array \"{}\"", array.join(" "))))?);
    }
    // The kernel ends the file so; without it the text is cut off.
    if !parts.is_empty() && !text.contains("unused devices:") {
        return Err(odd("it is cut off: the unused devices are missing".into()));
    }
    Ok(parts)
}

/// The lines of each array.
fn arrays(text: &str) -> Vec<Vec<&str>> {
    let mut arrays: Vec<Vec<&str>> = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty() && !line.starts_with("unused")) {
        if line.starts_with(char::is_whitespace) {
            if let Some(array) = arrays.last_mut() {
                array.push(line.trim());
            }
        } else {
            arrays.push(vec![line]);
        }
    }
    arrays
}

/// `md0 : active raid5 sdc1[3](F) sdb1[0] sdd1[2]`, `8385664 blocks level 5, … [3/2] [U_U]`, `[=>…]  recovery = 12.6% (…)`
fn judge(machine: &Machine<'_>, lines: &[&str]) -> Option<Vec<Part>> {
    let (name, rest) = lines.first()?.split_once(" : ")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let level = words.iter().find(|word| word.starts_with("raid") || ["linear", "multipath", "faulty"].contains(*word)).copied();
    let container = lines.iter().any(|line| line.contains("external:imsm") || line.contains("external:ddf"));
    let mut parts: Vec<Part> = words.iter().filter_map(|word| member(name, word)).filter(|_| !container).collect();
    if container {
        return Some(vec![Part::new(Kind::Array, name, Condition::Optimal, "container of arrays")]);
    }
    if !words.first()?.starts_with("active") {
        // Never assembled, so nobody uses it: a stray drive looks the same.
        parts.push(Part::new(Kind::Array, name, Condition::Degraded, format!("is {}", words.first()?)));
        return Some(parts);
    }
    let counts = lines.iter().find_map(|line| counts(line));
    let redundant = level.is_some_and(|level| !["raid0", "linear"].contains(&level));
    if redundant && counts.is_none() {
        return None;
    }
    let missing = counts.map_or(0, |(wanted, there)| wanted.saturating_sub(there));
    let map = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .find(|word| word.starts_with('[') && word.ends_with(']') && word.contains(['U', '_']) && !word.contains(['>', '=']));
    let sync = lines.iter().find_map(|line| operation(line));
    let attribute = |file: &str| machine.read(&format!("/sys/block/{name}/md/{file}")).map(|text| text.trim().to_owned()).ok();
    let bearable = match level {
        Some("raid1") => counts.map_or(0, |(wanted, _)| wanted.saturating_sub(1)),
        Some("raid4" | "raid5") => 1,
        Some("raid6") => 2,
        // Of raid10 it depends on which ones; the kernel says so.
        _ => usize::MAX,
    };
    let broken = missing > bearable || ["failed", "broken"].contains(&attribute("array_state").unwrap_or_default().as_str());
    let condition = match sync.as_ref().map(|(operation, _)| *operation) {
        _ if broken => Condition::Failed,
        Some("check") if missing == 0 => Condition::Checking,
        Some("check") | None if missing > 0 => Condition::Degraded,
        Some(_) => Condition::Resyncing,
        None => Condition::Optimal,
    };
    let done = sync
        .as_ref()
        .map_or_else(String::new, |(operation, percent)| percent.map_or_else(|| format!(", {operation} waits"), |p| format!(", {operation} {p}%")));
    let read_only = if rest.contains("(read-only)") { ", read-only" } else { "" };
    let lost = if broken { ", broken" } else { "" };
    let words = format!("{} {}{lost}{read_only}{done}", level.unwrap_or("array"), map.unwrap_or("active"));
    let mismatches = attribute("mismatch_cnt").and_then(|count| count.parse().ok()).map(Value::OtherErrors);
    parts.insert(
        0,
        Part::new(Kind::Array, name, condition, words).value(sync.and_then(|(_, percent)| percent).map(Value::Progress)).value(mismatches),
    );
    Some(parts)
}

/// `sdc1[3](F)` failed, `(S)` spare, `(R)` replacement, `(W)` write-mostly, `(J)` journal.
fn member(array: &str, word: &str) -> Option<Part> {
    let (device, rest) = word.split_once('[')?;
    rest.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    let (kind, condition, words) = match rest.split_once(']')?.1 {
        "(F)" => (Kind::Drive, Condition::Degraded, "failed"),
        "(S)" => (Kind::Spare, Condition::Optimal, "spare"),
        "(R)" => (Kind::Drive, Condition::Resyncing, "replacement"),
        _ => (Kind::Drive, Condition::Optimal, "in use"),
    };
    Some(Part::new(kind, format!("{array}/{device}"), condition, words))
}

/// `[3/2]` → wanted, there.
fn counts(line: &str) -> Option<(usize, usize)> {
    line.split_whitespace().find_map(|word| {
        let (wanted, there) = word.strip_prefix('[')?.strip_suffix(']')?.split_once('/')?;
        Some((wanted.parse().ok()?, there.parse().ok()?))
    })
}

/// `recovery = 12.6% (…)`, `resync=DELAYED`, `check =  6.4%`
fn operation(line: &str) -> Option<(&'static str, Option<f64>)> {
    let names = ["recovery", "resync", "reshape", "check", "repair"];
    let name = names.into_iter().find(|name| line.contains(&format!("{name} =")) || line.contains(&format!("{name}=")))?;
    let value = line.split_once(name)?.1.split_once('=')?.1;
    Some((name, number(value)))
}
