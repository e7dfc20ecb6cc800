//! btrfs by `/sys/fs/btrfs/UUID/devinfo/` (kernel 5.14 and later: `missing`, `error_stats`). No tool, no right.
//!
//! The counters are those of `btrfs device stats`: they stay until an administrator clears them with `btrfs device stats -z`.

use super::part::{Condition, Kind, Part, Value};
use crate::machine::Machine;
use plugin_core::Blind;

const FOLDER: &str = "/sys/fs/btrfs";

/// Input: `/sys/fs/btrfs`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let systems: Vec<String> = machine.list(FOLDER).into_iter().filter(|name| name.len() == 36).collect();
    if systems.is_empty() {
        return None;
    }
    Some(systems.iter().map(|uuid| one(machine, uuid)).collect::<Result<Vec<_>, _>>().map(|all| all.concat()))
}

fn one(machine: &Machine<'_>, uuid: &str) -> Result<Vec<Part>, Blind> {
    let folder = format!("{FOLDER}/{uuid}");
    let label = machine.read(&format!("{folder}/label")).map(|text| text.trim().to_owned()).unwrap_or_default();
    let name = if label.is_empty() { uuid.chars().take(8).collect() } else { label };
    let mut drives = Vec::new();
    for id in machine.list(&format!("{folder}/devinfo")) {
        let file = |file: &str| machine.read(&format!("{folder}/devinfo/{id}/{file}"));
        let missing = file("missing")?.trim() == "1";
        // Missing before 5.14, where only the tool knows.
        let stats = file("error_stats").unwrap_or_default();
        let counts: Vec<(&str, f64)> =
            stats.lines().filter_map(|line| line.split_once(' ')).filter_map(|(key, count)| Some((key, count.trim().parse().ok()?))).collect();
        drives.push(drive(&format!("{name}/{id}"), missing, &counts));
    }
    if drives.is_empty() {
        return Err(Blind::Parse { what: folder, reason: "it lists no device".into() });
    }
    let lost = drives.iter().filter(|drive| drive.condition == Condition::Degraded).count();
    let condition = if lost > 0 { Condition::Degraded } else { Condition::Optimal };
    let words = if lost > 0 { format!("{lost} of {} devices missing", drives.len()) } else { Kind::Drive.count(drives.len()) };
    drives.insert(0, Part::new(Kind::Array, name, condition, words));
    Ok(drives)
}

fn drive(name: &str, missing: bool, counts: &[(&str, f64)]) -> Part {
    let bad: Vec<String> = counts.iter().filter(|(_, count)| *count > 0.0).map(|(key, count)| format!("{key} {count}")).collect();
    let (condition, words) = match (missing, bad.is_empty()) {
        (true, _) => (Condition::Degraded, "missing".to_owned()),
        (false, false) => (Condition::Suspicious, bad.join(", ")),
        (false, true) => (Condition::Optimal, "no errors".to_owned()),
    };
    let sum = |keys: &[&str]| counts.iter().filter(|(key, _)| keys.contains(key)).map(|(_, count)| count).sum::<f64>();
    let values = (!counts.is_empty()).then(|| {
        [Value::MediaErrors(sum(&["corruption_errs", "generation_errs"])), Value::OtherErrors(sum(&["read_errs", "write_errs", "flush_errs"]))]
    });
    Part { values: values.into_iter().flatten().collect(), ..Part::new(Kind::Drive, name, condition, words) }
}
