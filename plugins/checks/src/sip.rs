//! `check_sip`: does the SIP server answer? One OPTIONS, or a REGISTER that changes nothing, over UDP, TCP or TLS. A client of
//! its own; refuses to take a mere connection for an answer, and to repeat a refused login.

mod carrier;
mod digest;
mod judge;
mod probe;
mod request;
mod response;
mod srv;

use crate::place::Place;
use crate::tls::Trust;
use plugin_core::net::{Endpoint, Target, resolve};
use plugin_core::range::{Range, percent};
use plugin_core::{Blind, Check, Host, Limits, Report, secret};
use request::Transport;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A SIP server by its answer to OPTIONS (RFC 3261 section 11) or to a REGISTER that only asks.
///
/// Alive is whoever answers: 200, a wanted login (401, 407), an unknown extension that nobody asked for (404), a method that is
/// not served (405, 501 ...). Overload and shutdown (500, 503, 504), a refused login and silence are CRITICAL, other refusals
/// WARNING; --expect overrides all of that. A PBX notes every question from a stranger and its fail2ban may ban this node: give
/// the monitor an endpoint with an "identify" section, or a login.
///
/// Example: `check_sip -H 192.0.2.10 -w 0.3 -c 1`
///
/// Example: `check_sip -H pbx.example.org --transport tls --register --user mon --password-file /etc/twinguard/secret/sip`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Sip {
    #[command(flatten)]
    target: Target,
    /// Port; default: 5060, with TLS 5061
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The host is a domain: ask those servers that its SRV records name, the next one where one does not answer (WARNING)
    #[arg(long, conflicts_with = "port")]
    srv: bool,
    /// Name server to ask for SRV records, and its port; default: the first of /etc/resolv.conf
    #[arg(long, value_name = "ADDRESS[:PORT]", requires = "srv", value_parser = name_server)]
    nameserver: Option<SocketAddr>,
    /// Ask so many times, one after the other, and count what is lost
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// WARNING when the percent of lost datagrams leaves this range; with --count
    #[arg(long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true, default_value = "40")]
    loss_warning: Range,
    /// CRITICAL when the percent of lost datagrams leaves this range; with --count
    #[arg(long, value_name = "RANGE", value_parser = percent, allow_hyphen_values = true, default_value = "80")]
    loss_critical: Range,
    /// udp, tcp or tls
    #[arg(long, value_name = "TRANSPORT", default_value = "udp")]
    transport: Transport,
    /// Ask for this extension and not for the server itself
    #[arg(long, value_name = "USER", value_parser = word)]
    extension: Option<String>,
    /// Domain of the addresses; default: the host
    #[arg(long, value_name = "DOMAIN", value_parser = word)]
    domain: Option<String>,
    /// Ask by REGISTER without a contact: it proves the login and changes no registration
    #[arg(long, requires = "user", conflicts_with = "extension")]
    register: bool,
    /// User for a login by digest (MD5, SHA-256)
    #[arg(long, value_name = "USER", requires = "password_file", value_parser = word)]
    user: Option<String>,
    /// File with the password, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Codes that are OK, and no others are; separate by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(200..700))]
    expect: Vec<u16>,
    /// WARNING if the Server or User-Agent header does not contain this
    #[arg(long, value_name = "TEXT")]
    server: Option<String>,
    /// WARNING if the Allow header lacks this method; repeat or separate by commas
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    allow: Vec<String>,
    /// WARNING when the number of repetitions over UDP leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    repeat_warning: Option<Range>,
    /// Time of the answer, in seconds
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    place: Place,
}

/// A word that fits into a SIP address.
fn word(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "<>@\"\\;,".contains(c);
    if text.is_empty() || text.chars().any(odd) { Err(format!("\"{text}\" does not fit into a SIP address")) } else { Ok(text.to_owned()) }
}

fn name_server(text: &str) -> Result<SocketAddr, String> {
    let endpoint: Endpoint = text.parse()?;
    let address = endpoint.host.parse().map_err(|_| format!("\"{text}\" is no address: a name server can't be found by its name"))?;
    Ok(SocketAddr::new(address, endpoint.port.unwrap_or(53)))
}

/// What was met.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// Nobody answered, and why.
    Down(String),
    /// The final answer.
    Answer(Box<Answer>),
}

/// How far a login came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// None was given, or none was wanted.
    None,
    /// Ours was sent.
    Sent,
    /// Ours was refused.
    Refused,
}

/// The final answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    code: u16,
    reason: String,
    /// Of each question that was answered.
    times: Vec<Duration>,
    /// Datagrams that had to be sent again.
    repeated: u32,
    /// Questions that nobody answered.
    lost: u32,
    login: Login,
    server: Option<String>,
    allow: Vec<String>,
    from: Option<SocketAddr>,
    retry_after: Option<String>,
    days: Option<f64>,
    /// Servers of the domain that were to be asked before this one, and why they did not answer.
    silent: Vec<String>,
}

impl Sip {
    /// Asks the domain's servers, until one answers.
    fn ask_domain(&self, host: &dyn Host, password: Option<&secret::Secret>) -> Result<Met, Blind> {
        let service = format!("{}.{}", self.transport.service(), self.target.host);
        let mut silent = Vec::new();
        for server in srv::lookup(host, &service, self.nameserver)? {
            let addresses = if server.addresses.is_empty() { resolve(host, &server.name)? } else { server.addresses };
            let targets: Vec<_> = addresses.into_iter().filter(|a| self.target.wants(*a)).map(|a| SocketAddr::new(a, server.port)).collect();
            match probe::ask(self, host, &targets, password)? {
                Met::Answer(mut answer) => {
                    answer.silent = silent;
                    return Ok(Met::Answer(answer));
                }
                Met::Down(why) => silent.push(format!("{}:{}: {why}", server.name, server.port)),
                elsewhere @ Met::Elsewhere(_) => return Ok(elsewhere),
            }
        }
        Ok(Met::Down(silent.join("; ")))
    }
}

impl Check for Sip {
    const TITLE: &'static str = "SIP";
    type Facts = Met;

    fn probe(&self, host: &dyn Host) -> Result<Met, Blind> {
        if let Some(why) = self.place.elsewhere(host)? {
            return Ok(Met::Elsewhere(why));
        }
        let password = self.password_file.as_ref().map(|path| secret::read(host, path)).transpose()?;
        if self.srv {
            return self.ask_domain(host, password.as_ref());
        }
        let targets = self.target.addresses(host, self.port.unwrap_or(self.transport.port()))?;
        probe::ask(self, host, &targets, password.as_ref())
    }

    fn evaluate(&self, met: &Met, report: &mut Report) {
        judge::judge(self, met, report);
    }
}
