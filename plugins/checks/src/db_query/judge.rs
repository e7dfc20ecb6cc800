//! From an answer to findings. Pure.

use super::{Answer, DbQuery, Facts};
use crate::db::Table;
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Longest text of a value that is shown.
const SHOWN: usize = 60;

/// Judges the answer.
pub fn judge(check: &DbQuery, facts: &Facts, report: &mut Report) {
    let answer = match &facts.answer {
        Ok(answer) => answer,
        Err(fault) => {
            let (state, text) = fault.verdict();
            return report.say(state, format!("{} {text}", facts.server));
        }
    };
    if check.labelled {
        labelled(check, &answer.table, report);
    } else {
        first(check, &answer.table, report);
    }
    size(check, answer, report);
    times(check, answer, report);
    let words = |time: std::time::Duration| Unit::Seconds.words(time.as_secs_f64());
    report.note(format!("{}, {}: logged in within {}, answered within {}", facts.server, answer.version, words(answer.connect), words(answer.query)));
}

/// The first value: its text, then its number.
fn first(check: &DbQuery, table: &Table, report: &mut Report) {
    let Some(row) = table.rows.first() else { return report.say(check.no_rows, "the query returned no row") };
    let Some(value) = row.first().and_then(Option::as_deref) else {
        return report.say(check.null, format!("{} is NULL", check.label));
    };
    let shown = cut(value);
    if let Some(wanted) = check.expect.as_deref().filter(|wanted| *wanted != value) {
        report.say(State::Critical, format!("{} is \"{shown}\" instead of \"{}\"", check.label, cut(wanted)));
    }
    if let Some(regex) = check.regex.as_ref().filter(|regex| !regex.is_match(value)) {
        report.say(State::Critical, format!("{} is \"{shown}\", which /{}/ does not match", check.label, regex.as_str()));
    }
    let limited = check.value.warning.is_some() || check.value.critical.is_some();
    let matched = check.expect.is_some() || check.regex.is_some();
    match number(value) {
        Some(number) if limited || !matched => _ = report.measure(&check.label, number, Unit::Number, &check.value),
        None if limited => report.say(State::Unknown, format!("{} is \"{shown}\", which is no number for the thresholds", check.label)),
        _ => report.say(State::Ok, format!("{} \"{shown}\"", check.label)),
    }
}

/// Every row: label, value.
fn labelled(check: &DbQuery, table: &Table, report: &mut Report) {
    if table.rows.is_empty() {
        return report.say(check.no_rows, "the query returned no row");
    }
    for row in &table.rows {
        let label = row.first().and_then(Option::as_deref).unwrap_or("NULL");
        match row.get(1) {
            None => return report.say(State::Unknown, "the query has one column; --labelled needs a label and a value"),
            Some(None) => report.say(check.null, format!("{label} is NULL")),
            Some(Some(value)) => match number(value) {
                Some(number) => _ = report.measure(label, number, Unit::Number, &check.value),
                None => report.say(State::Unknown, format!("{label} is \"{}\", which is no number", cut(value))),
            },
        }
    }
}

fn size(check: &DbQuery, answer: &Answer, report: &mut Report) {
    let limits = Limits { warning: check.rows_warning.clone(), critical: check.rows_critical.clone() };
    let rows = answer.table.rows.len() as f64;
    if answer.table.more {
        report.note(format!("only the first {} rows were read (--max-rows)", answer.table.rows.len()));
    }
    measure("rows", rows, Unit::Number, &limits, report);
}

fn times(check: &DbQuery, answer: &Answer, report: &mut Report) {
    let connect = Limits { warning: check.connect_warning.clone(), critical: check.connect_critical.clone() };
    let query = Limits { warning: check.time_warning.clone(), critical: check.time_critical.clone() };
    measure("connect", answer.connect.as_secs_f64(), Unit::Seconds, &connect, report);
    measure("query", answer.query.as_secs_f64(), Unit::Seconds, &query, report);
}

/// Worded only if somebody set a limit; exported always.
fn measure(label: &str, value: f64, unit: Unit, limits: &Limits, report: &mut Report) {
    if limits.judge(value).0 == State::Ok {
        report.export(Metric::new(label, value, unit).limits(limits));
    } else {
        report.measure(label, value, unit, limits);
    }
}

/// A finite decimal number; `t` and `f` are how PostgreSQL writes a boolean.
fn number(text: &str) -> Option<f64> {
    match text {
        "t" => Some(1.0),
        "f" => Some(0.0),
        _ => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests;
