//! Where the service is, whom we believe to be it, and who we are.

use super::{PORT, ROOT, Wanted};
use plugin_core::Host;
use plugin_core::secret::Secret;
use plugin_tls::{Advice, Fingerprint, Verifier};
use std::path::PathBuf;
use std::sync::Arc;

/// How an administrator of a fence device pins a certificate.
pub const ADVICE: Advice = Advice { pin: "set pin to sha256:", name: "give the address or name that stands in it, or pin it" };

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A certificate of these authorities (PEM file; `None` = the system's) for the configured address.
    Authorities(Option<PathBuf>),
    /// The certificate with this SHA-256, whatever else it says.
    Pinned(Fingerprint),
    /// Any certificate: an explicit wish of the administrator.
    Anybody,
}

impl Trust {
    /// From what the administrator wrote; `pin` may begin with `sha256:`.
    ///
    /// # Errors
    /// A sentence: more than one is given, or the pin is none.
    pub fn parse(ca: Option<PathBuf>, pin: Option<&str>, insecure: bool) -> Result<Self, String> {
        match (ca, pin, insecure) {
            (ca, None, false) => Ok(Trust::Authorities(ca)),
            (None, Some(pin), false) => Ok(Trust::Pinned(pin.strip_prefix("sha256:").unwrap_or(pin).parse()?)),
            (None, None, true) => Ok(Trust::Anybody),
            _ => Err("an authority, a pin and \"any certificate\" exclude each other: give one".into()),
        }
    }

    fn verifier(&self, host: &dyn Host) -> Result<Verifier, String> {
        match self {
            Trust::Authorities(ca) => Verifier::authorities(plugin_tls::roots(host, ca.as_deref()).map_err(|e| format!("cannot {e}"))?),
            Trust::Pinned(pin) => Ok(Verifier::pinned(*pin)),
            Trust::Anybody => Ok(Verifier::anybody()),
        }
    }
}

/// One service, and us.
#[derive(Clone, Debug)]
pub struct Access {
    /// Name or address, IPv6 without brackets.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Path of the service's root.
    pub root: String,
    /// Which of its systems.
    pub wanted: Wanted,
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) verifier: Arc<Verifier>,
}

impl Access {
    /// Reads the authorities; sends nothing.
    ///
    /// # Errors
    /// A sentence: an authority that can't be read, a user name that HTTP can't carry (RFC 7617 section 2).
    pub fn new(host: &dyn Host, address: &str, user: &str, password: Secret, trust: &Trust) -> Result<Self, String> {
        if user.contains(':') || user.chars().chain(password.expose().chars()).any(char::is_control) {
            return Err("the user name has no ':', and neither it nor the password has control characters (RFC 7617)".into());
        }
        let address = address.trim_start_matches('[').trim_end_matches(']').to_owned();
        if address.is_empty() || address.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@\\%[]".contains(c)) {
            return Err(format!("address \"{address}\" is no name and no address"));
        }
        let verifier = Arc::new(trust.verifier(host)?);
        Ok(Access { address, port: PORT, root: ROOT.into(), wanted: Wanted::Only, user: user.to_owned(), password, verifier })
    }

    /// `https://HOST:PORT`.
    pub(super) fn origin(&self) -> String {
        if self.address.contains(':') {
            format!("https://[{}]:{}", self.address, self.port)
        } else {
            format!("https://{}:{}", self.address, self.port)
        }
    }
}
