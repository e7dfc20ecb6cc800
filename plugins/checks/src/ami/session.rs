//! One AMI session: banner, actions with their answers, lists with all of their events. Passes over what it did not ask for.

use super::message::{Block, action, banner};
use crate::tls::{Wire, words};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};

/// Longest line, most lines of a block, most events of a list that are believed.
const LINE: u64 = 16 << 10;
const LINES: usize = 1000;
const EVENTS: usize = 100_000;

/// Why an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The connection.
    Io(String),
    /// What came is no AMI.
    Garbage(String),
    /// It hung up before the banner.
    Shut,
}

/// What an action got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Success, with the events of a list.
    Good(Block, Vec<Block>),
    /// An error in the server's words.
    Error(String),
}

/// The session.
pub struct Session {
    reader: BufReader<Wire>,
    actions: u32,
    /// Seconds since the PBX has fully booted, if it said so.
    pub uptime: Option<f64>,
}

impl Session {
    /// Reads the banner; gives back the version of the protocol, too.
    pub fn open(wire: Wire) -> Result<(Self, String), Broken> {
        let mut session = Self { reader: BufReader::new(wire), actions: 0, uptime: None };
        let line = match session.line() {
            // The server closes without a banner when too many sessions wait for their login.
            Err(Broken::Io(text)) if text == words(&ErrorKind::UnexpectedEof.into()) => return Err(Broken::Shut),
            line => line?,
        };
        let version = banner(&line).map(str::to_owned);
        version.map(|version| (session, version)).ok_or(Broken::Garbage(line))
    }

    /// Is TLS up?
    pub fn is_secure(&self) -> bool {
        self.reader.get_ref().is_secure()
    }

    /// Runs one action.
    pub fn run(&mut self, name: &str, fields: &[(&str, &str)]) -> Result<Reply, Broken> {
        self.actions += 1;
        let id = format!("twinguard-{}", self.actions);
        let wire = self.reader.get_mut();
        wire.write_all(action(name, self.actions, fields).as_bytes()).and_then(|()| wire.flush()).map_err(|e| Broken::Io(words(&e)))?;
        let response = loop {
            let block = self.block()?;
            if block.field("response").is_some() && block.field("actionid").is_none_or(|a| a == id) {
                break block;
            }
            self.notice(&block);
        };
        if response.field("response") == Some("Error") {
            return Ok(Reply::Error(response.field("message").unwrap_or("no reason").to_owned()));
        }
        let is_list = response.field("eventlist").is_some_and(|e| e.eq_ignore_ascii_case("start"));
        let events = if is_list { self.list(name, &id)? } else { Vec::new() };
        Ok(Reply::Good(response, events))
    }

    /// The events of a list; its end tells how many there have to be.
    fn list(&mut self, name: &str, id: &str) -> Result<Vec<Block>, Broken> {
        let mut events = Vec::new();
        while events.len() < EVENTS {
            let block = self.block()?;
            if block.field("actionid") != Some(id) {
                self.notice(&block);
                continue;
            }
            if block.field("eventlist").is_some_and(|e| e.eq_ignore_ascii_case("complete")) {
                let promised = block.number("listitems");
                let complete = promised.is_none_or(|n| (n - events.len() as f64).abs() < 0.5);
                let text = || format!("{name} promises {} items and sends {}", promised.unwrap_or(0.0), events.len());
                return if complete { Ok(events) } else { Err(Broken::Garbage(text())) };
            }
            events.push(block);
        }
        Err(Broken::Garbage(format!("{name} has no end")))
    }

    fn notice(&mut self, block: &Block) {
        if block.field("event") == Some("FullyBooted") {
            self.uptime = block.number("uptime");
        }
    }

    fn block(&mut self) -> Result<Block, Broken> {
        let mut lines = Vec::new();
        while lines.len() < LINES {
            let line = self.line()?;
            // Some answers end with more than one empty line.
            match (line.is_empty(), lines.is_empty()) {
                (true, true) => {}
                (true, false) => return Ok(Block::parse(lines.iter().map(String::as_str))),
                (false, _) => lines.push(line),
            }
        }
        Err(Broken::Garbage("a block without an end".into()))
    }

    fn line(&mut self) -> Result<String, Broken> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(LINE).read_until(b'\n', &mut bytes).map_err(|e| Broken::Io(words(&e)))?;
        if bytes.is_empty() {
            return Err(Broken::Io(words(&ErrorKind::UnexpectedEof.into())));
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Logs off: a session that just ends is an error in the PBX's log.
    pub fn close(mut self) {
        // The verdict is made; a failing goodbye changes nothing.
        let _ = self.run("Logoff", &[]);
        self.reader.into_inner().close();
    }
}
