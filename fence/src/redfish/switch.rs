//! A system behind a Redfish service as a power switch. Keeps its connection between questions.
//!
//! Believes no answer to a command: the power state that is read afterwards decides.

use super::access::Access;
use super::line::Line;
use super::resource::{Reading, System};
use super::{QUESTION, Trouble, Wanted, find, reset};
use crate::power::{Bounded, Power, PowerError, PowerSwitch};
use plugin_core::{Host, net};
use std::net::SocketAddr;
use std::time::Duration;

/// A reading that a command may still rest on.
const FRESH: Duration = Duration::from_secs(2);
/// What was read last.
#[derive(Clone)]
struct Last {
    at: Duration,
    system: System,
    etag: Option<String>,
}

/// One system.
pub struct RedfishSwitch {
    access: Access,
    limit: Duration,
    line: Option<Line>,
    /// The system's path, once it is known.
    place: Option<String>,
    /// Another system of the service shows the same UUID.
    shared: bool,
    /// The UUID that was told as its identity.
    shown: Option<String>,
    last: Option<Last>,
}

impl RedfishSwitch {
    /// Nothing is sent before the first question.
    pub const fn new(access: Access) -> Self {
        RedfishSwitch { access, limit: QUESTION, line: None, place: None, shared: false, shown: None, last: None }
    }

    /// Sets the time for one question, with connecting and finding the system.
    #[must_use]
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Asks by the line that is open, or by the first address that answers; a silent one does not use up the time of the next.
    fn on_line<T>(&mut self, host: &dyn Host, mut work: impl FnMut(&mut Line, &dyn Host) -> Result<T, Trouble>) -> Result<T, Trouble> {
        if let Some(mut line) = self.line.take() {
            let ended = work(&mut line, host);
            if !ended.as_ref().is_err_and(Trouble::is_silence) {
                self.line = Some(line);
            }
            return ended;
        }
        let name = &self.access.address;
        let addresses = net::resolve(host, name).map_err(|e| Trouble::Silent(format!("cannot {e}")))?;
        let mut last = Trouble::Silent(format!("{name} has no address"));
        for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
            let share = host.left() / u32::try_from(left).unwrap_or(u32::MAX);
            let mut line = Line::new(&self.access, SocketAddr::new(address, self.access.port))?;
            match work(&mut line, &Bounded::new(host, share)) {
                Err(error) if error.is_silence() => last = error,
                decided => {
                    self.line = Some(line);
                    return decided;
                }
            }
        }
        Err(last)
    }

    /// Reads the system anew.
    fn read(&mut self, host: &dyn Host) -> Result<Last, Trouble> {
        let (place, wanted, root) = (self.place.clone(), self.access.wanted.clone(), self.access.root.clone());
        let ended = self.on_line(host, |line, host| match &place {
            Some(path) => find::one(line, host, path).map(|(system, etag)| ((path.clone(), system), false, etag)),
            None => find::find(line, host, &root, &wanted),
        });
        let ((path, system), shared, etag) = match ended {
            Err(error) => {
                (self.last, self.place) = (None, None);
                return Err(error);
            }
            Ok(found) => found,
        };
        if self.place.is_none() {
            (self.place, self.shared) = (Some(path), shared);
        }
        if let (Some(shown), uuid) = (&self.shown, &system.uuid)
            && uuid.as_ref() != Some(shown)
        {
            let now = uuid.as_deref().unwrap_or("none");
            return Err(Trouble::Garbled(format!("the system showed the UUID {shown} before and shows {now} now: another machine answers there")));
        }
        let last = Last { at: host.now(), system, etag };
        self.last = Some(last.clone());
        Ok(last)
    }

    fn power(&mut self, host: &dyn Host) -> Result<Power, Trouble> {
        match self.read(host)?.system.power {
            Reading::Known(power) => Ok(power),
            Reading::Changing(word) => Err(Trouble::Changing(format!("its PowerState is {word}: neither on nor off yet"))),
            Reading::Unknown(word) => Err(Trouble::Garbled(format!("its PowerState is {word}, which is neither On nor Off"))),
        }
    }

    fn command(&mut self, host: &dyn Host, want: Power) -> Result<(), Trouble> {
        let fresh = self.last.take().filter(|last| host.now().saturating_sub(last.at) < FRESH);
        let Last { system, etag, .. } = fresh.map_or_else(|| self.read(host), Ok)?;
        let Some(reset) = system.reset else {
            return Err(Trouble::Config("the system has no action #ComputerSystem.Reset: it can't be switched by this service".into()));
        };
        self.on_line(host, |line, host| reset::send(line, host, &reset, etag.as_deref(), want)).or_else(|refusal| {
            // Some services refuse what is so already (iLO: 400, iDRAC: 409).
            let is_so = !refusal.is_silence() && self.read(host).is_ok_and(|last| last.system.power == Reading::Known(want));
            if is_so { Ok(()) } else { Err(refusal) }
        })
    }
}

impl PowerSwitch for RedfishSwitch {
    fn name(&self) -> String {
        let Access { address, port, .. } = &self.access;
        match &self.access.wanted {
            Wanted::Named(system) | Wanted::Path(system) => format!("redfish {address} port {port} system {system}"),
            Wanted::Only | Wanted::Hinted(_) => format!("redfish {address} port {port}"),
        }
    }

    fn patience(&self) -> Duration {
        self.limit
    }

    fn identity(&mut self, host: &dyn Host) -> Result<Option<String>, PowerError> {
        let host = &Bounded::new(host, self.limit);
        let system = self.read(host).map_err(|e| e.at(&self.name()))?.system;
        self.shown.clone_from(&system.uuid);
        Ok(system.uuid.filter(|_| !self.shared).map(|digits| format!("uuid:{digits}")))
    }

    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError> {
        let host = &Bounded::new(host, self.limit);
        self.power(host).map_err(|e| e.at(&self.name()))
    }

    fn set(&mut self, host: &dyn Host, want: Power) -> Result<(), PowerError> {
        let host = &Bounded::new(host, self.limit);
        self.command(host, want).map_err(|e| e.at(&self.name()))
    }
}
