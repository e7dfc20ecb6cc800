//! A read-only session with a server, and the time that it may take.

use super::login::{Engine, Target};
use super::{Fault, mariadb, postgresql};
use plugin_core::Host;
use plugin_core::host::system::boottime;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A result as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows; `None` = NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// There were more rows than were asked for.
    pub more: bool,
}

impl Table {
    /// The value of a column in a row; `None` for NULL and for a column that is not there.
    pub fn value<'a>(&self, row: &'a [Option<String>], column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|c| c.eq_ignore_ascii_case(column))?;
        row.get(at)?.as_deref()
    }

    /// The first value of the first row.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }
}

/// An open session: read-only, each statement limited by the server.
pub trait Session: Send {
    /// Product and version.
    fn version(&mut self) -> Result<String, Fault>;
    /// Runs a statement of our own.
    ///
    /// # Errors
    /// [`Fault`].
    fn ask(&mut self, sql: &str) -> Result<Table, Fault>;
    /// Runs an administrator's statement, which has to be a single one, and reads at most `most` rows of its result.
    ///
    /// # Errors
    /// [`Fault`]; more than one statement is one.
    fn read(&mut self, sql: &str, most: usize) -> Result<Table, Fault>;
}

/// What a job does now; a hang is reported with it.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<String>>);

impl Progress {
    /// Names the stage, as in "no answer while …".
    pub fn stage(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    fn now(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Opens a session. `limit` bounds each single wait and each statement.
///
/// # Errors
/// [`Fault`].
pub fn open(target: &Target, limit: Duration, progress: &Progress) -> Result<Box<dyn Session>, Fault> {
    progress.stage("logging in");
    match target.engine {
        Engine::Mariadb => Ok(Box::new(mariadb::connect(target, limit)?)),
        Engine::Postgresql => Ok(Box::new(postgresql::connect(target, limit)?)),
    }
}

/// Work on one server, in a thread of its own.
pub type Job<T> = Box<dyn FnOnce(Duration, &Progress) -> Result<T, Fault> + Send>;

/// Wraps work as a [`Job`]; it is handed its share of time.
pub fn job<T>(work: impl FnOnce(Duration, &Progress) -> Result<T, Fault> + Send + 'static) -> Job<T> {
    Box::new(work)
}

/// Runs jobs side by side. Libraries bound single reads, not the whole, so each job has a thread that is left behind when its
/// share of the check's time is over: what is left now, less a tenth for the verdict.
pub fn together<T: Send + 'static>(host: &dyn Host, jobs: Vec<Job<T>>) -> Vec<Result<T, Fault>> {
    let left = host.left().min(Duration::from_hours(24));
    let share = left.saturating_sub(left / 10);
    let start = boottime();
    let running: Vec<(Receiver<Result<T, Fault>>, Progress)> = jobs
        .into_iter()
        .map(|job| {
            let (result, receiver) = channel();
            let progress = Progress::default();
            let seen = progress.clone();
            std::thread::spawn(move || {
                let _ = result.send(job(share, &seen));
            });
            (receiver, progress)
        })
        .collect();
    let wait = |(receiver, progress): (Receiver<Result<T, Fault>>, Progress)| {
        let rest = share.saturating_sub(boottime().saturating_sub(start));
        receiver.recv_timeout(rest).unwrap_or_else(|e| match e {
            RecvTimeoutError::Timeout => Err(Fault::Hung { stage: progress.now(), after: share }),
            RecvTimeoutError::Disconnected => Err(Fault::Garbage("the session ended without a result".into())),
        })
    };
    running.into_iter().map(wait).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use plugin_core::host::System;

    #[test]
    fn a_job_that_hangs_is_left_behind_and_the_other_one_counts() {
        let host = System::new(Some(Duration::from_secs(1)));
        let (_keep, never) = channel::<()>();
        let hung = job(move |_, progress| {
            progress.stage("waiting for nothing");
            let _ = never.recv();
            Ok(1)
        });
        let results = together(&host, vec![hung, job(|_, _| Ok(2))]);
        assert!(
            matches!(&results[..], [Err(Fault::Hung { stage, after }), Ok(2)] if stage == "waiting for nothing" && *after < Duration::from_secs(1))
        );
        assert!(host.left() > Duration::ZERO, "there is time left for the verdict");
    }

    #[test]
    fn values_are_found_by_the_name_of_their_column() {
        let table = Table { columns: vec!["A".into(), "b".into()], rows: vec![vec![Some("1".into()), None]], more: false };
        let row = table.rows.first().unwrap();
        assert_eq!((table.value(row, "a"), table.value(row, "B"), table.value(row, "c"), table.first()), (Some("1"), None, None, Some("1")));
    }
}
