//! A BMC with an open session that answers "is the power on?" with whatever it likes, properly signed and encrypted.

use crate::Pieces;
use crate::dialogue::{open, suite};
use fence::ipmi::command::{ChassisControl, GetChassisStatus, GetSystemGuid, SetSessionPrivilege};
use fence::ipmi::session::Session;
use ipmi_rs::Ipmi;
use ipmi_rs::connection::{IpmiConnection, Message, Request, Response};

const BMC: u32 = 0x0a0b_0c0d;
/// Sequence numbers of the questions, 6 bits.
const FIRST: u8 = 0x3d;

/// The way of the product's `Lan` without its socket: the same reading, each datagram from the list.
struct Fed<'a> {
    session: &'a mut Session,
    sequence: u8,
    datagrams: Vec<Vec<u8>>,
    asked: (u8, u8),
}

impl IpmiConnection for Fed<'_> {
    type SendError = ();
    type RecvError = ();
    type Error = ();

    fn send(&mut self, request: &mut Request) -> Result<(), ()> {
        self.asked = (request.netfn_raw(), request.cmd());
        Ok(())
    }

    fn recv(&mut self) -> Result<Response, ()> {
        let (netfn, command) = self.asked;
        let session = &mut *self.session;
        let reply = self.datagrams.iter().find_map(|d| session.reply(d, self.sequence, netfn, command)).ok_or(())?;
        Response::new(Message::new_raw(reply.netfn, reply.command, reply.data), self.sequence.into()).ok_or(())
    }

    fn send_recv(&mut self, request: &mut Request) -> Result<Response, ()> {
        self.send(request)?;
        self.recv()
    }
}

/// Sections 13.8 and 28.2, read anew: a reply from the BMC to our question, completed, whose power bit is clear.
fn says_off(message: &[u8], sequence: u8) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    message.len() >= 11
        && sum(&message[..3]) == 0
        && sum(&message[3..]) == 0
        && message[0] == 0x81
        && message[1] >> 2 == 0x01
        && message[4] >> 2 == sequence
        && message[5] == 0x01
        && message[6] == 0x00
        && message[7] & 1 == 0
}

/// OFF is read from a message that says OFF, and from no other.
pub fn reply(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let suite = suite(&mut pieces);
    let (mut ours, mut theirs) = open(suite, BMC, [0x5a; 32]);
    for sequence in [FIRST, FIRST + 1, FIRST + 2, 0] {
        let question = pieces.byte();
        let (mut datagrams, mut told) = (Vec::new(), Vec::new());
        for _ in 0..=question >> 6 {
            let Some(message) = pieces.next_piece() else { break };
            datagrams.push(theirs.seal(message, [question; 16]));
            told.push(message);
        }
        if question & 0x20 != 0 {
            // Also damaged on the way: then nobody may believe it.
            for datagram in &mut datagrams {
                let at = usize::from(question) % (datagram.len() - 4) + 4;
                datagram[at] ^= 0x10;
            }
            told.clear();
        }
        let fed = Fed { session: &mut ours, sequence, datagrams, asked: (0, 0) };
        let mut ipmi = Ipmi::new(fed);
        match question & 3 {
            0 | 1 => {
                if let Ok(status) = ipmi.send_recv(GetChassisStatus)
                    && !status.power_is_on
                {
                    assert!(told.iter().any(|message| says_off(message, sequence)), "OFF from {told:02x?}");
                }
            }
            2 => {
                let accepted = ipmi.send_recv(ChassisControl::PowerDown).is_ok();
                assert!(!accepted || told.iter().any(|m| m.len() >= 8 && m[5] == 0x02 && m[6] == 0), "accepted by {told:02x?}");
            }
            _ => {
                let _ = ipmi.send_recv(GetSystemGuid);
                let _ = ipmi.send_recv(SetSessionPrivilege(4));
            }
        }
    }
}
