//! One SMTP session, on a thread of its own: opens it, then one transaction for each letter, one recipient each, until nobody has
//! another. Refuses to send anything before TLS is up and verified, to repeat what a relay said while it was being told the
//! password, and to go on after anything but a taken letter: a relay that refused is asked again in a new session.

use super::{Access, Letter, PATIENCE};
use crate::deliver::line::Failure;
use crate::relay::Tls;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use plugin_core::host::nodename;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The stage in which the relay may take the mail.
pub(super) const MESSAGE: &str = "the message";

/// What the session's thread and the clock's keeper share.
#[derive(Default)]
pub(super) struct Shared {
    /// Where the session is.
    pub stage: &'static str,
    /// The keeper gave up: the session sends no further command.
    pub stop: bool,
}

/// What came of a letter.
pub(super) struct Verdict {
    pub outcome: Result<(), Failure>,
    /// Bytes of the message were on their way: the relay may have it.
    pub begun: bool,
}

pub(super) struct Session {
    pub addresses: Vec<SocketAddr>,
    pub access: Arc<Access>,
    /// Longest wait for one answer.
    pub timeout: Duration,
    pub shared: Arc<Mutex<Shared>>,
}

impl Session {
    /// Takes letters until there are no more, or one was not taken.
    pub(super) fn run(self, letters: &Receiver<Arc<Letter>>, tell: &Sender<Verdict>) {
        let mut connection = match self.open() {
            Ok(connection) => connection,
            Err(failure) => return drop(tell.send(Verdict { outcome: Err(failure), begun: false })),
        };
        let mut good = true;
        while good && let Ok(letter) = letters.recv() {
            let mut begun = false;
            let outcome = self.transaction(&mut connection, &letter, &mut begun);
            good = outcome.is_ok();
            // Who gave up does not listen any more.
            good &= tell.send(Verdict { outcome, begun }).is_ok();
        }
        // After the verdict, so that a relay which is slow to say good-bye can't undo it.
        let _ = connection.set_timeout(Some(Duration::from_millis(500)));
        if good { drop(connection.quit()) } else { connection.abort() }
    }

    /// The next stage, unless the keeper gave up.
    fn at(&self, stage: &'static str) -> Result<(), Failure> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn transaction(&self, connection: &mut SmtpConnection, letter: &Letter, begun: &mut bool) -> Result<(), Failure> {
        let address = |text: &str| text.parse::<Address>().map_err(|_| Failure::Never("no mail address".to_owned()));
        let (from, to) = (address(&letter.from)?, address(&letter.to)?);
        let mut options = Vec::new();
        if !(letter.from.is_ascii() && letter.to.is_ascii()) {
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
        self.at(MESSAGE)?;
        *begun = true;
        // A limit that can't be set is the shorter one.
        let _ = connection.set_timeout(Some(self.timeout * PATIENCE));
        connection.command(Content(&letter.message)).map(drop).map_err(|e| verdict(MESSAGE, &e))?;
        let _ = connection.set_timeout(Some(self.timeout));
        Ok(())
    }
}

/// A message as it goes over the line (RFC 5321 section 4.5.2). The library's own way writes the final dot by itself, and then each
/// mail but a session's first waits 40 ms for an acknowledgement (Nagle's algorithm).
struct Content<'a>(&'a str);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.strip_suffix("\r\n").unwrap_or(self.0).split("\r\n") {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(f, "{dot}{line}\r\n")?;
        }
        f.write_str(".\r\n")
    }
}

const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// 5xx is for good, 4xx is for this mail, everything else (421: it closes, RFC 5321 section 3.8; reset, closed, timed out, nonsense)
/// is the relay's trouble.
fn verdict(stage: &str, error: &Error) -> Failure {
    let text = format!("{stage}: {}", said(error));
    if error.status().is_some_and(|code| u16::from(code) == 421) {
        Failure::Relay(text)
    } else if error.is_permanent() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_begin_of_a_line_is_doubled_and_one_alone_ends_the_message() {
        for (message, sent) in [
            ("a: b\r\n\r\ntext\r\n", "a: b\r\n\r\ntext\r\n.\r\n"),
            (".\r\n..x\r\na.b", "..\r\n...x\r\na.b\r\n.\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
        ] {
            assert_eq!(Content(message).to_string(), sent);
        }
    }
}
