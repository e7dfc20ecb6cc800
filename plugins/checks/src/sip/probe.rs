//! Asks the server, with a login where it wants one. Opens sockets; judges nothing.

use super::carrier::{Carrier, Failed, Heard};
use super::digest::strongest;
use super::request::{Dialog, Transport, Turn, uri_host};
use super::{Answer, Login, Met, Sip};
use crate::random;
use crate::tls::{Wire, words};
use plugin_core::net::{Datagrams, Stream, Timer, words as plain_words};
use plugin_core::run::stage;
use plugin_core::secret::Secret;
use plugin_core::{Blind, Host};
use std::net::SocketAddr;

/// Asks the first of `targets` that listens.
pub fn ask(check: &Sip, host: &dyn Host, targets: &[SocketAddr], password: Option<&Secret>) -> Result<Met, Blind> {
    let until = Timer::new(check.target.time(host));
    let mut last = Met::Down("no address".into());
    if check.transport != Transport::Udp {
        return over_tcp(check, host, targets, password, until);
    }
    for target in targets {
        let socket = match Datagrams::open(*target, check.target.source.map(|s| SocketAddr::new(s, 0)))? {
            Ok(socket) => socket,
            Err(e) => {
                last = Met::Down(plain_words(&e));
                continue;
            }
        };
        let mut carrier = Carrier::Udp(socket, until);
        match series(check, host, &mut carrier, password, until)? {
            Ok(answer) => return Ok(Met::Answer(Box::new(answer))),
            Err(failed) => {
                last = Met::Down(failed.words());
                if !failed.is_closed() {
                    break;
                }
            }
        }
    }
    Ok(last)
}

fn over_tcp(check: &Sip, host: &dyn Host, targets: &[SocketAddr], password: Option<&Secret>, until: Timer) -> Result<Met, Blind> {
    let stream = match Stream::open(targets, check.target.source, until.left())? {
        Ok(stream) => stream,
        Err(e) => return Ok(Met::Down(words(&e))),
    };
    let wire = if check.transport == Transport::Tls {
        match check.trust.secure(host, stream, &check.target.host)? {
            Ok(wire) => wire,
            Err(e) => return Ok(Met::Down(words(&e))),
        }
    } else {
        Wire::Plain(stream)
    };
    let days = wire.certificate_days(host.wall().as_secs_f64());
    let mut carrier = Carrier::Wire(Box::new(wire), Vec::new());
    let met = match series(check, host, &mut carrier, password, until)? {
        Ok(answer) => Met::Answer(Box::new(Answer { days, ..answer })),
        Err(failed) => Met::Down(failed.words()),
    };
    carrier.close();
    Ok(met)
}

fn dialog(check: &Sip, carrier: &Carrier) -> Result<Result<Dialog, Failed>, Blind> {
    let local = match carrier.local() {
        Ok(local) => local,
        Err(e) => return Ok(Err(Failed::Io(e))),
    };
    let domain = uri_host(check.domain.as_deref().unwrap_or(&check.target.host));
    let port = check.port.filter(|p| *p != check.transport.port()).map_or_else(String::new, |p| format!(":{p}"));
    let (method, uri) = if check.register {
        ("REGISTER", format!("sip:{domain}"))
    } else {
        ("OPTIONS", check.extension.as_ref().map_or_else(|| format!("sip:{domain}{port}"), |user| format!("sip:{user}@{domain}{port}")))
    };
    let user = check.user.clone().unwrap_or_else(|| "twinguard".into());
    Ok(Ok(Dialog { method, uri, user, domain, transport: check.transport, local, id: random::hex()? }))
}

fn turn(sequence: u32, login: Option<String>) -> Result<Turn, Blind> {
    // The magic cookie of RFC 3261 section 8.1.1.7.
    Ok(Turn { branch: format!("z9hG4bK{}", random::hex()?), sequence, login })
}

/// Asks --count times. The worst answer counts, with the times of all of them.
fn series(check: &Sip, host: &dyn Host, carrier: &mut Carrier, password: Option<&Secret>, until: Timer) -> Result<Result<Answer, Failed>, Blind> {
    let (mut worst, mut failed): (Option<Answer>, Option<Failed>) = (None, None);
    let (mut times, mut repeated, mut lost) = (Vec::new(), 0, 0);
    for left in (1..=check.count).rev() {
        // Each has its share of the time; a connection that broke brings no further answers.
        carrier.until(Timer::new(until.left() / left));
        match converse(check, host, carrier, password)? {
            Ok(answer) => {
                times.extend(&answer.times);
                repeated += answer.repeated;
                if worst.as_ref().is_none_or(|w| w.code <= answer.code) {
                    worst = Some(answer);
                }
            }
            Err(error) => {
                lost += 1;
                let closed = error.is_closed() || matches!(carrier, Carrier::Wire(..));
                failed = Some(error);
                if closed {
                    lost += left - 1;
                    break;
                }
            }
        }
    }
    Ok(match (worst, failed) {
        (Some(answer), _) => Ok(Answer { times, repeated, lost, ..answer }),
        (None, Some(failed)) => Err(failed),
        (None, None) => Err(Failed::Io(std::io::ErrorKind::TimedOut.into())),
    })
}

fn converse(check: &Sip, host: &dyn Host, carrier: &mut Carrier, password: Option<&Secret>) -> Result<Result<Answer, Failed>, Blind> {
    let dialog = match dialog(check, carrier)? {
        Ok(dialog) => dialog,
        Err(failed) => return Ok(Err(failed)),
    };
    let (mut sequence, mut login, mut state, mut repeated) = (1, None, Login::None, 0);
    loop {
        stage(format!("waiting for the answer to {}", dialog.method));
        let start = host.now();
        let heard = match carrier.ask(&dialog, &turn(sequence, login.take())?) {
            Ok(heard) => heard,
            Err(failed) => return Ok(Err(failed)),
        };
        let time = host.now().saturating_sub(start);
        repeated += heard.repeated;
        let Heard { response, from, .. } = heard;
        let (asks, answers) =
            if response.code == 407 { ("proxy-authenticate", "Proxy-Authorization") } else { ("www-authenticate", "Authorization") };
        let challenge = if matches!(response.code, 401 | 407) { strongest(response.headers(asks)) } else { None };
        let again = match (&challenge, password, &check.user) {
            // Asked for the first time, or only the nonce was too old; a refused login is never repeated.
            (Some(challenge), Some(password), Some(user)) if state == Login::None || (challenge.stale && sequence < 3) => {
                let value = challenge.answer(user, password.expose(), dialog.method, &dialog.uri, &random::hex()?);
                Some(format!("{answers}: {value}"))
            }
            _ => None,
        };
        if again.is_none() {
            if state == Login::Sent && matches!(response.code, 401 | 403 | 407) {
                state = Login::Refused;
            }
            let known = |name: &str| response.header(name).map(str::to_owned);
            let list = |name: &str| response.headers(name).flat_map(|h| h.split(',')).map(|m| m.trim().to_owned()).collect();
            return Ok(Ok(Answer {
                code: response.code,
                reason: response.reason.clone(),
                times: vec![time],
                repeated,
                lost: 0,
                silent: Vec::new(),
                login: state,
                server: known("server").or_else(|| known("user-agent")),
                allow: list("allow"),
                from,
                retry_after: known("retry-after"),
                days: None,
            }));
        }
        (login, state, sequence) = (again, Login::Sent, sequence + 1);
    }
}
