//! The public key of a certificate (RFC 5280 section 4.1), read from its DER form, and signatures by it. For X.509 version 1, as old
//! BMCs make it, which webpki does not read. Reads the key, believes nothing else of the certificate.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{CertificateError, DigitallySignedStruct, Error};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;

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
    let (_, outer, _) = element(certificate)?;
    let (_, mut rest, _) = element(outer)?;
    let (tag, _, after) = element(rest)?;
    if tag == VERSION {
        rest = after;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    let (_, info, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, kind, rest) = element(info).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, bits, _) = element(rest).filter(|(tag, ..)| *tag == BIT_STRING)?;
    // The first byte counts the unused bits at the end: none in a key.
    Some((kind, bits.strip_prefix(&[0])?))
}

/// Tag, content, what follows (X.690 section 8.1).
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| (1..=3).contains(&bytes.len()))?;
        (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

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
