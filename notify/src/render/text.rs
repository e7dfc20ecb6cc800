//! The plain text part: read on a phone, in mutt, in a ticket system. Lines of at most about 76 columns where the
//! content allows it.

use super::cells;
use crate::story::{Light, Story, duration};
use std::fmt::Write;

/// Longest line of our own words.
const COLUMNS: usize = 76;
/// Width of the timeline's bars in characters.
const BAR: u64 = 32;

/// The text part, lines separated by `\n`.
pub fn text(story: &Story) -> String {
    let mut out = wrap(&format!("{}: {}", story.word, story.headline), COLUMNS) + "\n";
    for paragraph in &story.meaning {
        let _ = write!(out, "\n{}\n", wrap(paragraph, COLUMNS));
    }
    let width = story.facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    out.push('\n');
    for (label, value) in &story.facts {
        let _ = writeln!(out, "{label:<width$}  {}", wrap(value, COLUMNS.saturating_sub(width + 2)).replace('\n', &format!("\n{:width$}  ", "")));
    }
    section(&mut out, story.seen_title, &story.seen);
    section(&mut out, "What to do now", &story.actions);
    let name = story.nodes.iter().map(|n| n.name.chars().count()).max().unwrap_or(0);
    let nodes: Vec<String> = story.nodes.iter().map(|n| format!("{:<7} {:<name$}  {}", format!("[{}]", word(n.light)), n.name, n.role)).collect();
    section(&mut out, "The nodes", &nodes);
    section(&mut out, "How long it took", &bars(story));
    if let Some(link) = &story.link {
        section(&mut out, "Look", std::slice::from_ref(link));
    }
    // "-- " and a line break: the signature mark that mail programs know (RFC 3676 section 4.3).
    let _ = write!(out, "\n-- \n{}\n", story.footer);
    out
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n{title}:\n");
    for line in lines {
        out.push_str("  ");
        out.push_str(line);
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
}

fn bars(story: &Story) -> Vec<String> {
    let end = story.timeline.last().map_or(0, |p| p.to_ms);
    let label = story.timeline.iter().map(|p| p.label.chars().count()).max().unwrap_or(0);
    story
        .timeline
        .iter()
        .map(|phase| {
            let (from, len) = cells(phase, end, BAR);
            let bar = format!("{}{}", " ".repeat(from), "█".repeat(len));
            let width = usize::try_from(BAR).unwrap_or(32);
            format!("{:<label$}  {bar:<width$}  +{} = {}", phase.label, duration(phase.to_ms - phase.from_ms), duration(phase.to_ms))
        })
        .collect()
}

const fn word(light: Light) -> &'static str {
    match light {
        Light::Green => "green",
        Light::Amber => "amber",
        Light::Red => "red",
        Light::Violet => "?",
    }
}

/// Breaks a paragraph at blanks.
fn wrap(paragraph: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in paragraph.split(' ') {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > columns {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out
}
