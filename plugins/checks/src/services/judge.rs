//! From units to findings. Pure.

use super::{Facts, Rule, Seen, Services};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit as Measure};
use std::time::Duration;

/// Judges everything but the listeners.
pub fn judge(args: &Services, facts: &Facts, report: &mut Report) {
    for text in &facts.blind {
        report.say(State::Unknown, text.clone());
    }
    let mut fine = 0_u32;
    for seen in &facts.units {
        let faults = faults(args, facts.now, seen);
        report.detail(1, describe(seen));
        if faults.is_empty() {
            fine += 1;
        }
        for (state, text) in faults {
            report.say(state, format!("{} {text}", seen.unit.id));
        }
    }
    let all = facts.units.len();
    if fine > 0 {
        let roles = if facts.roles.is_empty() { String::new() } else { format!(" ({})", facts.roles.join(", ")) };
        report.say(State::Ok, format!("{fine} of {all} units as they should be{roles}"));
    }
    report.export(Metric::new("units", all as f64, Measure::Number).bounds(0.0, all as f64));
    report.export(Metric::new("wrong", all as f64 - f64::from(fine), Measure::Number).bounds(0.0, all as f64));
    if args.counts() {
        let most = facts.units.iter().filter_map(|s| s.restarts).map(|c| c.restarts).max().unwrap_or(0);
        report.export(Metric::new("restarts", most as f64, Measure::Number).limits(&args.restarts()));
    }
    for text in &facts.notes {
        report.note(text.clone());
    }
}

fn describe(seen: &Seen) -> String {
    let unit = &seen.unit;
    let rule = match &seen.rule {
        Rule::Run => "must run",
        Rule::Rest(_) => "must not run",
        Rule::Look => "must not fail",
    };
    let file = if unit.file.is_empty() { &unit.load } else { &unit.file };
    format!("{}: {rule}; {} ({}), {file}", unit.id, unit.active, unit.sub)
}

/// What is wrong with one unit; empty if nothing is.
fn faults(args: &Services, now: Duration, seen: &Seen) -> Vec<(State, String)> {
    let mut faults: Vec<(State, String)> = Vec::new();
    faults.extend(match &seen.rule {
        Rule::Rest(why) => resting(seen, why),
        Rule::Run | Rule::Look => running(args, now, seen),
    });
    faults.extend(at_boot(args, seen));
    if let Some(count) = seen.restarts {
        let (state, _) = args.restarts().judge(count.restarts as f64);
        if state != State::Ok {
            faults.push((state, format!("was restarted {} times in {} s", count.restarts, count.within.as_secs())));
        }
    }
    if let (Some(bytes), true) = (seen.unit.memory, seen.rule == Rule::Run) {
        let limits = Limits { warning: args.memory_warning.clone(), critical: args.memory_critical.clone() };
        if let (state, Some(range)) = limits.judge(bytes) {
            faults.push((state, format!("uses {} of memory (limit {range})", Measure::Bytes.words(bytes))));
        }
    }
    faults
}

/// A unit that must not run: two of them running is how data get lost.
fn resting(seen: &Seen, why: &str) -> Option<(State, String)> {
    let unit = &seen.unit;
    let runs = !matches!(unit.active.as_str(), "inactive" | "failed");
    runs.then(|| (State::Critical, format!("runs here ({}): {why}", unit.active)))
}

fn running(args: &Services, now: Duration, seen: &Seen) -> Option<(State, String)> {
    let unit = &seen.unit;
    let must = seen.rule == Rule::Run;
    let critical = |text: String| Some((State::Critical, text));
    match unit.load.as_str() {
        "loaded" => {}
        // Other units may refer to what is not installed, and an administrator may mask what is not wanted.
        "not-found" | "masked" if !must => return None,
        "not-found" => return critical("is not installed".into()),
        "masked" => return critical("is masked".into()),
        other => return critical(format!("can't be loaded ({other})")),
    }
    let ended = || format!("{}, status {}", unit.result, if unit.status.is_empty() { "unknown" } else { &unit.status });
    let age = now.saturating_sub(unit.since);
    match (unit.active.as_str(), unit.sub.as_str()) {
        ("failed", _) => critical(format!("failed ({})", ended())),
        ("activating", "auto-restart") => critical(format!("has crashed and waits for its restart ({}, {} restarts)", ended(), unit.restarts)),
        ("active", "exited") if !matches!(unit.kind.as_str(), "oneshot" | "") && must => {
            Some((State::Warning, "counts as active, but its processes have ended".into()))
        }
        ("active", _) if unit.is_timer() && !unit.will_fire && unit.sub != "running" => {
            Some((if must { State::Critical } else { State::Warning }, "will never fire again: its timer has no next time".into()))
        }
        ("active" | "reloading" | "refreshing", _) => None,
        ("inactive", _) => idle(args, seen),
        (state, sub) if age > args.grace.or_forever() => critical(format!("is {state} ({sub}) for {} s", age.as_secs())),
        _ => None,
    }
}

/// A unit that is not running and has not failed.
fn idle(args: &Services, seen: &Seen) -> Option<(State, String)> {
    let unit = &seen.unit;
    let must = seen.rule == Rule::Run;
    let done = unit.kind == "oneshot" && !unit.remains && unit.result == "success";
    if done || seen.triggered {
        return None;
    }
    let timer = unit.is_timer();
    if must && !unit.condition {
        return Some((State::Critical, "was not started: one of its start conditions does not hold".into()));
    }
    if must {
        return Some((State::Critical, "does not run".into()));
    }
    // A timer that is enabled and was never started is how backups stop without a word.
    let enabled = matches!(unit.file.as_str(), "enabled" | "enabled-runtime");
    (enabled && unit.condition && (timer || args.drift)).then(|| (State::Warning, "is enabled and does not run".into()))
}

/// Does it start by itself at boot, and should it?
fn at_boot(args: &Services, seen: &Seen) -> Option<(State, String)> {
    let unit = &seen.unit;
    let enabled = matches!(unit.file.as_str(), "enabled" | "enabled-runtime");
    // Links that systemctl does not count as "enabled", but which pull the unit in all the same.
    let pulled = !unit.pulled_by.is_empty();
    if seen.never_at_boot {
        let how = if enabled { "is enabled".to_owned() } else { format!("is pulled in by {}", unit.pulled_by.join(", ")) };
        let text = format!("starts at boot ({how}): only twinguard may start it (SX16); run: systemctl disable {}", unit.id);
        return (enabled || pulled).then_some((State::Critical, text));
    }
    let lost = args.drift && seen.rule == Rule::Run && unit.file == "disabled" && unit.triggers.is_empty() && unit.active == "active";
    lost.then(|| (State::Warning, "runs but is disabled: it will be missing after a reboot".into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#[path = "judge/tests.rs"]
mod tests;
