//! The sessions with one SMTP server, inside a deadline that holds: the library's own time limits count per read, so that a relay
//! which drips bytes could hold it for ever. A session that took a letter takes the next ones too. Refuses to believe an old
//! session that says no, or nothing: unless the message was on its way, the letter is tried again in a new one.

mod session;

use super::line::{Failure, Letter};
use crate::relay::Server;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use plugin_core::host::{Host, System};
use plugin_core::net::resolve;
use session::{MESSAGE, Session, Shared, Verdict};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most letters in one session: relays count (Exim's `smtp_accept_max_per_connection` is 1000).
const MOST: u32 = 100;
/// A session that was idle for longer is not used again: relays hang up, and firewalls forget without a word.
const IDLE: Duration = Duration::from_secs(5);

/// The reply to a whole message may take so many times longer: relays look for viruses before they take one, and RFC 5321 section
/// 4.5.3.2.6 gives them ten minutes. Who gives up while the relay takes the mail sends it twice.
const PATIENCE: u32 = 3;

/// What a session with a server needs beside the letter.
pub(super) struct Access {
    pub server: Server,
    pub tls: TlsParameters,
    /// SHA-256 of the certificates that it may show; if there is one, `tls` verifies no authority, only the server's key.
    pub pins: Vec<[u8; 32]>,
    pub login: Option<Credentials>,
}

/// A server, the session with it, and those that are saying good-bye.
pub(super) struct Smtp {
    access: Arc<Access>,
    open: Option<Open>,
    ending: Vec<JoinHandle<()>>,
}

/// A session that took all its letters so far.
struct Open {
    letters: Sender<Arc<Letter>>,
    verdicts: Receiver<Verdict>,
    shared: Arc<Mutex<Shared>>,
    thread: JoinHandle<()>,
    taken: u32,
    /// When it took the last one.
    last: Duration,
}

impl Open {
    /// Everything was said; if not, nothing more will be.
    fn is_at_last_reply(&self) -> bool {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.stop = shared.stage != MESSAGE;
        !shared.stop
    }
}

impl Smtp {
    pub(super) fn new(access: Access) -> Self {
        Self { access: Arc::new(access), open: None, ending: Vec::new() }
    }

    /// Hands one letter over, which ends within `timeout`, or [`PATIENCE`] times that if nothing but the last reply is missing.
    pub(super) fn attempt(&mut self, host: &dyn Host, letter: &Arc<Letter>, timeout: Duration) -> Result<(), Failure> {
        let end = host.now() + timeout;
        if let Some(open) = self.open.take() {
            if open.taken < MOST && host.now().saturating_sub(open.last) < IDLE {
                let verdict = self.hand_over(host, open, letter, (end, timeout));
                // What the relay may have already must not go a second time.
                if verdict.outcome.is_ok() || verdict.begun {
                    return verdict.outcome;
                }
            } else {
                self.end(open);
            }
        }
        let left = end.saturating_sub(host.now());
        if left.is_zero() {
            return Err(Failure::Relay("no time was left for a new session".to_owned()));
        }
        let open = self.begin(left)?;
        self.hand_over(host, open, letter, (end, timeout)).outcome
    }

    fn begin(&self, timeout: Duration) -> Result<Open, Failure> {
        // A name server that is silent may cost this relay its time and not the whole run's.
        let addresses = resolve(&System::new(Some(timeout)), &self.access.server.host).map_err(|e| Failure::Relay(format!("cannot {e}")))?;
        let addresses = addresses.into_iter().map(|a| SocketAddr::new(a, self.access.server.port)).collect();
        let shared = Arc::<Mutex<Shared>>::default();
        let ((letters, to_send), (tell, verdicts)) = (mpsc::channel(), mpsc::channel());
        let session = Session { addresses, access: Arc::clone(&self.access), timeout, shared: Arc::clone(&shared) };
        let thread = std::thread::spawn(move || session.run(&to_send, &tell));
        Ok(Open { letters, verdicts, shared, thread, taken: 0, last: Duration::ZERO })
    }

    fn hand_over(&mut self, host: &dyn Host, mut open: Open, letter: &Arc<Letter>, (end, timeout): (Duration, Duration)) -> Verdict {
        // A session that has ended says so below.
        let _ = open.letters.send(Arc::clone(letter));
        let mut left = end.saturating_sub(host.now());
        let mut told = open.verdicts.recv_timeout(left);
        if matches!(told, Err(RecvTimeoutError::Timeout)) && open.is_at_last_reply() {
            let longer = (timeout * (PATIENCE - 1)).min(host.left());
            left += longer;
            told = open.verdicts.recv_timeout(longer);
        }
        let verdict = told.unwrap_or_else(|why| {
            let mut shared = open.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.stop = true;
            let text = match why {
                RecvTimeoutError::Timeout => format!("no end within {} s, stopped at: {}", left.as_secs_f64().ceil(), shared.stage),
                RecvTimeoutError::Disconnected => format!("the mail library failed at: {}", shared.stage),
            };
            Verdict { outcome: Err(Failure::Relay(text)), begun: true }
        });
        if verdict.outcome.is_ok() {
            (open.taken, open.last) = (open.taken + 1, host.now());
            self.open = Some(open);
        } else {
            self.end(open);
        }
        verdict
    }

    /// Lets a session say good-bye, which nobody waits for.
    fn end(&mut self, open: Open) {
        self.ending.retain(|thread| !thread.is_finished());
        self.ending.push(open.thread);
    }

    /// Nothing more is to be sent.
    pub(super) fn hang_up(&mut self) {
        if let Some(open) = self.open.take() {
            self.end(open);
        }
    }

    /// Every session has said good-bye.
    pub(super) fn is_gone(&self) -> bool {
        self.ending.iter().all(JoinHandle::is_finished)
    }
}
