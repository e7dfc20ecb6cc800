//! From what the clocks said to findings. Pure.

use super::packet::Sample;
use super::{Seen, Sight, Time, select};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Judges everything that was asked.
pub fn judge(check: &Time, seen: &Seen, report: &mut Report) {
    let known = servers(check, seen, report);
    let compared = peer(check, seen, report);
    let asked = !seen.servers.is_empty() || seen.peer.is_some();
    if asked && !known && !compared {
        report.say(check.no_answer, "nobody told the time");
    }
    daemons(seen, report);
}

/// One believable server.
struct Told<'a> {
    name: &'a str,
    sample: Sample,
    jitter: f64,
    answers: usize,
    stratum: u8,
    root: f64,
}

/// True if at least one server told a time.
fn servers(check: &Time, seen: &Seen, report: &mut Report) -> bool {
    let mut told = Vec::new();
    for (name, sight) in &seen.servers {
        match sight {
            Sight::Clock { clock, stratum, root, synchronised: true, leap } => {
                told.push(Told { name, sample: clock.best, jitter: clock.jitter, answers: clock.answers, stratum: *stratum, root: *root });
                if *leap != 0 {
                    report.note(format!("{name} announces a leap second"));
                }
            }
            Sight::Clock { stratum, leap, .. } => {
                report.say(State::Warning, format!("{name} is not synchronised itself (leap {leap}, stratum {stratum})"));
            }
            Sight::Kiss(code) => report.say(State::Warning, format!("{name} refuses to tell this node the time ({code}): ask it less often")),
            Sight::Silent(why) => report.say(State::Warning, format!("{name}: {why}")),
            Sight::Blind(blind) => report.say(State::Unknown, format!("cannot {blind}")),
        }
    }
    if seen.servers.len() > 1 {
        report.export(Metric::new("servers", told.len() as f64, Unit::Number).bounds(0.0, seen.servers.len() as f64));
    }
    let samples: Vec<Sample> = told.iter().map(|t| t.sample).collect();
    let agree = select::agreeing(&samples);
    let majority = agree.iter().filter(|a| **a).count() * 2 > told.len();
    for (told, _) in told.iter().zip(&agree).filter(|(_, agree)| !**agree && majority) {
        report.say(State::Warning, format!("{} tells another time than the majority: {}", told.name, signed(told.sample.offset)));
    }
    if !majority && !told.is_empty() {
        let all: Vec<String> = told.iter().map(|t| format!("{} {}", t.name, signed(t.sample.offset))).collect();
        report.say(State::Unknown, format!("the servers disagree, none has a majority: {}", all.join(", ")));
        return true;
    }
    let believed = told.iter().zip(&agree).filter(|(_, agree)| **agree).map(|(told, _)| told);
    let best = believed.min_by(|a, b| a.sample.error.total_cmp(&b.sample.error));
    if let Some(best) = best {
        clock(check, best, report);
    }
    best.is_some()
}

fn clock(check: &Time, best: &Told<'_>, report: &mut Report) {
    let Told { name, sample, jitter, answers, stratum, root } = best;
    let (state, range) = check.limits.judge(sample.offset.abs());
    let at = range.map_or_else(String::new, |range| format!(" ({} at {range})", state.to_string().to_lowercase()));
    report.say(state, format!("this clock is {} {name}{at}", side(*sample)));
    if state == State::Ok && check.limits.judge(sample.error).0 != State::Ok {
        report.say(State::Unknown, format!("{name} tells the time only within ±{}, which the limits don't allow", Unit::Seconds.words(sample.error)));
    }
    let free =
        |label: &str, value: f64, limits: &Limits| Metric::new(label, value, Unit::Seconds).limits(limits).bounds(f64::NEG_INFINITY, f64::INFINITY);
    report.export(free("offset", sample.offset, &check.limits));
    report.export(Metric::new("uncertainty", sample.error, Unit::Seconds));
    report.export(Metric::new("delay", sample.delay, Unit::Seconds));
    for (label, value, unit, limit) in [
        ("jitter", *jitter, Unit::Seconds, check.jitter_warning.clone()),
        ("stratum", f64::from(*stratum), Unit::Number, check.stratum_warning.clone()),
        ("root distance", *root, Unit::Seconds, Some(check.root_warning.clone())),
    ] {
        let limits = Limits { warning: limit, critical: None };
        report.watch(label, value, unit, &limits);
    }
    report.note(format!("{name}: stratum {stratum}, {answers} of {} answers, delay {}", check.samples, Unit::Seconds.words(sample.delay)));
}

/// True if the peer told its time. RX2: the pair has to agree even where no server is to be had.
fn peer(check: &Time, seen: &Seen, report: &mut Report) -> bool {
    let Some((name, sight)) = &seen.peer else { return false };
    match sight {
        Sight::Clock { clock, synchronised, .. } => {
            let limits = Limits { warning: check.peer_warning.clone(), critical: check.peer_critical.clone() };
            let (state, range) = limits.judge(clock.best.offset.abs());
            let at = range.map_or_else(String::new, |range| format!(" ({} at {range})", state.to_string().to_lowercase()));
            report.say(state, format!("{} the other node {name}{at}", side(clock.best)));
            if !synchronised {
                report.note(format!("the other node {name} is not synchronised itself"));
            }
            report.export(Metric::new("peer offset", clock.best.offset, Unit::Seconds).limits(&limits).bounds(f64::NEG_INFINITY, f64::INFINITY));
            return true;
        }
        Sight::Kiss(code) => report.say(State::Warning, format!("the other node {name} refuses to tell this node the time ({code})")),
        Sight::Silent(why) => report.say(State::Warning, format!("the other node {name}: {why}; does its time service allow this node?")),
        Sight::Blind(blind) => report.say(State::Unknown, format!("cannot {blind}")),
    }
    false
}

fn daemons(seen: &Seen, report: &mut Report) {
    let alone = seen.servers.is_empty() && seen.peer.is_none();
    for daemon in &seen.daemons {
        match &daemon.synchronised {
            Ok(source) if alone => report.say(State::Ok, format!("{} follows {source}", daemon.name)),
            Ok(source) => report.note(format!("{} follows {source}", daemon.name)),
            Err(why) => report.say(State::Warning, format!("{} is not synchronised: {why}", daemon.name)),
        }
    }
    match seen.daemons.as_slice() {
        [] if seen.daemon_wanted => report.say(State::Warning, "no time service runs on this node: start chronyd"),
        [one, two, ..] => report.say(State::Warning, format!("{} and {} both set this clock: stop one", one.name, two.name)),
        _ => {}
    }
}

fn signed(seconds: f64) -> String {
    format!("{}{}", if seconds < 0.0 { "-" } else { "+" }, Unit::Seconds.words(seconds.abs()))
}

/// `2.5 s ±1.0 ms behind`: where our clock is, seen from the other one.
fn side(sample: Sample) -> String {
    let distance = Unit::Seconds.words(sample.offset.abs());
    format!("{distance} ±{} {}", Unit::Seconds.words(sample.error), if sample.offset >= 0.0 { "behind" } else { "ahead of" })
}

#[cfg(test)]
mod tests;
