//! One mail to one recipient over the first relay that takes it, inside a deadline that holds: the library's own time
//! limits count per read, so that a relay which drips bytes could hold it for ever. Refuses to send anything before TLS
//! is up and verified, and to repeat what a relay said while it was being told the password.

use crate::relay::{Relay, Tls};
use crate::settings::Settings;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use plugin_core::host::{Host, system::nodename};
use plugin_core::net::resolve;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is handed over.
#[derive(Clone)]
pub(super) struct Letter {
    pub from: String,
    pub to: String,
    pub message: String,
}

/// Why it was not taken. The texts hold no secret.
pub(super) enum Failure {
    /// The relay can't be used now: not for any mail.
    Relay(String),
    /// This mail not now (4xx, or the connection broke).
    Later(String),
    /// This mail never to this recipient (5xx to RCPT or DATA), said by every relay.
    Never(String),
}

/// The relays with what a session needs, and which of them failed in this run.
pub(super) struct Line {
    relays: Vec<(Relay, TlsParameters, bool)>,
    login: Option<Credentials>,
    timeout: Duration,
    sessions: Vec<JoinHandle<()>>,
}

impl Line {
    /// Prepares TLS.
    pub(super) fn new(host: &dyn Host, settings: &Settings, timeout: Duration) -> Result<Self, String> {
        let roots = match &settings.ca {
            None => Vec::new(),
            Some(pem) => match Certificate::from_pem(pem.as_bytes()) {
                Ok(root) => vec![root],
                Err(e) => return Err(format!("[notify] ca: it holds no PEM certificate: {e}")),
            },
        };
        let mut relays = Vec::new();
        for relay in &settings.relays {
            let mut tls = TlsParameters::builder(relay.host.clone());
            if settings.ca.is_some() {
                tls = tls.certificate_store(CertificateStore::None);
            }
            for root in &roots {
                tls = tls.add_root_certificate(root.clone());
            }
            relays.push((relay.clone(), tls.build_rustls().map_err(|e| format!("[notify] ca: {e}"))?, false));
        }
        let login = settings.login.as_ref().map(|(user, secret)| Credentials::new(user.clone(), secret.expose().to_owned()));
        // No attempt outlives the run.
        Ok(Line { relays, login, timeout: timeout.min(host.left()), sessions: Vec::new() })
    }

    /// Every relay failed in this run.
    pub(super) fn is_down(&self) -> bool {
        self.relays.iter().all(|(_, _, down)| *down)
    }

    /// Tries the relays in order. Gives back the name of the one that took it.
    pub(super) fn hand_over(&mut self, host: &dyn Host, letter: &Letter) -> Result<String, Failure> {
        let (mut reasons, mut refused, mut later) = (Vec::new(), 0, false);
        for (relay, tls, down) in &mut self.relays {
            if *down {
                reasons.push(format!("{relay}: failed before in this run"));
                continue;
            }
            let timeout = self.timeout.min(host.left());
            let why = match attempt(host, &mut self.sessions, (relay, tls, self.login.as_ref()), letter, timeout) {
                Ok(()) => return Ok(relay.to_string()),
                Err(Failure::Never(why)) => {
                    refused += 1;
                    why
                }
                Err(Failure::Later(why)) => {
                    later = true;
                    why
                }
                Err(Failure::Relay(why)) => {
                    *down = true;
                    why
                }
            };
            reasons.push(format!("{relay}: {why}"));
        }
        let reasons = reasons.join("; ");
        Err(if refused == self.relays.len() {
            Failure::Never(reasons)
        } else if later {
            Failure::Later(reasons)
        } else {
            Failure::Relay(reasons)
        })
    }

    /// Gives finished sessions a moment to say QUIT.
    pub(super) fn hang_up(&mut self, host: &dyn Host) {
        for _ in 0..50 {
            if self.sessions.iter().all(JoinHandle::is_finished) {
                break;
            }
            host.wait(Duration::from_millis(10));
        }
    }
}

/// What the session's thread and the clock's keeper share.
#[derive(Default)]
struct Shared {
    /// Where the session is.
    stage: &'static str,
    /// The keeper gave up: the session sends no further command.
    stop: bool,
}

type Stage = Arc<Mutex<Shared>>;

fn attempt(
    host: &dyn Host,
    sessions: &mut Vec<JoinHandle<()>>,
    (relay, tls, login): (&Relay, &TlsParameters, Option<&Credentials>),
    letter: &Letter,
    timeout: Duration,
) -> Result<(), Failure> {
    let addresses = resolve(host, &relay.host).map_err(|e| Failure::Relay(format!("cannot {e}")))?;
    let addresses: Vec<SocketAddr> = addresses.into_iter().map(|a| SocketAddr::new(a, relay.port)).collect();
    let stage = Stage::default();
    let (tell, told) = mpsc::channel();
    let session = Session {
        addresses,
        implicit: relay.tls == Tls::Implicit,
        tls: tls.clone(),
        login: login.cloned(),
        letter: letter.clone(),
        timeout,
        stage: Arc::clone(&stage),
    };
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
    implicit: bool,
    tls: TlsParameters,
    login: Option<Credentials>,
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
        let wrapped = if self.implicit { Some(&self.tls) } else { None };
        let mut connection =
            SmtpConnection::connect(self.addresses.as_slice(), Some(self.timeout), &hello, wrapped, None).map_err(relay("connect"))?;
        if !self.implicit {
            self.at("STARTTLS")?;
            if !connection.can_starttls() {
                return Err(Failure::Relay("it offers no STARTTLS, and nothing is sent without TLS".to_owned()));
            }
            connection.starttls(&self.tls, &hello).map_err(relay("STARTTLS"))?;
        }
        if let Some(login) = &self.login
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
