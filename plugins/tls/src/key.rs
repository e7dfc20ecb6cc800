//! The public key of a certificate (RFC 5280 section 4.1), read from its DER form, and signatures by it. For X.509 version 1, as old
//! BMCs make it, which webpki does not read. Reads the key, believes nothing else of the certificate.

use crate::der::{SEQUENCE, behind, element};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{CertificateError, DigitallySignedStruct, Error};

const BIT_STRING: u8 = 0x03;

/// Did the owner of the certificate's key sign `message`?
///
/// # Errors
/// No, or the certificate holds no key of a known kind.
pub fn verify(message: &[u8], certificate: &[u8], signed: &DigitallySignedStruct, known: &WebPkiSupportedAlgorithms) -> Result<(), Error> {
    let (kind, key) = public_key(certificate).ok_or(CertificateError::BadEncoding)?;
    let schemes = known.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme).flat_map(|(_, algorithms)| algorithms.iter());
    let mut fitting = schemes.filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind);
    if fitting.any(|algorithm| algorithm.verify_signature(key, message, signed.signature()).is_ok()) {
        Ok(())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// Algorithm identifier and key, both without their headers.
fn public_key(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = behind(certificate, 5)?;
    let (_, info, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, kind, rest) = element(info).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, bits, _) = element(rest).filter(|(tag, ..)| *tag == BIT_STRING)?;
    // The first byte counts the unused bits at the end: none in a key.
    Some((kind, bits.strip_prefix(&[0])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: u8 = 0xa0;

    #[test]
    fn the_key_is_found_with_and_without_a_version() {
        let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap_or(0)], content].concat();
        let info = wrap(SEQUENCE, &[wrap(SEQUENCE, &[6, 1, 42]), wrap(BIT_STRING, &[0, 7, 8])].concat());
        let five = [wrap(2, &[7]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[])].concat();
        for version in [vec![], wrap(VERSION, &[2, 1, 2])] {
            let certificate = wrap(SEQUENCE, &wrap(SEQUENCE, &[version, five.clone(), info.clone()].concat()));
            assert_eq!(public_key(&certificate), Some((&[6, 1, 42][..], &[7, 8][..])));
            for cut in 0..certificate.len() {
                assert_eq!(public_key(certificate.get(..cut).unwrap_or_default()), None, "cut at {cut}");
            }
        }
    }
}
