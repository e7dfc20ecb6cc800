//! Everything that changes the cluster: fence agents, the takeover agent, event handlers.

pub mod agent_api;
pub mod check_fence;
pub mod dissolve;
pub mod drbd;
pub mod external;
pub mod ipmi;
pub mod mailer;
pub mod power;
pub mod redfish;
pub mod takeover;
pub mod words;
