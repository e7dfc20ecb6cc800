//! A connection in clear or under TLS, for every check that speaks over TCP: the server's certificate is verified by the
//! system's authorities, by given ones, or by a pinned fingerprint. rustls with ring, the one provider of the workspace.
//!
//! Refuses TLS below 1.2, and to hide why a certificate was refused.

mod expiry;

use plugin_core::net::{Stream, words as plain_words};
use plugin_core::range::Range;
use plugin_core::{Blind, Host, Limits, Report, Unit};
use plugin_tls::{Advice, Verifier};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use plugin_tls::Fingerprint;

/// Whom to trust.
#[derive(Clone, Debug, clap::Args)]
pub struct Trust {
    /// Authorities to trust in place of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Name that the server's certificate has to carry; default: the host that is asked
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// SHA-256 of the server's certificate in hex: trust this one and no authority
    #[arg(long, value_name = "HEX", conflicts_with = "ca")]
    fingerprint: Option<Fingerprint>,
    /// Believe any certificate
    #[arg(long, conflicts_with_all = ["ca", "fingerprint"])]
    insecure: bool,
    /// WARNING when the days for which the certificate is still valid leave this range
    #[arg(long, value_name = "RANGE", default_value = "14:", allow_hyphen_values = true)]
    certificate_warning: Range,
    /// CRITICAL when the days for which the certificate is still valid leave this range
    #[arg(long, value_name = "RANGE", default_value = "3:", allow_hyphen_values = true)]
    certificate_critical: Range,
}

const ADVICE: Advice = Advice { pin: "--fingerprint ", name: "give the right one with --tls-name" };
/// Seconds of a day.
const DAY: f64 = 86_400.0;

impl Trust {
    /// Starts TLS on a fresh connection. `Ok(Err(..))`: the server's side failed; [`words`] tells how.
    ///
    /// # Errors
    /// [`Blind`]: the authorities can't be read, or the name is none that a certificate can carry.
    pub fn secure(&self, host: &dyn Host, stream: Stream, name: &str) -> Result<IoResult<Wire>, Blind> {
        let name = self.tls_name.as_deref().unwrap_or(name);
        let wrong = |reason: String| Blind::Net { target: name.to_owned(), reason };
        let server = ServerName::try_from(name.to_owned()).map_err(|_| wrong("no certificate can carry this name; give --tls-name".into()))?;
        let verifier = Arc::new(match (self.insecure, self.fingerprint) {
            (true, _) => Verifier::anybody(),
            (false, Some(pin)) => Verifier::pinned(pin),
            (false, None) => Verifier::authorities(plugin_tls::roots(host, self.ca.as_deref())?).map_err(wrong)?,
        });
        let config = plugin_tls::client(&verifier).map_err(wrong)?;
        let connection = ClientConnection::new(Arc::new(config), server).map_err(|e| wrong(e.to_string()))?;
        let mut line = StreamOwned::new(connection, stream);
        while line.conn.is_handshaking() {
            if let Err(e) = line.conn.complete_io(&mut line.sock) {
                let why = e.get_ref().and_then(|e| e.downcast_ref()).and_then(|e| verifier.why(e, &ADVICE));
                return Ok(Err(why.map_or(e, Error::other)));
            }
        }
        Ok(Ok(Wire::Secure(Box::new(line))))
    }

    /// Judges for how long the server's certificate is still valid.
    pub fn judge(&self, left: Option<f64>, report: &mut Report) {
        let limits = Limits { warning: Some(self.certificate_warning.clone()), critical: Some(self.certificate_critical.clone()) };
        if let Some(left) = left {
            report.watch("certificate days", left, Unit::Number, &limits);
        }
    }
}

/// A connection in clear or under TLS.
pub enum Wire {
    /// In clear.
    Plain(Stream),
    /// Under TLS.
    Secure(Box<StreamOwned<ClientConnection, Stream>>),
}

impl Wire {
    fn stream(&self) -> &Stream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Secure(line) => &line.sock,
        }
    }

    /// Our own end.
    ///
    /// # Errors
    /// The connection has broken.
    pub fn local(&self) -> IoResult<SocketAddr> {
        self.stream().local()
    }

    /// Is TLS up?
    pub fn is_secure(&self) -> bool {
        matches!(self, Wire::Secure(_))
    }

    /// Whole days for which the server's certificate is still valid at `now` (Unix time in seconds); negative after its end.
    pub fn certificate_days(&self, now: f64) -> Option<f64> {
        let Wire::Secure(line) = self else { return None };
        let end = expiry::not_after(line.conn.peer_certificates()?.first()?)?;
        Some(((end as f64 - now) / DAY).floor())
    }

    /// Says goodbye, so that the other side does not log a broken connection.
    pub fn close(mut self) {
        if let Wire::Secure(line) = &mut self {
            line.conn.send_close_notify();
            // Nobody waits for its success: the verdict is made.
            let _ = line.flush();
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Secure(line) => line.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Secure(line) => line.write(bytes),
        }
    }

    fn flush(&mut self) -> IoResult<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Secure(line) => line.flush(),
        }
    }
}

/// What a failed exchange says about the other side, as an administrator reads it.
pub fn words(error: &Error) -> String {
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => "what answers there does not speak TLS".into(),
        Some(rustls::Error::AlertReceived(alert)) => format!("it broke TLS off ({alert:?})"),
        Some(other) => format!("TLS failed: {other}"),
        None if error.kind() == ErrorKind::InvalidData => format!("TLS failed: {error}"),
        None => plain_words(error),
    }
}
