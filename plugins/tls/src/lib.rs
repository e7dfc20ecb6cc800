//! Whom a TLS client of twinguard believes: authorities, one pinned certificate, or anybody where the administrator said so.
//! rustls with ring, the one provider of the workspace.
//!
//! Moves no byte and knows no protocol; refuses TLS below 1.2, and to hide why a certificate was refused.

pub mod der;
mod key;
mod verify;

use plugin_core::{Blind, Host};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

pub use verify::{Advice, Fingerprint, Verifier};

/// The authorities of `ca` (PEM), or the system's.
///
/// # Errors
/// [`Blind::Read`]: the file can't be read, or holds nothing that can be an authority.
pub fn roots(host: &dyn Host, ca: Option<&Path>) -> Result<RootCertStore, Blind> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let wrong = |reason: &str| Blind::Read { path: path.to_owned(), reason: reason.to_owned() };
    for certificate in CertificateDer::pem_slice_iter(host.read(path)?.as_bytes()) {
        let certificate = certificate.map_err(|_| wrong("it holds no PEM certificate"))?;
        roots.add(certificate).map_err(|_| wrong("one of its certificates can't be an authority"))?;
    }
    if roots.is_empty() { Err(wrong("it holds no PEM certificate")) } else { Ok(roots) }
}

/// The client's side of TLS 1.2 and 1.3, without a certificate of its own.
///
/// # Errors
/// What rustls says about the provider.
pub fn client(verifier: &Arc<Verifier>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(verify::provider()).with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::<Verifier>::clone(verifier)).with_no_client_auth())
}
