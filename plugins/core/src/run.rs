//! The whole of a check's main: parse → probe → evaluate → render → one write → exit code (CHECKS.md points 2 to 7).
//!
//! Everything that is not a verdict ends in 3: usage error, help, version, panic, a closed stdout. clap's own code for a
//! usage error is 2 = CRITICAL, and with an event handler behind it a typo would fence a node.

mod args;
mod speak;

pub use args::Timeout;

use crate::host::System;
use crate::{Blind, Host, Report, State};
use args::Given;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};

/// A check is its arguments: `probe` looks, `evaluate` judges. The doc comment of the arguments is the `--help`.
pub trait Check: clap::Args + Send + 'static {
    /// First word of the output, in capitals (`MASTER ALIVE`); the binary is `check_master_alive`.
    const TITLE: &'static str;
    /// What `probe` sees.
    type Facts;
    /// Looks. The only part that touches the machine.
    ///
    /// # Errors
    /// [`Blind`] if it could not look: UNKNOWN.
    fn probe(&self, host: &dyn Host) -> Result<Self::Facts, Blind>;
    /// Judges what was seen. Pure.
    fn evaluate(&self, facts: &Self::Facts, report: &mut Report);
}

static STAGE: Mutex<String> = Mutex::new(String::new());

/// Names what the check does now; the deadline's message says it.
pub fn stage(text: impl Into<String>) {
    *STAGE.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
}

/// Runs a check. The only function that ends one.
pub fn main<C: Check>() -> ExitCode {
    speak::answer_panics(C::TITLE);
    match args::parse::<C>(std::env::args_os()) {
        Err(text) => speak::speak(&text, State::Unknown),
        Ok(given) => {
            let (timeout, verbosity) = (given.timeout, given.verbosity);
            let report = before_the_deadline(given).unwrap_or_else(|| late(timeout));
            speak::speak(&report.render(C::TITLE, verbosity), report.state())
        }
    }
}

/// The work is done by a thread, so that a hung probe (NFS, a mute server) can't hang the check. `None` = too late.
fn before_the_deadline<C: Check>(given: Given<C>) -> Option<Report> {
    let time = given.timeout.time;
    let host = System::new(Some(time));
    let (result, receiver) = channel();
    std::thread::spawn(move || {
        let _ = result.send(work(&given.check, &host, given.timeout));
    });
    match receiver.recv_timeout(time) {
        // A result that comes after the deadline is no result: the same answer however the threads are scheduled.
        Ok(report) if !host.left().is_zero() => Some(report),
        Ok(_) | Err(RecvTimeoutError::Timeout) => None,
        // The worker ended without a word: it panicked, and the hook is about to end the process.
        Err(RecvTimeoutError::Disconnected) => Some(Report::default()),
    }
}

fn work<C: Check>(check: &C, host: &dyn Host, timeout: Timeout) -> Report {
    stage("looking");
    let mut report = Report::default();
    match check.probe(host) {
        Ok(facts) => {
            stage("judging");
            check.evaluate(&facts, &mut report);
        }
        Err(blind @ Blind::Deadline { .. }) => report.say(timeout.state, format!("cannot {blind}")),
        Err(blind) => report.say(State::Unknown, format!("cannot {blind}")),
    }
    report
}

fn late(timeout: Timeout) -> Report {
    // The worker would do it as well, if the process were not about to end.
    crate::host::system::kill_running();
    let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let stage = if stage.is_empty() { "starting".to_owned() } else { stage };
    let mut report = Report::default();
    report.say(timeout.state, format!("no result within {} s, still {stage}", timeout.time.as_secs_f64()));
    report
}
