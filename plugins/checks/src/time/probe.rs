//! Asks the servers, all at once, several times each. Reads the machine's clock; judges nothing.

use super::packet::{Nonsense, Reply, Sample, ntp_time, parse, request};
use super::{Asking, Sight, select};
use crate::random;
use plugin_core::net::{Datagrams, Endpoint, Timer, words};
use plugin_core::{Blind, Host};
use std::net::SocketAddr;
use std::time::Duration;

/// The clock may be stepped by this much during one exchange before the sample is thrown away, in seconds.
const STEP: f64 = 0.005;

/// One sight per server, in their order.
pub fn ask_all(host: &dyn Host, asking: &Asking, servers: &[Endpoint]) -> Vec<Sight> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = servers.iter().map(|server| scope.spawn(move || ask(host, asking, server))).collect();
        let lost = || Sight::Blind(Blind::Net { target: "a server".into(), reason: "its thread ended".into() });
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| lost())).collect()
    })
}

fn ask(host: &dyn Host, asking: &Asking, server: &Endpoint) -> Sight {
    let until = Timer::new(asking.time);
    let addresses = match asking.family.resolve(host, &server.host) {
        Ok(addresses) => addresses,
        Err(blind) => return Sight::Blind(blind),
    };
    let mut last = Sight::Silent("no answer in time".into());
    for address in addresses {
        match sample(host, asking, SocketAddr::new(address, server.port.unwrap_or(asking.port)), until) {
            // A name may have an address of a family in which nobody listens.
            Ok(silent @ Sight::Silent(_)) => last = silent,
            Ok(sight) => return sight,
            Err(blind) => return Sight::Blind(blind),
        }
    }
    last
}

fn sample(host: &dyn Host, asking: &Asking, server: SocketAddr, until: Timer) -> Result<Sight, Blind> {
    let socket = match Datagrams::open(server, asking.source.map(|s| SocketAddr::new(s, 0)))? {
        Ok(socket) => socket,
        Err(e) => return Ok(Sight::Silent(words(&e))),
    };
    let (mut samples, mut last, mut trouble) = (Vec::new(), None, "no answer in time".to_owned());
    for round in 0..asking.samples {
        if round > 0 {
            host.wait(asking.pause.min(until.left()));
        }
        // Each round has its part of the time, so that one lost packet costs one round and not all.
        let part = until.left() / (asking.samples - round);
        match exchange(host, &socket, Timer::new(part)) {
            Answer::Sample(reply, sample) => {
                samples.push(sample);
                last = Some(reply);
            }
            Answer::Kiss(code) if samples.is_empty() => return Ok(Sight::Kiss(code)),
            Answer::Kiss(_) => break,
            Answer::Trouble(text) => trouble = text,
            Answer::Refused(text) => {
                trouble = text;
                break;
            }
        }
    }
    Ok(match (select::filter(&samples), last) {
        (Some(clock), Some(reply)) => {
            Sight::Clock { clock, stratum: reply.stratum, leap: reply.leap, root: reply.root_distance(), synchronised: reply.synchronised() }
        }
        _ => Sight::Silent(trouble),
    })
}

enum Answer {
    Sample(Reply, Sample),
    Kiss(String),
    Trouble(String),
    Refused(String),
}

fn exchange(host: &dyn Host, socket: &Datagrams, timer: Timer) -> Answer {
    let cookie = match random::number() {
        Ok(cookie) => cookie,
        Err(blind) => return Answer::Trouble(format!("cannot {blind}")),
    };
    let from = (host.wall(), host.now());
    if let Err(e) = socket.send(&request(cookie)) {
        return Answer::Refused(words(&e));
    }
    let mut trouble = "no answer in time".to_owned();
    let mut buffer = [0; 512];
    loop {
        let length = match socket.receive(&mut buffer, timer) {
            Ok(Some(length)) => length,
            Ok(None) => return Answer::Trouble(trouble),
            Err(e) => return Answer::Refused(words(&e)),
        };
        let to = (host.wall(), host.now());
        match parse(buffer.get(..length).unwrap_or_default(), cookie) {
            Ok(reply) => return answered(reply, from, to),
            Err(Nonsense::Foreign) => trouble = "only answers to other questions came".into(),
            Err(Nonsense::Garbage(what)) => trouble = format!("what answers is no NTP server: {what}"),
        }
    }
}

/// `from` and `to` hold the time of day and the boot time of asking and of being answered.
fn answered(reply: Reply, from: (Duration, Duration), to: (Duration, Duration)) -> Answer {
    if let Some(code) = reply.kiss() {
        return Answer::Kiss(code);
    }
    let by_wall = to.0.as_secs_f64() - from.0.as_secs_f64();
    if (by_wall - to.1.saturating_sub(from.1).as_secs_f64()).abs() > STEP {
        return Answer::Trouble("this node's clock was stepped during the exchange".into());
    }
    match reply.sample(ntp_time(from.0), ntp_time(to.0)) {
        Some(sample) => Answer::Sample(reply, sample),
        None => Answer::Trouble("its answer is impossible: it held the question longer than the exchange took".into()),
    }
}
