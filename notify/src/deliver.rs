//! One delivery run: takes in what lies in `incoming/`, then hands the waiting mails over, new ones first. Refuses to run
//! beside another run, to try a relay again that failed in this run, and to let one bad file or recipient stop the others.

mod channel;
mod claim;
pub mod compose;
mod fold;
mod intake;
mod line;
mod passive;
mod sendmail;
mod smtp;
pub mod trial;
mod turn;

use crate::args::Args;
use crate::settings::Settings;
use crate::spool::{Folder, Note, Queued, Spool};
use compose::Composer;
use line::Line;
use plugin_core::contract::status::read_status;
use plugin_core::host::{Host, system::nodename};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;
use turn::Turn;

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
    spool.sweep(host.wall_ms()).map_err(wrong)?;
    let settings = Settings::read(host, &args.config)?;
    let timeout = Duration::from_secs(args.timeout);
    let pipe = settings.passive.clone();
    let mut run = Run {
        host,
        spool,
        line: Line::new(host, &settings, timeout)?,
        timeout,
        settings,
        status: args.status.clone(),
        flush: args.flush,
        open: false,
        stuck: false,
        dumb: BTreeSet::new(),
        say,
    };
    let outcome = run.all().map_err(wrong);
    if let Some(pipe) = pipe
        && let Err(e) = passive::report(&pipe, &nodename(), host.wall_ms(), spool)
    {
        (run.say)(
            Log::Error,
            &format!("[notify] passive: cannot write to {}: {e}; is the monitoring running, with its command pipe?", pipe.display()),
        );
    }
    outcome?;
    if run.stuck { Err("something in incoming/ is in the way; everything else was delivered or waits".to_owned()) } else { Ok(()) }
}

struct Run<'a> {
    host: &'a dyn Host,
    spool: &'a Spool,
    settings: Settings,
    status: PathBuf,
    line: Line,
    timeout: Duration,
    flush: bool,
    /// A relay took a mail in this run, so mails that only wait for a relay need not wait any longer.
    open: bool,
    stuck: bool,
    /// Channels that failed in this run.
    dumb: BTreeSet<String>,
    say: Say<'a>,
}

impl Run<'_> {
    fn all(&mut self) -> std::io::Result<()> {
        self.finish_folding()?;
        let mut waiting = VecDeque::from(self.spool.names(Folder::Queue)?);
        waiting.retain(|name| !name.ends_with(fold::HELD));
        // If the last run ended in the middle of a mail, that mail may be the reason: the others come first.
        if let Some(place) = self.spool.noted(Note::Begun).and_then(|begun| waiting.iter().position(|name| *name == begun)) {
            let suspect = waiting.remove(place);
            waiting.extend(suspect);
        }
        let mut fresh = VecDeque::new();
        let new = self.take_in()?;
        self.fold(&new, &mut fresh)?;
        fresh.extend(self.release()?);
        let mut held = VecDeque::new();
        while let Some(name) = fresh.pop_front().or_else(|| waiting.pop_front()).or_else(|| if self.open { held.pop_front() } else { None }) {
            if self.host.left() < self.timeout {
                break;
            }
            // Left for the next run, untouched: a relay that is down costs each run one attempt, not one a mail.
            if self.line.is_down() && !channel::is_way(&name) {
                continue;
            }
            if self.turn(&name)? == Turn::Held {
                held.push_back(name);
            }
            let new = self.take_in()?;
            self.fold(&new, &mut fresh)?;
        }
        self.line.hang_up(self.host);
        Ok(())
    }

    fn take_in(&mut self) -> std::io::Result<Vec<String>> {
        // Nothing new costs one look at a folder, not a read of the status for each mail.
        if self.spool.names(Folder::Incoming)?.is_empty() && self.spool.strange_names(Folder::Incoming)?.is_empty() {
            return Ok(Vec::new());
        }
        let (node, status) = (nodename(), read_status(self.host, &self.status).ok());
        let composer = Composer { settings: &self.settings, node: &node, status: status.as_ref() };
        let taken = intake::take_in(self.host.wall_ms(), self.spool, composer, self.say)?;
        self.stuck |= taken.stuck;
        Ok(taken.queued)
    }

    fn composer<T>(&self, compose: impl FnOnce(Composer<'_>) -> T) -> T {
        let (node, status) = (nodename(), read_status(self.host, &self.status).ok());
        compose(Composer { settings: &self.settings, node: &node, status: status.as_ref() })
    }
}

fn to_json(mail: &Queued) -> std::io::Result<Vec<u8>> {
    serde_json::to_vec(mail).map_err(std::io::Error::other)
}
