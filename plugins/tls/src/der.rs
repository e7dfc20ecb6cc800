//! The fields of a certificate in its DER form (RFC 5280 section 4.1). Finds them; verifies and believes nothing.

/// Tag of a SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Tag, content, what follows (X.690 section 8.1).
pub fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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

/// What stands in a certificate behind its version, which version 1 leaves out, and `skipped` more fields: serial number, signature
/// algorithm, issuer, validity, subject.
pub fn behind(certificate: &[u8], skipped: usize) -> Option<&[u8]> {
    let (_, outer, _) = element(certificate)?;
    let (_, mut rest, _) = element(outer)?;
    let (tag, _, after) = element(rest)?;
    if tag == VERSION {
        rest = after;
    }
    for _ in 0..skipped {
        rest = element(rest)?.2;
    }
    Some(rest)
}
