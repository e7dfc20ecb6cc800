//! `check_master_alive`: is the master reachable over neither interface? Runs on the slave; with `--failover` its CRITICAL
//! may start a takeover, so a false CRITICAL is the worst bug that it can have.
//!
//! Refuses to call a master dead from an isolated node, from a node that does not know its role, or with probes that it
//! was not allowed to send.

mod judge;
mod plan;
mod probe;

use plan::{Link, Plan};
use plugin_core::cluster::{Cluster, Span, Witness};
use plugin_core::contract::status::{Role, Status};
use plugin_core::host::read_status;
use plugin_core::net::Touch;
use plugin_core::range::percent;
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Limits, Range, Report};
use std::path::PathBuf;
use std::time::Duration;

/// Is the other node, the master, reachable over neither link?
///
/// Every link is probed by ping and by TCP (the server has to speak first, as sshd does), together with the witnesses that
/// tell whether this node is the isolated one. CRITICAL: no link shows a sign of life and this node is not isolated; or the
/// kernel answers, no application does, and the agent has seen the same for a while (hung). UNKNOWN: isolated, role unknown,
/// or probes not permitted. On the master itself: OK. Links, witnesses and the peer come from cluster.toml unless --link is
/// given.
///
/// Example: `check_master_alive --failover`
///
/// Example: `check_master_alive --link lan=192.0.2.11@eth0,heartbeat=192.168.250.1@eth1 --witness arp:192.0.2.1`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct MasterAlive {
    /// A link to the master; repeat or separate by commas. Default: those of cluster.toml
    #[arg(long, value_name = "NAME=ADDRESS[@INTERFACE]", value_delimiter = ',')]
    link: Vec<Link>,
    /// TCP port whose server speaks first
    #[arg(long, value_name = "PORT", default_value_t = 22)]
    tcp: u16,
    /// A host that shows that this node is not isolated: ping:ADDRESS, arp:ADDRESS or tcp:ADDRESS:PORT; repeat or separate by commas
    #[arg(long, value_name = "WITNESS", value_delimiter = ',', requires = "link")]
    witness: Vec<Witness>,
    /// How many witnesses must answer. Default: 1, a majority from three on
    #[arg(long, value_name = "COUNT", requires = "link")]
    need: Option<usize>,
    /// Rounds of probes; a sign of life in any of them is one
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Time for the answers of one round (300ms, 1s)
    #[arg(long, value_name = "TIME", default_value = "300ms")]
    round_timeout: Span,
    /// What the agent on this node publishes
    #[arg(long, value_name = "FILE", default_value = plugin_core::contract::paths::STATUS)]
    status: PathBuf,
    /// The pair's configuration, read when no --link is given
    #[arg(long, value_name = "FILE", default_value = plugin_core::contract::paths::CONFIG)]
    config: PathBuf,
    /// WARNING when the mean time of a link's answers to the pings leaves this range (seconds); never with --failover
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    rta_warning: Option<Range>,
    /// WARNING when the percent of a link's pings without an answer leaves this range; never with --failover
    #[arg(long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true)]
    loss_warning: Option<Range>,
    /// For the service with the event handler: OK, CRITICAL or UNKNOWN only. Without it a degraded link or a mute master is WARNING
    #[arg(long)]
    failover: bool,
}

/// What was seen.
#[derive(Debug)]
pub enum Facts {
    /// This node serves every group.
    Master,
    /// The probes of all rounds.
    Seen(Box<Sight>),
}

/// The probes of all rounds.
#[derive(Debug)]
pub struct Sight {
    /// What the agent says; a check without it does not know its role.
    status: Result<Status, Blind>,
    /// Number of rounds.
    rounds: u32,
    /// One entry per link.
    links: Vec<LinkSight>,
    /// Witness → did it answer in any round?
    witnesses: Vec<(String, Result<bool, Blind>)>,
    /// How many witnesses must answer.
    need: usize,
}

/// One link; one entry per round in `pings` and `touches`.
#[derive(Debug)]
struct LinkSight {
    link: Link,
    /// Of our own end; `None` = not known.
    carrier: Option<bool>,
    pings: Vec<Result<Option<Duration>, Blind>>,
    touches: Vec<Result<Touch, Blind>>,
}

/// What the notify twin of the failover service judges beside life and death.
#[derive(Debug)]
struct Twin {
    /// This is the failover service: only OK, CRITICAL and UNKNOWN.
    failover: bool,
    /// Of the mean time of the pings, in seconds.
    rta: Limits,
    /// Of the lost pings, in percent.
    loss: Limits,
}

impl MasterAlive {
    fn twin(&self) -> Twin {
        let limits = |warning: &Option<Range>| Limits { warning: warning.clone(), critical: None };
        Twin { failover: self.failover, rta: limits(&self.rta_warning), loss: limits(&self.loss_warning) }
    }

    fn plan(&self, host: &dyn Host) -> Result<Plan, Blind> {
        if !self.link.is_empty() {
            return Ok(Plan::given(&self.link, &self.witness, self.need));
        }
        let text = host.read(&self.config)?;
        let wrong = |reason: String| Blind::Parse { what: self.config.display().to_string(), reason };
        let cluster = Cluster::parse(&text).map_err(wrong)?;
        Plan::configured(&cluster, &plugin_core::host::nodename()).map_err(wrong)
    }
}

impl Check for MasterAlive {
    const TITLE: &'static str = "MASTER ALIVE";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let status = read_status(host, &self.status);
        if status.as_ref().is_ok_and(|s| !s.groups.is_empty() && s.groups.iter().all(|g| g.role == Role::Master)) {
            return Ok(Facts::Master);
        }
        let plan = self.plan(host)?;
        stage("probing the links");
        let (links, witnesses) = probe::rounds(host, &plan, self.tcp, self.rounds, self.round_timeout.or_forever());
        Ok(Facts::Seen(Box::new(Sight { status, rounds: self.rounds, links, witnesses, need: plan.need })))
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        match facts {
            Facts::Master => report.say(plugin_core::State::Ok, "this node is master, checked by the slave"),
            Facts::Seen(sight) => judge::judge(sight, &self.twin(), report),
        }
    }
}
