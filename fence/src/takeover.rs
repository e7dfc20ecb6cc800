//! The takeover agent: looks, decides, journals, fences, promotes (TAKEOVER is its law: two masters are impossible, a
//! doubt is a refusal with its reason).
//!
//! [`decide`] is the pure heart: one total transition function without IO or clock. Around it: [`outlook`] (what the
//! probes mean), [`gates`] (may we?), [`journal`] and [`durable`] (what survives a crash), [`steps`] (the only code that
//! starts anything, and only with a [`proof::Proof`]), [`peer`] (the channel), [`agent`] (the loop that binds them).

pub mod agent;
pub mod calls;
pub mod data;
pub mod decide;
pub mod drills;
pub mod durable;
pub mod faults;
pub mod fitness;
pub mod gates;
pub mod journal;
pub mod machine;
pub mod message;
pub mod outlook;
pub mod peer;
pub mod prober;
pub mod proof;
pub mod publish;
pub mod steps;
pub mod view;

/// Milliseconds of a boot time or a span.
pub(crate) fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
