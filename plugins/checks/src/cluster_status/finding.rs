//! One finding with its two meanings.

use plugin_core::State;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it means to the administrator.
    pub admin: State,
    /// What it means to a takeover: OK, CRITICAL or UNKNOWN.
    pub failover: State,
    /// In words.
    pub text: String,
}

impl Finding {
    /// All is well.
    pub fn fine(text: impl Into<String>) -> Self {
        Self { admin: State::Ok, failover: State::Ok, text: text.into() }
    }

    /// Somebody should look; nothing that a move cures.
    pub fn warn(text: impl Into<String>) -> Self {
        Self { admin: State::Warning, failover: State::Ok, text: text.into() }
    }

    /// Broken; nothing that a move cures.
    pub fn broken(text: impl Into<String>) -> Self {
        Self { admin: State::Critical, failover: State::Ok, text: text.into() }
    }

    /// Broken on this node, and whole on the other one after a move.
    pub fn broken_here(text: impl Into<String>) -> Self {
        Self { admin: State::Critical, failover: State::Critical, text: text.into() }
    }

    /// Broken, and nobody knows on which side.
    pub fn broken_somewhere(text: impl Into<String>) -> Self {
        Self { admin: State::Critical, failover: State::Unknown, text: text.into() }
    }
}
