//! `check_rsync`: does the rsync daemon serve its modules? Speaks the daemon protocol itself up to the point where a transfer
//! would begin; refuses to transfer anything, and to take a password from the command line.

mod probe;
mod wire;

use crate::place::Place;
use crate::tls::Trust;
use plugin_core::net::Target;
use plugin_core::report::Metric;
use plugin_core::secret;
use plugin_core::{Blind, Check, Host, Limits, Report, State, Unit};
use std::path::PathBuf;
use std::time::Duration;

/// The modules of an rsync daemon, natively or under TLS (rsync-ssl).
///
/// Each named module is opened as a transfer would open it: unknown, unreachable folder, refused login and too many connections
/// are CRITICAL; a module that does not allow this node is WARNING. A module that wants a login is OK without one (--user), as far
/// as can be seen. Without a module the list has to come.
///
/// Example: `check_rsync -H 192.0.2.12 -m backup --user mon --password-file /etc/twinguard/secret/rsync -w 0.5 -c 2`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Rsync {
    #[command(flatten)]
    target: Target,
    /// TCP port; default: 873, with --tls 874
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Module to open; repeat
    #[arg(short, long = "module", value_name = "NAME", value_parser = name)]
    modules: Vec<String>,
    /// User for modules that want a login
    #[arg(long, value_name = "USER", requires = "password_file", value_parser = name)]
    user: Option<String>,
    /// File with the password, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// The daemon is behind TLS (rsync-ssl, stunnel, a proxy)
    #[arg(long)]
    tls: bool,
    #[command(flatten)]
    trust: Trust,
    /// Time for everything, in seconds
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    place: Place,
}

/// A word that fits on one line of the protocol.
fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && !text.starts_with('#') && !text.chars().any(|c| c.is_control() || c == '/' || c == ' ');
    if fits { Ok(text.to_owned()) } else { Err(format!("\"{text}\" is no name")) }
}

/// What was met.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    /// The check belongs on the other node.
    Elsewhere(String),
    /// No daemon answered, and why.
    Down(String),
    /// Something else answered; its first line.
    Garbage(String),
    /// The daemon.
    Seen(Seen),
}

/// What the daemon said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    version: u32,
    list: Vec<(String, String)>,
    modules: Vec<(String, Module, Duration)>,
    time: Duration,
    days: Option<f64>,
}

/// What a module answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Module {
    /// Open for everybody.
    Open,
    /// Open for our user.
    LoggedIn,
    /// It wants a login, and we were given none.
    WantsLogin,
    /// It refused our login.
    Denied,
    /// It refuses, in its words.
    Refused(String),
    /// It did not come to an answer.
    Broken(String),
}

impl Check for Rsync {
    const TITLE: &'static str = "RSYNC";
    type Facts = Met;

    fn probe(&self, host: &dyn Host) -> Result<Met, Blind> {
        if let Some(why) = self.place.elsewhere(host)? {
            return Ok(Met::Elsewhere(why));
        }
        let password = self.password_file.as_ref().map(|path| secret::read(host, path)).transpose()?;
        let port = self.port.unwrap_or(if self.tls { 874 } else { 873 });
        let targets = self.target.addresses(host, port)?;
        let end = host.now().saturating_add(self.target.time(host));
        probe::ask(&probe::Asking { check: self, host, targets, password, end })
    }

    fn evaluate(&self, met: &Met, report: &mut Report) {
        let server = &self.target.host;
        match met {
            Met::Elsewhere(why) => report.say(State::Ok, why),
            Met::Down(why) => report.say(State::Critical, format!("{server}: {why}")),
            Met::Garbage(line) => {
                report
                    .say(State::Critical, format!("what answers at {server} is no rsync daemon: \"{}\"", line.chars().take(60).collect::<String>()));
            }
            Met::Seen(seen) => self.judge(seen, report),
        }
    }
}

impl Rsync {
    fn judge(&self, seen: &Seen, report: &mut Report) {
        if self.modules.is_empty() {
            let names: Vec<&str> = seen.list.iter().map(|(name, _)| name.as_str()).collect();
            let words = if names.is_empty() { "it lists no module".into() } else { format!("modules {}", names.join(", ")) };
            report.say(State::Ok, format!("{} answers, {words}", self.target.host));
        }
        for (name, module, time) in &seen.modules {
            match module {
                Module::Open => report.say(State::Ok, format!("{name} is open")),
                Module::LoggedIn => report.say(State::Ok, format!("{name} lets {} in", self.user.as_deref().unwrap_or("us"))),
                Module::WantsLogin => report.say(State::Ok, format!("{name} wants a login (none was given)")),
                Module::Denied => {
                    let user = self.user.as_deref().unwrap_or("us");
                    report.say(State::Critical, format!("{name} refuses the login of {user} (password, user or \"auth users\")"));
                }
                Module::Refused(text) if text.starts_with("access denied") => {
                    report.say(State::Warning, format!("{name} does not allow this node (\"hosts allow\"): {text}"));
                }
                Module::Refused(text) => report.say(State::Critical, format!("{name}: {text}")),
                Module::Broken(why) => report.say(State::Critical, format!("{name}: {why}")),
            }
            report.export(Metric::new(name, time.as_secs_f64(), Unit::Seconds));
        }
        report.watch("time", seen.time.as_secs_f64(), Unit::Seconds, &self.limits);
        self.trust.judge(seen.days, report);
        report.detail(1, format!("protocol {}", seen.version));
        for (name, comment) in &seen.list {
            report.detail(1, format!("{name}: {comment}"));
        }
    }
}

#[cfg(test)]
mod tests;
