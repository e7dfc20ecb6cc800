//! The HTML part: tables and inline styles only (Outlook, web mailers), no image, no script, nothing remote; readable
//! at 360 pixels and in dark mode, since no background but the badges' is set. Every value is escaped here.

use super::cells;
use crate::clean::html as escape;
use crate::story::{Light, Story, duration};
use std::fmt::Write;

/// Background and foreground of a badge; contrast of at least 4.5 : 1 (WCAG 2.1, 1.4.3).
const fn colours(light: Light) -> (&'static str, &'static str) {
    match light {
        Light::Green => ("#1a7f37", "#ffffff"),
        Light::Amber => ("#ffc53d", "#1f1f1f"),
        Light::Red => ("#c62828", "#ffffff"),
        Light::Violet => ("#6a3fb5", "#ffffff"),
    }
}

/// The HTML part, a whole document.
pub fn html(story: &Story) -> String {
    let mut out = String::from(concat!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<meta name=\"color-scheme\" content=\"light dark\"></head>\n",
        "<body style=\"margin:0;padding:12px;font-family:-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:15px;line-height:1.4\">\n",
        "<div style=\"max-width:680px;margin:0 auto\">\n"
    ));
    let _ = writeln!(
        out,
        "<p style=\"margin:0 0 12px;font-size:18px;font-weight:600;overflow-wrap:anywhere\">{} {}</p>",
        badge(story.light, &story.word),
        escape(&story.headline)
    );
    for paragraph in &story.meaning {
        let _ = writeln!(out, "<p style=\"margin:0 0 12px\">{}</p>", escape(paragraph));
    }
    out.push_str(TABLE);
    for (label, value) in &story.facts {
        let _ = writeln!(out, "<tr><td style=\"{LABEL};opacity:.7\">{}</td><td style=\"{CELL}\">{}</td></tr>", escape(label), escape(value));
    }
    out.push_str("</table>\n");
    lines(&mut out, story.seen_title, &story.seen);
    lines(&mut out, "What to do now", &story.actions);
    if !story.nodes.is_empty() {
        title(&mut out, "The nodes");
        out.push_str(TABLE);
        for node in &story.nodes {
            let mark = match node.light {
                Light::Green => "green",
                Light::Amber => "amber",
                Light::Red => "red",
                Light::Violet => "?",
            };
            let _ = writeln!(
                out,
                "<tr><td style=\"{LABEL}\">{}</td><td style=\"{LABEL};font-weight:600\">{}</td><td style=\"{CELL}\">{}</td></tr>",
                badge(node.light, mark),
                escape(&node.name),
                escape(&node.role)
            );
        }
        out.push_str("</table>\n");
    }
    timeline(&mut out, story);
    if let Some(link) = &story.link {
        let _ = writeln!(out, "<p style=\"margin:0 0 12px;overflow-wrap:anywhere\"><a href=\"{0}\">{0}</a></p>", escape(link));
    }
    let _ = writeln!(out, "<p style=\"margin:16px 0 0;font-size:12px;opacity:.7\">{}</p>\n</div></body></html>", escape(&story.footer));
    out
}

const TABLE: &str =
    "<table role=\"presentation\" cellspacing=\"0\" cellpadding=\"0\" style=\"border-collapse:collapse;margin:0 0 12px;width:100%\">\n";
const CELL: &str = "padding:3px 10px 3px 0;vertical-align:top;overflow-wrap:anywhere";
/// As narrow as its words.
const LABEL: &str = "padding:3px 14px 3px 0;vertical-align:top;white-space:nowrap;width:1%";

fn badge(light: Light, word: &str) -> String {
    let (back, fore) = colours(light);
    format!("<span style=\"background:{back};color:{fore};padding:1px 8px;border-radius:3px;font-weight:600\">{}</span>", escape(word))
}

fn title(out: &mut String, text: &str) {
    let _ = writeln!(out, "<p style=\"margin:12px 0 4px;font-weight:600\">{}</p>", escape(text));
}

fn lines(out: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    title(out, heading);
    let body: Vec<String> = lines.iter().map(|l| escape(l)).collect();
    let _ = writeln!(
        out,
        "<pre style=\"margin:0 0 12px;padding:8px 10px;border:1px solid #8888;border-radius:3px;font-family:Consolas,Menlo,monospace;font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere\">{}</pre>",
        body.join("\n")
    );
}

/// Two rows a phase: its words and times, and below them its bar, whose place and length are percentages of the whole width.
fn timeline(out: &mut String, story: &Story) {
    if story.timeline.is_empty() {
        return;
    }
    title(out, "How long it took");
    out.push_str(TABLE);
    let end = story.timeline.last().map_or(0, |p| p.to_ms);
    for phase in &story.timeline {
        let (from, len) = cells(phase, end, 100);
        let _ = writeln!(
            out,
            "<tr><td style=\"padding:3px 10px 0 0\">{}</td><td style=\"padding:3px 0 0;text-align:right;white-space:nowrap\">+{} = {}</td></tr>\n<tr><td colspan=\"2\" style=\"padding:2px 0 4px\"><div style=\"margin-left:{from}%;width:{len}%;height:14px;background:#2f6fdb;border-radius:2px\"></div></td></tr>",
            escape(&phase.label),
            duration(phase.to_ms - phase.from_ms),
            duration(phase.to_ms)
        );
    }
    out.push_str("</table>\n");
}
