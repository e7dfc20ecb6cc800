//! The turn of one waiting mail: each recipient that is left gets its own transaction, and what came of it is on disk before
//! the next one. Refuses to give a mail up silently.

use super::line::{Failure, Letter};
use super::{Log, Run, channel, to_json};
use crate::spool::{Folder, Note, Queued, Refused};
use std::io;
use std::sync::Arc;

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It had its attempt, or it is not its time.
    Over,
    /// Not its time, but it waits for a relay only: worth a turn as soon as a relay is seen to work.
    Held,
}

impl Run<'_> {
    pub(super) fn turn(&mut self, name: &str) -> io::Result<Turn> {
        let Some(bytes) = self.spool.read(Folder::Queue, name)? else { return Ok(Turn::Over) };
        let mut mail: Queued = match serde_json::from_slice(&bytes) {
            Ok(mail) => mail,
            Err(e) => {
                (self.say)(Log::Alarm, &format!("{name} in queue/ can't be understood ({e}); moved to failed/"));
                return self.spool.rename((Folder::Queue, name), (Folder::Failed, name)).map(|()| Turn::Over);
            }
        };
        let by_channel = mail.left.iter().any(|to| channel::is_channel(to));
        let relay_is_back = self.open && mail.relay_down;
        if !(self.flush || relay_is_back || mail.is_due(self.host.wall_ms())) {
            return Ok(if mail.relay_down { Turn::Held } else { Turn::Over });
        }
        self.spool.note(Note::Begun, name)?;
        let (reasons, relay_down) = if by_channel { self.channels(&mut mail) } else { self.recipients(name, &mut mail)? };
        self.spool.note(Note::Begun, "")?;
        if mail.left.is_empty() {
            if mail.refused.is_empty() {
                self.spool.remove(Folder::Queue, name)?;
            } else {
                self.fail(name)?;
            }
            return Ok(Turn::Over);
        }
        mail.postpone(self.host.wall_ms(), reasons.join("; "));
        mail.relay_down = relay_down;
        self.spool.write(Folder::Queue, name, &to_json(&mail)?)?;
        if mail.is_old(self.host.wall_ms()) {
            (self.say)(Log::Alarm, &format!("{} given up after 5 days for {}: {}", mail.id, mail.left.join(", "), mail.reason));
            self.fail(name)?;
        } else {
            let seconds = (mail.next_ms - self.host.wall_ms()).max(0) / 1000;
            (self.say)(Log::Error, &format!("{} waits, next attempt in {seconds} s: {}", mail.id, mail.reason));
        }
        Ok(Turn::Over)
    }

    /// One transaction for each recipient that is left. Gives back why some are still left, and whether nothing but a relay
    /// was in the way.
    fn recipients(&mut self, name: &str, mail: &mut Queued) -> io::Result<(Vec<String>, bool)> {
        let (mut reasons, mut relay_down) = (Vec::new(), true);
        for to in mail.left.clone() {
            let letter = Letter { from: mail.from.clone(), to: to.clone(), message: mail.message.clone() };
            match self.line.hand_over(self.host, &Arc::new(letter)) {
                Ok(relay) => {
                    self.open = true;
                    mail.left.retain(|t| *t != to);
                    self.keep(name, mail)?;
                    (self.say)(Log::Info, &format!("{} delivered to {to} by {relay}: {}", mail.id, mail.subject));
                }
                Err(Failure::Never(reason)) => {
                    (self.say)(Log::Alarm, &format!("{} refused for {to}: {reason}", mail.id));
                    mail.left.retain(|t| *t != to);
                    mail.refused.push(Refused { to, reason });
                    self.keep(name, mail)?;
                }
                Err(Failure::Later(reason)) => {
                    relay_down = false;
                    reasons.push(reason);
                }
                Err(Failure::Relay(reason)) => reasons.push(reason),
            }
        }
        Ok((reasons, relay_down))
    }

    /// One run of the program of each channel that is left. A program that failed in this run is not started again.
    fn channels(&mut self, mail: &mut Queued) -> (Vec<String>, bool) {
        let (mut reasons, mut left) = (Vec::new(), Vec::new());
        for to in std::mem::take(&mut mail.left) {
            let Some(argv) = self.settings.channels.iter().find(|argv| channel::recipient(argv) == to) else {
                mail.refused.push(Refused { to, reason: "[notify] channels no longer names this program".to_owned() });
                continue;
            };
            let outcome = if self.dumb.contains(&to) {
                Err("failed before in this run".to_owned())
            } else {
                channel::run(argv, &mail.text, self.timeout.min(self.host.left()))
            };
            match outcome {
                Ok(()) => (self.say)(Log::Info, &format!("{} told by {}: {}", mail.id, argv.first().map_or("", String::as_str), mail.subject)),
                Err(reason) => {
                    self.dumb.insert(to.clone());
                    left.push(to);
                    reasons.push(reason);
                }
            }
        }
        mail.left = left;
        (reasons, false)
    }

    /// Writes down that a recipient is done with, at once: a killed run must not send to it again.
    fn keep(&self, name: &str, mail: &Queued) -> io::Result<()> {
        if mail.left.is_empty() && mail.refused.is_empty() { Ok(()) } else { self.spool.write(Folder::Queue, name, &to_json(mail)?) }
    }

    fn fail(&mut self, name: &str) -> io::Result<()> {
        let path = self.spool.folder(Folder::Failed).join(name);
        (self.say)(Log::Alarm, &format!("{} keeps the mail and the reason; remove the file when you have read it", path.display()));
        self.spool.rename((Folder::Queue, name), (Folder::Failed, name))
    }
}
