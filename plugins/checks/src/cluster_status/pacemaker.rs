//! Pacemaker by `crm_mon -1 --output-as=xml` (`crm_mon.rng`): quorum, nodes, resources, failures, fencing. It decides what moves;
//! here only faults of resources on this node are called curable by a move.

use super::{Expected, Finding, Question, View};
use crate::machine::odd;
use plugin_core::report::Metric;
use plugin_core::{Blind, Unit};
use roxmltree::{Document, Node};
use std::path::PathBuf;

const ARGS: [&str; 2] = ["-1", "--output-as=xml"];

fn tool(question: &Question<'_>) -> Option<PathBuf> {
    question.machine.tool(&["crm_mon"])
}

/// Is it installed, with a cluster?
pub fn present(question: &Question<'_>) -> bool {
    tool(question).is_some() && ["/etc/corosync/corosync.conf", "/var/lib/pacemaker/cib/cib.xml"].iter().any(|path| question.machine.has(path))
}

/// Asks it.
///
/// # Errors
/// It can't be run, or its answer is no whole XML.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    let tool = tool(question)
        .ok_or_else(|| Blind::Command { program: "crm_mon".into(), reason: "it is not installed; install pacemaker-cli-utils".into() })?;
    let output = question.machine.run(&tool, &ARGS)?;
    // 102 = ENOTCONN: the daemon is not there (crm_exit_t, "Not connected").
    if output.code == Some(102) || output.stdout.contains("<status code=\"102\"") {
        return Ok(View {
            findings: vec![Finding::broken_somewhere("Pacemaker does not run on this node; run: systemctl status pacemaker")],
            ..View::default()
        });
    }
    if !output.success() {
        return Err(crate::machine::failed(&tool, &ARGS, &output));
    }
    let document = Document::parse(&output.stdout).map_err(|e| odd(&tool, &ARGS, e.to_string()))?;
    judge(document.root_element(), question.expected).map_err(|reason| odd(&tool, &ARGS, reason))
}

fn is(node: Node<'_, '_>, attribute: &str) -> bool {
    node.attribute(attribute) == Some("true")
}

fn name<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("id").or_else(|| node.attribute("name")).unwrap_or("?")
}

/// Elements of that name right below one of the other.
fn below<'a, 'i>(root: Node<'a, 'i>, parent: &'static str, child: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    root.children().filter(move |node| node.has_tag_name(parent)).flat_map(|node| node.children()).filter(move |node| node.has_tag_name(child))
}

fn judge(root: Node<'_, '_>, expected: &Expected) -> Result<View, String> {
    let nodes: Vec<_> = below(root, "nodes", "node").collect();
    let dc = below(root, "summary", "current_dc").next().ok_or("it has no current_dc")?;
    let options = below(root, "summary", "cluster_options").next().ok_or("it has no cluster_options")?;
    if nodes.is_empty() {
        return Err("it names no node".into());
    }
    let resources: Vec<_> = root.descendants().filter(|node| node.has_tag_name("resource") && node.has_attribute("resource_agent")).collect();
    let maintenance = is(options, "maintenance-mode");
    let mut findings: Vec<Finding> = nodes.iter().filter_map(|node| member(*node)).collect();
    if !is(dc, "present") {
        findings.push(Finding::broken("there is no DC"));
    } else if !is(dc, "with_quorum") {
        findings.push(Finding::broken("this partition has no quorum"));
    }
    if !is(options, "stonith-enabled") {
        findings.push(Finding::warn("fencing is switched off (stonith-enabled=false)"));
    } else if !resources.iter().any(|resource| resource.attribute("resource_agent").is_some_and(|agent| agent.starts_with("stonith:"))) {
        findings.push(Finding::warn("there is no fence device"));
    }
    if maintenance {
        findings.push(Finding::warn("maintenance mode: nothing is started, stopped or watched"));
    }
    findings.extend(
        expected.nodes.filter(|count| *count != nodes.len()).map(|count| Finding::broken(format!("{} nodes instead of {count}", nodes.len()))),
    );
    findings.extend(resources.iter().flat_map(|resource| states(*resource, expected, maintenance)));
    findings.extend(below(root, "node_history", "node").flat_map(failures));
    findings.extend(fencing(root));
    let online = nodes.iter().filter(|node| is(**node, "online")).count();
    if findings.is_empty() {
        let dc = dc.attribute("name").unwrap_or("?");
        findings.push(Finding::fine(format!("{online} of {} nodes online, {} resources, DC {dc} with quorum", nodes.len(), resources.len())));
    }
    let failure = |node: Node<'_, '_>| {
        format!(
            "failed: {} on {}: {}",
            node.attribute("op_key").unwrap_or("?"),
            node.attribute("node").unwrap_or("?"),
            node.attribute("exitstatus").unwrap_or("?")
        )
    };
    let told = below(root, "failures", "failure").map(failure).collect();
    let metrics = vec![
        Metric::new("nodes_online", online as f64, Unit::Number).bounds(0.0, nodes.len() as f64),
        Metric::new("resources", resources.len() as f64, Unit::Number),
    ];
    Ok(View { findings, notes: told, metrics })
}

fn member(node: Node<'_, '_>) -> Option<Finding> {
    let name = name_of(node);
    if is(node, "unclean") {
        return Some(Finding::broken(format!("node {name} is unclean: it has to be fenced")));
    }
    let state = [
        ("online", false, "offline"),
        ("standby", true, "standby"),
        ("standby_onfail", true, "standby after a failure"),
        ("maintenance", true, "in maintenance"),
        ("pending", true, "pending"),
    ];
    let found = state.into_iter().find(|(attribute, wanted, _)| is(node, attribute) == *wanted)?;
    Some(Finding::warn(format!("node {name} is {}", found.2)))
}

fn name_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("name").unwrap_or("?")
}

fn states(resource: Node<'_, '_>, expected: &Expected, maintenance: bool) -> Vec<Finding> {
    let id = name(resource);
    let on: Vec<&str> = resource.children().filter(|node| node.has_tag_name("node")).map(name_of).collect();
    let place = if on.is_empty() { String::new() } else { format!(" on {}", on.join(" and ")) };
    let fence = resource.attribute("resource_agent").is_some_and(|agent| agent.starts_with("stonith:"));
    let clone = resource.ancestors().any(|node| node.has_tag_name("clone"));
    let managed = is(resource, "managed");
    let mut findings = Vec::new();
    if is(resource, "failed") && !is(resource, "failure_ignored") {
        let text = format!("resource {id} has failed{place}");
        // While it starts or stops the resource, Pacemaker is at work on the failure itself.
        let at_work = resource.attribute("role").is_some_and(|role| ["Starting", "Stopping"].contains(&role));
        let here = !at_work && on.iter().any(|node| expected.is_me(node)) && managed && !maintenance && !fence;
        findings.push(if here { Finding::broken_here(text) } else { Finding::broken(text) });
    }
    if is(resource, "blocked") {
        findings.push(Finding::broken(format!("resource {id} is blocked{place}")));
    }
    if on.len() > 1 && !clone {
        findings.push(Finding::broken(format!("resource {id} is active{place}")));
    }
    if is(resource, "orphaned") {
        findings.push(Finding::warn(format!("resource {id} is orphaned{place}")));
    }
    if !managed && !maintenance {
        findings.push(Finding::warn(format!("resource {id} is not managed{place}")));
    }
    if resource.attribute("role") == Some("Stopped") {
        let wanted = resource.attribute("target_role").is_some_and(|role| role == "Stopped");
        findings.push(match (wanted, fence || clone) {
            (true, _) => Finding::warn(format!("resource {id} is switched off")),
            (false, true) => Finding::warn(format!("resource {id} is stopped")),
            (false, false) => Finding::broken(format!("resource {id} is stopped")),
        });
    }
    findings
}

/// Failures that Pacemaker still counts.
fn failures<'a>(node: Node<'a, 'a>) -> Vec<Finding> {
    let counted = node.children().filter_map(|history| Some((name(history), history.attribute("fail-count").filter(|count| *count != "0")?)));
    counted
        .map(|(id, count)| Finding::warn(format!("{id} has failed {count} times on {}; after the repair: crm_resource --cleanup", name_of(node))))
        .collect()
}

/// Fencing that runs, and fencing that failed and was not followed by one that worked; the newest stands first.
fn fencing(root: Node<'_, '_>) -> Vec<Finding> {
    let mut done: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for event in below(root, "fence_history", "fence_event") {
        let (action, target) = (event.attribute("action").unwrap_or("?"), event.attribute("target").unwrap_or("?"));
        match event.attribute("status") {
            Some("success") => done.push(target),
            Some("failed") if !done.contains(&target) => {
                done.push(target);
                findings.push(Finding::broken(format!("fencing has failed: {action} of {target}")));
            }
            Some("pending") => findings.push(Finding::warn(format!("fencing is under way: {action} of {target}"))),
            _ => {}
        }
    }
    findings
}
