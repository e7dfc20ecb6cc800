//! The proof without which nothing is promoted (I2): the peer is off, or it promised.
//!
//! Each kind has private fields and one maker. A third kind, a person's attestation, comes with the operator's commands.

use super::message::Message;
pub use crate::power::Fenced;

/// A live peer's durable promise for this attempt, made from looking at its machine.
#[derive(Debug)]
pub struct Yielded {
    attempt: String,
    peer: String,
}

impl Yielded {
    /// The only maker: the peer's YIELDED for exactly this attempt.
    pub fn heard(attempt: &str, peer: &str, message: &Message) -> Option<Self> {
        match message {
            Message::Yielded { attempt: theirs } if theirs == attempt => Some(Self { attempt: attempt.to_owned(), peer: peer.to_owned() }),
            _ => None,
        }
    }
}

/// Why this node may start a group.
#[must_use]
#[derive(Debug)]
pub enum Proof {
    /// The device showed OFF twice, now.
    Fenced(Fenced),
    /// The peer promised.
    Yielded(Yielded),
}

impl Proof {
    /// For the journal and the mail.
    pub fn evidence(&self) -> Vec<String> {
        match self {
            Proof::Fenced(f) => f.evidence().to_vec(),
            Proof::Yielded(y) => vec![format!("{} promised for attempt {}", y.peer, y.attempt)],
        }
    }
}
