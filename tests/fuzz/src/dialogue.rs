//! A session whose keys both sides know, without a socket: the console's side is the product's, the BMC's side is built here.

use crate::Pieces;
use fence::ipmi::handshake::Handshake;
use fence::ipmi::session::Session;
use fence::ipmi::{CipherSuite, Login, Privilege};

/// The console's nonce and session id ("1234"): fixed, so that an input always means the same.
pub const ENTROPY: [u8; 20] = *b"sixteen  randoms1234";
/// The suites that exist.
pub const SUITES: [CipherSuite; 2] = CipherSuite::DEFAULT;

const PASSWORD: &[u8] = b"s3cr3t";
const USER: &[u8] = b"admin";
/// Role byte of RAKP 1: by name only, administrator.
const ROLE: u8 = 0x14;

/// The account with which the recorded answers were made.
pub fn login() -> Login {
    Login::new("admin", PASSWORD, None, Privilege::Administrator).unwrap()
}

/// The same account with a password that no recorded answer knows.
pub fn stranger() -> Login {
    Login::new("admin", b"another-password", None, Privilege::Administrator).unwrap()
}

/// A frame outside a session.
pub fn plain(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
    [&[6, 0, 0xff, 7, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, payload].concat()
}

/// RAKP 2 of a BMC that knows the password: `told` are its nonce and GUID.
pub fn rakp2(suite: CipherSuite, bmc: u32, told: [u8; 32]) -> Vec<u8> {
    let (console, nonce) = (&ENTROPY[16..], &ENTROPY[..16]);
    let ends = [ROLE, u8::try_from(USER.len()).unwrap()];
    let code = suite.hmac(PASSWORD, &[console, &bmc.to_le_bytes(), nonce, &told, &ends, USER]);
    plain(0x13, &[&[ENTROPY[16], 0, 0, 0][..], console, &told, &code].concat())
}

/// The session integrity key (section 13.31).
pub fn integrity_key(suite: CipherSuite, told: [u8; 32]) -> Vec<u8> {
    let ends = [ROLE, u8::try_from(USER.len()).unwrap()];
    suite.hmac(PASSWORD, &[&ENTROPY[..16], &told[..16], &ends, USER])
}

/// RAKP 4 of that BMC.
pub fn rakp4(suite: CipherSuite, bmc: u32, told: [u8; 32]) -> Vec<u8> {
    let mut code = suite.hmac(&integrity_key(suite, told), &[&ENTROPY[..16], &bmc.to_le_bytes(), &told[16..]]);
    code.truncate(suite.code_len());
    plain(0x15, &[&[ENTROPY[16], 0, 0, 0][..], &ENTROPY[16..], &code].concat())
}

/// Both ends of an open session: the console's, and the BMC's, which is its mirror.
pub fn open(suite: CipherSuite, bmc: u32, told: [u8; 32]) -> (Session, Session) {
    let (login, key) = (login(), integrity_key(suite, told));
    let shake = Handshake::new(suite, &login, ENTROPY);
    let challenge = shake.read_rakp2(bmc, &rakp2(suite, bmc, told)).unwrap().unwrap();
    let ours = shake.read_rakp4(&challenge, &rakp4(suite, bmc, told)).unwrap().unwrap();
    let console = u32::from_le_bytes(ENTROPY[16..].try_into().unwrap());
    (ours, Session::new(suite, &key, bmc, console, [0; 16]))
}

/// A suite of the fuzzer's choice.
pub fn suite(pieces: &mut Pieces<'_>) -> CipherSuite {
    SUITES[usize::from(pieces.byte() & 1)]
}
