//! The proof without which nothing is promoted (I2): the peer is off, or it promised.
//!
//! Each kind has private fields and one maker.

use super::message::Message;
pub use crate::power::Fenced;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Life;

/// A live peer's durable promise for this attempt, made from looking at its machine.
#[derive(Debug)]
pub struct Yielded {
    attempt: String,
    peer: String,
}

impl Yielded {
    /// The only maker: the peer's own durable word. For exactly this attempt its YIELDED, the handover that it gave away,
    /// or its release of the handover that it could not use.
    pub fn heard(attempt: &str, peer: &str, message: &Message) -> Option<Self> {
        let word = match message {
            Message::Yielded { attempt } => Some(attempt),
            Message::Beat(beat) => {
                let released = beat.released.as_ref().map(|r| &r.attempt);
                beat.handover.as_ref().map(|h| &h.attempt).filter(|a| *a == attempt).or(released)
            }
            _ => None,
        };
        word.filter(|theirs| *theirs == attempt).map(|_| Self { attempt: attempt.to_owned(), peer: peer.to_owned() })
    }
}

/// A person said that the peer is off. I1 and I2 then hold only if that was right; the journal names who said it.
#[derive(Debug)]
pub struct Attested {
    who: String,
    peer: String,
}

impl Attested {
    /// The only maker: the typed name is the peer's, and the peer answers nowhere.
    ///
    /// # Errors
    /// The refusal.
    pub fn by(who: &str, typed: &str, peer: &str, life: Life) -> Result<Self, (Refusal, String)> {
        if typed != peer {
            return Err((Refusal::NameMismatch, format!("\"{typed}\" is not the peer's name")));
        }
        if life != Life::Silent {
            return Err((Refusal::PeerAlive, format!("{peer} is not silent: something of it still answers, or it was not probed yet")));
        }
        Ok(Self { who: who.to_owned(), peer: peer.to_owned() })
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
    /// A person attested.
    Attested(Attested),
}

impl Proof {
    /// For the journal and the mail.
    pub fn evidence(&self) -> Vec<String> {
        match self {
            Proof::Fenced(f) => f.evidence().to_vec(),
            Proof::Yielded(y) => vec![format!("{} promised for attempt {}", y.peer, y.attempt)],
            Proof::Attested(a) => vec![format!("{} attests that {} is off", a.who, a.peer)],
        }
    }
}
