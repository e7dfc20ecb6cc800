//! The BMC's side of Open Session and RAKP, and its open sessions.

use super::{Mind, crypt, frame};
use std::collections::BTreeSet;

/// A session, from Open Session on.
#[derive(Clone, Debug)]
pub struct Session {
    /// The BMC's id.
    pub id: u32,
    /// The console's id.
    console: u32,
    suite: u8,
    /// Level asked for at opening.
    ceiling: u8,
    challenge: Option<Challenge>,
    keys: Option<(Vec<u8>, Vec<u8>)>,
    seen: BTreeSet<u32>,
    sent: u32,
    /// Level that holds now.
    pub level: u8,
    /// Highest level that may be asked for.
    pub highest: u8,
    /// Closed by its owner; forgotten after the answer.
    pub closed: bool,
}

#[derive(Clone, Debug)]
struct Challenge {
    console_random: Vec<u8>,
    bmc_random: Vec<u8>,
    /// Role, length and name as they came.
    ends: Vec<u8>,
    password: &'static str,
}

/// Random enough for a test BMC, and never twice the same.
fn entropy(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).expect("random bytes");
    bytes
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

impl Mind {
    /// One message of the handshake; the answer's payload type and payload.
    pub(super) fn shake(&mut self, kind: u8, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        match kind {
            0x10 if payload.len() == 32 => Some((0x11, self.open_session(payload))),
            0x12 if payload.len() >= 28 => Some((0x13, self.rakp1(payload)?)),
            0x14 if payload.len() >= 8 => Some((0x15, self.rakp3(payload)?)),
            _ => None,
        }
    }

    fn open_session(&mut self, payload: &[u8]) -> Vec<u8> {
        let (tag, ceiling, console) = (payload[0], payload[1] & 0x0f, word(&payload[4..]));
        let asked = match (payload[12], payload[20], payload[28]) {
            (1, 1, 1) => 3,
            (3, 4, 1) => 17,
            _ => 0,
        };
        let offered = self.suites.contains(&asked) || self.downgrades;
        let status = if !offered || asked == 0 { 0x11 } else { u8::from(self.inside.sessions.len() >= self.room) };
        if status != 0 {
            self.inside.refused += 1;
            let mut refusal = vec![tag, status];
            if !self.curt {
                refusal.extend([0, 0]);
                refusal.extend(&payload[4..8]);
            }
            return refusal;
        }
        let suite = if self.downgrades { 3 } else { asked };
        let id = word(&entropy(4)) | 1;
        let algorithms: [u8; 3] = if suite == 3 { [1, 1, 1] } else { [3, 4, 1] };
        // "Highest level" is answered with the level that it is (section 13.18).
        let mut answer = vec![tag, 0, if ceiling == 0 { 4 } else { ceiling }, 0];
        answer.extend(&payload[4..8]);
        answer.extend(id.to_le_bytes());
        for (kind, algorithm) in (0..).zip(algorithms) {
            answer.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
        let session =
            Session { id, console, suite, ceiling, challenge: None, keys: None, seen: BTreeSet::new(), sent: 0, level: 2, highest: 0, closed: false };
        self.inside.sessions.push(session);
        answer
    }

    fn rakp1(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let (tag, id, role) = (payload[0], word(&payload[4..]), payload[24]);
        let guid = self.guid;
        let session = self.inside.sessions.iter_mut().find(|s| s.id == id)?;
        let name = payload.get(28..28 + usize::from(payload[27]))?;
        let user = self.users.iter().find(|u| u.name.as_bytes() == name);
        let level = role & 0x0f;
        let status = match user {
            None => 0x0d,
            Some(user) if level > user.privilege || (session.ceiling != 0 && level > session.ceiling) => 0x09,
            Some(_) => 0,
        };
        let Some(user) = user.filter(|_| status == 0) else {
            let console = session.console;
            self.inside.sessions.retain(|s| s.id != id);
            return Some([&[tag, status, 0, 0], &console.to_le_bytes()[..]].concat());
        };
        session.highest = level;
        let console_random = payload[8..24].to_vec();
        // The same question gets the same answer: the wire may have doubled it.
        let before = session.challenge.take().filter(|c| c.console_random == console_random);
        let challenge = Challenge {
            console_random,
            bmc_random: before.map_or_else(|| entropy(16), |c| c.bmc_random),
            ends: [&[role, payload[27]], name].concat(),
            password: user.password,
        };
        let proof: Vec<u8> =
            [&session.console.to_le_bytes()[..], &id.to_le_bytes(), &challenge.console_random, &challenge.bmc_random, &guid, &challenge.ends]
                .concat();
        let code = crypt::hmac(session.suite, user.password.as_bytes(), &proof);
        let answer = [&[tag, 0, 0, 0], &session.console.to_le_bytes()[..], &challenge.bmc_random, &guid, &code].concat();
        session.challenge = Some(challenge);
        Some(answer)
    }

    fn rakp3(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let (tag, id) = (payload[0], word(&payload[4..]));
        let (guid, kg) = (self.guid, self.kg.clone());
        let session = self.inside.sessions.iter_mut().find(|s| s.id == id)?;
        let console = session.console.to_le_bytes();
        let challenge = session.challenge.clone()?;
        let want = crypt::hmac(session.suite, challenge.password.as_bytes(), &[&challenge.bmc_random[..], &console, &challenge.ends].concat());
        if payload[8..] != want[..] {
            self.inside.sessions.retain(|s| s.id != id);
            return Some([&[tag, 0x0f, 0, 0], &console[..]].concat());
        }
        let kg = kg.unwrap_or_else(|| challenge.password.as_bytes().to_vec());
        let sik = crypt::hmac(session.suite, &kg, &[&challenge.console_random[..], &challenge.bmc_random, &challenge.ends].concat());
        session.keys = Some((crypt::hmac(session.suite, &sik, &[1; 20]), crypt::hmac(session.suite, &sik, &[2; 20])));
        let mut code = crypt::hmac(session.suite, &sik, &[&challenge.console_random[..], &id.to_le_bytes(), &guid].concat());
        code.truncate(crypt::code_length(session.suite));
        Some([&[tag, 0, 0, 0], &console[..], &code].concat())
    }
}

impl Session {
    /// The IPMI message of a sealed packet that is whole, signed, and new.
    pub fn unseal(&mut self, sequence: u32, payload: &[u8], signed: &[u8], trailer: usize) -> Option<Vec<u8>> {
        let (k1, k2) = self.keys.as_ref()?;
        let split = signed.len().checked_sub(crypt::code_length(self.suite))?;
        let (signed, code) = signed.split_at(split);
        let pad = usize::from(*signed.get(signed.len().checked_sub(2)?)?);
        // Pad, its length, next header 7; together a multiple of four.
        let whole = signed.len().is_multiple_of(4) && signed.len() == trailer + pad + 2 && signed.ends_with(&[7]);
        if !whole || crypt::hmac(self.suite, k1, signed)[..code.len()] != *code || sequence == 0 || !self.seen.insert(sequence) {
            return None;
        }
        crypt::decrypt(k2, payload)
    }

    /// A signed and encrypted answer.
    pub fn seal(&mut self, message: &[u8]) -> Vec<u8> {
        self.sent += 1;
        let (k1, k2) = self.keys.as_ref().expect("an open session");
        let payload = crypt::encrypt(k2, entropy(16).try_into().expect("16 bytes"), message);
        let mut signed = frame::header(0xc0, self.console, self.sent, payload.len());
        signed.extend(payload);
        let pad = (2..6).find(|count| (signed.len() + count).is_multiple_of(4)).expect("one of four") - 2;
        signed.extend(vec![0xff; pad]);
        signed.extend([u8::try_from(pad).expect("below 4"), 7]);
        let code = crypt::hmac(self.suite, k1, &signed);
        [&[6, 0, 0xff, 7], &signed[..], &code[..crypt::code_length(self.suite)]].concat()
    }
}
