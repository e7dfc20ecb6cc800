//! A BMC that knows the password and answers the handshake with whatever it likes, signed where it has to be.

use crate::Pieces;
use crate::dialogue::{ENTROPY, integrity_key, login, plain, suite};
use fence::ipmi::handshake::Handshake;

/// Bytes of status, console id and so on in front of the code in RAKP 2, and of the code's key material behind them.
const NONCE: std::ops::Range<usize> = 8..24;
const GUID: std::ops::Range<usize> = 24..40;

/// A session comes into being only when tag, ids, algorithms and both codes are right.
pub fn handshake(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let suite = suite(&mut pieces);
    let login = login();
    let shake = Handshake::new(suite, &login, ENTROPY);
    let Some(open) = pieces.next_piece() else { return };
    let Ok(Some(bmc)) = shake.read_open(&plain(0x11, open)) else { return };
    let wanted = suite.algorithms();
    assert_eq!((open[0], open[1], &open[4..8]), (ENTROPY[16], 0, &ENTROPY[16..]), "tag, status, console id");
    assert_eq!([open[16] & 0x3f, open[24] & 0x3f, open[32] & 0x3f], wanted, "a downgrade is believed");
    assert_eq!(bmc.to_le_bytes(), open[8..12]);
    assert_ne!(bmc, 0);

    let Some(second) = pieces.next_piece() else { return };
    // The code over what it says, whatever it says, if there is room for nonce and GUID.
    let (Some(nonce), Some(guid)) = (second.get(NONCE), second.get(GUID)) else {
        assert!(!matches!(shake.read_rakp2(bmc, &plain(0x13, second)), Ok(Some(_))));
        return;
    };
    let code = suite.hmac(b"s3cr3t", &[&ENTROPY[16..], &bmc.to_le_bytes(), &ENTROPY[..16], nonce, guid, &[0x14, 5], b"admin"]);
    let Ok(Some(challenge)) = shake.read_rakp2(bmc, &plain(0x13, &[&second[..GUID.end], &code].concat())) else { return };
    assert_eq!((second[0], second[1], &second[4..8]), (ENTROPY[16], 0, &ENTROPY[16..]), "tag, status, console id");

    let Some(fourth) = pieces.next_piece() else { return };
    let told: [u8; 32] = [nonce, guid].concat().try_into().unwrap();
    let code = suite.hmac(&integrity_key(suite, told), &[&ENTROPY[..16], &bmc.to_le_bytes(), guid]);
    let signed = [fourth.get(..8).unwrap_or(fourth), &code[..suite.code_len()]].concat();
    if let Ok(Some(session)) = shake.read_rakp4(&challenge, &plain(0x15, &signed)) {
        assert_eq!((signed[0], signed[1], &signed[4..8]), (ENTROPY[16], 0, &ENTROPY[16..]), "tag, status, console id");
        assert_eq!((session.bmc(), session.guid().as_slice()), (bmc, guid));
    }
}
