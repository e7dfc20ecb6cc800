//! Proxmox Mail Gateway by `pmgcm status` (PM2, PM3): master, nodes, their synchronisation, load, memory and disk. A node that loses its
//! master is promoted by a person (PM10), so nothing here is cured by a move.

use super::{Expected, Finding, Question, View};
use crate::machine::{failed, odd};
use plugin_core::report::Metric;
use plugin_core::{Blind, Limits, Range, Unit};
use std::path::PathBuf;

fn tool(question: &Question<'_>) -> Option<PathBuf> {
    question.machine.tool(&["pmgcm"])
}

/// Is it installed, with a cluster?
pub fn present(question: &Question<'_>) -> bool {
    tool(question).is_some() && question.machine.has("/etc/pmg/cluster.conf")
}

/// Asks it.
///
/// # Errors
/// It can't be run, or its table is odd.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    let tool = tool(question)
        .ok_or_else(|| Blind::Command { program: "pmgcm".into(), reason: "it is not installed; this is no Proxmox Mail Gateway".into() })?;
    let output = question.machine.run(&tool, &["status"])?;
    if format!("{}{}", output.stdout, output.stderr).contains("no cluster defined") {
        return Ok(View { findings: vec![Finding::broken("no cluster is defined on this node")], ..View::default() });
    }
    if !output.success() {
        return Err(failed(&tool, &["status"], &output));
    }
    judge(&output.stdout, question.expected).map_err(|reason| odd(&tool, &["status"], reason))
}

/// One line of the table.
struct Row<'a> {
    name: &'a str,
    role: &'a str,
    state: String,
    /// Load, memory and disk; `None` = not known.
    numbers: [Option<f64>; 3],
}

/// `pmg5(1)  192.168.2.127  master  A  1 day 21:18  0.30  80%  41%`; what is not known is `-`.
fn row(line: &str) -> Option<Row<'_>> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let &[name, _, role, ref rest @ ..] = columns.as_slice() else { return None };
    let (state, numbers) = rest.split_at_checked(rest.len().checked_sub(3)?)?;
    let number = |at: usize| numbers.get(at).and_then(|text| text.trim_end_matches('%').parse().ok());
    let (first, more) = state.split_first()?;
    let words = if first.starts_with("ERROR") {
        let last = more.iter().rposition(|word| *word != "-").map_or(0, |at| at + 1);
        std::iter::once(first).chain(more.iter().take(last)).copied().collect::<Vec<_>>().join(" ")
    } else {
        (*first).to_owned()
    };
    (name.ends_with(')') && ["master", "node"].contains(&role)).then(|| Row {
        name: name.split('(').next().unwrap_or(name),
        role,
        state: words,
        numbers: [number(0), number(1), number(2)],
    })
}

fn judge(text: &str, expected: &Expected) -> Result<View, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    if !lines.next().is_some_and(|head| head.starts_with("NAME(CID)")) {
        return Err("it has no table".into());
    }
    let rows = lines.map(|line| row(line).ok_or_else(|| format!("odd line \"{line}\""))).collect::<Result<Vec<_>, _>>()?;
    let masters: Vec<&str> = rows.iter().filter(|row| row.role == "master").map(|row| row.name).collect();
    let mut view = View::default();
    match masters.as_slice() {
        [_] => {}
        [] => view.findings.push(Finding::broken("there is no master")),
        many => view.findings.push(Finding::broken(format!("{} masters: {}", many.len(), many.join(", ")))),
    }
    view.findings
        .extend(expected.nodes.filter(|count| *count != rows.len()).map(|count| Finding::broken(format!("{} nodes instead of {count}", rows.len()))));
    for row in &rows {
        match row.state.as_str() {
            "A" => {}
            "S" => view.findings.push(Finding::warn(format!("{} is not in sync", row.name))),
            "-" => view.findings.push(Finding::warn(format!("the state of {} is not known", row.name))),
            state => view.findings.push(Finding::broken(format!("{}: {state}", row.name))),
        }
        numbers(row, expected, &mut view);
    }
    if view.findings.is_empty() {
        view.findings.push(Finding::fine(format!("master {}, {} nodes in sync", masters.join(""), rows.len())));
    }
    Ok(view)
}

fn numbers(row: &Row<'_>, expected: &Expected, view: &mut View) {
    let limits = [(&expected.load, "load", Unit::Number), (&expected.memory, "memory", Unit::Percent), (&expected.disk, "disk", Unit::Percent)];
    for ((range, what, unit), value) in limits.into_iter().zip(row.numbers) {
        let Some(value) = value else { continue };
        let hit = range.as_ref().filter(|range: &&Range| range.alerts(value) == Some(true));
        view.findings.extend(hit.map(|range| Finding::warn(format!("{} {what} {} (warning at {range})", row.name, unit.words(value)))));
        view.metrics.push(Metric::new(format!("{} {what}", row.name), value, unit).limits(&Limits { warning: range.clone(), critical: None }));
    }
}
