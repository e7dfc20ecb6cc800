//! A mail's content before it has a form: what happened, since when, what twinguard did or refused and why, what to do
//! now, how both nodes are. Both kinds of events become a [`Story`]; text and HTML are printed from it. Every string in
//! a story is clean (see [`crate::clean`]). Pure; refuses to know about MIME, HTML or SMTP.

mod cluster;
mod digest;
mod icinga;
mod kind;
mod status;

pub use cluster::cluster;
pub use digest::digest;
pub use icinga::icinga;

use chrono::{DateTime, FixedOffset};
use plugin_core::contract::Status;
use plugin_core::contract::mail::Severity;

/// Traffic light: always shown as a word too, for colour-blind readers and plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// All is well.
    Green,
    /// Somebody should look today.
    Amber,
    /// Somebody has to look now.
    Red,
    /// Nobody knows.
    Violet,
}

impl Light {
    /// From Icinga's state word; an unknown word is violet.
    pub fn of_state(state: &str) -> Self {
        match state.to_ascii_uppercase().as_str() {
            "OK" | "UP" => Light::Green,
            "WARNING" => Light::Amber,
            "CRITICAL" | "DOWN" => Light::Red,
            _ => Light::Violet,
        }
    }
}

impl From<Severity> for Light {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Light::Green,
            Severity::Warning => Light::Amber,
            Severity::Critical => Light::Red,
        }
    }
}

/// One node in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Role, or what is known of it.
    pub role: String,
    /// Traffic light.
    pub light: Light,
}

/// One measured phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What was done.
    pub label: String,
    /// Its begin in milliseconds since the incident began.
    pub from_ms: u64,
    /// Its end, likewise.
    pub to_ms: u64,
}

/// What a mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// State word: `CRITICAL`, `OK`, `UP` …
    pub word: String,
    /// Its colour.
    pub light: Light,
    /// One sentence, also the subject's end.
    pub headline: String,
    /// What it means: what twinguard did or refused, and why.
    pub meaning: Vec<String>,
    /// Label and value, in the order of reading.
    pub facts: Vec<(String, String)>,
    /// Title of `seen`.
    pub seen_title: &'static str,
    /// What was seen, line by line.
    pub seen: Vec<String>,
    /// Commands to paste.
    pub actions: Vec<String>,
    /// Both nodes.
    pub nodes: Vec<Node>,
    /// Measured phases.
    pub timeline: Vec<Phase>,
    /// Where to look in Icinga Web.
    pub link: Option<String>,
    /// Who tells it, for the last line.
    pub footer: String,
}

/// What the wording needs beside the event.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Cluster name.
    pub cluster: &'a str,
    /// This node.
    pub node: &'a str,
    /// When the event happened, in the zone of the readers.
    pub at: DateTime<FixedOffset>,
    /// When its incident began, if an earlier mail belongs to it.
    pub since: Option<DateTime<FixedOffset>>,
    /// What the agent publishes, if it is fresh.
    pub status: Option<&'a Status>,
}

impl Setting<'_> {
    /// `2026-11-21 23:41:07 +01:00`
    fn stamp(time: DateTime<FixedOffset>) -> String {
        time.format("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// When it happened, and since when its incident lasts.
    fn times(&self) -> Vec<(String, String)> {
        let mut facts = vec![("When".to_owned(), Self::stamp(self.at))];
        if let Some((since, lasted)) = self.since.zip(self.lasted()) {
            facts.push(("Since".to_owned(), format!("{} ({lasted})", Self::stamp(since))));
        }
        facts
    }

    /// How long the incident lasts, in words; `None` for its first mail.
    fn lasted(&self) -> Option<String> {
        let span = self.at.signed_duration_since(self.since?);
        Some(duration(u64::try_from(span.num_milliseconds()).unwrap_or(0)))
    }
}

/// What a trial of relays and channels says.
pub fn trial(setting: &Setting<'_>) -> Story {
    let mut facts = setting.times();
    facts.push(("Cluster".to_owned(), setting.cluster.to_owned()));
    Story {
        word: "TEST".to_owned(),
        light: Light::Green,
        headline: format!("test message from {}", setting.node),
        meaning: vec![
            "Somebody tries the ways of [notify]. Nothing has happened. One message comes over each relay, all with the same Message-ID.".to_owned(),
        ],
        facts,
        seen_title: "What was seen",
        seen: Vec::new(),
        actions: Vec::new(),
        nodes: Vec::new(),
        timeline: Vec::new(),
        link: None,
        footer: format!("notify_mail --test on {}, cluster {}", setting.node, setting.cluster),
    }
}

/// `240 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(ms: u64) -> String {
    let s = ms / 1000;
    let two = |a: u64, unit_a: &str, b: u64, unit_b: &str| if b == 0 { format!("{a} {unit_a}") } else { format!("{a} {unit_a} {b} {unit_b}") };
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s}.{} s", ms % 1000 / 100),
        60..3600 => two(s / 60, "min", s % 60, "s"),
        3600..86400 => two(s / 3600, "h", s % 3600 / 60, "min"),
        _ => two(s / 86400, "d", s % 86400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        for (ms, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (4260, "4.2 s"),
            (60_000, "1 min"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (273_600_000, "3 d 4 h"),
            (86_400_000, "1 d"),
        ] {
            assert_eq!(duration(ms), said);
        }
    }

    #[test]
    fn an_unknown_state_is_violet_and_not_good() {
        assert_eq!(["ok", "UP", "Warning", "DOWN", "CRITICAL", "UNREACHABLE", "", "x"].map(Light::of_state), {
            use Light::{Amber, Green, Red, Violet};
            [Green, Green, Amber, Red, Red, Violet, Violet, Violet]
        });
    }
}
