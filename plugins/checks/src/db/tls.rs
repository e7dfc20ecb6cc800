//! How much TLS a session with PostgreSQL has; the words are those of libpq (`sslmode`).
//!
//! The certificate is judged by `plugin_tls`; only `prefer` and `require` go without, as libpq does, because they promise
//! secrecy against listeners and not against impostors.

use super::Fault;
use plugin_core::host::System;
use plugin_tls::{Verifier, client, roots};
use rustls::ClientConfig;
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
    let authorities = || roots(&System::new(None), ca).map_err(|blind| format!("cannot {blind}"));
    let verifier = match mode {
        Mode::VerifyFull => authorities().and_then(Verifier::authorities),
        Mode::VerifyCa => authorities().and_then(Verifier::authorities_for_any_name),
        Mode::Disable | Mode::Prefer | Mode::Require => Ok(Verifier::anybody()),
    };
    verifier.and_then(|verifier| client(&Arc::new(verifier))).map_err(Fault::Tls)
}
