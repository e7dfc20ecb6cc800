//! HP Smart Array controllers by `cciss_vol_status -V` (its manual page), which asks the driver instead of HP's tool: `/dev/cciss/cNd0`
//! of the old driver, the controllers' `/dev/sgN` of hpsa.

use super::part::{Condition, Kind, Part};
use crate::machine::{Machine, failed, odd};
use plugin_core::Blind;
use std::path::Path;

/// Input: `cciss_vol_status`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["cciss_vol_status"])?;
    Some(all(machine, &tool))
}

/// SCSI type 12 is a storage array controller (SPC-3 section 6.4.2).
fn devices(machine: &Machine<'_>) -> Vec<String> {
    let old = machine.list("/dev/cciss").into_iter().filter(|name| name.starts_with('c') && name.ends_with("d0"));
    let mut devices: Vec<String> = old.map(|name| format!("/dev/cciss/{name}")).collect();
    for name in machine.list("/sys/class/scsi_generic") {
        let attribute = |file: &str| machine.read(&format!("/sys/class/scsi_generic/{name}/device/{file}")).unwrap_or_default();
        if attribute("type").trim() == "12" && ["HP", "HPE"].contains(&attribute("vendor").trim()) {
            devices.push(format!("/dev/{name}"));
        }
    }
    devices
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let mut parts = Vec::new();
    for device in devices(machine) {
        let args = ["-V", device.as_str()];
        // Its exit code is 1 if anything is wrong with an array; the text says what.
        let output = machine.run(tool, &args)?;
        let found: Vec<Part> = output.stdout.lines().filter_map(|line| one(&device, line)).collect();
        let expected = output.stdout.lines().find_map(|line| line.trim().strip_prefix("Logical drives: ")?.trim().parse::<usize>().ok());
        let arrays = found.iter().filter(|part| part.kind == Kind::Array).count();
        if arrays == 0 && expected != Some(0) {
            return Err(failed(tool, &args, &output));
        }
        if expected.is_some_and(|expected| arrays < expected) {
            return Err(odd(tool, &args, format!("it is cut off: {arrays} of {} logical drives", expected.unwrap_or(0))));
        }
        parts.extend(found);
    }
    Ok(parts)
}

/// `/dev/sda: (Smart Array P420i) RAID 1(1+0) Volume 0 status: OK. `, `connector 1I box 1 bay 1 HP … OK`,
/// `Write cache enabled: No`
fn one(device: &str, line: &str) -> Option<Part> {
    let controller = device.rsplit('/').next().unwrap_or_default();
    let line = line.trim();
    if let Some((volume, status)) = line.split_once(" status: ") {
        let number = volume.rsplit("Volume ").next()?.trim();
        let words = status.split('.').next().unwrap_or_default().trim();
        if !volume.contains("Volume ") {
            // An enclosure.
            let condition = if words == "OK" { Condition::Optimal } else { Condition::Suspicious };
            return Some(Part::new(Kind::Enclosure, format!("{controller}/enclosure"), condition, words));
        }
        let level = volume.rsplit_once(") RAID ").map_or("?", |(_, rest)| rest.split_whitespace().next().unwrap_or("?"));
        return Some(Part::new(Kind::Array, format!("{controller}/v{number}"), volume_state(words), format!("RAID {level} {words}")));
    }
    if let Some(enabled) = line.strip_prefix("Write cache enabled:") {
        let condition = if enabled.trim() == "Yes" { Condition::Optimal } else { Condition::CacheOff };
        return Some(Part::new(Kind::Cache, controller, condition, format!("write cache enabled: {}", enabled.trim())));
    }
    let columns: Vec<&str> = line.split_whitespace().collect();
    let &["connector", connector, "box", shelf, "bay", bay, .., status] = columns.as_slice() else { return None };
    let condition = match status {
        "OK" => Condition::Optimal,
        _ if line.ends_with("Predictive Failure") || line.contains("S.M.A.R.T. predicts failure") => Condition::Suspicious,
        _ => Condition::Degraded,
    };
    let words = if status == "OK" {
        "OK"
    } else if condition == Condition::Suspicious {
        "failure predicted"
    } else {
        "not OK"
    };
    Some(Part::new(Kind::Drive, format!("{controller}/{connector}:{shelf}:{bay}"), condition, words))
}

/// The words of its manual page.
fn volume_state(words: &str) -> Condition {
    match words {
        "OK" => Condition::Optimal,
        _ if words.starts_with("Using interim recovery mode") => Condition::Degraded,
        _ if ["Ready for recovery", "Currently recovering", "Currently undergoing expansion", "Queued for expansion", "Volume is queued"]
            .iter()
            .any(|start| words.starts_with(start)) =>
        {
            Condition::Resyncing
        }
        "FAILED" | "Failed" | "Volume failed" | "Disabled" | "Not yet available" => Condition::Failed,
        _ if words.starts_with("Wrong physical drive") || words.starts_with("A physical drive is not properly") => Condition::Failed,
        _ if words.starts_with("Hardware is overheating") || words.starts_with("Hardware was overheated") => Condition::Suspicious,
        _ => Condition::Strange,
    }
}
