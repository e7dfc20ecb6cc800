//! From the comparison to findings. Pure.

use super::compare::text;
use super::peer::Compared;
use super::{Facts, FsSync};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};
use std::time::Duration;

/// How many differences the first line names.
const NAMED: usize = 3;
/// How many differences are named below it.
const LISTED: usize = 50;

/// Judges.
pub fn judge(args: &FsSync, facts: &Facts, report: &mut Report) {
    match facts {
        Facts::Served(questions) => report.say(State::Ok, format!("served {questions} questions")),
        Facts::Compared { compared, took, waiting, notes } => {
            compare(args, compared, *took, report);
            args.replicator.judge(waiting, report);
            for note in notes {
                report.note(note.clone());
            }
        }
    }
}

fn compare(args: &FsSync, compared: &Compared, took: Duration, report: &mut Report) {
    let drift = &compared.findings.drift;
    let count = drift.len() as f64;
    let limits = Limits { warning: args.warning.clone(), critical: Some(args.critical.clone()) };
    let (state, _) = limits.judge(count);
    let all = compared.here.seen;
    if drift.is_empty() {
        report.say(state, format!("{all} entries in {} are the same on both nodes", trees(compared)));
    } else {
        let named: Vec<String> = drift.iter().take(NAMED).map(|d| format!("{} ({})", text(&d.path), d.what)).collect();
        let more = if drift.len() > NAMED { format!(" and {} more", drift.len() - NAMED) } else { String::new() };
        let least = if compared.cut { "at least " } else { "" };
        let noun = if drift.len() == 1 { "difference" } else { "differences" };
        report.say(state, format!("{least}{} {noun}: {}{more}", drift.len(), named.join("; ")));
        for drift in drift.iter().skip(NAMED).take(LISTED) {
            report.note(format!("{}: {}", text(&drift.path), drift.what));
        }
    }
    blindness(args, compared, report);
    if compared.findings.in_flight > 0 {
        report.note(format!("{} changes are younger than {} and no drift yet", compared.findings.in_flight, args.grace));
    }
    report.detail(1, format!("{} entries here, {} there; {} B crossed the wire", all, compared.there.seen, compared.traffic));
    report.export(Metric::new("differences", count, Unit::Number).limits(&limits).bounds(0.0, all as f64));
    report.export(Metric::new("in flight", compared.findings.in_flight as f64, Unit::Number));
    report.export(Metric::new("entries", all as f64, Unit::Number));
    report.export(Metric::new("read", (compared.here.read + compared.there.read) as f64, Unit::Bytes));
    report.export(Metric::new("traffic", compared.traffic as f64, Unit::Bytes));
    report.export(Metric::new("time", took.as_secs_f64(), Unit::Seconds));
}

fn trees(compared: &Compared) -> String {
    let there = compared.here.roots.iter().flatten().count();
    if there == 1 { "1 tree".to_owned() } else { format!("{there} trees") }
}

/// What could not be seen is never called equal.
fn blindness(args: &FsSync, compared: &Compared, report: &mut Report) {
    for (where_, trees) in [("here", &compared.here), ("on the peer", &compared.there)] {
        if trees.unreadable > 0 {
            let examples: Vec<String> = trees.examples.iter().map(|e| text(e)).collect();
            report.say(State::Unknown, format!("{} entries can't be read {where_}: {}", trees.unreadable, examples.join("; ")));
        }
    }
    let known = compared.here.unreadable + compared.there.unreadable;
    if compared.findings.blind > known {
        report.say(State::Unknown, format!("{} entries could not be compared", compared.findings.blind));
    }
    for path in &compared.absent {
        // A list that ships with the product may name what this node does not have; a person's own may not.
        if args.path.iter().any(|given| text(given.as_os_str().as_encoded_bytes()) == *path) {
            report.say(State::Unknown, format!("{path} is on neither node"));
        } else {
            report.detail(1, format!("{path} is on neither node"));
        }
    }
}
