//! Logs in and asks. Opens the connection; judges nothing.

use super::message::{key, seconds};
use super::session::{Broken, Reply, Session};
use super::{Ami, Item, Met, Seen};
use crate::tls::{Wire, words};
use plugin_core::net::Stream;
use plugin_core::run::stage;
use plugin_core::secret::Secret;
use plugin_core::{Blind, Host};
use std::net::SocketAddr;

/// The whole conversation.
pub fn ask(check: &Ami, host: &dyn Host, targets: &[SocketAddr], secret: Option<&Secret>) -> Result<Met, Blind> {
    let start = host.now();
    stage("connecting");
    let stream = match Stream::open(targets, check.target.source, check.target.time(host))? {
        Ok(stream) => stream,
        Err(e) => return Ok(Met::Down(words(&e))),
    };
    let wire = if check.tls {
        match check.trust.secure(host, stream, &check.target.host)? {
            Ok(wire) => wire,
            Err(e) => return Ok(Met::Down(words(&e))),
        }
    } else {
        Wire::Plain(stream)
    };
    let days = wire.certificate_days(host.wall().as_secs_f64());
    stage("waiting for the banner");
    let (mut session, protocol) = match Session::open(wire) {
        Ok(opened) => opened,
        Err(broken) => return Ok(met(broken)),
    };
    let mut seen = Seen { protocol, days, ..Seen::default() };
    let result = talk(check, &mut session, secret, &mut seen);
    seen.uptime = session.uptime;
    seen.time = host.now().saturating_sub(start);
    Ok(match result {
        Ok(true) => {
            session.close();
            Met::Seen(Box::new(seen))
        }
        Ok(false) => Met::Refused,
        Err(broken) => met(broken),
    })
}

fn met(broken: Broken) -> Met {
    match broken {
        Broken::Io(why) => Met::Down(why),
        Broken::Garbage(text) => Met::Garbage(text),
        Broken::Shut => Met::Down("it closed the connection before its banner (authlimit: too many sessions wait for a login?)".into()),
    }
}

/// False = the login was refused.
fn talk(check: &Ami, session: &mut Session, secret: Option<&Secret>, seen: &mut Seen) -> Result<bool, Broken> {
    let (Some(user), Some(secret)) = (&check.user, secret) else { return Ok(true) };
    stage("logging in");
    if !login(check, session, user, secret)? {
        return Ok(false);
    }
    seen.logged_in = true;
    stage("waiting for the answer to Ping");
    // Before Asterisk 1.6 the answer was `Response: Pong`; both are a Good reply.
    match session.run("Ping", &[])? {
        Reply::Good(..) => seen.pong = true,
        Reply::Error(why) => seen.denied.push(("Ping", why)),
    }
    stage("asking for calls");
    if let Some((status, _)) = list(session, "CoreStatus", seen)? {
        seen.calls = status.number("corecurrentcalls");
        seen.processed = status.number("coreprocessedcalls");
    }
    if let Some((settings, _)) = list(session, "CoreSettings", seen)? {
        seen.version = settings.field("asteriskversion").map(str::to_owned);
    }
    if let Some((_, channels)) = list(session, "CoreShowChannels", seen)? {
        let one = |c: &super::Block| Some((c.field("channel")?.to_owned(), seconds(c.field("duration")?)?));
        seen.channels = Some(channels.iter().filter_map(one).collect());
    }
    if check.registrations {
        registrations(session, seen)?;
    }
    if check.peers || !check.peer.is_empty() {
        peers(session, seen)?;
    }
    Ok(true)
}

fn login(check: &Ami, session: &mut Session, user: &str, secret: &Secret) -> Result<bool, Broken> {
    // Only what belongs to the system: its first event tells since when the PBX has been up.
    let events = ("Events", "system");
    if check.plain && session.is_secure() {
        return Ok(matches!(session.run("Login", &[("Username", user), ("Secret", secret.expose()), events])?, Reply::Good(..)));
    }
    let Reply::Good(challenge, _) = session.run("Challenge", &[("AuthType", "MD5")])? else { return Ok(false) };
    let key = key(challenge.field("challenge").unwrap_or_default(), secret.expose());
    Ok(matches!(session.run("Login", &[("AuthType", "MD5"), ("Username", user), ("Key", &key), events])?, Reply::Good(..)))
}

/// An action whose refusal is remembered.
fn list(session: &mut Session, name: &'static str, seen: &mut Seen) -> Result<Option<(super::Block, Vec<super::Block>)>, Broken> {
    match session.run(name, &[])? {
        Reply::Good(block, events) => Ok(Some((block, events))),
        // Nothing to list is an error to Asterisk; a module that is not loaded has nothing to list.
        Reply::Error(why) if why.starts_with("No ") || why.starts_with("Invalid/unknown command") => Ok(None),
        Reply::Error(why) => {
            seen.denied.push((name, why));
            Ok(None)
        }
    }
}

fn registrations(session: &mut Session, seen: &mut Seen) -> Result<(), Broken> {
    let mut found = Vec::new();
    for (action, name, state) in
        [("PJSIPShowRegistrationsOutbound", "objectname", "status"), ("SIPshowregistry", "username", "state"), ("IAXregistry", "username", "state")]
    {
        if let Some((_, events)) = list(session, action, seen)? {
            let one = |e: &super::Block| Some(Item { name: e.field(name)?.to_owned(), state: e.field(state)?.to_owned() });
            found.extend(events.iter().filter_map(one));
        }
    }
    seen.registrations = Some(found);
    Ok(())
}

fn peers(session: &mut Session, seen: &mut Seen) -> Result<(), Broken> {
    let mut found = Vec::new();
    for (action, name) in [("PJSIPShowContacts", "endpoint"), ("SIPpeers", "objectname"), ("IAXpeerlist", "objectname")] {
        if let Some((_, events)) = list(session, action, seen)? {
            // PJSIP names the endpoint only while it knows it; the address of record is always there.
            let named = |e: &super::Block| e.field(name).filter(|n| !n.is_empty()).or_else(|| e.field("objectname")).map(str::to_owned);
            found.extend(events.iter().filter_map(|e| Some(Item { name: named(e)?, state: e.field("status")?.to_owned() })));
        }
    }
    seen.peers = Some(found);
    Ok(())
}
