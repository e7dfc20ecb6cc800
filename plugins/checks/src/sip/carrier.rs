//! Carries one request and brings its answer back: over UDP with the repetitions of RFC 3261 section 17.1.2, over TCP and TLS
//! without. What else arrives (late answers, other people's, garbage) is passed over; garbage is remembered.

use super::request::{Dialog, Turn};
use super::response::{Frame, Response, frame};
use crate::tls::{Wire, words};
use plugin_core::net::{Datagrams, Timer};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// First pause of the retransmission, and its longest (RFC 3261 section 17.1.2.2).
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The final response.
    pub response: Response,
    /// How often the request was sent again.
    pub repeated: u32,
    /// It came from another address than the one asked.
    pub from: Option<SocketAddr>,
}

/// Why there is none.
#[derive(Debug)]
pub enum Failed {
    /// The network's or TLS' reason.
    Io(Error),
    /// Something else came; its beginning.
    Garbage(String),
    /// Only provisional responses came; the last code.
    Provisional(u16),
}

impl Failed {
    /// For the administrator.
    pub fn words(&self) -> String {
        match self {
            Self::Io(e) => words(e),
            Self::Garbage(text) => format!("what answers there does not speak SIP: \"{text}\""),
            Self::Provisional(code) => format!("no final answer in time, only {code}"),
        }
    }

    /// Might another address of the same name answer?
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Io(e) if e.kind() == ErrorKind::ConnectionRefused)
    }
}

/// What came that was no answer, for the time when nothing else comes.
#[derive(Default)]
struct Noise {
    garbage: Option<String>,
    provisional: Option<u16>,
}

impl Noise {
    fn failure(self) -> Failed {
        match (self.provisional, self.garbage) {
            (Some(code), _) => Failed::Provisional(code),
            (None, Some(text)) => Failed::Garbage(text),
            (None, None) => Failed::Io(ErrorKind::TimedOut.into()),
        }
    }

    /// The response, if it is the final one to our request.
    fn take(&mut self, message: Result<Response, String>, dialog: &Dialog, turn: &Turn) -> Option<Response> {
        match message {
            Ok(response) if response.answers(&turn.branch, turn.sequence, dialog.method, &dialog.id) => {
                if response.code >= 200 {
                    return Some(response);
                }
                self.provisional = Some(response.code);
            }
            Ok(_) => {}
            Err(text) => self.garbage = Some(text),
        }
        None
    }
}

/// The way to the server.
pub enum Carrier {
    /// Datagrams, until that time.
    Udp(Datagrams, Timer),
    /// A connection and what it has brought so far; it ends by itself.
    Wire(Box<Wire>, Vec<u8>),
}

impl Carrier {
    /// Our end.
    pub fn local(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Udp(socket, _) => socket.local(),
            Self::Wire(wire, _) => wire.local(),
        }
    }

    /// The next question has so much time; a connection keeps the one it was opened with.
    pub fn until(&mut self, time: Timer) {
        if let Self::Udp(_, until) = self {
            *until = time;
        }
    }

    /// Asks.
    pub fn ask(&mut self, dialog: &Dialog, turn: &Turn) -> Result<Heard, Failed> {
        match self {
            Self::Udp(socket, until) => over_udp(socket, *until, dialog, turn),
            Self::Wire(wire, rest) => over_wire(wire, rest, dialog, turn).map_err(|(e, noise)| {
                let silent = e.kind() == ErrorKind::TimedOut;
                if silent { noise.failure() } else { Failed::Io(e) }
            })?,
        }
    }

    /// Ends it politely.
    pub fn close(self) {
        if let Self::Wire(wire, _) = self {
            wire.close();
        }
    }
}

fn over_udp(socket: &Datagrams, until: Timer, dialog: &Dialog, turn: &Turn) -> Result<Heard, Failed> {
    let mut opened = None;
    let heard = repeat(socket, until, dialog, turn, &mut opened);
    // The next question goes to the server alone.
    if let Some(target) = opened {
        socket.close_up(target).map_err(Failed::Io)?;
    }
    heard
}

fn repeat(socket: &Datagrams, until: Timer, dialog: &Dialog, turn: &Turn, opened: &mut Option<SocketAddr>) -> Result<Heard, Failed> {
    let request = dialog.request(turn);
    let mut noise = Noise::default();
    let (mut pause, mut sent) = (T1, 0);
    let mut buffer = [0; 8192];
    let total = until.left();
    while !until.left().is_zero() {
        // In its last third it hears everybody: a server with several addresses may answer from another one.
        if opened.is_none() && until.left() < total / 3 {
            *opened = Some(socket.open_up().map_err(Failed::Io)?);
        }
        match opened {
            None => socket.send(request.as_bytes()),
            Some(target) => socket.send_to(request.as_bytes(), *target),
        }
        .map_err(Failed::Io)?;
        sent += 1;
        let third = if opened.is_none() { until.left().saturating_sub(total / 3).max(Duration::from_millis(1)) } else { until.left() };
        let wait = Timer::new(pause.min(third));
        while let Some((length, from)) = socket.receive_from(&mut buffer, wait).map_err(Failed::Io)? {
            let message = Response::parse(buffer.get(..length).unwrap_or_default());
            if let Some(response) = noise.take(message, dialog, turn) {
                let from = opened.filter(|target| *target != from).map(|_| from);
                return Ok(Heard { response, repeated: sent - 1, from });
            }
        }
        // Once it has said that it works on it, it is asked again at the slowest pace.
        pause = if noise.provisional.is_some() { T2 } else { (pause * 2).min(T2) };
    }
    Err(noise.failure())
}

type Broken = (Error, Noise);

fn over_wire(wire: &mut Wire, rest: &mut Vec<u8>, dialog: &Dialog, turn: &Turn) -> Result<Result<Heard, Failed>, Broken> {
    let mut noise = Noise::default();
    if let Err(e) = wire.write_all(dialog.request(turn).as_bytes()).and_then(|()| wire.flush()) {
        return Err((e, noise));
    }
    let mut chunk = [0; 4096];
    loop {
        match frame(rest) {
            Err(text) => return Ok(Err(Failed::Garbage(text))),
            Ok(Frame::KeepAlive(length)) => drop(rest.drain(..length)),
            Ok(Frame::Message(length)) => {
                let message: Vec<u8> = rest.drain(..length).collect();
                if let Some(response) = noise.take(Response::parse(&message), dialog, turn) {
                    return Ok(Ok(Heard { response, repeated: 0, from: None }));
                }
            }
            Ok(Frame::More) => match wire.read(&mut chunk) {
                Ok(0) => return Err((ErrorKind::UnexpectedEof.into(), noise)),
                Ok(length) => rest.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(e) => return Err((e, noise)),
            },
        }
    }
}
