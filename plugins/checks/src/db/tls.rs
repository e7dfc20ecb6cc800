//! How much TLS a session with PostgreSQL has; the words are those of libpq (`sslmode`).
//!
//! The certificate is judged by rustls; only `prefer` and `require` go without, as libpq does, because they promise
//! secrecy against listeners and not against impostors.

use super::Fault;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// How much TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// None
    Disable,
    /// If the server offers it
    Prefer,
    /// Always, whatever its certificate says
    Require,
    /// With a certificate of a known authority
    VerifyCa,
    /// With such a certificate for the name or address given as HOST
    VerifyFull,
}

/// The client's side of TLS.
///
/// # Errors
/// [`Fault::Tls`]: no certificate authority to trust.
pub fn config(mode: Mode, ca: Option<&Path>) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(ring::default_provider());
    let chain = if matches!(mode, Mode::VerifyCa | Mode::VerifyFull) {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(ca)?), Arc::clone(&provider)).build();
        Some(verifier.map_err(|e| Fault::Tls(format!("no certificate authority to trust ({e}); give --ca")))?)
    } else {
        None
    };
    let verifier = Arc::new(Verifier { chain, name: mode == Mode::VerifyFull, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| Fault::Tls(e.to_string()))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, Fault> {
    let mut store = RootCertStore::empty();
    let Some(path) = ca else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let wrong = |e: &dyn std::fmt::Display| Fault::Tls(format!("the authority in {} can't be used: {e}", path.display()));
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| wrong(&e))? {
        store.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
    }
    Ok(store)
}

/// rustls' own verifier, minus what the mode does not ask for. Signatures are always checked.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) if !self.name => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
