//! `incoming/` → `queue/`: reads each event, words it, queues the finished mail, and only then removes the event; done
//! twice (after a crash) it gives the same mail once. Refuses to let a poison file stay: it goes to `failed/` with the
//! reason, also when the mailer itself dies over it again and again.

use super::claim::{self, Claim, Trouble};
use super::compose::Composer;
use super::{Log, Say, channel, to_json};
use crate::incident::{Incident, Step, earlier, file_name};
use crate::mail::Mail;
use crate::notification::Notification;
use crate::spool::{Folder, Queued, Spool, Told};
use plugin_core::contract::MailEvent;
use std::io;

enum Event {
    Cluster(Box<MailEvent>),
    Icinga(Box<Notification>),
}

/// Most events of one round: a run that has thousands before it must come to sending, and end in its time.
const AT_ONCE: usize = 1000;

/// What taking in gave.
#[derive(Default)]
pub(super) struct Taken {
    /// Names of the new queue files, oldest first.
    pub queued: Vec<String>,
    /// Something lies in `incoming/` that can be neither taken in nor put aside.
    pub stuck: bool,
}

/// Takes everything in. The error is the disk's; one bad file is said and passed over.
pub(super) fn take_in(now_ms: i64, spool: &Spool, composer: Composer<'_>, say: Say<'_>) -> io::Result<Taken> {
    let mut taken = Taken { stuck: claim::put_strange_aside(spool, say)?, ..Taken::default() };
    for name in spool.names(Folder::Incoming)?.into_iter().take(AT_ONCE) {
        match take_one(now_ms, spool, composer, &name, say) {
            Ok(queued) => taken.queued.extend(queued),
            Err(Trouble::Spool(e)) => return Err(e),
            Err(Trouble::File(e)) => {
                say(Log::Alarm, &format!("an event can't be taken in and not be moved: {}; remove it", crate::clean::line(&e.to_string(), 300)));
                taken.stuck = true;
            }
        }
    }
    taken.queued.sort_unstable();
    Ok(taken)
}

fn take_one(now_ms: i64, spool: &Spool, composer: Composer<'_>, name: &str, say: Say<'_>) -> Result<Vec<String>, Trouble> {
    let Some(claim) = Claim::of(spool, name, say)? else { return Ok(Vec::new()) };
    let event = match spool.read_event(&claim.name).map_err(|e| e.to_string()).and_then(|(bytes, uid)| parse(&bytes, uid)) {
        Ok(event) => event,
        Err(reason) => return claim.poison(spool, &reason, say).map(|()| Vec::new()),
    };
    match queue(now_ms, spool, composer, &event, say) {
        Ok(Ok(queued)) => {
            spool.remove(Folder::Incoming, &claim.name).map_err(Trouble::File)?;
            Ok(queued)
        }
        Ok(Err(reason)) => claim.poison(spool, &reason, say).map(|()| Vec::new()),
        Err(e) => {
            claim.give_back(spool)?;
            Err(Trouble::Spool(e))
        }
    }
}

fn parse(bytes: &[u8], uid: u32) -> Result<Event, String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| format!("it is no JSON: {e}"))?;
    let (event, id, schema) = if value.get("notification").is_some() {
        let n: Notification = serde_json::from_value(value).map_err(|e| format!("it is no notification: {e}"))?;
        let (id, schema) = (n.id.clone(), n.schema);
        (Event::Icinga(Box::new(n)), id, schema)
    } else {
        let event: MailEvent = serde_json::from_value(value).map_err(|e| format!("it is no cluster event: {e}"))?;
        // Such a mail carries commands for root to paste: only the agent (root) may write one.
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            return Err(format!("a cluster event has to come from root, not from user id {uid}"));
        }
        let (id, schema) = (event.id.clone(), event.schema);
        (Event::Cluster(Box::new(event)), id, schema)
    };
    if schema != 1 {
        return Err(format!("its schema is {schema}; this version knows 1"));
    }
    let well_formed =
        !id.is_empty() && id.len() <= 120 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) && !id.starts_with('.');
    if well_formed && !id.contains("..") && !id.ends_with('.') {
        Ok(event)
    } else {
        Err("its id has other characters than letters, digits, '-' and '.'".to_owned())
    }
}

/// Queues the mail of an event. The outer error is the disk's, the inner one the event's.
fn queue(now_ms: i64, spool: &Spool, composer: Composer<'_>, event: &Event, say: Say<'_>) -> io::Result<Result<Vec<String>, String>> {
    let (key, id, at_ms, step) = match event {
        Event::Cluster(e) => (format!("cluster {}", e.incident), &e.id, e.at_ms, Step::Opens),
        Event::Icinga(n) => (format!("icinga {}", n.object()), &n.id, n.at_ms, Step::of_type(&n.notification)),
    };
    let file = file_name(&key);
    let stored = spool.read(Folder::Incidents, &file)?.and_then(|bytes| serde_json::from_slice::<Incident>(&bytes).ok());
    let before = earlier(stored, &key, id);
    let mail = match event {
        Event::Cluster(e) => composer.cluster_event(e, before.as_ref()),
        Event::Icinga(n) => composer.notification(n, before.as_ref(), say),
    };
    // The queue is worked off in the order of the names.
    let time = format!("{:013}-", at_ms.max(0));
    let name = if id.starts_with(&time) { format!("{id}.json") } else { format!("{time}{id}.json") };
    let told = match event {
        Event::Cluster(_) => None,
        // A person's own words wait no more than the first mail of an incident.
        Event::Icinga(n) => {
            let first = (step == Step::Opens && before.is_none()) || n.notification.trim().eq_ignore_ascii_case("CUSTOM");
            Some(Told { at_ms, word: mail.word.clone(), headline: mail.headline.clone(), first })
        }
    };
    let entries = match entries(&mail, now_ms, told.as_ref(), &composer.settings.channels) {
        Ok(entries) => entries,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut names = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        // The mail first, then its channels.
        let name = if place == 0 { name.clone() } else { format!("{}.way{place}.json", name.trim_end_matches(".json")) };
        // A run that was killed after this step has queued it already, perhaps in an incident that is closed by now.
        if spool.read(Folder::Queue, &name)?.is_none() {
            spool.write(Folder::Queue, &name, &to_json(entry)?)?;
        }
        names.push(name);
    }
    match step {
        Step::Opens if before.is_none() => {
            let opened = Incident { key, first: mail.message_id(), event: id.clone(), since_ms: at_ms };
            spool.write(Folder::Incidents, &file, &serde_json::to_vec(&opened).map_err(io::Error::other)?)?;
        }
        Step::Closes if before.is_some() => spool.remove(Folder::Incidents, &file)?,
        _ => {}
    }
    Ok(Ok(names))
}

/// The mail, then one entry a channel.
fn entries(mail: &Mail, now_ms: i64, told: Option<&Told>, channels: &[Vec<String>]) -> Result<Vec<Queued>, String> {
    let by_mail = entry(mail, now_ms, told.cloned())?;
    let ways = channels.iter().map(|argv| by_channel(mail, &by_mail, channel::recipient(argv)));
    Ok(std::iter::once(by_mail.clone()).chain(ways).collect())
}

/// The same for a channel.
pub(super) fn by_channel(mail: &Mail, by_mail: &Queued, recipient: String) -> Queued {
    Queued { from: String::new(), left: vec![recipient], message: String::new(), text: mail.plain(), ..by_mail.clone() }
}

/// A mail as it waits.
pub(super) fn entry(mail: &Mail, now_ms: i64, told: Option<Told>) -> Result<Queued, String> {
    let message = String::from_utf8(mail.message()?).map_err(|_| "the message is not ASCII".to_owned())?;
    Ok(Queued {
        schema: 1,
        id: mail.id.clone(),
        subject: mail.subject.clone(),
        created_ms: now_ms,
        from: mail.from.email.to_string(),
        left: mail.to.iter().map(|m| m.email.to_string()).collect(),
        refused: Vec::new(),
        failed: 0,
        next_ms: 0,
        reason: String::new(),
        relay_down: false,
        message,
        text: String::new(),
        told,
        folds: Vec::new(),
    })
}
