//! The contracts between the binaries, as serde types, one place each: what the agent publishes, what a handler asks,
//! what the mailer is told, and the codes with which the agent refuses. Peer messages and journal records belong to the
//! agent alone and live in the `fence` crate.

pub mod mail;
pub mod refusal;
pub mod request;
pub mod status;

pub use mail::{MailEvent, MailKind, MailNode};
pub use refusal::Refusal;
pub use request::Request;
pub use status::Status;

/// Where the installed product keeps things. Every binary that uses one takes an option to move it.
pub mod paths {
    /// The one configuration file, the same bytes on both nodes.
    pub const CONFIG: &str = "/etc/twinguard/cluster.toml";
    /// Durable state and journal of the agent (root, 0700).
    pub const STATE: &str = "/var/lib/twinguard";
    /// Volatile folder: status file, sockets, boot marker.
    pub const RUN: &str = "/run/twinguard";
    /// What the agent publishes at each tick (0644).
    pub const STATUS: &str = "/run/twinguard/status.json";
    /// Where handlers hand over (root:nagios 0660).
    pub const EVENT_SOCKET: &str = "/run/twinguard/event.sock";
    /// Operator and peer sessions (root, 0600).
    pub const CONTROL_SOCKET: &str = "/run/twinguard/control.sock";
    /// What checks remember between two runs (owner nagios).
    pub const MEMORY: &str = "/var/lib/twinguard-checks";
    /// Mails on their way (0700, user twinguard); the agent puts events into `incoming/`.
    pub const SPOOL: &str = "/var/spool/twinguard";
}
