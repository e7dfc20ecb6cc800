//! Requests with our credentials: Basic with each of them, or a session where the service wants one, which is always logged out.
//!
//! Refuses to send a password where the service's answer points, unless that is the service itself.

use super::Trouble;
use super::access::Access;
use super::http::{Answer, Ask, Http, Identity};
use super::message::refusal;
use super::resource::{self, Root};
use plugin_core::Host;
use plugin_core::secret::Secret;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

/// Redirections within the service that a reading follows.
const REDIRECTIONS: u32 = 3;
/// Where sessions are opened if the root does not say.
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
/// Time for the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A session of ours.
struct Session {
    token: Secret,
    path: Option<String>,
}

/// One address of the service, with our credentials.
pub struct Line {
    http: Http,
    user: String,
    password: Secret,
    root: String,
    session: Option<Session>,
}

impl Line {
    pub fn new(access: &Access, address: SocketAddr) -> Result<Self, Trouble> {
        let http = Http::new(access, address)?;
        Ok(Line { http, user: access.user.clone(), password: access.password.clone(), root: access.root.clone(), session: None })
    }

    /// Any answer but 401.
    pub fn ask(&mut self, host: &dyn Host, ask: &Ask) -> Result<Answer, Trouble> {
        let answer = self.once(host, ask)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        // A password that Basic does not open opens no session either, and each attempt counts towards a lockout.
        if self.session.take().is_none() && answer.offers_basic() {
            return Err(self.refused(ask, &answer));
        }
        self.log_in(host, ask, &answer)?;
        let answer = self.once(host, ask)?;
        if answer.status == 401 { Err(self.refused(ask, &answer)) } else { Ok(answer) }
    }

    /// Reads a resource; an answer of 200.
    pub fn get(&mut self, host: &dyn Host, uri: &str) -> Result<Answer, Trouble> {
        let mut ask = Ask::get(&self.path(uri)?);
        for _ in 0..=REDIRECTIONS {
            let answer = self.ask(host, &ask)?;
            match (answer.status, answer.location()) {
                (200, _) => return Ok(answer),
                (301 | 302 | 307 | 308, Some(place)) => ask = Ask::get(&self.path(place).map_err(|_| self.refused(&ask, &answer))?),
                _ => return Err(self.refused(&ask, &answer)),
            }
        }
        Err(Trouble::Refused(format!("{ask}: it redirects in a circle")))
    }

    /// The path on this service of what it calls `uri`.
    pub fn path(&self, uri: &str) -> Result<String, Trouble> {
        self.http.path(uri)
    }

    /// What an answer that is no success means. The service may have quoted the request: the secret is taken out.
    pub fn refused(&self, ask: &Ask, answer: &Answer) -> Trouble {
        let clean = |text: String| text.replace(self.password.expose(), "***");
        match refusal(&ask.to_string(), answer.status, &answer.body) {
            Trouble::Denied(text) => Trouble::Denied(clean(text)),
            Trouble::Missing(text) => Trouble::Missing(clean(text)),
            Trouble::Garbled(text) => Trouble::Garbled(clean(text)),
            Trouble::Silent(text) | Trouble::Refused(text) | Trouble::Changing(text) | Trouble::Config(text) => Trouble::Refused(clean(text)),
        }
    }

    fn once(&mut self, host: &dyn Host, ask: &Ask) -> Result<Answer, Trouble> {
        let who = match &self.session {
            Some(session) => Identity::Token(session.token.expose()),
            None => Identity::Basic(&self.user, self.password.expose()),
        };
        self.http.exchange(ask, &who, host.left())
    }

    /// Opens a session; the answer that made it necessary tells why if there are none.
    fn log_in(&mut self, host: &dyn Host, asked: &Ask, denied: &Answer) -> Result<(), Trouble> {
        // The root is readable without credentials.
        let root = self.http.exchange(&Ask::get(&self.root), &Identity::Nobody, host.left())?;
        let sessions = resource::read::<Root>(&root.body).ok().and_then(|root| root.sessions().map(str::to_owned));
        let body = json!({"UserName": self.user, "Password": self.password.expose()});
        let ask = Ask { repeatable: false, ..Ask::post(&self.path(sessions.as_deref().unwrap_or(SESSIONS))?, &body) };
        let answer = self.http.exchange(&ask, &Identity::Nobody, host.left())?;
        match (answer.status, answer.token()) {
            (200 | 201, Some(token)) => {
                let path = answer.made().and_then(|place| self.http.path(place).ok());
                self.session = Some(Session { token: Secret::new(token), path });
                Ok(())
            }
            (400 | 401, _) => Err(Trouble::Denied(self.refused(&ask, &answer).to_string())),
            (404 | 405, _) => Err(self.refused(asked, denied)),
            _ => Err(self.refused(&ask, &answer)),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Services have few sessions, and some keep them for half an hour (RAC0218).
        if let Some(Session { token, path: Some(path) }) = self.session.take() {
            // Nobody is left to tell; the session then ends by itself.
            let _ = self.http.exchange(&Ask::delete(&path), &Identity::Token(token.expose()), GOODBYE);
        }
    }
}
