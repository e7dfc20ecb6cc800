//! The relays of one run: one mail to one recipient over the first that takes it. Remembers which failed, so that a relay that
//! is down costs a run one attempt and not one a mail. Refuses to know how a relay is spoken to.

use super::sendmail;
use super::smtp::{Access, Smtp};
use crate::relay::Relay;
use crate::settings::Settings;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use plugin_core::host::Host;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is handed over.
pub(super) struct Letter {
    pub from: String,
    pub to: String,
    pub message: String,
}

/// What is said of a relay that is not asked again.
const FAILED: &str = "failed before in this run";

/// Why it was not taken. The texts hold no secret.
pub(super) enum Failure {
    /// The relay can't be used now: not for any mail.
    Relay(String),
    /// This mail not now (4xx, or the connection broke).
    Later(String),
    /// This mail never to this recipient (5xx to RCPT or DATA), said by every relay.
    Never(String),
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Failure::Relay(why) | Failure::Later(why) | Failure::Never(why) => why,
        }
    }
}

enum Way {
    Smtp(Box<Smtp>),
    Sendmail(PathBuf),
}

impl Way {
    fn server(&mut self) -> Option<&mut Smtp> {
        if let Way::Smtp(smtp) = self { Some(smtp) } else { None }
    }
}

/// The relays with what a session needs, and which of them failed in this run.
pub(super) struct Line {
    relays: Vec<(Relay, Way, bool)>,
    timeout: Duration,
}

impl Line {
    /// Prepares TLS.
    pub(super) fn new(host: &dyn Host, settings: &Settings, timeout: Duration) -> Result<Self, String> {
        let root = settings.ca.as_ref().map(|pem| Certificate::from_pem(pem.as_bytes()));
        let root = root.transpose().map_err(|e| format!("[notify] ca: it holds no PEM certificate: {e}"))?;
        let login = settings.login.as_ref().map(|(user, secret)| Credentials::new(user.clone(), secret.expose().to_owned()));
        let mut relays = Vec::new();
        for relay in &settings.relays {
            let way = match relay {
                Relay::Sendmail(path) => Way::Sendmail(path.clone()),
                Relay::Smtp(server) => {
                    let mut tls = TlsParameters::builder(server.host.clone());
                    if let Some(root) = &root {
                        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(root.clone());
                    }
                    if !settings.pins.is_empty() {
                        // The handshake still proves that the server has the certificate's key; which certificate, the session looks.
                        tls = tls.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
                    }
                    let tls = tls.build_rustls().map_err(|e| format!("[notify] ca: {e}"))?;
                    Way::Smtp(Box::new(Smtp::new(Access { server: server.clone(), tls, pins: settings.pins.clone(), login: login.clone() })))
                }
            };
            relays.push((relay.clone(), way, false));
        }
        // No attempt outlives the run.
        Ok(Line { relays, timeout: timeout.min(host.left()) })
    }

    /// Every relay failed in this run.
    pub(super) fn is_down(&self) -> bool {
        self.relays.iter().all(|(_, _, down)| *down)
    }

    /// Tries the relays in order. Gives back the name of the one that took it.
    pub(super) fn hand_over(&mut self, host: &dyn Host, letter: &Arc<Letter>) -> Result<String, Failure> {
        let (mut reasons, mut refused, mut later) = (Vec::new(), 0, false);
        for (relay, way, down) in &mut self.relays {
            if *down {
                reasons.push(format!("{relay}: {FAILED}"));
                continue;
            }
            let why = match attempt(host, way, letter, self.timeout) {
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

    /// Hands the letter to each relay, for a trial.
    pub(super) fn hand_to_each(&mut self, host: &dyn Host, letter: &Arc<Letter>) -> Vec<(String, Result<(), String>)> {
        let mut outcomes = Vec::new();
        for (relay, way, down) in &mut self.relays {
            let outcome = if *down { Err(Failure::Relay(FAILED.to_owned())) } else { attempt(host, way, letter, self.timeout) };
            *down = matches!(outcome, Err(Failure::Relay(_)));
            outcomes.push((relay.to_string(), outcome.map_err(Failure::reason)));
        }
        outcomes
    }

    /// Gives the sessions a moment to say QUIT.
    pub(super) fn hang_up(&mut self, host: &dyn Host) {
        let mut servers: Vec<&mut Smtp> = self.relays.iter_mut().filter_map(|(_, way, _)| way.server()).collect();
        for server in &mut servers {
            server.hang_up();
        }
        for _ in 0..50 {
            if servers.iter().all(|server| server.is_gone()) {
                break;
            }
            host.wait(Duration::from_millis(10));
        }
    }
}

fn attempt(host: &dyn Host, way: &mut Way, letter: &Arc<Letter>, timeout: Duration) -> Result<(), Failure> {
    let timeout = timeout.min(host.left());
    match way {
        Way::Smtp(smtp) => smtp.attempt(host, letter, timeout),
        Way::Sendmail(program) => sendmail::attempt(program, letter, timeout),
    }
}
