//! From the final answer to findings. Pure.

use super::{Answer, Login, Met, Sip};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};
use std::time::Duration;

/// Judges what was met.
pub fn judge(check: &Sip, met: &Met, report: &mut Report) {
    let server = &check.target.host;
    match met {
        Met::Elsewhere(why) => report.say(State::Ok, why),
        Met::Down(why) => report.say(State::Critical, format!("{server}: {why}")),
        Met::Answer(answer) => {
            let (state, meaning) = meaning(check, answer);
            let said = format!("{} {}", answer.code, answer.reason);
            let text = if meaning.is_empty() { said } else { format!("{said}: {meaning}") };
            report.say(state, format!("{server} answers {text} in {}", Unit::Seconds.words(average(answer))));
            details(check, answer, report);
        }
    }
}

/// Seconds.
fn average(answer: &Answer) -> f64 {
    answer.times.iter().sum::<Duration>().as_secs_f64() / answer.times.len() as f64
}

/// Several questions: what got lost, and how far the times lie apart.
fn spread(check: &Sip, answer: &Answer, report: &mut Report) {
    if check.count < 2 {
        return;
    }
    let (answered, lost) = (answer.times.len() as f64, f64::from(answer.repeated + answer.lost));
    let limits = Limits { warning: Some(check.loss_warning.clone()), critical: Some(check.loss_critical.clone()) };
    report.watch("loss", 100.0 * lost / (answered + lost), Unit::Percent, &limits);
    let seconds = |time: Option<&Duration>| time.map_or(f64::NAN, Duration::as_secs_f64);
    report.export(Metric::new("time min", seconds(answer.times.iter().min()), Unit::Seconds));
    report.export(Metric::new("time max", seconds(answer.times.iter().max()), Unit::Seconds));
    report.note(format!("{} of {} questions answered, {} sent again", answer.times.len(), check.count, answer.repeated));
}

/// What a code says about the server's life (SERVICES.md, table of section 1).
fn meaning(check: &Sip, answer: &Answer) -> (State, String) {
    let text = |text: &str| text.to_owned();
    if !check.expect.is_empty() {
        let wanted = check.expect.contains(&answer.code);
        return if wanted { (State::Ok, String::new()) } else { (State::Critical, text("not what --expect allows")) };
    }
    let user = check.user.as_deref().unwrap_or_default();
    match (answer.code, answer.login) {
        (_, Login::Refused) => (State::Critical, format!("it refuses the login of {user} (user, password or realm)")),
        (200..300, Login::Sent) => (State::Ok, format!("it lets {user} in")),
        (200..300, _) => (State::Ok, String::new()),
        (401 | 407, _) if check.user.is_some() => {
            (State::Critical, text("it wants a login that this check does not know (only Digest with MD5 or SHA-256)"))
        }
        (401 | 407, _) => (State::Ok, text("alive, it wants a login")),
        (404, _) if check.extension.is_none() && !check.register => (State::Ok, text("alive, no such address")),
        (404, _) => (State::Warning, text("no such extension")),
        (405 | 406 | 415 | 416 | 420 | 501, _) => (State::Ok, text("alive, it does not serve the question")),
        (403, _) => (State::Warning, text("it does not allow this node to ask")),
        (483, _) => (State::Critical, text("the question went round in a loop")),
        (500..600, _) => {
            let later = answer.retry_after.as_ref().map_or_else(String::new, |after| format!(", it says: try again after {after} s"));
            (State::Critical, format!("overloaded or shutting down{later}"))
        }
        _ => (State::Warning, text("alive, but it refuses")),
    }
}

fn details(check: &Sip, answer: &Answer, report: &mut Report) {
    if let Some(from) = answer.from {
        report.say(State::Warning, format!("the answer came from {from}, not from the address that was asked: phones behind NAT will not hear it"));
    }
    let server = answer.server.as_deref().unwrap_or("a server without a name");
    if let Some(wanted) = check.server.as_ref().filter(|wanted| !server.contains(wanted.as_str())) {
        report.say(State::Warning, format!("it is \"{server}\", not \"{wanted}\""));
    }
    let missing: Vec<&str> = check.allow.iter().filter(|m| !answer.allow.iter().any(|a| a.eq_ignore_ascii_case(m))).map(String::as_str).collect();
    if !missing.is_empty() {
        report.say(State::Warning, format!("it does not allow {}", missing.join(", ")));
    }
    for silent in &answer.silent {
        report.say(State::Warning, format!("{silent}; the next server of the domain answers"));
    }
    report.watch("time", average(answer), Unit::Seconds, &check.limits);
    let limits = Limits { warning: check.repeat_warning.clone(), critical: None };
    report.watch("repeated", f64::from(answer.repeated), Unit::Number, &limits);
    spread(check, answer, report);
    check.trust.judge(answer.days, report);
    report.detail(1, server);
    if !answer.allow.is_empty() {
        report.detail(1, format!("allows {}", answer.allow.join(", ")));
    }
}

#[cfg(test)]
mod tests;
