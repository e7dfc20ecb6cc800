//! Is this the server's certificate? By authorities, by a pinned fingerprint, or not at all on request. The signatures of the
//! handshake are verified in every case: who shows a certificate has to own its key.

use crate::key;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no SHA-256 fingerprint: write 64 hex digits, with or without colons");
        let digits: Vec<u32> = text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or_else(wrong)?;
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, d| sum << 4 | u8::try_from(*d).unwrap_or(0))).collect();
        if digits.len() == 64 { bytes.try_into().map(Self).map_err(|_| wrong()) } else { Err(wrong()) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The one provider of the workspace.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// How the administrator of this client says what he wants.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// Stands in front of a fingerprint that he may pin.
    pub pin: &'static str,
    /// What to do about another name.
    pub name: &'static str,
}

#[derive(Debug)]
enum Rule {
    Authorities(Arc<WebPkiServerVerifier>),
    AnyName(Arc<WebPkiServerVerifier>),
    Pinned(Fingerprint),
    Anybody,
}

/// Verifies, and remembers what it saw so that a refusal can name it.
#[derive(Debug)]
pub struct Verifier {
    rule: Rule,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Fingerprint>>,
}

fn inner(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, String> {
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    inner.map_err(|e| format!("this node trusts no authority ({e}); install ca-certificates or name a file with one"))
}

impl Verifier {
    fn new(rule: Rule) -> Self {
        Self { rule, provider: provider(), seen: Mutex::new(None) }
    }

    /// By these authorities and by the server's name.
    ///
    /// # Errors
    /// There is no authority.
    pub fn authorities(roots: RootCertStore) -> Result<Self, String> {
        inner(roots).map(Rule::Authorities).map(Self::new)
    }

    /// By these authorities alone, whatever the server is called (libpq's `verify-ca`).
    ///
    /// # Errors
    /// As [`Verifier::authorities`].
    pub fn authorities_for_any_name(roots: RootCertStore) -> Result<Self, String> {
        inner(roots).map(Rule::AnyName).map(Self::new)
    }

    /// By its fingerprint.
    pub fn pinned(fingerprint: Fingerprint) -> Self {
        Self::new(Rule::Pinned(fingerprint))
    }

    /// Not at all.
    pub fn anybody() -> Self {
        Self::new(Rule::Anybody)
    }

    /// Why the certificate was refused, and what can be done; `None` if the error is about something else.
    pub fn why(&self, error: &Error, advice: &Advice) -> Option<String> {
        let Error::InvalidCertificate(why) = error else { return None };
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pin = seen.map_or_else(String::new, |f| format!("; if it is the right one: {}{f}", advice.pin));
        Some(match why {
            CertificateError::UnknownIssuer => format!("its certificate is signed by no authority that this node trusts{pin}"),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; compare the clocks".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is for another name; {}", advice.name)
            }
            CertificateError::ApplicationVerificationFailure => format!("its certificate is not the pinned one{pin}"),
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                format!("its certificate is its own authority (CA:TRUE), which no server's may be{pin}")
            }
            other => format!("its certificate is refused ({other:?}){pin}"),
        })
    }
}

impl Verifier {
    /// A pinned certificate may be one that webpki can't read; who shows it has to own its key all the same.
    fn or_by_key(
        &self,
        verdict: Result<HandshakeSignatureValid, Error>,
        message: &[u8],
        certificate: &[u8],
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match (&self.rule, verdict) {
            (Rule::Pinned(_) | Rule::Anybody, Err(Error::InvalidCertificate(_))) => {
                key::verify(message, certificate, signature, &self.provider.signature_verification_algorithms)
                    .map(|()| HandshakeSignatureValid::assertion())
            }
            (_, verdict) => verdict,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(certificate);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        match &self.rule {
            Rule::Authorities(inner) => inner.verify_server_cert(certificate, chain, name, ocsp, now),
            Rule::AnyName(inner) => match inner.verify_server_cert(certificate, chain, name, ocsp, now) {
                Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                    Ok(ServerCertVerified::assertion())
                }
                other => other,
            },
            Rule::Pinned(pin) if *pin != fingerprint => Err(CertificateError::ApplicationVerificationFailure.into()),
            Rule::Pinned(_) | Rule::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        self.or_by_key(verify_tls12_signature(message, certificate, signature, known), message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        self.or_by_key(verify_tls13_signature(message, certificate, signature, known), message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        // SHA-256 of nothing (FIPS 180-4 examples).
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(text.parse(), Ok(Fingerprint::of(b"")));
        let colons: Vec<&str> = (0..32).filter_map(|n| text.get(2 * n..2 * n + 2)).collect();
        assert_eq!(colons.join(":").to_uppercase().parse(), Ok(Fingerprint::of(b"")));
        assert_eq!(Fingerprint::of(b"").to_string(), text);
        for wrong in ["", "e3", &text[1..], &format!("{text}00"), &text.replace('e', "g")] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
