//! Words a cluster event of the agent. Refuses to add facts that the agent did not tell.

use super::{Node, Phase, Setting, Story, kind::words};
use crate::clean::{LINE, block, line};
use plugin_core::contract::MailEvent;

/// The story of a cluster event.
pub fn cluster(event: &MailEvent, setting: &Setting<'_>) -> Story {
    let words = words(event.kind);
    let node = line(&event.node, LINE);
    let mut facts = setting.times();
    facts.push(("Cluster".to_owned(), line(&event.cluster, LINE)));
    facts.push(("Told by".to_owned(), node.clone()));
    facts.push(("Event".to_owned(), words.title.to_owned()));
    facts.push(("Incident".to_owned(), line(&event.incident, LINE)));
    let mut actions = block(&event.actions.join("\n"));
    if actions.is_empty() {
        actions = words.actions.iter().map(|a| (*a).to_owned()).collect();
    }
    Story {
        word: match event.severity {
            plugin_core::contract::mail::Severity::Ok => "OK",
            plugin_core::contract::mail::Severity::Warning => "WARNING",
            plugin_core::contract::mail::Severity::Critical => "CRITICAL",
        }
        .to_owned(),
        light: event.severity.into(),
        headline: match line(&event.summary, LINE) {
            empty if empty.is_empty() => words.title.to_owned(),
            summary => summary,
        },
        meaning: vec![words.meaning.to_owned()],
        facts,
        seen_title: "What was seen",
        seen: block(&event.details.join("\n")),
        actions,
        nodes: event.nodes.iter().take(8).map(|n| Node { name: line(&n.name, 64), role: line(&n.role, LINE), light: n.light.into() }).collect(),
        timeline: phases(&event.timeline),
        link: None,
        footer: format!("twinguard on {node}, cluster {}, event {}", line(&event.cluster, LINE), line(&event.id, LINE)),
    }
}

/// Each label ends at its time and begins where the one before ended; at most 20.
fn phases(timeline: &[(String, u64)]) -> Vec<Phase> {
    let mut from_ms = 0;
    let mut phases = Vec::new();
    for (label, at) in timeline.iter().take(20) {
        let to_ms = from_ms.max(*at);
        phases.push(Phase { label: line(label, 40), from_ms, to_ms });
        from_ms = to_ms;
    }
    phases
}
