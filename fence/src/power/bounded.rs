//! A host with an earlier deadline: one level, one device, one question.

use plugin_core::Host;
use plugin_core::host::{Blind, Command, Output};
use std::path::Path;
use std::time::Duration;

/// Everything of the inner host, but `left` and `wait` end earlier. Commands keep the inner host's deadline.
pub struct Bounded<'a> {
    host: &'a dyn Host,
    until: Duration,
}

impl<'a> Bounded<'a> {
    /// `time` from now, at most what the host has left.
    pub fn new(host: &'a dyn Host, time: Duration) -> Self {
        Bounded { host, until: host.now().saturating_add(time) }
    }

    /// Until a moment of the host's clock.
    pub fn until(host: &'a dyn Host, until: Duration) -> Self {
        Bounded { host, until }
    }
}

impl Host for Bounded<'_> {
    fn now(&self) -> Duration {
        self.host.now()
    }

    fn wall_ms(&self) -> i64 {
        self.host.wall_ms()
    }

    fn left(&self) -> Duration {
        self.host.left().min(self.until.saturating_sub(self.host.now()))
    }

    fn wait(&self, time: Duration) {
        self.host.wait(time.min(self.left()));
    }

    fn read(&self, path: &Path) -> Result<String, Blind> {
        self.host.read(path)
    }

    fn run(&self, command: &Command) -> Result<Output, Blind> {
        self.host.run(command)
    }
}
