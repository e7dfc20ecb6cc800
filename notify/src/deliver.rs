//! One delivery run: takes in what lies in `incoming/`, then hands the waiting mails over, new ones first. Refuses to run
//! beside another run, to try a relay again that failed in this run, and to let one bad file or recipient stop the others.

mod claim;
pub mod compose;
mod intake;
mod smtp;

use crate::args::Args;
use crate::settings::Settings;
use crate::spool::{Folder, Queued, Refused, Spool};
use compose::Composer;
use plugin_core::contract::status::read_status;
use plugin_core::host::{Host, system::nodename};
use smtp::{Failure, Letter, Line};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// A mail is lost to its reader: somebody has to look.
    Alarm,
    /// Something did not work.
    Error,
    /// It worked, or it waits.
    Info,
}

/// Where log lines go.
pub type Say<'a> = &'a mut dyn FnMut(Log, &str);

/// Runs once.
///
/// # Errors
/// One sentence, if configuration or spool can't be used. A relay that doesn't take a mail is no error: the mail waits.
pub fn run(host: &dyn Host, spool: &Spool, args: &Args, say: Say<'_>) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("cannot use the spool: {e}");
    spool.prepare().map_err(wrong)?;
    let Some(_lock) = spool.lock(host).map_err(wrong)? else { return Ok(()) };
    let settings = Settings::read(host, &args.config)?;
    let mut run = Run {
        host,
        spool,
        line: Line::new(host, &settings, Duration::from_secs(args.timeout))?,
        settings,
        status: args.status.clone(),
        flush: args.flush,
        stuck: false,
        say,
    };
    run.all().map_err(wrong)?;
    if run.stuck { Err("something in incoming/ is in the way; everything else was delivered or waits".to_owned()) } else { Ok(()) }
}

struct Run<'a> {
    host: &'a dyn Host,
    spool: &'a Spool,
    settings: Settings,
    status: PathBuf,
    line: Line,
    flush: bool,
    stuck: bool,
    say: Say<'a>,
}

impl Run<'_> {
    fn all(&mut self) -> std::io::Result<()> {
        let mut waiting = VecDeque::from(self.spool.names(Folder::Queue)?);
        let mut fresh = VecDeque::from(self.take_in()?);
        while let Some(name) = fresh.pop_front().or_else(|| waiting.pop_front()) {
            // Left for the next run, untouched: a relay that is down costs each run one attempt, not one a mail.
            if self.host.left().is_zero() || self.line.is_down() {
                break;
            }
            self.one(&name)?;
            fresh.extend(self.take_in()?);
        }
        self.line.hang_up(self.host);
        Ok(())
    }

    fn take_in(&mut self) -> std::io::Result<Vec<String>> {
        let (node, status) = (nodename(), read_status(self.host, &self.status).ok());
        let composer = Composer { settings: &self.settings, node: &node, status: status.as_ref() };
        let taken = intake::take_in(self.host.wall_ms(), self.spool, composer, self.say)?;
        self.stuck |= taken.stuck;
        Ok(taken.queued)
    }

    fn one(&mut self, name: &str) -> std::io::Result<()> {
        let Some(bytes) = self.spool.read(Folder::Queue, name)? else { return Ok(()) };
        let mut mail: Queued = match serde_json::from_slice(&bytes) {
            Ok(mail) => mail,
            Err(e) => {
                (self.say)(Log::Alarm, &format!("{name} in queue/ can't be understood ({e}); moved to failed/"));
                return self.spool.rename((Folder::Queue, name), (Folder::Failed, name));
            }
        };
        if !self.flush && !mail.is_due(self.host.wall_ms()) {
            return Ok(());
        }
        let mut reasons = Vec::new();
        for to in mail.left.clone() {
            match self.line.hand_over(self.host, &Letter { from: mail.from.clone(), to: to.clone(), message: mail.message.clone() }) {
                Ok(relay) => {
                    mail.left.retain(|t| *t != to);
                    self.keep(name, &mail)?;
                    (self.say)(Log::Info, &format!("{} delivered to {to} by {relay}: {}", mail.id, mail.subject));
                }
                Err(Failure::Never(reason)) => {
                    (self.say)(Log::Alarm, &format!("{} refused for {to}: {reason}", mail.id));
                    mail.left.retain(|t| *t != to);
                    mail.refused.push(Refused { to, reason });
                    self.keep(name, &mail)?;
                }
                Err(Failure::Later(reason) | Failure::Relay(reason)) => reasons.push(reason),
            }
        }
        if mail.left.is_empty() {
            return if mail.refused.is_empty() { self.spool.remove(Folder::Queue, name) } else { self.fail(name) };
        }
        mail.postpone(self.host.wall_ms(), reasons.join("; "));
        let old = mail.is_old(self.host.wall_ms());
        self.spool.write(Folder::Queue, name, &to_json(&mail)?)?;
        if old {
            (self.say)(Log::Alarm, &format!("{} given up after 5 days for {}: {}", mail.id, mail.left.join(", "), mail.reason));
            return self.fail(name);
        }
        let seconds = (mail.next_ms - self.host.wall_ms()).max(0) / 1000;
        (self.say)(Log::Error, &format!("{} waits, next attempt in {seconds} s: {}", mail.id, mail.reason));
        Ok(())
    }

    /// Writes down that a recipient is done with, at once: a killed run must not send to it again.
    fn keep(&self, name: &str, mail: &Queued) -> std::io::Result<()> {
        if mail.left.is_empty() && mail.refused.is_empty() { Ok(()) } else { self.spool.write(Folder::Queue, name, &to_json(mail)?) }
    }

    fn fail(&mut self, name: &str) -> std::io::Result<()> {
        (self.say)(
            Log::Alarm,
            &format!(
                "{} keeps the mail and the reason; remove the file when you have read it",
                self.spool.folder(Folder::Failed).join(name).display()
            ),
        );
        self.spool.rename((Folder::Queue, name), (Folder::Failed, name))
    }
}

fn to_json(mail: &Queued) -> std::io::Result<Vec<u8>> {
    serde_json::to_vec(mail).map_err(std::io::Error::other)
}
