//! `check_cluster_status`: does the cluster management report an error (MD16)? One check for all of them, one back end per file.
//!
//! Two questions, told apart in each finding: what the administrator has to know, and what a move away from *this* node cures. Only
//! the second may be CRITICAL with `--failover`; a lost peer, two masters and a frozen pair are none of it.

mod drbd;
mod finding;
mod keepalived;
mod native;
mod pacemaker;
mod pmgcm;
mod rgmanager;

use crate::machine::{Access, Machine};
use crate::place::Place;
use finding::Finding;
use plugin_core::host::nodename;
use plugin_core::report::Metric;
use plugin_core::{Blind, Check, Host, Range, Report, State};

/// State of the cluster management on this node.
///
/// Knows twinguard's own agent, Pacemaker, rgmanager (clustat), Proxmox Mail Gateway (pmgcm), keepalived and DRBD, and asks those
/// that are there. Two masters, nobody who serves, a split brain, failed fencing and failed resources are CRITICAL; a lost or set
/// aside peer, maintenance and a link that is down WARNING. With --failover CRITICAL only for faults of this node that a move to
/// the other one cures, and only on the master. What can't be asked is UNKNOWN.
///
/// Example: `check_cluster_status`
///
/// Example: `check_cluster_status --manager pmgcm --nodes 2 --disk 80 --sudo`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ClusterStatus {
    /// Ask only this one; repeat: native, pacemaker, rgmanager, pmgcm, keepalived, drbd
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(MANAGERS.iter().map(|m| m.name)), hide_possible_values = true)]
    manager: Vec<String>,
    /// For the service with the event handler: OK, CRITICAL or UNKNOWN only, and only on the master
    #[arg(long)]
    failover: bool,
    /// What is expected
    #[command(flatten)]
    expected: Expected,
    /// Where the check belongs; with --failover on the master
    #[command(flatten)]
    place: Place,
    /// How tools are reached
    #[command(flatten)]
    access: Access,
}

/// What is expected.
#[derive(Clone, Debug, clap::Args)]
pub struct Expected {
    /// This node's name in the cluster. Default: uname -n
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// How many nodes there are to be (pmgcm, Pacemaker, rgmanager)
    #[arg(long, value_name = "COUNT")]
    nodes: Option<usize>,
    /// What a service of rgmanager mounts, to compare its state with the machine; repeat
    #[arg(long, value_name = "SERVICE=PATH", value_parser = mount)]
    mount: Vec<(String, String)>,
    /// WARNING when the load of a pmgcm node leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    load: Option<Range>,
    /// WARNING when the used memory percent of a pmgcm node leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    memory: Option<Range>,
    /// WARNING when the used disk percent of a pmgcm node leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    disk: Option<Range>,
}

impl Expected {
    /// Is that this node? A short name stands for a full one.
    fn is_me(&self, name: &str) -> bool {
        let me = self.node.clone().unwrap_or_else(nodename);
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        name == me || short(name) == short(&me)
    }
}

fn mount(text: &str) -> Result<(String, String), String> {
    let (service, path) = text
        .split_once('=')
        .filter(|(service, path)| !service.is_empty() && path.starts_with('/'))
        .ok_or_else(|| format!("\"{text}\": write SERVICE=/PATH"))?;
    Ok((service.to_owned(), path.to_owned()))
}

/// What a back end is given.
struct Question<'a> {
    machine: Machine<'a>,
    expected: &'a Expected,
    place: &'a Place,
}

/// What one back end saw.
#[derive(Debug, Default)]
struct View {
    findings: Vec<Finding>,
    notes: Vec<String>,
    metrics: Vec<Metric>,
}

/// One cluster manager.
struct Manager {
    name: &'static str,
    /// Is it there?
    present: fn(&Question<'_>) -> bool,
    look: fn(&Question<'_>) -> Result<View, Blind>,
}

const MANAGERS: [Manager; 6] = [
    Manager { name: "native", present: native::present, look: native::look },
    Manager { name: "pacemaker", present: pacemaker::present, look: pacemaker::look },
    Manager { name: "rgmanager", present: rgmanager::present, look: rgmanager::look },
    Manager { name: "pmgcm", present: pmgcm::present, look: pmgcm::look },
    Manager { name: "keepalived", present: keepalived::present, look: keepalived::look },
    Manager { name: "drbd", present: drbd::present, look: drbd::look },
];

/// What was seen.
#[derive(Debug)]
pub struct Facts(Seen);

#[derive(Debug)]
enum Seen {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// What each manager said.
    Views(Vec<(&'static str, Result<View, Blind>)>),
}

impl Check for ClusterStatus {
    const TITLE: &'static str = "CLUSTER STATUS";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let elsewhere = if self.failover { self.place.not_master(host)? } else { self.place.elsewhere(host)? };
        if let Some(why) = elsewhere {
            return Ok(Facts(Seen::Elsewhere(why)));
        }
        let question = Question { machine: Machine::new(host, &self.access), expected: &self.expected, place: &self.place };
        let wanted = |manager: &&Manager| {
            if self.manager.is_empty() { (manager.present)(&question) } else { self.manager.iter().any(|name| name == manager.name) }
        };
        Ok(Facts(Seen::Views(MANAGERS.iter().filter(wanted).map(|manager| (manager.name, (manager.look)(&question))).collect())))
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        let views = match &facts.0 {
            Seen::Elsewhere(why) => return report.say(State::Ok, why.as_str()),
            Seen::Views(views) => views,
        };
        if views.is_empty() {
            report.say(State::Unknown, "no cluster manager was found; name it by --manager");
        }
        for (name, view) in views {
            match view {
                Err(blind) => report.say(State::Unknown, format!("{name}: cannot {blind}")),
                Ok(view) => say(name, view, self.failover, report),
            }
        }
    }
}

fn say(name: &str, view: &View, failover: bool, report: &mut Report) {
    if view.findings.is_empty() {
        report.say(State::Unknown, format!("{name}: nothing was told"));
    }
    for finding in &view.findings {
        let state = if failover { finding.failover } else { finding.admin };
        let suffix = if state == State::Ok && finding.admin != State::Ok { " (no reason to move)" } else { "" };
        report.say(state, format!("{name}: {}{suffix}", finding.text));
    }
    for note in &view.notes {
        report.note(format!("{name}: {note}"));
    }
    for metric in &view.metrics {
        report.export(metric.clone());
    }
}
