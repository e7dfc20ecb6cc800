//! Event → mail: joins the pure parts (story, rendering) with the settings, the clock's zone, the agent's status and the
//! incident. Refuses IO.

use super::{Log, Say};
use crate::clean::line;
use crate::incident::Incident;
use crate::mail::{Mail, Thread};
use crate::notification::Notification;
use crate::render;
use crate::settings::{Settings, mailbox};
use crate::spool::Told;
use crate::story::{self, Light, Setting, Story};
use chrono::{DateTime, FixedOffset, Local};
use lettre::message::Mailbox;
use plugin_core::contract::{MailEvent, Status};

/// What every mail of this node shares.
#[derive(Clone, Copy)]
pub struct Composer<'a> {
    /// Cluster name, default addresses.
    pub settings: &'a Settings,
    /// This node.
    pub node: &'a str,
    /// What the agent publishes, if it is fresh.
    pub status: Option<&'a Status>,
}

/// What tells one mail from the next.
struct Envelope<'a> {
    id: &'a str,
    at_ms: i64,
    kind: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    earlier: Option<&'a Incident>,
}

impl Composer<'_> {
    /// The mail of an Icinga notification. Addresses that are none are said, and replaced by those of the settings.
    pub fn notification(&self, n: &Notification, earlier: Option<&Incident>, say: Say<'_>) -> Mail {
        let story = story::icinga(n, &self.setting(n.at_ms, earlier));
        let (mut to, mut wrong) = (Vec::new(), Vec::new());
        for text in n.to.split([',', ';', ' ']).filter(|t| !t.trim().is_empty()) {
            match mailbox(text) {
                Some(address) => to.push(address),
                None => wrong.push(line(text, 80)),
            }
        }
        if to.is_empty() {
            to.clone_from(&self.settings.to);
        }
        let from = mailbox(&n.from);
        if from.is_none() && !n.from.trim().is_empty() {
            wrong.push(line(&n.from, 80));
        }
        if !wrong.is_empty() {
            say(Log::Error, &format!("{}: no mail address: {}; correct the user's e-mail or the sender in Icinga", n.id, wrong.join(", ")));
        }
        let from = from.unwrap_or_else(|| self.settings.from.clone());
        self.mail(&story, Envelope { id: &n.id, at_ms: n.at_ms, kind: line(&n.notification, 40), from, to, earlier })
    }

    /// The mail of a cluster event.
    pub fn cluster_event(&self, event: &MailEvent, earlier: Option<&Incident>) -> Mail {
        let story = story::cluster(event, &self.setting(event.at_ms, earlier));
        // The word that the contract uses for the kind.
        let kind = serde_json::to_value(event.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let (from, to) = (self.settings.from.clone(), self.settings.to.clone());
        self.mail(&story, Envelope { id: &event.id, at_ms: event.at_ms, kind, from, to, earlier })
    }

    /// One mail for many notifications of the same sender and recipients.
    pub fn digest(&self, told: &[Told], held: bool, id: &str, from: &str, to: &[String]) -> Mail {
        let at_ms = told.iter().map(|t| t.at_ms).max().unwrap_or(0);
        let story = story::digest(told, held, &self.setting(at_ms, None));
        // A channel has no addresses; its text does not show them.
        let to: Vec<Mailbox> = to.iter().filter_map(|t| mailbox(t)).collect();
        let to = if to.is_empty() { self.settings.to.clone() } else { to };
        let from = mailbox(from).filter(|m| m.email != self.settings.from.email).unwrap_or_else(|| self.settings.from.clone());
        self.mail(&story, Envelope { id, at_ms, kind: "digest".to_owned(), from, to, earlier: None })
    }

    /// What a trial of the ways sends.
    pub fn trial(&self, id: &str, at_ms: i64) -> Mail {
        let story = story::trial(&self.setting(at_ms, None));
        let (from, to) = (self.settings.from.clone(), self.settings.to.clone());
        self.mail(&story, Envelope { id, at_ms, kind: "test".to_owned(), from, to, earlier: None })
    }

    fn setting(&self, at_ms: i64, earlier: Option<&Incident>) -> Setting<'_> {
        Setting { cluster: &self.settings.cluster, node: self.node, at: local(at_ms), since: earlier.map(|i| local(i.since_ms)), status: self.status }
    }

    fn mail(&self, story: &Story, envelope: Envelope<'_>) -> Mail {
        Mail {
            id: envelope.id.to_owned(),
            from: envelope.from,
            to: envelope.to,
            subject: render::subject(&self.settings.cluster, story),
            text: render::text(story),
            html: render::html(story),
            at_ms: envelope.at_ms,
            thread: Thread { first: envelope.earlier.map(|i| i.first.clone()) },
            urgent: story.light == Light::Red,
            chart: render::chart(story),
            word: story.word.clone(),
            headline: story.headline.clone(),
            cluster: self.settings.cluster.clone(),
            kind: envelope.kind,
        }
    }
}

/// In this machine's time zone; a time that no calendar holds becomes 1970.
fn local(ms: i64) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&Local).fixed_offset()
}
