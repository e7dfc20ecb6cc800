//! From two PostgreSQL servers to findings. Pure.

use super::Sight;
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// A server and its name.
type Named<'a> = Option<(&'a str, &'a Sight)>;

/// Judges the pair; either may be missing. The lag that the standby admits, in seconds.
pub fn judge(primary: Named<'_>, standby: Named<'_>, lag: &Limits, behind: &Limits, report: &mut Report) -> Option<f64> {
    if let (Some((a, one)), Some((b, other))) = (primary, standby) {
        together(a, one, b, other, report);
    }
    if let Some((name, sight)) = primary {
        original(name, sight, standby.is_some(), report);
    }
    standby.and_then(|(name, sight)| copy(name, sight, primary, (lag, behind), report))
}

/// What only both together show.
fn together(a: &str, primary: &Sight, b: &str, standby: &Sight, report: &mut Report) {
    if primary.system != standby.system {
        report.say(State::Critical, format!("{a} and {b} are no pair: different system identifiers {} and {}", primary.system, standby.system));
    } else if !primary.recovery && !standby.recovery {
        let text = format!("SPLIT BRAIN: {a} and {b} are both writable primaries, on timelines {} and {}", primary.timeline, standby.timeline);
        report.say(State::Critical, text);
    } else if primary.recovery && standby.recovery {
        report.say(State::Critical, format!("{a} and {b} are both standbys: nobody accepts a write"));
    }
}

fn original(name: &str, sight: &Sight, has_standby: bool, report: &mut Report) {
    report.detail(1, format!("{name}: {}, timeline {}", sight.version, sight.timeline));
    if sight.recovery {
        if !has_standby {
            report.say(State::Critical, format!("{name} is a standby and not the primary"));
        }
        return;
    }
    report.say(State::Ok, format!("{name} is the primary"));
    if sight.senders.iter().any(|s| s.state.is_none()) {
        report.say(State::Unknown, format!("{name} shows this account no details of its standbys; run: GRANT pg_monitor TO it"));
    } else if !has_standby && !sight.senders.iter().any(|s| s.state.as_deref() == Some("streaming")) {
        report.say(State::Critical, format!("{name} streams to no standby"));
    }
    for slot in &sight.slots {
        let kept = Unit::Bytes.words(slot.kept);
        match slot.status.as_str() {
            "lost" => report.say(State::Critical, format!("slot {} of {name} is lost: its standby has to be copied anew", slot.name)),
            "unreserved" => report.say(State::Critical, format!("slot {} of {name} is about to be lost: it keeps {kept} of WAL", slot.name)),
            _ if !slot.active => report.say(State::Warning, format!("slot {} of {name} is not in use and keeps {kept} of WAL", slot.name)),
            _ => report.detail(1, format!("{name}: slot {} keeps {kept} of WAL", slot.name)),
        }
    }
}

fn copy(name: &str, sight: &Sight, primary: Named<'_>, limits: (&Limits, &Limits), report: &mut Report) -> Option<f64> {
    report.detail(1, format!("{name}: {}, timeline {}", sight.version, sight.timeline));
    if !sight.recovery {
        if primary.is_none_or(|(_, p)| p.recovery) {
            report.say(State::Critical, format!("{name} is no standby: it is a writable primary on timeline {}", sight.timeline));
        }
        return None;
    }
    let original = primary.map(|(_, p)| p).filter(|p| !p.recovery);
    let streaming = stream(name, sight, original, report);
    if sight.paused {
        report.say(State::Warning, format!("replay on {name} is paused; run there: SELECT pg_wal_replay_resume()"));
    }
    if sight.delay > 0.0 {
        report.note(format!("{name} is kept {} behind on purpose", Unit::Seconds.words(sight.delay)));
    }
    // What the primary has is the truth where it is known; what was received is all that a lone standby knows.
    let end = original.map_or(sight.received, |p| Some(p.position.max(sight.received.unwrap_or(0.0))));
    let behind = (end.unwrap_or(sight.position) - sight.position).max(0.0);
    if limits.1.judge(behind).0 == State::Ok {
        report.export(Metric::new("behind", behind, Unit::Bytes).limits(limits.1));
    } else {
        report.measure("behind", behind, Unit::Bytes, limits.1);
    }
    // The age of the last replayed commit is no lag while nothing is left to replay: the primary is idle.
    let all = sight.received.is_none_or(|received| received <= sight.position);
    let lag = if all { 0.0 } else { (sight.age.unwrap_or(f64::NAN) - sight.delay).max(0.0) };
    if !streaming && all {
        // Everything that came is replayed, but nothing comes any more: zero would be a lie.
        return None;
    }
    report.measure("lag", lag, Unit::Seconds, limits.0);
    Some(lag)
}

/// Does it receive, and from the right history?
fn stream(name: &str, sight: &Sight, primary: Option<&Sight>, report: &mut Report) -> bool {
    let Some(receiver) = &sight.receiver else {
        report.say(State::Critical, format!("{name} receives nothing: it has no connection to its primary"));
        return false;
    };
    let Some(status) = receiver.status.as_deref() else {
        report.say(State::Unknown, format!("{name} shows this account no details of its receiver; run: GRANT pg_monitor TO it"));
        return true;
    };
    if let Some(primary) = primary.filter(|p| p.timeline != receiver.timeline) {
        let text = format!("{name} follows timeline {}, the primary writes timeline {}: their histories differ", receiver.timeline, primary.timeline);
        report.say(State::Critical, text);
    }
    if status != "streaming" {
        report.say(State::Critical, format!("the receiver of {name} is {status} and not streaming"));
        return false;
    }
    report.detail(1, format!("{name}: last message of its primary {} ago", Unit::Seconds.words(receiver.silence)));
    true
}

#[cfg(test)]
mod tests;
