//! Where does a domain's SIP service run (RFC 3263 section 4.2, RFC 2782)? One question for SRV records over UDP, asked of the
//! name server itself, because the system's resolver answers no such question. NAPTR is left out: the transport is the
//! administrator's word. Everything that a name server sends is read within bounds.

use crate::random;
use plugin_core::net::{Datagrams, Timer};
use plugin_core::{Blind, Host};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

const RESOLV: &str = "/etc/resolv.conf";
/// A name server that is silent for so long is asked again.
const PATIENCE: Duration = Duration::from_secs(1);
const SRV: u16 = 33;
const A: u16 = 1;
const AAAA: u16 = 28;
/// Most compression pointers in one name: a loop never ends.
const JUMPS: usize = 16;

/// One server of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    priority: u16,
    weight: u16,
    /// Its port.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// What the name server added: its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The servers of a service name such as `_sip._udp.example.org`, in the order in which they are to be tried. Of equal
/// priorities the heavier goes first: a monitor wants the same order each time, not a fair one.
///
/// # Errors
/// [`Blind::Net`]: no name server, no answer, or no such record.
pub fn lookup(host: &dyn Host, name: &str, server: Option<SocketAddr>) -> Result<Vec<Service>, Blind> {
    let blind = |reason: String| Blind::Net { target: name.to_owned(), reason };
    let server = match server {
        Some(server) => server,
        None => first_server(&host.read(Path::new(RESOLV))?).ok_or_else(|| blind(format!("{RESOLV} names no name server")))?,
    };
    let [high, low, ..] = random::number()?.to_be_bytes();
    let id = u16::from_be_bytes([high, low]);
    let question = question(name, id).ok_or_else(|| blind("that is no domain name".into()))?;
    let silent = |e: &std::io::Error| blind(format!("the name server {server} does not answer: {e}"));
    let until = Timer::new(host.left().mul_f64(0.4));
    let mut buffer = [0; 4096];
    while !until.left().is_zero() {
        // A socket for each try: a refused one stays refused.
        let socket = Datagrams::open(server, None)?.map_err(|e| silent(&e))?;
        socket.send(&question).map_err(|e| silent(&e))?;
        let wait = Timer::new(PATIENCE.min(until.left()));
        while let Some((length, _)) = socket.receive_from(&mut buffer, wait).map_err(|e| silent(&e))? {
            let Some(answer) = parse(buffer.get(..length).unwrap_or_default(), id) else { continue };
            let mut services = answer.map_err(|code| blind(format!("the name server {server} says: {}", words(code))))?;
            if services.is_empty() {
                return Err(blind("it has no SRV record".into()));
            }
            services.sort_by_key(|s| (s.priority, u16::MAX - s.weight, s.name.clone(), s.port));
            return Ok(services);
        }
    }
    Err(blind(format!("the name server {server} does not answer")))
}

fn first_server(text: &str) -> Option<SocketAddr> {
    let address = |line: &str| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok();
    text.lines().find_map(address).map(|address| SocketAddr::new(address, 53))
}

fn words(code: u8) -> String {
    match code {
        2 => "it failed (SERVFAIL)".to_owned(),
        3 => "there is no such name (NXDOMAIN)".to_owned(),
        5 => "it refuses (REFUSED)".to_owned(),
        other => format!("error {other}"),
    }
}

/// RFC 1035 section 4: one question, recursion desired.
fn question(name: &str, id: u16) -> Option<Vec<u8>> {
    let mut bytes = [id.to_be_bytes(), [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length) && label.is_ascii())?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 33, 0, 1]);
    (bytes.len() < 272).then_some(bytes)
}

/// The answer to question `id`; `None` if it is another's or broken, an error code if the server says so.
fn parse(bytes: &[u8], id: u16) -> Option<Result<Vec<Service>, u8>> {
    let number = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let flags = number(2)?;
    if number(0)? != id || flags & 0x8000 == 0 {
        return None;
    }
    let code = u8::try_from(flags & 15).unwrap_or(15);
    if code != 0 {
        return Some(Err(code));
    }
    let mut at = 12;
    for _ in 0..number(4)? {
        at = name_at(bytes, at)?.1 + 4;
    }
    let (mut services, mut known) = (Vec::new(), Vec::new());
    for _ in 0..(usize::from(number(6)?) + usize::from(number(8)?) + usize::from(number(10)?)) {
        let (owner, next) = name_at(bytes, at)?;
        let (kind, length) = (number(next)?, usize::from(number(next + 8)?));
        let data = next + 10;
        match (kind, bytes.get(data..data + length)?) {
            (SRV, _) => {
                let (name, _) = name_at(bytes, data + 6)?;
                services.push(Service { priority: number(data)?, weight: number(data + 2)?, port: number(data + 4)?, name, addresses: Vec::new() });
            }
            (A, address) => known.push((owner, IpAddr::from(<[u8; 4]>::try_from(address).ok()?))),
            (AAAA, address) => known.push((owner, IpAddr::from(<[u8; 16]>::try_from(address).ok()?))),
            _ => {}
        }
        at = data + length;
    }
    // "." says that the service is decidedly not there (RFC 2782).
    services.retain(|s: &Service| !s.name.is_empty());
    for service in &mut services {
        service.addresses = known.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&service.name)).map(|(_, address)| *address).collect();
    }
    Some(Ok(services))
}

/// A name, with its compression undone, and where the bytes after it begin.
fn name_at(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut end, mut jumps) = (Vec::new(), start, None, 0);
    loop {
        match *bytes.get(at)? {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            high if high & 0xc0 == 0xc0 => {
                end = end.or(Some(at + 2));
                at = usize::from(u16::from_be_bytes([high & 0x3f, *bytes.get(at + 1)?]));
                jumps += 1;
                if jumps > JUMPS {
                    return None;
                }
            }
            length if length < 64 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                // A label may hold anything; what is no host name is shown as what it is not.
                labels.push(label.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '?' }).collect::<String>());
                at += 1 + usize::from(length);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    /// Two servers, the second by a compressed name, and the address of the first.
    fn answer() -> Vec<u8> {
        let mut bytes = question("_sip._udp.pbx.test", 7).unwrap();
        bytes.splice(2..12, [0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 1]);
        let record = |kind: u8, data: &[u8]| [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()], data].concat();
        bytes.extend(record(33, b"\0\x14\0\x05\x13\xc4\x01b\x04test\0"));
        // "a" and then what the question says from "pbx" on (12 + 5 + 5 bytes).
        bytes.extend(record(33, b"\0\x0a\0\x05\x13\xc5\x01a\xc0\x16"));
        bytes.extend(b"\x01b\x04test\0\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x02");
        bytes
    }

    #[test]
    fn servers_with_their_ports_and_addresses_are_read() {
        let services = parse(&answer(), 7).unwrap().unwrap();
        let shown: Vec<_> = services.iter().map(|s| (s.priority, s.port, s.name.as_str(), s.addresses.clone())).collect();
        assert_eq!(shown, [(20, 5060, "b.test", vec![IpAddr::from([127, 0, 0, 2])]), (10, 5061, "a.pbx.test", vec![])]);
    }

    #[test]
    fn what_is_cut_short_loops_or_answers_another_question_is_no_answer() {
        let whole = answer();
        for length in 0..whole.len() {
            assert_eq!(parse(whole.get(..length).unwrap(), 7), None, "cut at {length}");
        }
        assert_eq!(parse(&whole, 8), None);
        let mut looped = question("a", 7).unwrap();
        looped.splice(2..12, [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        let at = u8::try_from(looped.len()).unwrap();
        looped.extend([0xc0, at, 0, 33, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parse(&looped, 7), None);
        let mut gone = question("a", 7).unwrap();
        gone.splice(2..4, [0x81, 0x83]);
        assert_eq!(parse(&gone, 7), Some(Err(3)));
    }

    #[test]
    fn odd_names_are_no_question() {
        for wrong in ["", "a..b", &"x".repeat(64), &"x.".repeat(200), "ä.test"] {
            assert_eq!(question(wrong, 1), None, "{wrong}");
        }
        assert_eq!(first_server("# x\nsearch a\nnameserver fd00::1\nnameserver 192.0.2.1\n"), Some("[fd00::1]:53".parse().unwrap()));
        assert_eq!(first_server("nameserver none\n"), None);
    }
}
