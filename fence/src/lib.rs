//! Everything that changes the cluster: fence agents, the takeover agent, event handlers.

pub mod ipmi;
pub mod power;
