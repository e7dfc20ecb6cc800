//! Talks to the daemon: one connection for the list, one for each module, all within one deadline.

use super::wire::{Greeting, Said, login, said};
use super::{Met, Module, Rsync, Seen};
use crate::tls::{Wire, words};
use plugin_core::net::Stream;
use plugin_core::run::stage;
use plugin_core::secret::Secret;
use plugin_core::{Blind, Host};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest line that is believed.
const LINE: u64 = 4096;
/// Most lines before the answer (the message of the day).
const LINES: usize = 10_000;

/// What the daemon is asked with.
pub struct Asking<'a> {
    pub check: &'a Rsync,
    pub host: &'a dyn Host,
    pub targets: Vec<SocketAddr>,
    pub password: Option<Secret>,
    pub end: Duration,
}

/// One conversation after the greetings.
struct Talk {
    reader: BufReader<Wire>,
    greeting: Greeting,
    days: Option<f64>,
}

/// Asks for the list, or for each module in turn.
pub fn ask(asking: &Asking<'_>) -> Result<Met, Blind> {
    let start = asking.host.now();
    let mut seen = Seen::default();
    if asking.check.modules.is_empty() {
        stage("asking for the list of modules");
        let mut talk = match open(asking)? {
            Ok(talk) => talk,
            Err(met) => return Ok(met),
        };
        seen.version = talk.greeting.version;
        seen.days = talk.days;
        match list(&mut talk) {
            Ok(list) => seen.list = list,
            Err(met) => return Ok(met),
        }
        talk.reader.into_inner().close();
    }
    for name in &asking.check.modules {
        stage(format!("asking for the module {name}"));
        let from = asking.host.now();
        let (answer, version, days) = match open(asking)? {
            Ok(mut talk) => {
                let answer = module(asking, &mut talk, name);
                let of = (talk.greeting.version, talk.days);
                talk.reader.into_inner().close();
                (answer, of.0, of.1)
            }
            Err(met) => return Ok(met),
        };
        (seen.version, seen.days) = (version, days);
        seen.modules.push((name.clone(), answer, asking.host.now().saturating_sub(from)));
    }
    seen.time = asking.host.now().saturating_sub(start);
    Ok(Met::Seen(seen))
}

fn open(asking: &Asking<'_>) -> Result<Result<Talk, Met>, Blind> {
    let left = asking.end.saturating_sub(asking.host.now());
    let stream = match Stream::open(&asking.targets, asking.check.target.source, left)? {
        Ok(stream) => stream,
        Err(e) => return Ok(Err(Met::Down(words(&e)))),
    };
    let wire = if asking.check.tls {
        match asking.check.trust.secure(asking.host, stream, &asking.check.target.host)? {
            Ok(wire) => wire,
            Err(e) => return Ok(Err(Met::Down(words(&e)))),
        }
    } else {
        Wire::Plain(stream)
    };
    let days = wire.certificate_days(asking.host.wall().as_secs_f64());
    let mut reader = BufReader::new(wire);
    Ok(greet(&mut reader).map(|greeting| Talk { reader, greeting, days }))
}

fn greet(reader: &mut BufReader<Wire>) -> Result<Greeting, Met> {
    let text = line(reader)?;
    let Some(greeting) = Greeting::parse(&text) else { return Err(Met::Garbage(text)) };
    reader.get_mut().write_all(greeting.answer().as_bytes()).map_err(|e| Met::Down(words(&e)))?;
    Ok(greeting)
}

fn line(reader: &mut BufReader<Wire>) -> Result<String, Met> {
    let mut bytes = Vec::new();
    reader.by_ref().take(LINE).read_until(b'\n', &mut bytes).map_err(|e| Met::Down(words(&e)))?;
    if bytes.is_empty() {
        return Err(Met::Down(words(&ErrorKind::UnexpectedEof.into())));
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
}

fn list(talk: &mut Talk) -> Result<Vec<(String, String)>, Met> {
    talk.reader.get_mut().write_all(b"#list\n").map_err(|e| Met::Down(words(&e)))?;
    let mut list = Vec::new();
    for _ in 0..LINES {
        match said(&line(&mut talk.reader)?) {
            Said::Module(name, comment) => list.push((name, comment)),
            Said::Exit => return Ok(list),
            Said::Error(text) => return Err(Met::Down(format!("it refuses to list its modules: {text}"))),
            Said::Open | Said::Login(_) | Said::Other => {}
        }
    }
    Err(Met::Garbage("a list without an end".into()))
}

fn module(asking: &Asking<'_>, talk: &mut Talk, name: &str) -> Module {
    converse(asking, talk, name).unwrap_or_else(|met| match met {
        Met::Down(why) => Module::Broken(why),
        _ => Module::Broken("it never comes to an answer".into()),
    })
}

fn converse(asking: &Asking<'_>, talk: &mut Talk, name: &str) -> Result<Module, Met> {
    let send = |talk: &mut Talk, text: &str| talk.reader.get_mut().write_all(text.as_bytes()).map_err(|e| Met::Down(words(&e)));
    send(talk, &format!("{name}\n"))?;
    let mut told = false;
    for _ in 0..LINES {
        match said(&line(&mut talk.reader)?) {
            Said::Open if told => return Ok(Module::LoggedIn),
            Said::Open => return Ok(Module::Open),
            Said::Error(text) if told && text.starts_with("auth failed") => return Ok(Module::Denied),
            Said::Error(text) => return Ok(Module::Refused(text)),
            Said::Login(challenge) => {
                let (Some(user), Some(password)) = (&asking.check.user, &asking.password) else { return Ok(Module::WantsLogin) };
                let Some(hash) = talk.greeting.hash() else { return Ok(Module::Broken("it knows no login better than MD4".into())) };
                send(talk, &login(hash, user, password.expose(), &challenge))?;
                told = true;
            }
            Said::Exit => return Ok(Module::Broken("it ended the conversation".into())),
            Said::Module(..) | Said::Other => {}
        }
    }
    Err(Met::Garbage(String::new()))
}
