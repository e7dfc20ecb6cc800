//! `check_ami`: does Asterisk's manager interface answer, and what does it say about calls, trunks and phones? A client of its
//! own that only reads; refuses to repeat a refused login, and to send a password in clear outside TLS.

mod judge;
mod message;
mod probe;
mod session;

use crate::place::Place;
use crate::tls::Trust;
use message::Block;
use plugin_core::net::Target;
use plugin_core::range::Range;
use plugin_core::{Blind, Check, Host, Limits, Report, secret};
use std::path::PathBuf;
use std::time::Duration;

/// Asterisk's manager interface (AMI): banner, login by challenge, Ping, calls, trunks, phones.
///
/// Without a user only the banner is waited for. A refused login is CRITICAL and never repeated (fail2ban). The account needs no
/// more than this in manager.conf: read = system, write = system,reporting, permit = the monitor's address; with less the check
/// says which question was refused. No banner, no answer to Ping: CRITICAL.
///
/// Example: `check_ami --user mon --password-file /etc/twinguard/secret/ami --registrations --calls-warning 80`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line, none a state")]
pub struct Ami {
    #[command(flatten)]
    target: Target,
    /// TCP port; default: 5038, with --tls 5039
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The port speaks TLS
    #[arg(long)]
    tls: bool,
    #[command(flatten)]
    trust: Trust,
    /// Manager account
    #[arg(long, value_name = "USER", requires = "password_file")]
    user: Option<String>,
    /// File with its secret, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Send the secret itself and no answer to a challenge, under TLS only
    #[arg(long, requires = "tls", requires = "user")]
    plain: bool,
    /// Time for the whole session, in seconds
    #[command(flatten)]
    limits: Limits,
    /// WARNING when the number of current calls leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    calls_warning: Option<Range>,
    /// CRITICAL when the number of current calls leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    calls_critical: Option<Range>,
    /// WARNING when the number of channels leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    channels_warning: Option<Range>,
    /// CRITICAL when the number of channels leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    channels_critical: Option<Range>,
    /// WARNING when the longest call leaves this range (seconds)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    longest_warning: Option<Range>,
    /// WARNING when the time since the last start leaves this range (seconds; 600: = restarted in the last ten minutes)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    uptime_warning: Option<Range>,
    /// Every outbound registration (trunk) has to be registered, else CRITICAL
    #[arg(long, requires = "user")]
    registrations: bool,
    /// Phones and peers that are unreachable are WARNING
    #[arg(long, requires = "user")]
    peers: bool,
    /// This phone or peer has to be reachable, else CRITICAL; repeat
    #[arg(long, value_name = "NAME", requires = "user")]
    peer: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// What was met.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// Nobody answered, and why.
    Down(String),
    /// Something else answered, or an answer was broken.
    Garbage(String),
    /// It does not let us in.
    Refused,
    /// The session.
    Seen(Box<Seen>),
}

/// A trunk, a phone, a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    name: String,
    state: String,
}

/// What the session showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    protocol: String,
    version: Option<String>,
    logged_in: bool,
    pong: bool,
    calls: Option<f64>,
    processed: Option<f64>,
    channels: Option<Vec<(String, f64)>>,
    registrations: Option<Vec<Item>>,
    peers: Option<Vec<Item>>,
    uptime: Option<f64>,
    denied: Vec<(&'static str, String)>,
    time: Duration,
    days: Option<f64>,
}

impl Check for Ami {
    const TITLE: &'static str = "AMI";
    type Facts = Met;

    fn probe(&self, host: &dyn Host) -> Result<Met, Blind> {
        if let Some(why) = self.place.elsewhere(host)? {
            return Ok(Met::Elsewhere(why));
        }
        let secret = self.password_file.as_ref().map(|path| secret::read(host, path)).transpose()?;
        let targets = self.target.addresses(host, self.port.unwrap_or(if self.tls { 5039 } else { 5038 }))?;
        probe::ask(self, host, &targets, secret.as_ref())
    }

    fn evaluate(&self, met: &Met, report: &mut Report) {
        judge::judge(self, met, report);
    }
}
