//! The seam between the loop and everything around it: clock, disk, wires, workers, mails. The loop only decides what is asked
//! of it; the live one starts threads, the simulator of the tests has a virtual clock, disk, BMC and machine.

use crate::takeover::data::Board;
use crate::takeover::drills::Drills;
use crate::takeover::durable::Durable;
use crate::takeover::journal::Record;
use crate::takeover::steps::{Promotion, Step};
use plugin_core::cluster::Group;
use plugin_core::contract::MailEvent;
use plugin_core::contract::status::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the loop needs. Whatever takes time is only started here; its end comes back as an [`Input`](super::Input).
pub trait Outside {
    /// What is known of the groups' data; asked for once. Without a keeper nothing ever becomes known.
    fn board(&self, boot_id: &str) -> Arc<Board> {
        Arc::new(Board::new(boot_id, BTreeMap::new()))
    }

    /// CLOCK_BOOTTIME.
    fn now(&self) -> Duration;
    /// Unix time in milliseconds.
    fn wall_ms(&self) -> i64;
    /// A new universally unique id.
    ///
    /// # Errors
    /// The kernel gives none.
    fn fresh_uuid(&self) -> Result<String, String>;
    /// Appends records to the journal with one fsync.
    ///
    /// # Errors
    /// What could not be written: the loop then does not act.
    fn append(&mut self, records: &[Record]) -> Result<(), String>;
    /// Writes the state durably.
    ///
    /// # Errors
    /// What could not be written: the loop then does not act.
    fn save(&mut self, state: &Durable) -> Result<(), String>;
    /// This machine holds nothing of the group: looked at now.
    ///
    /// # Errors
    /// What it holds, or why it could not be seen.
    fn clean(&self, group: &Group) -> Result<(), String>;
    /// This machine holds everything that a master of the group holds: looked at now.
    ///
    /// # Errors
    /// What it lacks, or why it could not be seen.
    fn lacks(&self, group: &Group) -> Result<(), String>;
    /// Probes fully until this boot time.
    fn probe(&mut self, until: Duration);
    /// This node holds the failover addresses of these groups or is about to: an answer there is its own.
    fn serving(&mut self, groups: BTreeSet<String>);
    /// Asks the peer's fence devices now.
    fn ask_devices(&mut self);
    /// Fences the peer after this delay.
    fn fence(&mut self, delay: Duration);
    /// Fences the peer on purpose, through one level, and switches it on again.
    fn drill(&mut self, level: u8);
    /// The recorded drills.
    fn drills(&self) -> Drills;
    /// Records the drills durably.
    ///
    /// # Errors
    /// What could not be written.
    fn keep_drills(&mut self, drills: &Drills) -> Result<(), String>;
    /// Runs one step.
    fn step(&mut self, promotion: Arc<Promotion>, group: String, step: Step, epoch: u64);
    /// Stops and releases the groups, one after the other until the first failure.
    fn release(&mut self, groups: Vec<String>);
    /// Starts the groups again that this master stopped in vain.
    fn restore(&mut self, groups: Vec<String>);
    /// Runs the check behind a service of Icinga again.
    fn recheck(&mut self, service: String);
    /// Stops and masks every unit of every group.
    fn mask(&mut self);
    /// Hands a mail over.
    fn mail(&mut self, event: MailEvent);
    /// Shows the status to whoever looks.
    fn publish(&mut self, status: &Status);
    /// One line for people.
    fn log(&self, text: &str);
}
