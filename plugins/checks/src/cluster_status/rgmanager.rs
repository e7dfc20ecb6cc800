//! Red Hat's rgmanager by `clustat` (clustat(8)): quorum, members, services with owner and last owner, compared with the machine
//! (SX13: a service that is called disabled while its file system is mounted). It recovers its services itself, so nothing here is said
//! to be cured by a move.

use super::{Expected, Finding, Question, View};
use crate::machine::odd;
use plugin_core::Blind;
use std::path::PathBuf;

fn tool(question: &Question<'_>) -> Option<PathBuf> {
    question.machine.tool(&["clustat"])
}

/// Is it installed?
pub fn present(question: &Question<'_>) -> bool {
    tool(question).is_some()
}

/// Asks it.
///
/// # Errors
/// It can't be run, or its answer is cut off.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    let tool = tool(question).ok_or_else(|| Blind::Command { program: "clustat".into(), reason: "it is not installed; install rgmanager".into() })?;
    let output = question.machine.run(&tool, &[])?;
    // It ends with 1 where the partition is not quorate; the text says more.
    if !output.stdout.contains("Member Status:") {
        return Err(crate::machine::failed(&tool, &[], &output));
    }
    let mounts = if question.expected.mount.is_empty() { String::new() } else { question.machine.read("/proc/self/mountinfo")? };
    judge(&output.stdout, &mounts, question.expected).map_err(|reason| odd(&tool, &[], reason))
}

/// Lines of the table whose head starts so.
fn table<'a>(text: &'a str, head: &str) -> Option<Vec<&'a str>> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(head));
    lines.next()?;
    Some(lines.skip_while(|line| line.trim_start().starts_with("---")).take_while(|line| !line.trim().is_empty()).map(str::trim).collect())
}

fn judge(text: &str, mounts: &str, expected: &Expected) -> Result<View, String> {
    let quorate = text.lines().find_map(|line| line.split_once("Member Status:")).map(|(_, status)| status.trim());
    let members = table(text, "Member Name").filter(|members| !members.is_empty()).ok_or("it lists no member")?;
    let mut findings = Vec::new();
    if quorate != Some("Quorate") {
        findings.push(Finding::broken(format!("this partition has no quorum ({})", quorate.unwrap_or("?"))));
    }
    for member in &members {
        let (name, status) = (member.split_whitespace().next().unwrap_or_default(), *member);
        if status.contains("Offline") {
            findings.push(Finding::broken(format!("member {name} is offline")));
        } else if !status.contains("Online") {
            return Err(format!("odd member \"{member}\""));
        } else if !status.contains("rgmanager") {
            findings.push(Finding::broken(format!("member {name} runs no rgmanager")));
        }
    }
    findings.extend(
        expected.nodes.filter(|count| *count != members.len()).map(|count| Finding::broken(format!("{} members instead of {count}", members.len()))),
    );
    let services = table(text, "Service Name").unwrap_or_default();
    for line in &services {
        findings.extend(service(line, mounts, expected).ok_or_else(|| format!("odd service \"{line}\""))?);
    }
    if findings.is_empty() {
        findings.push(Finding::fine(format!("quorate, {} members online, {} services started", members.len(), services.len())));
    }
    Ok(View { findings, ..View::default() })
}

/// `service:mail1  nodea.example.org  started`; in parentheses stands the last owner of what runs nowhere.
fn service(line: &str, mounts: &str, expected: &Expected) -> Option<Vec<Finding>> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let &[name, owner, state, ..] = columns.as_slice() else { return None };
    let name = name.trim_start_matches("service:");
    let mine = !owner.starts_with('(') && expected.is_me(owner);
    let mut findings = Vec::new();
    let last = owner.trim_matches(['(', ')']);
    findings.extend(match state {
        "started" => None,
        "failed" => {
            Some(Finding::broken(format!("service {name} has failed, last owner {last}; look at what it left behind, then: clusvcadm -d {name}")))
        }
        "stopped" => Some(Finding::broken(format!("service {name} is stopped, last owner {last}"))),
        "disabled" | "frozen" => Some(Finding::warn(format!("service {name} is {state}, last owner {last}"))),
        "starting" | "stopping" | "recovering" | "recoverable" | "migrating" => Some(Finding::warn(format!("service {name} is {state} on {last}"))),
        _ => return None,
    });
    for (_, path) in expected.mount.iter().filter(|(service, _)| service == name) {
        let mounted = mounts.lines().any(|line| line.split(' ').nth(4) == Some(path));
        if mounted && !mine {
            findings.push(Finding::broken(format!("service {name} is {state} and not owned by this node, but {path} is mounted here")));
        } else if !mounted && mine && state == "started" {
            findings.push(Finding::broken(format!("service {name} is started here, but {path} is not mounted")));
        }
    }
    Some(findings)
}
