//! `check_network_failover`: is the clients' network dead on the master but alive here (MD16)? Runs on the slave and compares two
//! views: its own probes of gateways and witnesses, and what the master's agent says over a living channel.
//!
//! Refuses to call the master's network dead on its own guess: without the master's word, without a channel that carried it, and
//! without an own view that is alive there is no CRITICAL.

mod device;
mod judge;
mod probe;

use crate::witness::Wire;
use device::Device;
use plugin_core::cluster::{Cluster, Span, Witness, Witnesses};
use plugin_core::contract::status::{Role, Status};
use plugin_core::host::read_status;
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Report, State};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Is the clients' network dead on the master, but alive on this node?
///
/// In several rounds this node probes gateways and witnesses through the interface of its clients, and reads what the master's
/// agent says of its own network. CRITICAL: only the master's is dead, in enough rounds. UNKNOWN: only this node's is dead, the
/// master's view is not known (no living channel), or probes are not permitted. Both dead: not to be solved by a takeover, OK
/// with --failover, else WARNING. On the master itself: OK. Everything comes from cluster.toml unless --interface is given.
///
/// Example: `check_network_failover --failover`
///
/// Example: `check_network_failover --interface eth0 --witness arp:192.0.2.1,tcp:192.0.2.25:25 --need 1`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct NetworkFailover {
    /// Our interface to the clients; repeat or separate by commas. Default: those of cluster.toml
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "witness")]
    interface: Vec<String>,
    /// A gateway or host of the clients' network: ping:ADDRESS, arp:ADDRESS or tcp:ADDRESS:PORT; repeat or separate by commas
    #[arg(long, value_name = "WITNESS", value_delimiter = ',', requires = "interface")]
    witness: Vec<Witness>,
    /// How many witnesses must answer. Default: 1, a majority from three on
    #[arg(long, value_name = "COUNT", requires = "interface")]
    need: Option<usize>,
    /// Rounds of probes
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How many rounds must agree. Default: a majority
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=20))]
    agree: Option<u32>,
    /// Time for the answers of one round (300ms, 1s)
    #[arg(long, value_name = "TIME", default_value = "300ms")]
    round_timeout: Span,
    /// What the agent on this node publishes
    #[arg(long, value_name = "FILE", default_value = plugin_core::contract::paths::STATUS)]
    status: PathBuf,
    /// The pair's configuration, read when no --interface is given
    #[arg(long, value_name = "FILE", default_value = plugin_core::contract::paths::CONFIG)]
    config: PathBuf,
    /// For the service with the event handler: OK, CRITICAL or UNKNOWN only
    #[arg(long)]
    failover: bool,
}

/// What to look at.
#[derive(Clone, Debug)]
struct Plan {
    /// Our interfaces to the clients; one with a carrier is enough.
    interfaces: Vec<String>,
    witnesses: Vec<Witness>,
    /// How many of them must answer.
    need: usize,
    wire: Option<Wire>,
}

/// What was seen.
#[derive(Debug)]
pub enum Facts {
    /// This node serves every group.
    Master,
    /// The rounds.
    Seen(Box<Sight>),
}

/// The rounds, and the state of the interfaces.
#[derive(Debug)]
pub struct Sight {
    rounds: Vec<Round>,
    /// How many rounds must agree.
    agree: usize,
    /// How many witnesses must answer in a round.
    need: usize,
    devices: Vec<Device>,
}

/// One round: both views at about the same time.
#[derive(Clone, Debug)]
struct Round {
    /// Our interface → it has a carrier.
    carriers: Vec<(String, Result<bool, Blind>)>,
    /// Witness → it answered.
    witnesses: Vec<(String, Result<bool, Blind>)>,
    /// What the agent said at the end of the round, with the master's view in it.
    status: Result<Status, Blind>,
}

impl NetworkFailover {
    fn plan(&self, host: &dyn Host) -> Result<Plan, Blind> {
        if let Some(first) = self.interface.first() {
            let wire = Some(Wire { interface: first.clone(), source: Ipv4Addr::UNSPECIFIED });
            let need = Witnesses { need: self.need, hosts: self.witness.clone() }.need();
            return Ok(Plan { interfaces: self.interface.clone(), witnesses: self.witness.clone(), need, wire });
        }
        let text = host.read(&self.config)?;
        let wrong = |reason: String| Blind::Parse { what: self.config.display().to_string(), reason };
        let cluster = Cluster::parse(&text).map_err(wrong)?;
        let me = plugin_core::host::nodename();
        if cluster.peer_of(&me).is_none() {
            return Err(wrong(format!("this node is \"{me}\" (uname -n), which is none of [nodes]")));
        }
        Ok(Plan {
            interfaces: cluster.links.values().filter(|link| link.clients).map(|link| link.interface.clone()).collect(),
            witnesses: cluster.witness.hosts.clone(),
            need: cluster.witness.need(),
            wire: Wire::configured(&cluster, &me),
        })
    }
}

/// Serves every group: the check then belongs on the other node.
fn is_master(status: &Status) -> bool {
    !status.groups.is_empty() && status.groups.iter().all(|group| group.role == Role::Master)
}

impl Check for NetworkFailover {
    const TITLE: &'static str = "NETWORK FAILOVER";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        if read_status(host, &self.status).is_ok_and(|status| is_master(&status)) {
            return Ok(Facts::Master);
        }
        let plan = self.plan(host)?;
        stage("probing the clients' network");
        let rounds = probe::rounds(host, &plan, self.rounds, self.round_timeout.or_forever().min(Duration::from_mins(1)), &self.status);
        let devices = plan.interfaces.iter().map(|interface| device::look(host, interface)).collect();
        let agree = self.agree.unwrap_or(self.rounds / 2 + 1).min(self.rounds);
        Ok(Facts::Seen(Box::new(Sight { rounds, agree: usize::try_from(agree).unwrap_or(usize::MAX), need: plan.need.max(1), devices })))
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        match facts {
            Facts::Master => report.say(State::Ok, "this node is master, checked by the slave"),
            Facts::Seen(sight) => judge::judge(sight, self.failover, report),
        }
    }
}
