//! What a check found, and how it is printed: one line of verdict with performance data, details below (CHECKS.md points
//! 3, 4 and 8). Pure; `run` writes it.
//!
//! Refuses to call nothing OK: an empty report is UNKNOWN, and so is a value that is not a number.

mod metric;

pub use metric::{Metric, Unit};

use crate::{Limits, State};

/// Longest output without `-vv` (Nagios cuts at 8 KiB).
const MOST: usize = 8 << 10;

/// Findings, notes and values of one check.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Report {
    findings: Vec<(State, String)>,
    notes: Vec<(u8, String)>,
    metrics: Vec<Metric>,
}

impl Report {
    /// Adds a finding. The worst ones make the state and the first line.
    pub fn say(&mut self, state: State, text: impl Into<String>) {
        self.findings.push((state, text.into()));
    }

    /// Adds a line below the first one that is always shown, without a state of its own.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push((0, text.into()));
    }

    /// Adds a line that is shown from that many `-v` on.
    pub fn detail(&mut self, verbosity: u8, text: impl Into<String>) {
        self.notes.push((verbosity, text.into()));
    }

    /// Judges, words and exports one value from the same limits. NaN is UNKNOWN.
    pub fn measure(&mut self, label: &str, value: f64, unit: Unit, limits: &Limits) -> State {
        let (state, range) = limits.judge(value);
        let text = match (state, range) {
            (State::Unknown, _) => format!("{label} is no number"),
            (_, Some(range)) => format!("{label} {} ({} at {range})", unit.words(value), state.to_string().to_lowercase()),
            (_, None) => format!("{label} {}", unit.words(value)),
        };
        self.say(state, text);
        self.export(Metric::new(label, value, unit).limits(limits));
        state
    }

    /// As [`Report::measure`], but a value inside its limits is only exported.
    pub fn watch(&mut self, label: &str, value: f64, unit: Unit, limits: &Limits) -> State {
        if limits.judge(value).0 == State::Ok {
            self.export(Metric::new(label, value, unit).limits(limits));
            return State::Ok;
        }
        self.measure(label, value, unit, limits)
    }

    /// Exports a value that nobody judges, or one judged under other words.
    pub fn export(&mut self, metric: Metric) {
        self.metrics.push(metric);
    }

    /// The worst finding; UNKNOWN if there is none.
    pub fn state(&self) -> State {
        self.findings.iter().map(|(state, _)| *state).max().unwrap_or(State::Unknown)
    }

    /// What stdout gets: `TITLE STATE - worst findings | performance data`, then the notes, then the lesser findings.
    pub fn render(&self, title: &str, verbosity: u8) -> String {
        let state = self.state();
        let worst: Vec<String> = self.findings.iter().filter(|(s, _)| *s == state).map(|(_, text)| clean(text)).collect();
        let headline = if worst.is_empty() { "nothing was found to judge".to_owned() } else { worst.join(", ") };
        let mut out = format!("{title} {state} - {headline}");
        let metrics: Vec<String> = self.metrics.iter().filter_map(Metric::render).collect();
        if !metrics.is_empty() {
            out.push_str(" | ");
            out.push_str(&metrics.join(" "));
        }
        out.push('\n');
        let shown = self.notes.iter().filter(|(least, _)| *least <= verbosity).map(|(_, text)| clean(text));
        let lesser = self.findings.iter().filter(|(s, _)| *s != state).map(|(s, text)| format!("{s}: {}", clean(text)));
        for line in shown.chain(lesser) {
            if verbosity < 2 && out.len() + line.len() + 1 > MOST - 16 {
                out.push_str("... (-vv)\n");
                break;
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }
}

/// One line without `|` (it starts performance data) and without control characters (they forge lines and colours).
fn clean(text: &str) -> String {
    text.trim().chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(warning: &str, critical: &str) -> Limits {
        Limits { warning: warning.parse().ok(), critical: critical.parse().ok() }
    }

    #[test]
    fn nothing_found_is_unknown() {
        assert_eq!(Report::default().render("TEST", 0), "TEST UNKNOWN - nothing was found to judge\n");
    }

    #[test]
    fn unknown_does_not_hide_critical_and_the_worst_comes_first() {
        let mut report = Report::default();
        report.say(State::Ok, "one");
        report.say(State::Unknown, "two");
        report.say(State::Critical, "three");
        report.note("note");
        report.detail(1, "detail");
        assert_eq!(report.render("TEST", 0), "TEST CRITICAL - three\nnote\nOK: one\nUNKNOWN: two\n");
        assert_eq!(report.render("TEST", 1), "TEST CRITICAL - three\nnote\ndetail\nOK: one\nUNKNOWN: two\n");
    }

    #[test]
    fn a_value_is_judged_worded_and_exported_from_the_same_limits() {
        let mut report = Report::default();
        assert_eq!(report.measure("/", 91.25, Unit::Percent, &limits("80", "90")), State::Critical);
        assert_eq!(report.measure("rta", 0.0123, Unit::Seconds, &limits("0.5", "1:2")), State::Critical);
        assert_eq!(
            report.render("TEST", 0),
            "TEST CRITICAL - / 91.2% (critical at 90), rta 12.3 ms (critical at 1:2) | '/'=91.25%;80;90;0;100 'rta'=0.0123s;0.5;1:2;0;\n"
        );
    }

    #[test]
    fn a_watched_value_is_only_said_when_it_is_wrong() {
        let mut report = Report::default();
        assert_eq!(report.watch("a", 1.0, Unit::Number, &limits("2", "3")), State::Ok);
        assert_eq!(report.watch("b", 2.5, Unit::Number, &limits("2", "3")), State::Warning);
        assert_eq!(report.render("TEST", 0), "TEST WARNING - b 2.5 (warning at 2) | 'a'=1;2;3;; 'b'=2.5;2;3;;\n");
    }

    #[test]
    fn nan_is_unknown_and_never_performance_data() {
        let mut report = Report::default();
        assert_eq!(report.measure("x", f64::NAN, Unit::Number, &Limits::default()), State::Unknown);
        report.export(Metric::new("y", f64::INFINITY, Unit::Number));
        assert_eq!(report.render("TEST", 0), "TEST UNKNOWN - x is no number\n");
    }

    #[test]
    fn text_can_forge_neither_performance_data_nor_lines() {
        let mut report = Report::default();
        report.say(State::Ok, "a|b=1\nTEST CRITICAL\u{1b}[31m");
        report.export(Metric::new("it's=a|b\n", 1.0, Unit::Counter));
        assert_eq!(report.render("TEST", 0), "TEST OK - a b=1 TEST CRITICAL [31m | 'its ab'=1c;;;0;\n");
    }

    #[test]
    fn long_output_is_cut_at_8_kib_but_not_with_vv() {
        let mut report = Report::default();
        report.say(State::Ok, "fine");
        for _ in 0..1000 {
            report.note("a line of detail");
        }
        let short = report.render("TEST", 0);
        assert!(short.len() <= MOST && short.ends_with("... (-vv)\n"), "{}", short.len());
        assert!(report.render("TEST", 2).len() > 16_000);
    }
}
