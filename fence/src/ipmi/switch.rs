//! A BMC as a power switch. Keeps its session open between questions, opens a new one when that is lost or old.

use super::command::{ChassisControl, GetChassisStatus, GetSystemGuid};
use super::error::LanError;
use super::lan::Line;
use super::socket::FIRST_WAIT;
use super::{CipherSuite, Login, Privilege};
use crate::power::{Bounded, Power, PowerError, PowerSwitch};
use ipmi_rs::connection::IpmiCommand;
use plugin_core::{Host, net};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

/// BMCs close a session after 60 s without a question (section 6.12.15); a younger one is still ours.
const IDLE: Duration = Duration::from_secs(20);

/// One BMC.
pub struct IpmiSwitch {
    address: String,
    port: u16,
    login: Login,
    suites: Vec<CipherSuite>,
    limit: Duration,
    first: Duration,
    line: Option<Line>,
    used: Duration,
}

impl IpmiSwitch {
    /// Nothing is sent before the first question. `address` is a name or an address; of `suites` the first that the BMC offers is used.
    pub fn new(address: impl Into<String>, port: u16, login: Login, suites: Vec<CipherSuite>) -> Self {
        IpmiSwitch {
            address: address.into(),
            port,
            login,
            suites,
            limit: crate::power::OPERATION,
            first: FIRST_WAIT,
            line: None,
            used: Duration::ZERO,
        }
    }

    /// Sets the time for one question, with opening the session.
    #[must_use]
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the time to wait for the first packet before it is sent again; later waits follow the BMC's own pace.
    #[must_use]
    pub const fn packet_timeout(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    fn ask<C: IpmiCommand + Copy>(&mut self, host: &dyn Host, command: C) -> Result<C::Output, LanError>
    where
        C::Error: Debug,
    {
        let host = Bounded::new(host, self.limit);
        let old = self.line.take().filter(|_| host.now().saturating_sub(self.used) < IDLE);
        if let Some(line) = old {
            // A BMC that has restarted does not know the session any more: leave time for a new one.
            match self.ask_on(line, &Bounded::new(&host, host.left() / 3), command) {
                Err(error) if error.is_silence() => {}
                decided => return decided,
            }
        }
        let line = self.open(&host)?;
        self.ask_on(line, &host, command)
    }

    fn ask_on<C: IpmiCommand>(&mut self, mut line: Line, host: &dyn Host, command: C) -> Result<C::Output, LanError>
    where
        C::Error: Debug,
    {
        let answer = line.ask(host, command);
        if !answer.as_ref().is_err_and(LanError::is_silence) {
            self.line = Some(line);
            self.used = host.now();
        }
        answer
    }

    /// Logs in. An account that may not be administrator steps down to OPERATOR, which suffices to switch and to read; never up.
    fn open(&mut self, host: &dyn Host) -> Result<Line, LanError> {
        match self.open_as(host, &self.login) {
            Err(LanError::Level(_)) if self.login.privilege() == Privilege::Administrator => {
                let lower = self.login.at(Privilege::Operator);
                let line = self.open_as(host, &lower)?;
                self.login = lower;
                Ok(line)
            }
            decided => decided,
        }
    }

    /// Tries every address that the name has; a silent one does not use up the time of the next.
    fn open_as(&self, host: &dyn Host, login: &Login) -> Result<Line, LanError> {
        let addresses = net::resolve(host, &self.address).map_err(|e| LanError::Unreachable(format!("cannot {e}")))?;
        let mut last = LanError::Unreachable(format!("{} has no address", self.address));
        for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
            let share = host.left() / u32::try_from(left).unwrap_or(u32::MAX);
            match self.open_at(&Bounded::new(host, share), SocketAddr::new(address, self.port), login) {
                Err(error) if error.is_silence() => last = error,
                decided => return decided,
            }
        }
        Err(last)
    }

    /// Tries the configured suites in order. One that the BMC has agreed to is kept: lost packets are no reason for a weaker one.
    fn open_at(&self, host: &dyn Host, address: SocketAddr, login: &Login) -> Result<Line, LanError> {
        let mut last = LanError::Local("no cipher suite is configured".into());
        for (left, suite) in (1u32..).take(self.suites.len()).collect::<Vec<_>>().into_iter().rev().zip(&self.suites) {
            let first = Line::open(&Bounded::new(host, host.left() / left), address, *suite, login, self.first);
            let opened = match first {
                Err(LanError::Silent(stage)) if stage != super::lan::FIRST_STAGE => Line::open(host, address, *suite, login, self.first),
                other => other,
            };
            match opened {
                Err(error @ (LanError::Suite(_) | LanError::Silent(_))) => last = error,
                decided => return decided,
            }
        }
        Err(last)
    }
}

impl PowerSwitch for IpmiSwitch {
    fn name(&self) -> String {
        format!("ipmi {} port {}", self.address, self.port)
    }

    fn identity(&mut self, host: &dyn Host) -> Result<Option<String>, PowerError> {
        let guid = match self.ask(host, GetSystemGuid) {
            // Some BMCs lack the command and tell the same GUID in the handshake.
            Err(LanError::Refused(_)) => self.line.as_ref().map(Line::guid).unwrap_or_default(),
            other => other.map_err(|e| e.at(&self.name()))?,
        };
        let digits = guid.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        Ok((guid != [0; 16]).then(|| format!("guid:{digits}")))
    }

    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError> {
        let status = self.ask(host, GetChassisStatus).map_err(|e| e.at(&self.name()))?;
        Ok(if status.power_is_on { Power::On } else { Power::Off })
    }

    fn set(&mut self, host: &dyn Host, want: Power) -> Result<(), PowerError> {
        let control = match want {
            Power::On => ChassisControl::PowerUp,
            Power::Off => ChassisControl::PowerDown,
        };
        self.ask(host, control).map_err(|e| e.at(&self.name()))
    }
}
