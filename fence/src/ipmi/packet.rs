//! RMCP+ packets (IPMI 2.0 sections 13.1 and 13.6): the frame around a payload. Pure.
//!
//! Checks shape only; whether a packet may be believed is the session's business.

use super::suite::CipherSuite;
use super::wire::Reader;

/// Payload types (table 13-16).
pub mod kind {
    /// An IPMI message.
    pub const MESSAGE: u8 = 0x00;
    /// Open Session Request.
    pub const OPEN_REQUEST: u8 = 0x10;
    /// Open Session Response.
    pub const OPEN_RESPONSE: u8 = 0x11;
    /// RAKP Message 1.
    pub const RAKP1: u8 = 0x12;
    /// RAKP Message 2.
    pub const RAKP2: u8 = 0x13;
    /// RAKP Message 3.
    pub const RAKP3: u8 = 0x14;
    /// RAKP Message 4.
    pub const RAKP4: u8 = 0x15;
}

/// Version 6, no acknowledgement wanted, class IPMI (section 13.1.3).
const RMCP: [u8; 4] = [0x06, 0x00, 0xff, 0x07];
/// Authentication type "RMCP+" (section 13.6).
const RMCP_PLUS: u8 = 0x06;
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;
/// Closes the session trailer (table 13-8).
const NEXT_HEADER: u8 = 0x07;

/// A frame taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type without its flags.
    pub kind: u8,
    /// The payload is encrypted.
    pub encrypted: bool,
    /// The packet carries an integrity code.
    pub authenticated: bool,
    /// Session id of the receiver; 0 outside a session.
    pub session: u32,
    /// Sequence number; 0 outside a session.
    pub sequence: u32,
    /// Payload.
    pub payload: &'a [u8],
    /// Everything after the RMCP header, with trailer and code.
    after_rmcp: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a datagram apart; `None` if it is no RMCP+ packet.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let [version, _, _, class] = reader.array()?;
        if version != RMCP[0] || class != RMCP[3] {
            return None;
        }
        let after_rmcp = reader.rest();
        if reader.u8()? != RMCP_PLUS {
            return None;
        }
        let flags = reader.u8()?;
        let session = reader.u32()?;
        let sequence = reader.u32()?;
        let length = reader.u16()?;
        let payload = reader.take(length.into())?;
        Some(Packet {
            kind: flags & 0x3f,
            encrypted: flags & ENCRYPTED != 0,
            authenticated: flags & AUTHENTICATED != 0,
            session,
            sequence,
            payload,
            after_rmcp,
        })
    }

    /// The integrity code at the end is right.
    pub fn is_signed_by(&self, suite: CipherSuite, key: &[u8]) -> bool {
        let Some(split) = self.after_rmcp.len().checked_sub(suite.code_len()) else { return false };
        let Some((signed, code)) = self.after_rmcp.split_at_checked(split) else { return false };
        // The signed part is the header (12 bytes), the payload, the pad, its length and the next-header byte.
        self.authenticated && signed.len() >= 12 + self.payload.len() + 2 && suite.verify(key, &[signed], code, suite.code_len())
    }
}

/// A packet outside a session: Open Session and RAKP.
pub fn plain(kind: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind, 0, 0, payload)
}

/// An encrypted and signed packet of a session; `payload` is encrypted already.
pub fn signed(suite: CipherSuite, key: &[u8], session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(kind::MESSAGE | ENCRYPTED | AUTHENTICATED, session, sequence, payload);
    // The signed part ends on a multiple of four bytes, pad length and next header included.
    let pad = (4 - (bytes.len() - RMCP.len() + 2) % 4) % 4;
    bytes.extend(std::iter::repeat_n(0xff, pad));
    bytes.push(u8::try_from(pad).unwrap_or_default());
    bytes.push(NEXT_HEADER);
    let code = suite.hmac(key, &[bytes.get(RMCP.len()..).unwrap_or_default()]);
    bytes.extend(code.iter().take(suite.code_len()));
    bytes
}

fn frame(flags: u8, session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = RMCP.to_vec();
    bytes.extend([RMCP_PLUS, flags]);
    bytes.extend(session.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{CipherSuite, Packet, kind, plain, signed};

    #[test]
    fn a_plain_packet_has_the_bytes_of_the_standard() {
        let bytes = plain(kind::OPEN_REQUEST, &[0xaa, 0xbb]);
        assert_eq!(bytes, [6, 0, 0xff, 7, 6, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xaa, 0xbb]);
    }

    #[test]
    fn a_signed_packet_is_aligned_and_any_changed_byte_breaks_it() {
        for suite in CipherSuite::DEFAULT {
            for length in 0..9 {
                let bytes = signed(suite, b"k1", 0x0102_0304, 7, &vec![0x55; length]);
                assert_eq!((bytes.len() - 4 - suite.code_len()) % 4, 0);
                let packet = Packet::parse(&bytes);
                assert!(packet.as_ref().is_some_and(|p| p.is_signed_by(suite, b"k1") && p.sequence == 7 && p.session == 0x0102_0304));
                for at in 4..bytes.len() {
                    let mut changed = bytes.clone();
                    if let Some(byte) = changed.get_mut(at) {
                        *byte ^= 1;
                    }
                    assert!(!Packet::parse(&changed).is_some_and(|p| p.is_signed_by(suite, b"k1")), "byte {at} of {length}");
                }
                for end in 0..bytes.len() {
                    assert!(!Packet::parse(bytes.get(..end).unwrap_or_default()).is_some_and(|p| p.is_signed_by(suite, b"k1")));
                }
            }
        }
    }
}
