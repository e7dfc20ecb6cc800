//! From parts to findings: which condition means which state, and what a failover service may say. Pure.

use super::part::{Condition, Kind, Part, Value};
use super::{FailoverOn, Policy, Seen};
use plugin_core::report::Metric;
use plugin_core::{Report, State, Unit};
use std::collections::BTreeMap;

impl Policy {
    /// What a condition means to the administrator.
    fn state(&self, condition: &Condition) -> State {
        match condition {
            Condition::Optimal => State::Ok,
            Condition::Checking => self.check,
            Condition::Resyncing => self.resync,
            Condition::Learning => self.bbulearn,
            Condition::CacheOff => self.cache_fail,
            Condition::Suspicious => State::Warning,
            Condition::Degraded | Condition::Failed => State::Critical,
            Condition::Strange => State::Unknown,
        }
    }

    /// What a condition means to a takeover: only what moving away from this node cures (MD16, "severe only").
    fn failover_state(&self, condition: &Condition) -> State {
        match condition {
            Condition::Failed => State::Critical,
            Condition::Degraded if self.failover_on == FailoverOn::Degraded => State::Critical,
            Condition::Strange => State::Unknown,
            _ => State::Ok,
        }
    }

    fn ignores(&self, backend: &str, part: &Part) -> bool {
        let full = format!("{backend} {}", part.name);
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => part.name.starts_with(start) || full.starts_with(start),
            None => part.name == pattern || full == pattern,
        };
        self.ignore.iter().any(|pattern| matches(pattern))
    }
}

/// Judges what the back ends saw.
pub fn judge(seen: &[Seen], policy: &Policy, report: &mut Report) {
    if seen.iter().all(|back| back.parts.as_ref().is_ok_and(Vec::is_empty)) {
        let text = "no RAID controller and no array was found";
        return if policy.if_present {
            report.say(State::Ok, text);
        } else {
            report.say(State::Unknown, format!("{text}; install the controller's tool, or give --if-present"));
        };
    }
    for back in seen {
        match &back.parts {
            // Whoever could not look has found nothing, neither good nor bad.
            Err(blind) => report.say(State::Unknown, format!("{}: cannot {blind}", back.backend)),
            Ok(parts) => judge_parts(back.backend, parts, policy, report),
        }
    }
}

fn judge_parts(backend: &str, parts: &[Part], policy: &Policy, report: &mut Report) {
    let mut fine: BTreeMap<Kind, usize> = BTreeMap::new();
    for part in parts {
        let text = format!("{backend} {} {}", part.name, part.words);
        report.detail(1, text.clone());
        for value in &part.values {
            export(part, *value, policy, report);
        }
        if policy.ignores(backend, part) {
            report.note(format!("ignored: {text}"));
            continue;
        }
        let condition = match policy.too_much(part) {
            Some(why) if part.condition == Condition::Optimal => {
                finding(&Condition::Suspicious, &format!("{text}, {why}"), policy, report);
                continue;
            }
            _ => &part.condition,
        };
        if *condition == Condition::Optimal {
            *fine.entry(part.kind).or_default() += 1;
        } else {
            finding(condition, &text, policy, report);
        }
    }
    if !fine.is_empty() {
        let counts: Vec<String> = fine.into_iter().map(|(kind, count)| kind.count(count)).collect();
        report.say(State::Ok, format!("{backend}: {} fine", counts.join(", ")));
    }
}

fn finding(condition: &Condition, text: &str, policy: &Policy, report: &mut Report) {
    let admin = policy.state(condition);
    let state = if policy.failover { policy.failover_state(condition) } else { admin };
    let suffix = if state == State::Ok && admin != State::Ok { " (no reason to move)" } else { "" };
    report.say(state, format!("{text}{suffix}"));
}

impl Policy {
    /// A number beyond its threshold.
    fn too_much(&self, part: &Part) -> Option<String> {
        part.values.iter().find_map(|value| {
            let (limit, number, words) = match value {
                Value::Temperature(degrees) => (&self.temperature, *degrees, format!("{degrees} °C")),
                Value::MediaErrors(count) => (&self.media_errors, *count, format!("{count} media errors")),
                Value::OtherErrors(_) | Value::Progress(_) => return None,
            };
            let range = limit.as_ref().filter(|range| range.alerts(number) == Some(true))?;
            Some(format!("{words} (warning at {range})"))
        })
    }
}

fn export(part: &Part, value: Value, policy: &Policy, report: &mut Report) {
    let limit = |range: &Option<plugin_core::Range>| plugin_core::Limits { warning: range.clone(), critical: None };
    report.export(match value {
        Value::Temperature(degrees) => Metric::new(format!("{} temp", part.name), degrees, Unit::Number).limits(&limit(&policy.temperature)),
        Value::MediaErrors(count) => Metric::new(format!("{} media", part.name), count, Unit::Counter).limits(&limit(&policy.media_errors)),
        Value::OtherErrors(count) => Metric::new(format!("{} other", part.name), count, Unit::Counter),
        Value::Progress(percent) => Metric::new(format!("{} done", part.name), percent, Unit::Percent),
    });
}
