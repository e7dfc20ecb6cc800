//! IPMI messages: what the BMC understands and does.

use super::Mind;
use std::time::Instant;

/// Completion codes.
const OK: u8 = 0x00;
const UNKNOWN: u8 = 0xc1;
const SHORT: u8 = 0xc7;
const NO_RIGHT: u8 = 0xd4;

struct Question<'a> {
    netfn: u8,
    sequence: u8,
    command: u8,
    data: &'a [u8],
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| byte.wrapping_add(sum))
}

fn read(message: &[u8]) -> Option<Question<'_>> {
    if message.len() < 7 || message[0] != 0x20 || sum(&message[..3]) != 0 || sum(&message[3..]) != 0 {
        return None;
    }
    let data = &message[6..message.len() - 1];
    Some(Question { netfn: message[1] >> 2, sequence: message[4] >> 2, command: message[5], data })
}

fn reply(question: &Question<'_>, code: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81, (question.netfn | 1) << 2];
    bytes.push(sum(&bytes).wrapping_neg());
    let mut rest = vec![0x20, question.sequence << 2, question.command, code];
    rest.extend(data);
    rest.push(sum(&rest).wrapping_neg());
    bytes.extend(rest);
    bytes
}

/// Get Channel Authentication Capabilities, the one question before a session: "IPMI 2.0, named users".
pub fn answer_outside(message: &[u8]) -> Option<Vec<u8>> {
    let question = read(message)?;
    ((question.netfn, question.command) == (6, 0x38)).then(|| reply(&question, OK, &[1, 0x80, 0x04, 0x02, 0, 0, 0, 0]))
}

impl Mind {
    /// Does what a message inside session `at` says.
    pub(super) fn obey(&mut self, at: usize, message: &[u8]) -> Option<Vec<u8>> {
        let question = read(message)?;
        let (code, data) = match (question.netfn, question.command) {
            (6, 0x01) => (OK, vec![0x20, 1, 2, 3, 0x02, 0x9f, 0x91, 0x12, 0, 0x02, 0x0f, 0, 0, 0, 0]),
            (6, 0x37) if self.knows_guid_command => (OK, self.guid.to_vec()),
            (6, 0x38) => (OK, vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0]),
            (6, 0x3b) => self.raise(at, question.data),
            (6, 0x3c) => self.close(at, question.data),
            (0, 0x01) => (OK, self.status()),
            (0, 0x02) => self.control(at, question.data),
            _ => (UNKNOWN, Vec::new()),
        };
        Some(reply(&question, code, &data))
    }

    fn raise(&mut self, at: usize, data: &[u8]) -> (u8, Vec<u8>) {
        let session = &mut self.inside.sessions[at];
        match data {
            [level] if *level > session.highest => (0x81, Vec::new()),
            [0] => (OK, vec![session.level]),
            [level] => {
                session.level = *level;
                (OK, vec![*level])
            }
            _ => (SHORT, Vec::new()),
        }
    }

    fn close(&mut self, at: usize, data: &[u8]) -> (u8, Vec<u8>) {
        if *data == self.inside.sessions[at].id.to_le_bytes() {
            self.inside.sessions[at].closed = true;
            (OK, Vec::new())
        } else {
            (0x87, Vec::new())
        }
    }

    fn status(&mut self) -> Vec<u8> {
        self.questions += 1;
        if self.inside.off_at.is_some_and(|at| at <= Instant::now()) {
            (self.on, self.inside.off_at) = (false, None);
        }
        let says = self.lies.pop_front().unwrap_or(self.on);
        self.status.clone().unwrap_or_else(|| vec![0x60 | u8::from(says), 0, 0x40])
    }

    fn control(&mut self, at: usize, data: &[u8]) -> (u8, Vec<u8>) {
        if self.inside.sessions[at].level < 3 {
            return (NO_RIGHT, Vec::new());
        }
        let &[control] = data else { return (SHORT, Vec::new()) };
        self.controls.push(control);
        if self.refuses != 0 {
            return (self.refuses, Vec::new());
        }
        match control & 0x0f {
            _ if self.stuck => {}
            0 if self.off_delay.is_zero() => self.on = false,
            0 => self.inside.off_at = self.inside.off_at.or(Some(Instant::now() + self.off_delay)),
            1 => (self.on, self.inside.off_at) = (true, None),
            _ => return (0xcc, Vec::new()),
        }
        (OK, Vec::new())
    }
}
