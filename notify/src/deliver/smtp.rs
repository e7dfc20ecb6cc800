//! One mail to one recipient over one SMTP server, inside a deadline that holds: the library's own time
//! limits count per read, so that a relay which drips bytes could hold it for ever. Refuses to send anything before TLS
//! is up and verified, and to repeat what a relay said while it was being told the password.

use super::line::{Failure, Letter};
use crate::relay::{Server, Tls};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use plugin_core::host::{Host, system::nodename};
use plugin_core::net::resolve;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the session's thread and the clock's keeper share.
#[derive(Default)]
struct Shared {
    /// Where the session is.
    stage: &'static str,
    /// The keeper gave up: the session sends no further command.
    stop: bool,
}

type Stage = Arc<Mutex<Shared>>;

/// What a session with a server needs beside the letter.
#[derive(Clone)]
pub(super) struct Access {
    pub server: Server,
    pub tls: TlsParameters,
    /// SHA-256 of the certificates that it may show; if there is one, `tls` verifies no authority, only the server's key.
    pub pins: Vec<[u8; 32]>,
    pub login: Option<Credentials>,
}

/// One attempt with one server, which ends within `timeout`. The session's thread may live on to say good-bye.
pub(super) fn attempt(
    host: &dyn Host,
    sessions: &mut Vec<JoinHandle<()>>,
    access: &Access,
    letter: &Letter,
    timeout: Duration,
) -> Result<(), Failure> {
    let addresses = resolve(host, &access.server.host).map_err(|e| Failure::Relay(format!("cannot {e}")))?;
    let addresses: Vec<SocketAddr> = addresses.into_iter().map(|a| SocketAddr::new(a, access.server.port)).collect();
    let stage = Stage::default();
    let (tell, told) = mpsc::channel();
    let session = Session { addresses, access: access.clone(), letter: letter.clone(), timeout, stage: Arc::clone(&stage) };
    sessions.retain(|s| !s.is_finished());
    sessions.push(std::thread::spawn(move || session.run(&tell)));
    match told.recv_timeout(timeout) {
        Ok(outcome) => outcome,
        Err(why) => {
            let mut shared = stage.lock().unwrap_or_else(PoisonError::into_inner);
            shared.stop = true;
            Err(Failure::Relay(match why {
                mpsc::RecvTimeoutError::Timeout => format!("no end within {} s, stopped at: {}", timeout.as_secs(), shared.stage),
                mpsc::RecvTimeoutError::Disconnected => format!("the mail library failed at: {}", shared.stage),
            }))
        }
    }
}

struct Session {
    addresses: Vec<SocketAddr>,
    access: Access,
    letter: Letter,
    timeout: Duration,
    stage: Stage,
}

impl Session {
    fn run(self, tell: &mpsc::Sender<Result<(), Failure>>) {
        let mut open = None;
        let outcome = self.open().and_then(|connection| self.transaction(open.insert(connection)));
        let taken = outcome.is_ok();
        let _ = tell.send(outcome);
        // After the verdict, so that a relay which is slow to say good-bye can't undo it.
        if let Some(mut connection) = open {
            let _ = connection.set_timeout(Some(Duration::from_millis(500)));
            if taken { drop(connection.quit()) } else { connection.abort() }
        }
    }

    /// The next stage, unless the keeper gave up.
    fn at(&self, stage: &'static str) -> Result<(), Failure> {
        let mut shared = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.stop {
            return Err(Failure::Relay("stopped".to_owned()));
        }
        shared.stage = stage;
        Ok(())
    }

    fn open(&self) -> Result<SmtpConnection, Failure> {
        let relay = |what: &'static str| move |e: Error| Failure::Relay(format!("{what}: {}", said(&e)));
        let hello = ClientId::Domain(nodename());
        self.at("connecting and greeting")?;
        let implicit = self.access.server.tls == Tls::Implicit;
        let wrapped = if implicit { Some(&self.access.tls) } else { None };
        let mut connection =
            SmtpConnection::connect(self.addresses.as_slice(), Some(self.timeout), &hello, wrapped, None).map_err(relay("connect"))?;
        if !implicit {
            self.at("STARTTLS")?;
            if !connection.can_starttls() {
                return Err(Failure::Relay("it offers no STARTTLS, and nothing is sent without TLS".to_owned()));
            }
            connection.starttls(&self.access.tls, &hello).map_err(relay("STARTTLS"))?;
        }
        self.pinned(&connection)?;
        if let Some(login) = &self.access.login
            && connection.server_info().get_auth_mechanism(MECHANISMS).is_some()
        {
            self.at("AUTH")?;
            // Only the code: some servers repeat what they were sent.
            connection.auth(MECHANISMS, login).map_err(|e| {
                Failure::Relay(match e.status() {
                    Some(code) => format!("AUTH: it answers {code}; look at user and secret in [notify]"),
                    None => "AUTH: the connection broke".to_owned(),
                })
            })?;
        }
        Ok(connection)
    }

    /// With fingerprints configured, nothing but a greeting was said before this.
    fn pinned(&self, connection: &SmtpConnection) -> Result<(), Failure> {
        if self.access.pins.is_empty() {
            return Ok(());
        }
        let shown = connection.peer_certificate().map_err(|e| Failure::Relay(format!("its certificate: {}", said(&e))))?;
        let shown: [u8; 32] = Sha256::digest(&shown).into();
        if self.access.pins.contains(&shown) {
            return Ok(());
        }
        let mut hex = String::new();
        for byte in shown {
            let _ = write!(hex, "{byte:02x}");
        }
        Err(Failure::Relay(format!("its certificate is sha256:{hex}, which no pin in [notify] names; if it was renewed, correct pin")))
    }

    fn transaction(&self, connection: &mut SmtpConnection) -> Result<(), Failure> {
        let address = |text: &str| text.parse::<Address>().map_err(|_| Failure::Never("no mail address".to_owned()));
        let (from, to) = (address(&self.letter.from)?, address(&self.letter.to)?);
        let mut options = Vec::new();
        if !(self.letter.from.is_ascii() && self.letter.to.is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::Never("it takes no addresses beyond ASCII (SMTPUTF8, RFC 6531)".to_owned()));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        self.at("MAIL FROM")?;
        // A sender that is refused is a matter of configuration: the mail waits until it is corrected.
        connection.command(Mail::new(Some(from), options)).map_err(|e| match verdict("MAIL FROM", &e) {
            Failure::Never(text) => Failure::Later(text),
            other => other,
        })?;
        self.at("RCPT TO")?;
        connection.command(Rcpt::new(to, Vec::new())).map_err(|e| verdict("RCPT TO", &e))?;
        self.at("DATA")?;
        connection.command(Data).map_err(|e| verdict("DATA", &e))?;
        self.at("the message")?;
        connection.message(self.letter.message.as_bytes()).map(drop).map_err(|e| verdict("the message", &e))
    }
}

const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// 5xx is for good, 4xx is for this mail, everything else (reset, closed, timed out, nonsense) is the relay's trouble.
fn verdict(stage: &str, error: &Error) -> Failure {
    let text = format!("{stage}: {}", said(error));
    if error.is_permanent() {
        Failure::Never(text)
    } else if error.is_transient() {
        Failure::Later(text)
    } else {
        Failure::Relay(text)
    }
}

/// A relay's words are text from outside.
fn said(error: &Error) -> String {
    let text = error.to_string();
    // The library words a read time-out as the bare errno.
    let text = if text.contains("os error 11)") { "no answer in time".to_owned() } else { text };
    crate::clean::line(&text, 300)
}
