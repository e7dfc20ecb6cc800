//! From the space of one file system, or of a group, to findings. Pure.

use super::bound::{mirrored, scaled, written};
use super::forecast::Forecast;
use super::select::Rules;
use super::style::Style;
use super::{Seen, Sight, Space};
use plugin_core::report::Metric;
use plugin_core::{Limits, Range, Report, State, Unit};

/// Judges all: each by itself, or with its group.
pub fn judge(all: &[Seen], style: &Style, report: &mut Report) {
    let mut groups: Vec<(&str, Space, &Rules, Vec<&str>)> = Vec::new();
    let mut fine = 0;
    for seen in all {
        let Some((space, device)) = health(seen, style, report) else { continue };
        match &seen.chosen.group {
            None => {
                let name = if style.mountpoint { device.to_owned() } else { seen.chosen.path.display().to_string() };
                fine += usize::from(full(&name, space, &seen.chosen.rules, style, report));
                foretell(&name, seen.forecast, style, report);
            }
            Some(group) => {
                match groups.iter_mut().find(|(name, ..)| name == group) {
                    // A second view of the same device holds no second space.
                    Some((_, _, _, devices)) if devices.contains(&device) => (),
                    Some((_, sum, _, devices)) => {
                        *sum = sum.with(space);
                        devices.push(device);
                    }
                    None => groups.push((group, *space, &seen.chosen.rules, vec![device])),
                }
            }
        }
    }
    for (name, space, rules, _) in groups {
        fine += usize::from(full(name, &space, rules, style, report));
    }
    if style.errors_only && fine > 0 {
        report.say(State::Ok, format!("{fine} file system{} fine", if fine == 1 { "" } else { "s" }));
    }
}

/// Is it there, does it answer, can it be written? Its space, if space is to be judged.
fn health<'a>(seen: &'a Seen, style: &Style, report: &mut Report) -> Option<(&'a Space, &'a str)> {
    let device = seen.chosen.mount.as_ref().map_or("", |m| m.source.as_str());
    let path = if style.mountpoint && !device.is_empty() { device.to_owned() } else { seen.chosen.path.display().to_string() };
    match &seen.sight {
        Sight::Missing => report.say(State::Critical, format!("{path} is not mounted")),
        Sight::Hung => report.say(State::Critical, format!("{path} hangs: no answer in time")),
        Sight::Failed(reason) => report.say(State::Critical, format!("{path} can't be asked: {reason}")),
        Sight::Space(space, flipped) => {
            if *flipped {
                report.say(State::Critical, format!("{path} is read-only: the kernel has switched it after an error"));
            }
            // A file system without a size of its own (automounters) can't be full.
            if !seen.chosen.touch && space.total > 0.0 {
                return Some((space, device));
            }
            if !style.errors_only {
                report.say(State::Ok, if seen.chosen.touch { format!("{path} answers") } else { format!("{path} has no size") });
            }
        }
    }
    None
}

/// Judges the space; true where all is well and nothing was said.
fn full(name: &str, space: &Space, rules: &Rules, style: &Style, report: &mut Report) -> bool {
    // As df: what is reserved for root is neither used nor available.
    let used = 100.0 * space.used / (space.used + space.available);
    let (bytes, word) = style.unit();
    let percent = judged(&rules.percent, 100.0 - used, "%");
    // As the stock check, which counts whole units.
    let units = judged(&rules.units, (space.available / bytes).floor(), &format!(" {word}"));
    let by_units = units.0 > percent.0;
    let (state, why) = if by_units { units } else { percent };
    let quiet = state == State::Ok && style.errors_only;
    if used.is_nan() {
        report.say(State::Unknown, format!("{name} has neither used nor free space: ask df"));
    } else if !quiet {
        let free = if by_units { Unit::Bytes.words(space.available) } else { Unit::Percent.words(100.0 - used) };
        report.say(state, format!("{name} {free} free{why}"));
    }
    let total = if style.freespace_ignore_reserved { space.used + space.available } else { space.total };
    report.export(Metric::new(name, used, Unit::Percent).limits(&mirrored(&rules.percent)));
    report.export(Metric::new(format!("{name} free"), space.available, Unit::Bytes).limits(&scaled(&rules.units, bytes)).bounds(0.0, total));
    report.note(format!("{name}: {} of {} available", Unit::Bytes.words(space.available), Unit::Bytes.words(space.total)));
    inodes(name, space, rules, style, report) && quiet
}

/// Judges the inodes; true where all is well.
fn inodes(name: &str, space: &Space, rules: &Rules, style: &Style, report: &mut Report) -> bool {
    if space.inodes <= 0.0 {
        return true;
    }
    let used = 100.0 * space.inodes_used / space.inodes;
    let (state, why) = judged(&rules.inodes, 100.0 - used, "%");
    if state != State::Ok {
        report.say(state, format!("{name} {} of the inodes free{why}", Unit::Percent.words(100.0 - used)));
    }
    if style.iperfdata || rules.inodes != Limits::default() {
        report.export(Metric::new(format!("{name} inodes"), used, Unit::Percent).limits(&mirrored(&rules.inodes)));
    }
    state == State::Ok
}

fn foretell(name: &str, forecast: Option<Forecast>, style: &Style, report: &mut Report) {
    match forecast {
        None => (),
        Some(Forecast::Learning) => report.note(format!("{name}: too little seen yet to foretell when it is full")),
        Some(Forecast::Hours(hours)) => {
            let (state, why) = judged(&style.hours(), hours, " h");
            let text = if hours.is_finite() { format!("{name} is full in {hours:.1} h") } else { format!("{name} does not grow") };
            if state == State::Ok {
                report.note(format!("{name}: {}", text.trim_start_matches(name).trim_start()));
            } else {
                report.say(state, format!("{text}{why}"));
            }
            let label = format!("{name} full");
            report.export(Metric::new(label, hours * 3600.0, Unit::Seconds).limits(&scaled(&style.hours(), 3600.0)));
        }
    }
}

/// The state, and the threshold that made it in words.
fn judged(limits: &Limits, value: f64, unit: &str) -> (State, String) {
    let (state, range) = limits.judge(value);
    let bound = |range: &Range| format!(" ({} at {}{unit})", state.to_string().to_lowercase(), written(range));
    (state, range.map_or_else(String::new, bound))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests;
