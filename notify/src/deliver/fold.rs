//! Digests: many new notifications at once become one mail, and follow-ups beyond the limit wait for one. The first mail of an
//! incident and a cluster event are never held back. A digest is on disk, with the names of what it replaces, before those are
//! removed, so that a killed run loses nothing and sends nothing twice. Refuses to fold what was tried already.

use super::{Log, Run, channel, intake, to_json};
use crate::backoff::fnv;
use crate::spool::{Folder, Note, Queued, Told};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

/// The limit counts follow-ups in this time, in milliseconds.
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// How the name of a queue file ends that waits for the limit.
pub(super) const HELD: &str = ".held.json";
/// How a digest's ends.
const DIGEST: &str = ".digest.json";

/// Same sender, same recipients: what may share a mail.
type Key = (String, Vec<String>);
type Members = Vec<(String, Queued, Told)>;

impl Run<'_> {
    /// Ends what a killed run began: removes what a digest in the queue replaces.
    pub(super) fn finish_folding(&mut self) -> io::Result<()> {
        for name in self.spool.names(Folder::Queue)?.iter().filter(|n| n.ends_with(DIGEST)) {
            if let Some(digest) = self.queued(name)? {
                self.remove_members(&digest.folds)?;
            }
        }
        Ok(())
    }

    /// New mails join the fresh ones: folded if they are too many at once, held if they are follow-ups beyond the limit.
    pub(super) fn fold(&mut self, new: &[String], fresh: &mut VecDeque<String>) -> io::Result<()> {
        fresh.extend(new.iter().cloned());
        if fresh.len() > self.settings.burst {
            for (key, members) in self.groups(fresh.make_contiguous())? {
                if members.len() > self.settings.burst {
                    let folded: BTreeSet<&String> = members.iter().map(|(name, ..)| name).collect();
                    fresh.retain(|name| !folded.contains(name));
                    fresh.push_back(self.digest(&key, &members, false)?);
                }
            }
        }
        let unfolded: BTreeSet<&String> = fresh.iter().collect();
        let left: Vec<String> = new.iter().filter(|name| unfolded.contains(name)).cloned().collect();
        for (key, members) in self.groups(&left)? {
            for (name, mail, _) in members.iter().filter(|(.., told)| !told.first) {
                if !self.admit(&key)? {
                    self.spool.rename((Folder::Queue, name), (Folder::Queue, &name.replace(".json", HELD)))?;
                    fresh.retain(|other| other != name);
                    (self.say)(Log::Info, &format!("{} waits for a digest: more than {} follow-ups in 10 minutes", mail.id, self.settings.rate));
                }
            }
        }
        Ok(())
    }

    /// What was held goes as soon as the limit has room again.
    pub(super) fn release(&mut self) -> io::Result<Vec<String>> {
        let held: Vec<String> = self.spool.names(Folder::Queue)?.into_iter().filter(|n| n.ends_with(HELD)).collect();
        let mut released = Vec::new();
        for (key, members) in self.groups(&held)? {
            if !(self.admit(&key)? || self.flush) {
                continue;
            }
            released.push(match members.as_slice() {
                [(name, ..)] => {
                    let plain = name.replace(HELD, ".json");
                    self.spool.rename((Folder::Queue, name), (Folder::Queue, &plain))?;
                    plain
                }
                _ => self.digest(&key, &members, true)?,
            });
        }
        Ok(released)
    }

    /// Reads those that may be folded, by sender and recipients, in the order of time.
    fn groups(&self, names: &[String]) -> io::Result<BTreeMap<Key, Members>> {
        let mut groups: BTreeMap<Key, Members> = BTreeMap::new();
        for name in names {
            if let Some(mut mail) = self.queued(name)?
                && mail.failed == 0
                && mail.refused.is_empty()
                && let Some(told) = mail.told.take()
            {
                // Its words are not needed for a line in a digest, and there may be thousands.
                mail.message.clear();
                mail.text.clear();
                groups.entry((mail.from.clone(), mail.left.clone())).or_default().push((name.clone(), mail, told));
            }
        }
        Ok(groups)
    }

    fn queued(&self, name: &str) -> io::Result<Option<Queued>> {
        // What can't be understood is put aside when it has its turn.
        Ok(self.spool.read(Folder::Queue, name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Replaces these mails by one; its name.
    fn digest(&mut self, (from, to): &Key, members: &Members, held: bool) -> io::Result<String> {
        let told: Vec<Told> = members.iter().map(|(.., told)| told.clone()).collect();
        let names: Vec<String> = members.iter().map(|(name, ..)| name.clone()).collect();
        // The same members give the same id, others another one.
        let id = format!("digest-{}-{:016x}", told.len(), fnv(&names.join("/")));
        let mail = self.composer(|composer| composer.digest(&told, held, &id, from, to));
        let mut entry = intake::entry(&mail, self.host.wall_ms(), None).map_err(io::Error::other)?;
        let way = match to.as_slice() {
            [one] if channel::is_channel(one) => {
                entry = intake::by_channel(&mail, &entry, one.clone());
                ".way"
            }
            _ => {
                entry.left.clone_from(to);
                ""
            }
        };
        entry.folds = names;
        let name = format!("{:013}-{id}{way}{DIGEST}", mail.at_ms.max(0));
        self.spool.write(Folder::Queue, &name, &to_json(&entry)?)?;
        self.remove_members(&entry.folds)?;
        Ok(name)
    }

    fn remove_members(&self, names: &[String]) -> io::Result<()> {
        names.iter().try_for_each(|name| self.spool.remove(Folder::Queue, name))
    }

    /// Counts one follow-up, if the limit has room for it.
    fn admit(&mut self, key: &Key) -> io::Result<bool> {
        let now = self.host.wall_ms();
        let mut sent: BTreeMap<String, Vec<i64>> = self.spool.noted(Note::Rate).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        sent.retain(|_, times| {
            // A time in the future is one of a clock that was set back.
            times.retain(|time| (0..WINDOW_MS).contains(&(now - time)));
            !times.is_empty()
        });
        let times = sent.entry(format!("{:016x}", fnv(&format!("{key:?}")))).or_default();
        let room = times.len() < self.settings.rate;
        if room {
            times.push(now);
            self.spool.note(Note::Rate, &serde_json::to_string(&sent)?)?;
        }
        Ok(room)
    }
}
