//! Event → mail: joins the pure parts (story, rendering) with the settings, the clock's zone and the incident. Refuses IO.

use super::{Log, Say};
use crate::incident::Incident;
use crate::mail::{Mail, Thread};
use crate::notification::Notification;
use crate::render;
use crate::settings::{Settings, mailbox};
use crate::story::{self, Light, Setting, Story};
use chrono::{DateTime, FixedOffset, Local};
use lettre::message::Mailbox;
use plugin_core::contract::MailEvent;

/// The mail of an Icinga notification. Addresses that are none are said, and replaced by those of the settings.
pub fn notification(n: &Notification, settings: &Settings, node: &str, earlier: Option<&Incident>, say: Say<'_>) -> Mail {
    let setting = Setting { cluster: &settings.cluster, node, at: local(n.at_ms), since: earlier.map(|i| local(i.since_ms)) };
    let story = story::icinga(n, &setting);
    let (mut to, mut wrong) = (Vec::new(), Vec::new());
    for text in n.to.split([',', ';', ' ']).filter(|t| !t.trim().is_empty()) {
        match mailbox(text) {
            Some(address) => to.push(address),
            None => wrong.push(crate::clean::line(text, 80)),
        }
    }
    if to.is_empty() {
        to.clone_from(&settings.to);
    }
    let from = if n.from.trim().is_empty() {
        None
    } else {
        mailbox(&n.from).or_else(|| {
            wrong.push(crate::clean::line(&n.from, 80));
            None
        })
    };
    if !wrong.is_empty() {
        say(Log::Error, &format!("{}: no mail address: {}; correct the user's e-mail or the sender in Icinga", n.id, wrong.join(", ")));
    }
    mail(&n.id, n.at_ms, &story, settings, (from, to), earlier, n.notification.trim())
}

/// The mail of a cluster event.
pub fn cluster_event(event: &MailEvent, settings: &Settings, node: &str, earlier: Option<&Incident>) -> Mail {
    let setting = Setting { cluster: &settings.cluster, node, at: local(event.at_ms), since: earlier.map(|i| local(i.since_ms)) };
    let story = story::cluster(event, &setting);
    // The word that the contract uses for the kind.
    let kind = serde_json::to_value(event.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    mail(&event.id, event.at_ms, &story, settings, (None, settings.to.clone()), earlier, &kind)
}

fn mail(
    id: &str,
    at_ms: i64,
    story: &Story,
    settings: &Settings,
    (from, to): (Option<Mailbox>, Vec<Mailbox>),
    earlier: Option<&Incident>,
    kind: &str,
) -> Mail {
    Mail {
        id: id.to_owned(),
        from: from.unwrap_or_else(|| settings.from.clone()),
        to,
        subject: render::subject(&settings.cluster, story),
        text: render::text(story),
        html: render::html(story),
        at_ms,
        thread: Thread { first: earlier.map(|i| i.first.clone()) },
        urgent: story.light == Light::Red,
        cluster: settings.cluster.clone(),
        kind: crate::clean::line(kind, 40),
    }
}

/// In this machine's time zone; a time that no calendar holds becomes 1970.
fn local(ms: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&Local).fixed_offset()
}
