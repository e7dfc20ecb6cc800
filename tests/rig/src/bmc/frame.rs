//! Frames: IPMI 1.5 outside a session, RMCP+ plain, RMCP+ sealed.

/// What came in.
pub enum Frame<'a> {
    /// IPMI 1.5, no authentication, no session.
    Old {
        /// The IPMI message.
        message: &'a [u8],
    },
    /// RMCP+ outside a session.
    Plain {
        /// Payload type.
        kind: u8,
        /// Payload.
        payload: &'a [u8],
    },
    /// RMCP+, signed and encrypted.
    Sealed {
        /// Session id.
        session: u32,
        /// Sequence number.
        sequence: u32,
        /// Encrypted payload.
        payload: &'a [u8],
        /// What the code covers, for any code length: up to the end of the datagram.
        signed: &'a [u8],
        /// Where the trailer starts in `signed`.
        code: usize,
    },
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

/// Takes a datagram apart.
pub fn open(datagram: &[u8]) -> Option<Frame<'_>> {
    let body = datagram.strip_prefix(&[6, 0])?.get(1..)?.strip_prefix(&[7])?;
    match body {
        [0, rest @ ..] if rest.len() > 9 && number(&rest[4..8]) == 0 => Some(Frame::Old { message: rest[9..].get(..usize::from(rest[8]))? }),
        [6, kind, rest @ ..] if rest.len() >= 10 => {
            let (session, sequence) = (number(&rest[..4]), number(&rest[4..8]));
            let length = usize::from(u16::from_le_bytes([rest[8], rest[9]]));
            let payload = rest.get(10..10 + length)?;
            match kind & 0xc0 {
                0x00 if (session, sequence) == (0, 0) => Some(Frame::Plain { kind: *kind, payload }),
                0xc0 if *kind == 0xc0 => Some(Frame::Sealed { session, sequence, payload, signed: body, code: 12 + length }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// An IPMI 1.5 answer outside a session.
pub fn old(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, u8::try_from(message.len()).expect("a short message")];
    bytes.extend(message);
    bytes
}

/// An RMCP+ answer outside a session.
pub fn plain(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[6, 0, 0xff, 7], &header(kind, 0, 0, payload.len())[..], payload].concat()
}

/// Authentication type to payload length.
pub fn header(kind: u8, session: u32, sequence: u32, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).expect("a short payload").to_le_bytes();
    [&[6, kind], &session.to_le_bytes()[..], &sequence.to_le_bytes()[..], &length[..]].concat()
}
