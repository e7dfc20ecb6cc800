//! What a PostgreSQL server says of its replication.

mod judge;

pub use judge::judge;

use crate::db::{Fault, Session, Table};

/// The stream that a standby receives.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// `streaming`; `None` = this account may not see it.
    pub status: Option<String>,
    /// Timeline that it receives.
    pub timeline: u32,
    /// Seconds since the primary's last message.
    pub silence: f64,
}

/// A stream that a primary sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// Application name of the standby.
    pub name: String,
    /// `streaming`, `catchup`, `startup`; `None` = this account may not see it.
    pub state: Option<String>,
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Somebody uses it.
    pub active: bool,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub status: String,
    /// Bytes of WAL that it keeps.
    pub kept: f64,
}

/// What one server says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Product and version.
    pub version: String,
    /// It is a standby.
    pub recovery: bool,
    /// Identity of the cluster; the same on both nodes of a pair.
    pub system: String,
    /// Timeline that it writes; on a standby the one of its last restart point.
    pub timeline: u32,
    /// Last byte written, or replayed on a standby, counted from the beginning of all WAL.
    pub position: f64,
    /// Last byte received by a standby.
    pub received: Option<f64>,
    /// Replay is paused.
    pub paused: bool,
    /// Seconds that it is meant to stay behind.
    pub delay: f64,
    /// Seconds since the last replayed commit was made; grows on an idle primary, too.
    pub age: Option<f64>,
    /// Its own clock, Unix seconds.
    pub clock: f64,
    /// What it receives.
    pub receiver: Option<Receiver>,
    /// What it sends.
    pub senders: Vec<Sender>,
    /// Its slots.
    pub slots: Vec<Slot>,
}

/// Everything that is one value. Functions of the other role raise errors, so each stands behind its role. The timeline of a
/// primary comes from its WAL file's name: the control file still has the old one until the first checkpoint after a promotion.
const ITSELF: &str = "SELECT r, system_identifier, \
    CASE WHEN r THEN (SELECT timeline_id::text FROM pg_control_checkpoint()) ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int::text END, \
    CASE WHEN r THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END, \
    CASE WHEN r THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0') END, \
    CASE WHEN r THEN pg_is_wal_replay_paused() ELSE false END, \
    (SELECT setting FROM pg_settings WHERE name = 'recovery_min_apply_delay'), \
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), \
    extract(epoch FROM clock_timestamp()) \
    FROM (SELECT pg_is_in_recovery() AS r) AS role, pg_control_system()";
const RECEIVER: &str = "SELECT status, received_tli, extract(epoch FROM clock_timestamp() - last_msg_receipt_time) FROM pg_stat_wal_receiver";
const SENDERS: &str = "SELECT application_name, state FROM pg_stat_replication";
const SLOTS: &str = "SELECT slot_name, active, wal_status, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) FROM pg_replication_slots";

/// Asks one server (PostgreSQL 13 and later).
///
/// # Errors
/// [`Fault`].
pub fn look(session: &mut dyn Session) -> Result<Sight, Fault> {
    let version = session.version()?;
    let itself = session.ask(ITSELF)?;
    let receiver = session.ask(RECEIVER)?;
    let senders = session.ask(SENDERS)?;
    let slots = session.ask(SLOTS)?;
    let one = |at: usize| cell(&itself, 0, at);
    Ok(Sight {
        version,
        recovery: one(0) == Some("t"),
        system: one(1).unwrap_or_default().to_owned(),
        timeline: whole(one(2)),
        position: number(one(3)).unwrap_or(0.0),
        received: number(one(4)),
        paused: one(5) == Some("t"),
        delay: number(one(6)).unwrap_or(0.0) / 1e3,
        age: number(one(7)),
        clock: number(one(8)).unwrap_or(f64::NAN),
        receiver: (!receiver.rows.is_empty()).then(|| Receiver {
            status: cell(&receiver, 0, 0).map(str::to_owned),
            timeline: whole(cell(&receiver, 0, 1)),
            silence: number(cell(&receiver, 0, 2)).unwrap_or(0.0),
        }),
        senders: (0..senders.rows.len())
            .map(|row| Sender { name: cell(&senders, row, 0).unwrap_or_default().to_owned(), state: cell(&senders, row, 1).map(str::to_owned) })
            .collect(),
        slots: (0..slots.rows.len())
            .map(|row| Slot {
                name: cell(&slots, row, 0).unwrap_or_default().to_owned(),
                active: cell(&slots, row, 1) == Some("t"),
                status: cell(&slots, row, 2).unwrap_or_default().to_owned(),
                kept: number(cell(&slots, row, 3)).unwrap_or(0.0),
            })
            .collect(),
    })
}

fn cell(table: &Table, row: usize, at: usize) -> Option<&str> {
    table.rows.get(row)?.get(at)?.as_deref()
}

fn number(text: Option<&str>) -> Option<f64> {
    text?.parse().ok()
}

fn whole(text: Option<&str>) -> u32 {
    text.and_then(|t| t.parse().ok()).unwrap_or(0)
}
