//! An open RMCP+ session (IPMI 2.0 sections 13.28 and 13.29): seals requests, opens replies. Pure.
//!
//! Refuses every packet that is not encrypted, signed with this session's key, addressed to it, and newer than the last one.

use super::message::Reply;
use super::packet::{Packet, kind, signed};
use super::suite::CipherSuite;
use aes::Aes128;
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, generic_array::GenericArray};
use std::fmt;

/// Block of AES-CBC-128.
const BLOCK: usize = 16;

/// Keys and counters. `Debug` shows no key.
pub struct Session {
    suite: CipherSuite,
    integrity: Vec<u8>,
    cipher: [u8; BLOCK],
    console: u32,
    bmc: u32,
    guid: [u8; 16],
    sent: u32,
    seen: u32,
}

impl Session {
    /// Derives K1 and K2 from the session integrity key (section 13.32).
    pub fn new(suite: CipherSuite, key: &[u8], console: u32, bmc: u32, guid: [u8; 16]) -> Self {
        let mut cipher = [0; BLOCK];
        for (to, from) in cipher.iter_mut().zip(suite.hmac(key, &[&[2; 20]])) {
            *to = from;
        }
        Session { suite, integrity: suite.hmac(key, &[&[1; 20]]), cipher, console, bmc, guid, sent: 0, seen: 0 }
    }

    /// The BMC's id of this session.
    pub const fn bmc(&self) -> u32 {
        self.bmc
    }

    /// GUID of the managed system as RAKP 2 told and proved it.
    pub const fn guid(&self) -> [u8; 16] {
        self.guid
    }

    /// A datagram around an IPMI message; `iv` is fresh random.
    pub fn seal(&mut self, message: &[u8], iv: [u8; BLOCK]) -> Vec<u8> {
        // Number 0 belongs to packets outside a session (section 6.12.8).
        self.sent = self.sent.checked_add(1).unwrap_or(1);
        let mut clear = message.to_vec();
        let pad = BLOCK - 1 - message.len() % BLOCK;
        clear.extend((1u8..).take(pad));
        clear.push(u8::try_from(pad).unwrap_or_default());
        let mut encryptor = cbc::Encryptor::<Aes128>::new(&self.cipher.into(), &iv.into());
        for block in clear.chunks_exact_mut(BLOCK) {
            encryptor.encrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        let mut payload = iv.to_vec();
        payload.extend(clear);
        signed(self.suite, &self.integrity, self.bmc, self.sent, &payload)
    }

    /// The IPMI message in a datagram, or `None` if it does not belong here.
    pub fn open(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let packet = Packet::parse(datagram)?;
        let ours = packet.kind == kind::MESSAGE && packet.encrypted && packet.session == self.console && packet.sequence > self.seen;
        if !ours || !packet.is_signed_by(self.suite, &self.integrity) {
            return None;
        }
        let (iv, body) = packet.payload.split_first_chunk::<BLOCK>()?;
        if body.is_empty() || body.len() % BLOCK != 0 {
            return None;
        }
        let mut clear = body.to_vec();
        let mut decryptor = cbc::Decryptor::<Aes128>::new(&self.cipher.into(), iv.into());
        for block in clear.chunks_exact_mut(BLOCK) {
            decryptor.decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        let pad = usize::from(clear.pop()?);
        clear.truncate(clear.len().checked_sub(pad)?);
        // A number at the end of its range starts anew with a new session, long before: 2^32 replies.
        self.seen = packet.sequence;
        Some(clear)
    }

    /// The reply in a datagram, if it is the one to this question: an earlier one that comes late is nobody's answer.
    pub fn reply(&mut self, datagram: &[u8], sequence: u8, netfn: u8, command: u8) -> Option<Reply> {
        let reply = Reply::parse(&self.open(datagram)?)?;
        (reply.sequence == sequence && reply.command == command && reply.netfn == netfn | 1).then_some(reply)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:#010x}, suite {})", self.bmc, self.suite.number())
    }
}
