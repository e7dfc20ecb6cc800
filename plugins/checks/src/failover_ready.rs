//! `check_failover_ready`: would an automatic takeover be refused now, and what lies in wait for the day of the disaster?
//!
//! Reads what the agent says about its gates, and looks on this node for what the agent does not know. Decides nothing and
//! changes nothing. A defect is WARNING, never CRITICAL: nothing is broken yet, and no handler belongs on this check.

mod agent;
mod config;
mod local;
mod machine;

use machine::Machine;
use plugin_core::cluster::{Cluster, Span};
use plugin_core::contract::Status;
use plugin_core::contract::paths;
use plugin_core::host::read_status;
use plugin_core::{Blind, Check, Host, Report, State};
use std::path::PathBuf;

/// Automatic takeover would be refused now because ...
///
/// Every gate of the agent, and latent defects: one fence level, equal devices, no trigger, units or mounts that start at boot,
/// NFS, missing units, mount points and devices, a failover address that comes up by itself, a third machine that answers for
/// it, fence devices that were never drilled, servers bound to one address, a clock that nobody sets or that differs from the peer's,
/// another version there, another cluster manager, DRBD that promotes by itself, no room for journal or mails, no drill for a long time.
///
/// Each defect is WARNING; what can't be looked at is UNKNOWN. ARP needs the right to send packets (`cap_net_raw`).
///
/// Example: `check_failover_ready`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct FailoverReady {
    /// What the agent on this node publishes
    #[arg(long, value_name = "FILE", default_value = paths::STATUS)]
    status: PathBuf,
    /// The pair's configuration
    #[arg(long, value_name = "FILE", default_value = paths::CONFIG)]
    config: PathBuf,
    /// The agent's folder of durable state
    #[arg(long, value_name = "DIR", default_value = paths::STATE)]
    state_dir: PathBuf,
    /// Where the event handler hands over
    #[arg(long, value_name = "SOCKET", default_value = paths::EVENT_SOCKET)]
    event_socket: PathBuf,
    /// Name of this node in cluster.toml; default: uname -n
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Read fstab, network and DRBD configuration below this folder (a container, a snapshot)
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Age at which this node's last takeover, or a fence device's last drill, proves nothing any more; never = none is asked for
    #[arg(long, value_name = "TIME", default_value = "8760h")]
    drill_age: Span,
    /// Do not send ARP: nobody is asked who answers for the failover addresses
    #[arg(long)]
    no_arp: bool,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    me: String,
    drill_age: Span,
    cluster: Cluster,
    status: Result<Status, Blind>,
    machine: Machine,
}

/// A defect, in words.
type Defects = Vec<String>;

impl Check for FailoverReady {
    const TITLE: &'static str = "FAILOVER READY";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let text = host.read(&self.config)?;
        let wrong = |reason: String| Blind::Parse { what: self.config.display().to_string(), reason };
        let cluster = Cluster::parse(&text).map_err(wrong)?;
        let me = self.node.clone().unwrap_or_else(plugin_core::host::nodename);
        let machine = machine::look(self, host, &cluster, &me);
        Ok(Facts { me, drill_age: self.drill_age, cluster, status: read_status(host, &self.status), machine })
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge(facts, report);
    }
}

fn judge(facts: &Facts, report: &mut Report) {
    let mut defects = config::defects(&facts.cluster, &facts.me);
    defects.extend(local::defects(&facts.cluster, &facts.me, &facts.machine));
    let mut refused = 0;
    match &facts.status {
        Err(blind) => report.say(State::Unknown, format!("cannot {blind}")),
        Ok(status) => {
            for text in agent::refusals(status) {
                refused += 1;
                report.say(State::Warning, text);
            }
            defects.extend(agent::defects(status));
            defects.extend(facts.drill_age.0.and_then(|age| agent::drill(status, facts.machine.wall_ms, age)));
            defects.extend(facts.drill_age.0.map(|age| agent::devices(status, facts.machine.wall_ms, age)).unwrap_or_default());
            if status.node != facts.me && facts.cluster.peer_of(&facts.me).is_some() {
                defects.push(format!(
                    "this node calls itself {}, its agent says {}: the host name was changed, or both nodes have the same (MD8)",
                    facts.me, status.node
                ));
            }
        }
    }
    for blind in &facts.machine.blind {
        report.say(State::Unknown, blind.clone());
    }
    report.export(plugin_core::report::Metric::new("refusals", f64::from(refused), plugin_core::Unit::Number));
    report.export(plugin_core::report::Metric::new("defects", defects.len() as f64, plugin_core::Unit::Number));
    if report.state() == State::Unknown && facts.status.is_ok() && facts.machine.blind.is_empty() && defects.is_empty() {
        let role = facts.status.as_ref().map(agent::role).unwrap_or_default();
        report.say(State::Ok, format!("no defect found; {role}"));
    }
    for defect in defects {
        report.say(State::Warning, defect);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests;
