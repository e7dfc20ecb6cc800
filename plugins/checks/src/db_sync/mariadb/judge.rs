//! From two MariaDB servers to findings. Pure.

use super::{Channel, Gtid, Sight};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Longest error text that is shown.
const SHOWN: usize = 160;

/// A server and its name.
type Named<'a> = Option<(&'a str, &'a Sight)>;

/// Judges the pair; either may be missing. The lag that the standby admits, in seconds.
pub fn judge(primary: Named<'_>, standby: Named<'_>, lag: &Limits, behind: &Limits, report: &mut Report) -> Option<f64> {
    if let (Some((a, one)), Some((b, other))) = (primary, standby) {
        together(a, one, b, other, behind, report);
    }
    if let Some((name, sight)) = primary {
        original(name, sight, standby.is_some(), report);
    }
    standby.and_then(|(name, sight)| copy(name, sight, primary, lag, report))
}

/// What only both together show.
fn together(a: &str, primary: &Sight, b: &str, standby: &Sight, behind: &Limits, report: &mut Report) {
    if !primary.read_only && !standby.read_only {
        let how = if standby.channels.is_empty() { "replicates from nobody" } else { "has a replica's channel but read_only=0" };
        report.say(State::Critical, format!("SPLIT BRAIN: {a} and {b} are both writable, {b} {how}"));
    }
    if primary.read_only && standby.read_only {
        report.say(State::Critical, format!("{a} and {b} are both read-only: nobody accepts a write"));
    }
    if primary.server_id == standby.server_id {
        report.say(State::Critical, format!("{a} and {b} have the same server_id {}", primary.server_id));
    }
    let missing: u64 = primary.written.iter().map(|w| w.seq.saturating_sub(seq(&standby.applied, w.domain))).sum();
    if !primary.written.is_empty() {
        if behind.judge(missing as f64).0 == State::Ok {
            report.export(Metric::new("missing", missing as f64, Unit::Number).limits(behind));
        } else {
            report.measure("missing", missing as f64, Unit::Number, behind);
        }
        report.detail(1, format!("{b} has still to apply {missing} transactions of {a}"));
    }
}

fn original(name: &str, sight: &Sight, has_standby: bool, report: &mut Report) {
    if !sight.channels.is_empty() && sight.read_only {
        report.say(State::Critical, format!("{name} is a replica and not the primary"));
    } else if sight.read_only && !has_standby {
        report.say(State::Critical, format!("{name} is the primary and read-only"));
    } else {
        report.say(State::Ok, format!("{name} is the primary"));
    }
    report.detail(1, format!("{name}: {}, server_id {}", sight.version, sight.server_id));
}

fn copy(name: &str, sight: &Sight, primary: Named<'_>, limits: &Limits, report: &mut Report) -> Option<f64> {
    report.detail(1, format!("{name}: {}, server_id {}", sight.version, sight.server_id));
    if sight.channels.is_empty() {
        report.say(State::Critical, format!("{name} is no replica: it replicates from nobody"));
        return None;
    }
    if !sight.read_only && primary.is_none() {
        report.say(State::Warning, format!("{name} is a replica and writable; run there: SET GLOBAL read_only=1"));
    }
    if let Some(errant) = errant(sight, primary.map(|(_, sight)| sight)) {
        let text = format!("{name} has transactions of its own ({}-{}-{}): somebody wrote to the standby", errant.domain, errant.server, errant.seq);
        report.say(State::Critical, text);
    }
    let lags: Vec<Option<f64>> = sight.channels.iter().map(|c| channel(name, c, limits, report)).collect();
    lags.into_iter().flatten().reduce(f64::max)
}

/// One channel; its lag if both threads run.
fn channel(name: &str, channel: &Channel, limits: &Limits, report: &mut Report) -> Option<f64> {
    let of = if channel.name.is_empty() { String::new() } else { format!(" of channel {}", channel.name) };
    let mut thread = |what: &str, running: &str, (number, text): &(u32, String)| {
        let why = if *number == 0 { String::new() } else { format!(" (error {number}: {})", cut(text)) };
        match running {
            "Yes" => true,
            "No" => {
                report.say(State::Critical, format!("{name}: the {what} thread{of} is stopped{why}"));
                false
            }
            _ => {
                report.say(State::Critical, format!("{name}: the {what} thread{of} is not connected to {}{why}", channel.source));
                false
            }
        }
    };
    let io = thread("IO", &channel.io, &channel.io_error);
    let sql = thread("SQL", &channel.sql, &channel.sql_error);
    if !(io && sql) {
        return None;
    }
    let Some(seconds) = channel.lag else {
        report.say(State::Unknown, format!("{name}: both threads{of} run, but the server does not know how far behind they are"));
        return None;
    };
    // A delayed replica is behind on purpose.
    let lag = (seconds - channel.delay).max(0.0);
    let label = if channel.name.is_empty() { "lag".to_owned() } else { format!("lag {}", channel.name) };
    report.measure(&label, lag, Unit::Seconds, limits);
    if channel.delay > 0.0 {
        report.note(format!("{name} is kept {} behind on purpose", Unit::Seconds.words(channel.delay)));
    }
    Some(lag)
}

/// A transaction that the standby made itself and its primary does not have.
fn errant(standby: &Sight, primary: Option<&Sight>) -> Option<Gtid> {
    let own = standby.state.iter().filter(|g| g.server == standby.server_id);
    let known = |g: &Gtid| match primary {
        Some(primary) => {
            primary.state.iter().any(|p| (p.domain, p.server) == (g.domain, g.server) && p.seq >= g.seq) || seq(&primary.applied, g.domain) >= g.seq
        }
        None => seq(&standby.applied, g.domain) >= g.seq,
    };
    own.copied().find(|g| !known(g))
}

fn seq(position: &[Gtid], domain: u64) -> u64 {
    position.iter().filter(|g| g.domain == domain).map(|g| g.seq).max().unwrap_or(0)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests;
