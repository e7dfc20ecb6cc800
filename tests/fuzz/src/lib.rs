//! What the fuzzer's bytes are fed to, and what must hold whatever they are. One function per target; a broken promise panics.
//!
//! The promises: no panic, no overflow, no session with a BMC that does not know the password, and never "off" from bytes that do
//! not say so. What is "said" is judged here anew from the standard, not by the product's code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, reason = "a fuzz target fails by panicking")]

mod dialogue;
mod handshake;
mod packet;
mod redfish;
mod reply;
mod switch;

pub use dialogue::{ENTROPY, SUITES, login};
pub use handshake::handshake;
pub use packet::packet;
pub use redfish::redfish;
pub use reply::reply;
pub use switch::switch;

/// Cuts the fuzzer's bytes into pieces: one byte of length, then as many bytes, or what is left.
pub struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    /// From the front.
    pub const fn new(data: &'a [u8]) -> Self {
        Pieces(data)
    }

    /// One byte; 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next piece; `None` behind the end.
    pub fn next_piece(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        self.0 = rest;
        Some(piece)
    }
}
