//! Open Session and RAKP 1 to 4 (IPMI 2.0 sections 13.17 to 13.24, 13.31, 13.32): from credentials to a session. Pure.
//!
//! Refuses a BMC that answers with other algorithms than those asked for: there is no silent downgrade.
//! A datagram that is not the awaited answer is `Ok(None)`: ignored, however it came.

use super::error::LanError;
use super::login::Login;
use super::packet::{Packet, kind, plain};
use super::session::Session;
use super::suite::CipherSuite;
use super::wire::Reader;

/// One attempt to open a session. A lost RAKP 4 needs a new one with another id: some BMCs answer a repeated RAKP 3 encrypted.
#[derive(Debug)]
pub struct Handshake<'a> {
    suite: CipherSuite,
    login: &'a Login,
    /// Session id of this console (`SIDm`).
    console: u32,
    /// Random number of this console (`Rm`).
    random: [u8; 16],
}

/// What RAKP 2 told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Session id of the BMC (`SIDc`).
    bmc: u32,
    /// Random number of the BMC (`Rc`).
    random: [u8; 16],
    /// GUID of the managed system (`GUIDc`), proven by the shared key.
    guid: [u8; 16],
}

impl<'a> Handshake<'a> {
    /// Starts with fresh random bytes: 16 for the nonce, 4 for the session id.
    pub fn new(suite: CipherSuite, login: &'a Login, entropy: [u8; 20]) -> Self {
        let mut reader = Reader::new(&entropy);
        let random = reader.array().unwrap_or_default();
        // Session id 0 means "outside a session".
        let console = reader.u32().unwrap_or_default().max(1);
        Handshake { suite, login, console, random }
    }

    /// The message tag echoes; any byte of the random id serves.
    const fn tag(&self) -> u8 {
        self.console.to_le_bytes()[0]
    }

    /// Open Session Request (section 13.17).
    pub fn open_request(&self) -> Vec<u8> {
        let mut payload = vec![self.tag(), self.login.privilege().number(), 0, 0];
        payload.extend(self.console.to_le_bytes());
        for (kind, algorithm) in (0u8..).zip(self.suite.algorithms()) {
            payload.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
        plain(kind::OPEN_REQUEST, &payload)
    }

    /// Open Session Response (section 13.18): the BMC's session id.
    ///
    /// # Errors
    /// The BMC's refusal, or other algorithms than those asked for.
    pub fn read_open(&self, datagram: &[u8]) -> Result<Option<u32>, LanError> {
        let Some(mut reader) = self.answer(datagram, kind::OPEN_RESPONSE)? else { return Ok(None) };
        let Some((console, bmc)) = reader.take(2).and_then(|_| Some((reader.u32()?, reader.u32()?))) else { return Ok(None) };
        if console != self.console {
            return Ok(None);
        }
        for (kind, algorithm) in (0u8..).zip(self.suite.algorithms()) {
            let Some([got_kind, _, _, _, got, ..]) = reader.array::<8>() else { return Ok(None) };
            if (got_kind, got & 0x3f) != (kind, algorithm) {
                return Err(LanError::Suite(self.suite.number()));
            }
        }
        Ok((bmc != 0).then_some(bmc))
    }

    /// RAKP Message 1 (section 13.20).
    pub fn rakp1(&self, bmc: u32) -> Vec<u8> {
        let mut payload = vec![self.tag(), 0, 0, 0];
        payload.extend(bmc.to_le_bytes());
        payload.extend(self.random);
        payload.extend([self.login.role(), 0, 0, self.user_length()]);
        payload.extend(self.login.user());
        plain(kind::RAKP1, &payload)
    }

    /// RAKP Message 2 (section 13.21).
    ///
    /// # Errors
    /// The BMC's refusal, or [`LanError::Password`] if it does not know the password.
    pub fn read_rakp2(&self, bmc: u32, datagram: &[u8]) -> Result<Option<Challenge>, LanError> {
        let Some(mut reader) = self.answer(datagram, kind::RAKP2)? else { return Ok(None) };
        let fields = reader.take(2).and_then(|_| Some((reader.u32()?, reader.array()?, reader.array()?)));
        let Some((console, random, guid)) = fields else { return Ok(None) };
        if console != self.console {
            return Ok(None);
        }
        let ids = [console.to_le_bytes(), bmc.to_le_bytes()].concat();
        let parts: [&[u8]; 6] = [&ids, &self.random, &random, &guid, &[self.login.role(), self.user_length()], self.login.user()];
        if self.suite.verify(self.login.user_key(), &parts, reader.rest(), self.suite.digest_len()) {
            return Ok(Some(Challenge { bmc, random, guid }));
        }
        Err(LanError::Password)
    }

    /// RAKP Message 3 (section 13.22).
    pub fn rakp3(&self, challenge: &Challenge) -> Vec<u8> {
        let mut payload = vec![self.tag(), 0, 0, 0];
        payload.extend(challenge.bmc.to_le_bytes());
        let ends = [self.login.role(), self.user_length()];
        payload.extend(self.suite.hmac(self.login.user_key(), &[&challenge.random, &self.console.to_le_bytes(), &ends, self.login.user()]));
        plain(kind::RAKP3, &payload)
    }

    /// RAKP Message 4 (section 13.23), and the session that it opens.
    ///
    /// # Errors
    /// The BMC's refusal, or [`LanError::Denied`] if the keys differ, which is the Kg then: the password is proven by RAKP 2.
    pub fn read_rakp4(&self, challenge: &Challenge, datagram: &[u8]) -> Result<Option<Session>, LanError> {
        let Some(mut reader) = self.answer(datagram, kind::RAKP4)? else { return Ok(None) };
        if reader.take(2).and_then(|_| reader.u32()) != Some(self.console) {
            return Ok(None);
        }
        let key = self.integrity_key(challenge);
        let parts: [&[u8]; 3] = [&self.random, &challenge.bmc.to_le_bytes(), &challenge.guid];
        if self.suite.verify(&key, &parts, reader.rest(), self.suite.code_len()) {
            return Ok(Some(Session::new(self.suite, &key, self.console, challenge.bmc, challenge.guid)));
        }
        Err(LanError::Denied("the BMC uses another Kg (RAKP 4 does not verify); set or correct hexadecimal_kg".into()))
    }

    /// The session that the BMC holds if it got RAKP 3 and its RAKP 4 was lost. Nothing is proven: good for closing it only.
    pub fn unproven(&self, challenge: &Challenge) -> Session {
        Session::new(self.suite, &self.integrity_key(challenge), self.console, challenge.bmc, challenge.guid)
    }

    /// SIK of section 13.31.
    fn integrity_key(&self, challenge: &Challenge) -> Vec<u8> {
        let ends = [self.login.role(), self.user_length()];
        self.suite.hmac(self.login.session_key(), &[&self.random, &challenge.random, &ends, self.login.user()])
    }

    fn user_length(&self) -> u8 {
        u8::try_from(self.login.user().len()).unwrap_or(u8::MAX)
    }

    /// The payload behind tag and status, if this is the awaited answer. A refusal may end after the status.
    fn answer<'d>(&self, datagram: &'d [u8], kind: u8) -> Result<Option<Reader<'d>>, LanError> {
        let Some(packet) = Packet::parse(datagram) else { return Ok(None) };
        let mut reader = Reader::new(packet.payload);
        if packet.kind != kind || packet.encrypted || packet.authenticated || packet.session != 0 || reader.u8() != Some(self.tag()) {
            return Ok(None);
        }
        match reader.u8() {
            Some(0) => Ok(Some(reader)),
            Some(status) => self.refusal(status, kind).map_or(Ok(None), Err),
            None => Ok(None),
        }
    }

    /// Status codes of table 13-15. `None`: the BMC lost track of this handshake, a new one may succeed.
    fn refusal(&self, status: u8, kind: u8) -> Option<LanError> {
        let user = String::from_utf8_lossy(self.login.user());
        Some(match status {
            // The password was proven by RAKP 2: a RAKP 3 that does not verify met another nonce than its own.
            0x02 | 0x08 => return None,
            0x0f if kind == kind::RAKP4 => return None,
            0x04..=0x07 | 0x10 | 0x11 => LanError::Suite(self.suite.number()),
            0x01 | 0x0b => LanError::Busy(status),
            0x09 | 0x0a => LanError::Level(format!(
                "user \"{user}\" may not log in with privilege level {} (status {status:#04x}); ask for a lower one with privlvl=",
                self.login.privilege()
            )),
            0x0c..=0x0e => LanError::Denied(format!("the BMC does not know user \"{user}\" (status {status:#04x}); correct the user name")),
            0x0f => LanError::Denied(format!("the BMC refused the password (status {status:#04x}); correct user and password")),
            _ => LanError::Refused(format!("the BMC refused the session (status {status:#04x})")),
        })
    }
}
