//! twinguard's mailer. Three steps, which never wait for each other:
//!
//! 1. *tell*: `notify_mail` (called by Icinga) and the agent put one event file into the spool and return;
//! 2. *take in*: `notify_mail --deliver` words the event as a [`story`], renders it and queues the finished mail;
//! 3. *deliver*: the same run hands each queued mail to the first relay that takes it, one transaction per recipient.
//!
//! Refuses to decide anything about the cluster, to send without TLS, and to lose a mail silently: what can't be
//! delivered ends in the spool's `failed/` folder and in the log.

pub mod args;
pub mod backoff;
pub mod clean;
pub mod deliver;
pub mod entry;
pub mod incident;
pub mod mail;
pub mod notification;
pub mod relay;
pub mod render;
pub mod settings;
pub mod spool;
pub mod story;
