//! One datagram from somebody who does not know the password, read by everything that reads datagrams.

use crate::dialogue::{ENTROPY, SUITES, login, open, rakp2, stranger};
use fence::ipmi::handshake::Handshake;
use fence::ipmi::message::Reply;
use fence::ipmi::packet::Packet;

const TOLD: [u8; 32] = [0x5a; 32];

/// Nothing in it may open a session, or be believed inside one.
pub fn packet(datagram: &[u8]) {
    // An IPMI message is read behind the decryption only: here it may be anything but a panic.
    let _ = Reply::parse(datagram);
    for suite in SUITES {
        let signed = Packet::parse(datagram).is_some_and(|p| p.is_signed_by(suite, b"nobody has this key"));
        assert!(!signed, "signed with a key that it can't have");
        let stranger = stranger();
        let shake = Handshake::new(suite, &stranger, ENTROPY);
        let bmc = shake.read_open(datagram).unwrap_or_default().unwrap_or(0x0a0b_0c0d);
        assert!(!matches!(shake.read_rakp2(bmc, datagram), Ok(Some(_))), "RAKP 2 without the password is believed");
        // The proven challenge comes from the rightful BMC; then somebody else sends RAKP 4.
        let login = login();
        let shake = Handshake::new(suite, &login, ENTROPY);
        let challenge = shake.read_rakp2(bmc, &rakp2(suite, bmc, TOLD)).unwrap().unwrap();
        assert!(!matches!(shake.read_rakp4(&challenge, datagram), Ok(Some(_))), "RAKP 4 without the key is believed");
        let (mut session, _) = open(suite, bmc, TOLD);
        assert!(session.open(datagram).is_none(), "a packet without the key is believed");
        assert!(session.reply(datagram, 1, 0, 1).is_none());
    }
}
