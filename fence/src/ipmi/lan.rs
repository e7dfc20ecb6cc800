//! A session with a BMC over the LAN: opening, asking through `ipmi-rs`' own trait, closing.
//!
//! Refuses to call an attempt successful before the BMC has proven that it knows the password and the Kg.

use super::command::{CloseSession, SetSessionPrivilege};
use super::error::LanError;
use super::handshake::Handshake;
use super::login::{Login, Privilege};
use super::message::{self, Reply};
use super::session::Session;
use super::socket::{Patience, Wire};
use super::suite::CipherSuite;
use ipmi_rs::connection::{CompletionErrorCode, IpmiCommand, IpmiConnection, Message, Request, Response};
use ipmi_rs::{Ipmi, IpmiError};
use plugin_core::Host;
use rustix::rand::{GetRandomFlags, getrandom};
use std::net::SocketAddr;
use std::time::Duration;

/// A command inside a session may be repeated freely: nothing here is sent that must not arrive twice.
const COMMAND: Patience = Patience { tries: u32::MAX, stretch: 2.0 };
/// Open Session and RAKP 1.
const SHAKE: Patience = Patience { tries: 3, stretch: 1.0 };
/// Waiting for the good-bye: a session that is not closed is missing to the next client for a minute.
const CLOSING: (u32, Duration) = (4, Duration::from_millis(100));
/// Between two tries for a session while all are taken.
const BUSY: Duration = Duration::from_millis(500);
/// The stage before which the BMC has agreed to nothing.
pub(super) const FIRST_STAGE: &str = "Open Session";

/// An open session. Dropping it closes it at the BMC, whose sessions are few.
#[derive(Debug)]
pub struct Line {
    wire: Wire,
    session: Session,
    sequence: u8,
    /// The last question was answered: worth waiting for the good-bye.
    healthy: bool,
}

/// A [`Line`] with a clock: what `ipmi-rs` sends its typed commands through.
pub struct Lan<'a> {
    host: &'a dyn Host,
    line: &'a mut Line,
    asked: Option<(u8, Message)>,
}

fn random<const N: usize>() -> Result<[u8; N], LanError> {
    let mut bytes = [0; N];
    // Up to 256 bytes come whole (getrandom(2)).
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(length) if length == N => Ok(bytes),
        Ok(_) => Err(LanError::Local("the kernel gave too few random bytes".into())),
        Err(e) => Err(LanError::Local(format!("the kernel gives no random bytes: {e}"))),
    }
}

fn good_bye(session: &Session, sequence: u8) -> Vec<u8> {
    let close = Message::from(CloseSession(session.bmc()));
    message::request(sequence, close.netfn_raw(), 0, close.cmd(), close.data())
}

impl Line {
    /// Logs in, inside `host.left()`; `first` is the time for the first answer.
    ///
    /// # Errors
    /// See [`LanError`]. [`LanError::Suite`] means: another suite may be worth a try.
    pub fn open(host: &dyn Host, address: SocketAddr, suite: CipherSuite, login: &Login, first: Duration) -> Result<Self, LanError> {
        let mut patience = SHAKE;
        let mut stage = FIRST_STAGE;
        let (wire, session) = loop {
            if host.left().is_zero() {
                return Err(LanError::Silent(stage));
            }
            // A port of its own for each try: some BMCs keep one session for each port, and answer a second handshake there as if
            // the first had succeeded.
            let wire = Wire::connect(address, first)?;
            let shake = Handshake::new(suite, login, random()?);
            match Self::shake(host, &wire, &shake, patience, &mut stage) {
                Ok(Some(session)) => break (wire, session),
                Ok(None) => {}
                // Sessions that others have left open end by themselves.
                Err(LanError::Busy(_)) if host.left() > BUSY => host.wait(BUSY),
                Err(error) => return Err(error),
            }
            patience = patience.grown();
        };
        let mut line = Line { wire, session, sequence: 0, healthy: true };
        line.raise(host, login.privilege())?;
        Ok(line)
    }

    /// One handshake. `None`: start again with fresh ids, also when only the last message was lost.
    fn shake(host: &dyn Host, wire: &Wire, shake: &Handshake<'_>, patience: Patience, stage: &mut &'static str) -> Result<Option<Session>, LanError> {
        let Some(bmc) = wire.exchange(host, patience, || Ok(shake.open_request()), |d| shake.read_open(d))? else { return Ok(None) };
        *stage = "RAKP 1";
        let challenge = match wire.exchange(host, patience, || Ok(shake.rakp1(bmc)), |d| shake.read_rakp2(bmc, d)) {
            Ok(Some(challenge)) => challenge,
            Ok(None) => return Ok(None),
            // A slow BMC that was asked twice for a session may have made two, and answer for the other one.
            Err(LanError::Password) if wire.has_repeated() => return Ok(None),
            Err(error) => return Err(error),
        };
        *stage = "RAKP 3";
        let opened = wire.exchange(host, Patience { tries: 1, ..patience }, || Ok(shake.rakp3(&challenge)), |d| shake.read_rakp4(&challenge, d))?;
        if opened.is_none() {
            // The BMC may hold a session that nobody will use.
            let mut session = shake.unproven(&challenge);
            let bytes = good_bye(&session, 0);
            wire.send_only(&session.seal(&bytes, random()?));
        }
        Ok(opened)
    }

    /// A session starts at USER: asks for the level that was agreed on.
    fn raise(&mut self, host: &dyn Host, privilege: Privilege) -> Result<(), LanError> {
        if privilege.number() <= Privilege::User.number() {
            return Ok(());
        }
        match Ipmi::new(Lan { host, line: self, asked: None }).send_recv(SetSessionPrivilege(privilege.number())) {
            Ok(level) if level >= privilege.number() => Ok(()),
            Ok(level) => Err(LanError::Level(format!("the BMC grants privilege level {level} instead of {privilege}"))),
            Err(IpmiError::Failed { completion_code: CompletionErrorCode::CommandSpecific(code), .. }) => {
                Err(LanError::Level(format!("the BMC does not grant privilege level {privilege} (completion code {code:#04x}); ask for a lower one")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a typed command and waits for its answer, inside `host.left()`.
    ///
    /// # Errors
    /// See [`LanError`].
    pub fn ask<C: IpmiCommand>(&mut self, host: &dyn Host, command: C) -> Result<C::Output, LanError>
    where
        C::Error: std::fmt::Debug,
    {
        Ipmi::new(Lan { host, line: self, asked: None }).send_recv(command).map_err(LanError::from)
    }

    /// GUID of the managed system as the handshake proved it.
    pub const fn guid(&self) -> [u8; 16] {
        self.session.guid()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let bytes = good_bye(&self.session, self.sequence.wrapping_add(1) & 0x3f);
        let (tries, wait) = if self.healthy { CLOSING } else { (1, Duration::ZERO) };
        for _ in 0..tries {
            let Ok(iv) = random() else { return };
            self.wire.send_only(&self.session.seal(&bytes, iv));
            if let Ok(Some(datagram)) = self.wire.receive(wait)
                && self.session.open(&datagram).and_then(|m| Reply::parse(&m)).is_some_and(|r| r.command == Message::from(CloseSession(0)).cmd())
            {
                return;
            }
        }
    }
}

impl IpmiConnection for Lan<'_> {
    type SendError = LanError;
    type RecvError = LanError;
    type Error = LanError;

    fn send(&mut self, request: &mut Request) -> Result<(), LanError> {
        self.line.sequence = self.line.sequence.wrapping_add(1) & 0x3f;
        let lun = request.target().lun().value();
        let bytes = message::request(self.line.sequence, request.netfn_raw(), lun, request.cmd(), request.data());
        self.asked = Some((self.line.sequence, Message::new_raw(request.netfn_raw(), request.cmd(), bytes)));
        Ok(())
    }

    fn recv(&mut self) -> Result<Response, LanError> {
        let Some((sequence, asked)) = self.asked.take() else { return Err(LanError::Local("nothing was asked".into())) };
        let Line { wire, session, healthy, .. } = &mut *self.line;
        *healthy = false;
        let session = std::cell::RefCell::new(session);
        let make = || Ok(session.borrow_mut().seal(asked.data(), random()?));
        let read = |datagram: &[u8]| Ok(session.borrow_mut().reply(datagram, sequence, asked.netfn_raw(), asked.cmd()));
        let Some(reply) = wire.exchange(self.host, COMMAND, make, read)? else { return Err(LanError::Silent("a command")) };
        *healthy = true;
        let message = Message::new_raw(reply.netfn, reply.command, reply.data);
        Response::new(message, sequence.into()).ok_or_else(|| LanError::Garbled("an empty answer".into()))
    }

    fn send_recv(&mut self, request: &mut Request) -> Result<Response, LanError> {
        self.send(request)?;
        self.recv()
    }
}
