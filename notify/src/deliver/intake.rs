//! `incoming/` → `queue/`: reads each event, words it, queues the finished mail, and only then removes the event; done
//! twice (after a crash) it gives the same mail once. Refuses to let a poison file stay: it goes to `failed/` with the
//! reason, also when the mailer itself dies over it again and again.

use super::compose::Composer;
use super::{Log, Say, to_json};
use crate::incident::{Incident, Step, earlier, file_name};
use crate::mail::Mail;
use crate::notification::Notification;
use crate::spool::{Folder, Queued, Spool, is_event};
use plugin_core::contract::MailEvent;
use std::io;

/// So often a file is begun with. Kills and power cuts count too, so a few must be borne; while other events wait, the path
/// unit starts the next run at once, so that a file which crashes the mailer is out of the way within a second.
const TRIES: u32 = 10;

enum Event {
    Cluster(Box<MailEvent>),
    Icinga(Box<Notification>),
}

/// Takes everything in; the names of the new queue files, oldest first.
pub(super) fn take_in(now_ms: i64, spool: &Spool, composer: Composer<'_>, say: Say<'_>) -> io::Result<Vec<String>> {
    let mut queued = Vec::new();
    for name in spool.names(Folder::Incoming)? {
        let Some((stem, tries)) = tries(&name) else { continue };
        if tries >= TRIES {
            poison(spool, &name, stem, "the mailer ended ten times while it worded this event", say)?;
            continue;
        }
        let mine = format!("{stem}.try{}", tries + 1);
        spool.rename((Folder::Incoming, &name), (Folder::Incoming, &mine))?;
        let event = match spool.read_event(&mine).map_err(|e| e.to_string()).and_then(|(bytes, uid)| parse(&bytes, uid)) {
            Ok(event) => event,
            Err(reason) => {
                poison(spool, &mine, stem, &reason, say)?;
                continue;
            }
        };
        match queue(now_ms, spool, composer, &event, say) {
            Ok(Ok(name)) => queued.push(name),
            Ok(Err(reason)) => {
                poison(spool, &mine, stem, &reason, say)?;
                continue;
            }
            // The disk's fault, not the event's: it keeps its first name and all its tries.
            Err(e) => {
                spool.rename((Folder::Incoming, &mine), (Folder::Incoming, stem))?;
                return Err(e);
            }
        }
        spool.remove(Folder::Incoming, &mine)?;
    }
    queued.sort_unstable();
    Ok(queued)
}

/// The name that the writer gave, and how often the file was begun with; `None` if it is no event.
fn tries(name: &str) -> Option<(&str, u32)> {
    match name.rsplit_once(".try") {
        Some((stem, tries)) if is_event(stem) => Some((stem, tries.parse().ok()?)),
        _ => is_event(name).then_some((name, 0)),
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
fn queue(now_ms: i64, spool: &Spool, composer: Composer<'_>, event: &Event, say: Say<'_>) -> io::Result<Result<String, String>> {
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
    let name = format!("{:013}-{id}.json", at_ms.max(0));
    // A run that was killed after this step has queued it already, perhaps in an incident that is closed by now.
    if spool.read(Folder::Queue, &name)?.is_none() {
        let entry = match entry(&mail, now_ms) {
            Ok(entry) => entry,
            Err(reason) => return Ok(Err(reason)),
        };
        spool.write(Folder::Queue, &name, &to_json(&entry)?)?;
    }
    match step {
        Step::Opens if before.is_none() => {
            let opened = Incident { key, first: mail.message_id(), event: id.clone(), since_ms: at_ms };
            spool.write(Folder::Incidents, &file, &serde_json::to_vec(&opened).map_err(io::Error::other)?)?;
        }
        Step::Closes if before.is_some() => spool.remove(Folder::Incidents, &file)?,
        _ => {}
    }
    Ok(Ok(name))
}

fn entry(mail: &Mail, now_ms: i64) -> Result<Queued, String> {
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
        message,
    })
}

fn poison(spool: &Spool, name: &str, stem: &str, reason: &str, say: Say<'_>) -> io::Result<()> {
    let reason = crate::clean::line(reason, 300);
    let shown = crate::clean::line(stem, 200);
    say(Log::Alarm, &format!("{shown} in incoming/ can't become a mail: {reason}; moved to {}", spool.folder(Folder::Failed).display()));
    spool.rename((Folder::Incoming, name), (Folder::Failed, stem))?;
    spool.write(Folder::Failed, &format!("{stem}.reason"), format!("{reason}\n").as_bytes())
}
