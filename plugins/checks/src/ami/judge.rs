//! From what the session showed to findings. Pure.

use super::{Ami, Item, Met, Seen};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Judges what was met.
pub fn judge(check: &Ami, met: &Met, report: &mut Report) {
    let server = &check.target.host;
    match met {
        Met::Elsewhere(why) => report.say(State::Ok, why),
        Met::Down(why) => report.say(State::Critical, format!("{server}: {why}")),
        Met::Garbage(text) => {
            let start: String = text.chars().take(60).collect();
            report.say(State::Critical, format!("what answers at {server} does not speak AMI: \"{start}\""));
        }
        Met::Refused => {
            let user = check.user.as_deref().unwrap_or_default();
            report.say(State::Critical, format!("{server} refuses the login of {user} (password, user, or permit/deny in manager.conf)"));
        }
        Met::Seen(seen) => session(check, seen, report),
    }
}

fn session(check: &Ami, seen: &Seen, report: &mut Report) {
    let server = &check.target.host;
    match (seen.logged_in, seen.pong, seen.calls) {
        (false, ..) => report.say(State::Ok, format!("{server} greets with AMI {}", seen.protocol)),
        (true, true, Some(calls)) => report.say(State::Ok, format!("{server} answers, {}", plural(calls, "call"))),
        (true, true, None) => report.say(State::Ok, format!("{server} answers")),
        (true, false, _) => report.say(State::Critical, format!("{server} does not answer Ping")),
    }
    if !seen.denied.is_empty() {
        let all: Vec<String> = seen.denied.iter().map(|(action, why)| format!("{action} ({why})")).collect();
        report.say(State::Warning, format!("{} refused: give the account write = system,reporting", all.join(", ")));
    }
    if let Some(items) = &seen.registrations {
        registrations(items, report);
    }
    if let Some(items) = &seen.peers {
        peers(check, items, report);
    }
    values(check, seen, report);
    report.detail(1, format!("AMI {}, Asterisk {}", seen.protocol, seen.version.as_deref().unwrap_or("of an unknown version")));
}

fn registrations(items: &[Item], report: &mut Report) {
    let lost: Vec<String> = items.iter().filter(|i| i.state != "Registered").map(|i| format!("{} ({})", i.name, i.state)).collect();
    if !lost.is_empty() {
        report.say(State::Critical, format!("not registered: {}", lost.join(", ")));
    }
    let good = items.len() - lost.len();
    report.export(Metric::new("registered", good as f64, Unit::Number).bounds(0.0, items.len() as f64));
}

/// `Reachable`, `OK (12 ms)`; who is not asked (`NonQualified`, `Unmonitored`) is not known to be lost.
fn is_lost(state: &str) -> bool {
    let state = state.to_ascii_uppercase();
    ["UNREACH", "UNAVAIL", "REMOVED", "UNKNOWN", "LAGGED"].iter().any(|word| state.contains(word))
}

fn peers(check: &Ami, items: &[Item], report: &mut Report) {
    for wanted in &check.peer {
        let mine: Vec<&Item> = items.iter().filter(|i| i.name == *wanted || i.name.starts_with(&format!("{wanted}/"))).collect();
        if mine.is_empty() {
            report.say(State::Critical, format!("{wanted} is not registered here"));
        } else if mine.iter().all(|i| is_lost(&i.state)) {
            let states: Vec<&str> = mine.iter().map(|i| i.state.as_str()).collect();
            report.say(State::Critical, format!("{wanted} is {}", states.join(", ")));
        }
    }
    let lost: Vec<&str> = items.iter().filter(|i| is_lost(&i.state) && !check.peer.contains(&i.name)).map(|i| i.name.as_str()).collect();
    if check.peers && !lost.is_empty() {
        report.say(State::Warning, format!("{} of {} peers unreachable: {}", lost.len(), items.len(), lost.join(", ")));
    }
    let all = items.len();
    let reached = items.iter().filter(|i| !is_lost(&i.state)).count();
    report.export(Metric::new("peers", reached as f64, Unit::Number).bounds(0.0, all as f64));
}

fn values(check: &Ami, seen: &Seen, report: &mut Report) {
    let limits = |warning: &Option<_>, critical: &Option<_>| Limits { warning: warning.clone(), critical: critical.clone() };
    report.watch("time", seen.time.as_secs_f64(), Unit::Seconds, &check.limits);
    if let Some(calls) = seen.calls {
        report.watch("calls", calls, Unit::Number, &limits(&check.calls_warning, &check.calls_critical));
    }
    if let Some(processed) = seen.processed {
        report.export(Metric::new("processed calls", processed, Unit::Counter));
    }
    if let Some(channels) = &seen.channels {
        report.watch("channels", channels.len() as f64, Unit::Number, &limits(&check.channels_warning, &check.channels_critical));
        let longest = channels.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let time = longest.map_or(0.0, |(_, time)| *time);
        let state = report.watch("longest call", time, Unit::Seconds, &limits(&check.longest_warning, &None));
        if let Some((name, _)) = longest.filter(|_| state != State::Ok) {
            report.note(format!("the longest call is {name}"));
        }
    }
    match seen.uptime {
        Some(uptime) => drop(report.watch("uptime", uptime, Unit::Seconds, &limits(&check.uptime_warning, &None))),
        None if check.uptime_warning.is_some() => {
            report.say(State::Unknown, "it does not tell since when it is up: the account needs read = system");
        }
        None => {}
    }
    check.trust.judge(seen.days, report);
}

fn plural(count: f64, what: &str) -> String {
    format!("{count} {what}{}", if (count - 1.0).abs() < 0.5 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
