//! Broadcom (LSI) and Dell PERC controllers by `storcli` or `perccli`, which speak JSON ("12Gb/s Tri-Mode Software User Guide",
//! `StorCLI`): `/call show all J` and, for the drives' counters, `/call/eall/sall show all J`.

use super::part::{Condition, Kind, Part, Value, number};
use crate::machine::{Machine, odd};
use plugin_core::Blind;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

const CONTROLLERS: [&str; 4] = ["/call", "show", "all", "J"];
const DRIVES: [&str; 4] = ["/call/eall/sall", "show", "all", "J"];

/// Input: `storcli64`, `storcli`, `storcli2`, `perccli64` or `perccli`.
pub fn look(machine: &Machine<'_>) -> Option<Result<Vec<Part>, Blind>> {
    let tool = machine.tool(&["storcli64", "storcli", "perccli64", "perccli"])?;
    Some(all(machine, &tool))
}

fn all(machine: &Machine<'_>, tool: &Path) -> Result<Vec<Part>, Blind> {
    let answers = ask(machine, tool, &CONTROLLERS)?;
    let controllers: Vec<&Json> = answers.iter().filter(|answer| !none(answer)).collect();
    if controllers.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(answer) = controllers.iter().find(|answer| answer.get("Response Data").is_none()) {
        let (state, description) = status(answer);
        return Err(odd(tool, &CONTROLLERS, format!("{state}: {description}")));
    }
    let drives = counters(&ask(machine, tool, &DRIVES)?);
    let mut parts = Vec::new();
    for answer in controllers {
        parts.extend(controller(answer, &drives).map_err(|reason| odd(tool, &CONTROLLERS, reason))?);
    }
    Ok(parts)
}

/// One answer per controller.
fn ask(machine: &Machine<'_>, tool: &Path, args: &[&str]) -> Result<Vec<Json>, Blind> {
    // It fails for a controller without drives too; the answer says what was the matter.
    let output = machine.run(tool, args)?;
    let json: Json = serde_json::from_str(&output.stdout).map_err(|e| odd(tool, args, e.to_string()))?;
    let answers = json.get("Controllers").and_then(Json::as_array).cloned();
    answers.filter(|answers| !answers.is_empty()).ok_or_else(|| odd(tool, args, "it names no controller"))
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default().trim()
}

fn status(answer: &Json) -> (&str, &str) {
    let status = answer.get("Command Status").unwrap_or(&Json::Null);
    (text(status, "Status"), text(status, "Description"))
}

fn none(answer: &Json) -> bool {
    status(answer).1.to_lowercase().contains("no controller found")
}

fn controller(answer: &Json, drives: &BTreeMap<String, Numbers>) -> Result<Vec<Part>, String> {
    let number_of = answer.pointer("/Command Status/Controller").and_then(Json::as_u64).ok_or("it does not number the controller")?;
    let data = answer.get("Response Data").ok_or("it has no data of the controller")?;
    let name = format!("c{number_of}");
    let rows = |table: &str| data.get(table).and_then(Json::as_array).cloned().unwrap_or_default();
    let words = data.pointer("/Status/Controller Status").and_then(Json::as_str).ok_or("it has no status of the controller")?;
    let condition = match words {
        "Optimal" | "OK" => Condition::Optimal,
        "Needs Attention" | "Degraded" => Condition::Suspicious,
        "Failed" => Condition::Failed,
        _ => Condition::Strange,
    };
    let heat = data.pointer("/HwCfg/ROC temperature(Degree Celsius)").or_else(|| data.pointer("/HwCfg/ROC temperature(Degree Celcius)"));
    let heat = heat.and_then(Json::as_f64).map(Value::Temperature);
    let mut parts = vec![Part::new(Kind::Controller, &name, condition, format!("controller {words}")).value(heat)];
    let batteries: Vec<Part> = rows("BBU_Info").iter().chain(&rows("Cachevault_Info")).map(|row| battery(&name, row)).collect();
    // A group stays degraded until its rebuild is done.
    let rebuilding: Vec<String> = rows("PD LIST").iter().filter(|row| text(row, "State") == "Rbld").map(group).collect();
    for row in rows("VD LIST") {
        parts.extend(volume(&name, &row, !batteries.is_empty(), &rebuilding));
    }
    parts.extend(rows("PD LIST").iter().map(|row| drive(&name, row, drives)));
    parts.extend(batteries);
    let expected = |key: &str| data.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if rows("VD LIST").len() < expected("Virtual Drives") || rows("PD LIST").len() < expected("Physical Drives") {
        return Err(format!("{name} has more drives than it lists"));
    }
    Ok(parts)
}

/// `{"DG/VD":"0/0","TYPE":"RAID1","State":"Optl","Cache":"RWBD",…}`
fn volume(controller: &str, row: &Json, battery: bool, rebuilding: &[String]) -> Vec<Part> {
    let (state, cache) = (text(row, "State"), text(row, "Cache"));
    let condition = match state {
        "Optl" => Condition::Optimal,
        "Dgrd" | "Pdgd" if rebuilding.iter().any(|group| text(row, "DG/VD").split('/').next() == Some(group)) => Condition::Resyncing,
        "Dgrd" | "Pdgd" => Condition::Degraded,
        "OfLn" => Condition::Failed,
        "Rec" => Condition::Resyncing,
        _ => Condition::Strange,
    };
    let name = format!("{controller}/v{}", text(row, "DG/VD").rsplit('/').next().unwrap_or_default());
    let words = format!("{} {}", text(row, "TYPE"), long(state));
    let mut parts = vec![Part::new(Kind::Array, &name, condition, words)];
    if battery && cache.contains("WT") {
        parts.push(Part::new(Kind::Cache, name, Condition::CacheOff, format!("write cache is off ({cache})")));
    }
    parts
}

/// The drive's group, a number or a sign.
fn group(row: &Json) -> String {
    row.get("DG").map_or_else(String::new, |group| group.as_str().map_or_else(|| group.to_string(), str::to_owned))
}

/// `{"EID:Slt":"252:0","State":"Onln","DG":0,…}`
fn drive(controller: &str, row: &Json, drives: &BTreeMap<String, Numbers>) -> Part {
    let state = text(row, "State");
    let foreign = text(row, "DG") == "F";
    let (kind, condition) = match state {
        _ if foreign => (Kind::Drive, Condition::Suspicious),
        "Onln" | "UGood" | "JBOD" | "UGUnsp" | "Conf" => (Kind::Drive, Condition::Optimal),
        "GHS" | "DHS" => (Kind::Spare, Condition::Optimal),
        "Rbld" | "Cpybck" => (Kind::Drive, Condition::Resyncing),
        "UBad" | "CFShld" | "HSPShld" | "UGShld" => (Kind::Drive, Condition::Suspicious),
        "Offln" | "Failed" | "Msng" | "Missing" => (Kind::Drive, Condition::Degraded),
        _ => (Kind::Drive, Condition::Strange),
    };
    let (enclosure, slot) = text(row, "EID:Slt").split_once(':').unwrap_or_default();
    let name = if enclosure.trim().is_empty() { format!("{controller}/s{slot}") } else { format!("{controller}/e{enclosure}/s{slot}") };
    let Numbers { values, predicted } = drives.get(&name).cloned().unwrap_or_default();
    let (condition, more) =
        if predicted && condition == Condition::Optimal { (Condition::Suspicious, ", failure predicted") } else { (condition, "") };
    let words = format!("{}{}{more}", long(state), if foreign { ", foreign configuration" } else { "" });
    Part { values, ..Part::new(kind, name, condition, words) }
}

/// What a drive counts.
#[derive(Clone, Default)]
struct Numbers {
    values: Vec<Value>,
    /// It predicts its failure.
    predicted: bool,
}

fn long(state: &str) -> &str {
    match state {
        "Optl" => "optimal",
        "Dgrd" => "degraded",
        "Pdgd" => "partially degraded",
        "OfLn" | "Offln" => "offline",
        "Rec" => "recovering",
        "Onln" => "online",
        "UGood" => "unconfigured good",
        "UBad" => "unconfigured bad",
        "GHS" => "global hot spare",
        "DHS" => "dedicated hot spare",
        "Rbld" => "rebuilding",
        "Cpybck" => "copying back",
        "Msng" => "missing",
        other => other,
    }
}

/// `{"Model":"CVPM02","State":"Optimal","Temp":"28C",…}`
fn battery(controller: &str, row: &Json) -> Part {
    let (state, model) = (text(row, "State"), text(row, "Model"));
    let condition = match state.to_lowercase().as_str() {
        "optimal" | "opt" => Condition::Optimal,
        "learning" | "learn" | "charging" | "discharging" => Condition::Learning,
        _ => Condition::Suspicious,
    };
    let heat = number(text(row, "Temp")).map(Value::Temperature);
    Part::new(Kind::Battery, format!("{controller}/bbu"), condition, format!("{model} {state}")).value(heat)
}

/// Drive as [`drive`] names it → its numbers, from `"Drive /c0/e252/s0 State"` wherever it stands.
fn counters(answers: &[Json]) -> BTreeMap<String, Numbers> {
    let mut found = BTreeMap::new();
    let data = answers.iter().filter_map(|answer| answer.get("Response Data").and_then(Json::as_object)).flatten();
    for (key, state) in data.filter_map(|(_, details)| details.as_object()).flatten() {
        let Some(name) = key.strip_prefix("Drive /").and_then(|key| key.strip_suffix(" State")) else { continue };
        let count = |key: &str| state.get(key).and_then(Json::as_f64);
        let mut values: Vec<Value> = number(text(state, "Drive Temperature")).map(Value::Temperature).into_iter().collect();
        values.extend(count("Media Error Count").map(Value::MediaErrors));
        values.extend(count("Other Error Count").map(Value::OtherErrors));
        let predicted = count("Predictive Failure Count").is_some_and(|n| n > 0.0) || text(state, "S.M.A.R.T alert flagged by drive") == "Yes";
        found.insert(name.to_owned(), Numbers { values, predicted });
    }
    found
}
