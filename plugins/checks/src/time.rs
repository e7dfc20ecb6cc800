//! `check_time`: does this node's clock agree with time servers and with the other node, and does something keep it right?
//!
//! Measures by SNTP of its own; what the local daemon thinks of itself is only a second opinion. Refuses to call a clock wrong
//! because nobody answered.

mod daemon;
mod judge;
mod packet;
mod probe;
mod select;

use crate::place::Place;
use daemon::{Choice, Daemon};
use plugin_core::cluster::Span;
use plugin_core::net::{Endpoint, Family, share};
use plugin_core::range::Range;
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Limits, Report, State};
use select::Clock;
use std::net::IpAddr;
use std::time::Duration;

/// This node's clock against time servers and against the other node.
///
/// Each server is asked several times; the answer with the least delay counts. Of three or more servers the majority decides
/// and the others are named. Ranges are for the distance from right, without sign. A server that nobody can reach is UNKNOWN
/// (--no-answer), never a wrong clock; the other node is compared even if no server answers, and even if its own clock is not
/// synchronised (RX2).
///
/// Example: `check_time -H ntp1.example.org -H ntp2.example.org -w 0.1 -c 1 --peer 192.0.2.12 --peer-critical 1`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Time {
    /// Time server to ask (name, IPv4, IPv6; a port after a colon); repeat
    #[arg(short = 'H', long = "server", value_name = "HOST[:PORT]")]
    servers: Vec<Endpoint>,
    /// The other node's time service
    #[arg(long, value_name = "HOST[:PORT]")]
    peer: Option<Endpoint>,
    /// UDP port of servers that are given without one
    #[arg(short, long, default_value_t = 123)]
    port: u16,
    #[command(flatten)]
    family: Family,
    /// Address of this node to ask from
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Questions to each server
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    samples: u32,
    /// Pause between two questions; a public server takes faster ones for an attack
    #[arg(long, value_name = "TIME", default_value = "200ms")]
    pause: Span,
    /// Time for all answers
    #[arg(long, value_name = "TIME", default_value = "5s")]
    answer_timeout: Span,
    /// Distance from the servers' time, in seconds
    #[command(flatten)]
    limits: Limits,
    /// WARNING when the distance from the other node's clock leaves this range (seconds)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    peer_warning: Option<Range>,
    /// CRITICAL when the distance from the other node's clock leaves this range (seconds)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    peer_critical: Option<Range>,
    /// WARNING when a server's stratum leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    stratum_warning: Option<Range>,
    /// WARNING when the jitter leaves this range (seconds)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    jitter_warning: Option<Range>,
    /// WARNING when a server's distance from its reference leaves this range (seconds)
    #[arg(long, value_name = "RANGE", default_value = "1.5", allow_hyphen_values = true)]
    root_warning: Range,
    /// State if no server and no peer gives a time: unknown, warning or critical
    #[arg(long, value_name = "STATE", default_value = "unknown", value_parser = state)]
    no_answer: State,
    /// The service that keeps the clock right: auto, none, chrony, ntpd or timesyncd
    #[arg(long, value_name = "SERVICE", default_value = "auto")]
    daemon: Choice,
    /// Command port of chronyd
    #[arg(long, value_name = "PORT", default_value_t = 323)]
    chrony_port: u16,
    #[command(flatten)]
    place: Place,
}

fn state(text: &str) -> Result<State, String> {
    match text {
        "unknown" => Ok(State::Unknown),
        "warning" => Ok(State::Warning),
        "critical" => Ok(State::Critical),
        _ => Err(format!("\"{text}\" is no state: write unknown, warning or critical")),
    }
}

/// How to ask.
struct Asking {
    port: u16,
    family: Family,
    source: Option<IpAddr>,
    samples: u32,
    pause: Duration,
    time: Duration,
}

/// What asking one server met.
#[derive(Clone, Debug, PartialEq)]
enum Sight {
    /// A time.
    Clock { clock: Clock, stratum: u8, leap: u8, root: f64, synchronised: bool },
    /// It refuses to serve (kiss-o'-death): asking on would be rude.
    Kiss(String),
    /// No usable answer, and why.
    Silent(String),
    /// This node could not ask.
    Blind(Blind),
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// Everything that was asked.
    Seen(Seen),
}

/// Everything that was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    servers: Vec<(String, Sight)>,
    peer: Option<(String, Sight)>,
    daemons: Vec<Daemon>,
    daemon_wanted: bool,
}

impl Check for Time {
    const TITLE: &'static str = "TIME";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        if let Some(why) = self.place.elsewhere(host)? {
            return Ok(Facts::Elsewhere(why));
        }
        let asking = Asking {
            port: self.port,
            family: self.family,
            source: self.source,
            samples: self.samples,
            pause: self.pause.or_forever(),
            time: share(host, self.answer_timeout),
        };
        let all: Vec<Endpoint> = self.servers.iter().chain(&self.peer).cloned().collect();
        stage(format!("asking {} servers", all.len()));
        let mut sights = probe::ask_all(host, &asking, &all);
        let peer = self.peer.as_ref().and_then(|peer| Some((peer.to_string(), sights.pop()?)));
        let servers = self.servers.iter().map(Endpoint::to_string).zip(sights).collect();
        stage("asking the local time service");
        let daemons = daemon::ask(host, self.daemon, self.chrony_port)?;
        Ok(Facts::Seen(Seen { servers, peer, daemons, daemon_wanted: self.daemon != Choice::None }))
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        match facts {
            Facts::Elsewhere(why) => report.say(State::Ok, why),
            Facts::Seen(seen) => judge::judge(self, seen, report),
        }
    }
}
