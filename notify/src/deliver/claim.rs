//! Who may touch a file of `incoming/`, and where it goes when it is no event. Everybody who may notify can put anything
//! there (links, folders, names that are no text), so each step may fail for one file and must not stop the others.

use super::{Log, Say};
use crate::backoff::fnv;
use crate::clean::line;
use crate::spool::{Folder, Spool, is_event};
use std::io;

/// So often a file is begun with. Kills and power cuts count too, so a few must be borne; while other events wait, the path
/// unit starts the next run at once, so that a file which crashes the mailer is out of the way within a second.
const TRIES: u32 = 10;

/// Why an event was not taken in.
pub(super) enum Trouble {
    /// This file's fault.
    File(io::Error),
    /// The disk's fault: nothing can be taken in.
    Spool(io::Error),
}

/// A file of `incoming/` that this run works on.
pub(super) struct Claim {
    /// Its name now: hidden from the path unit, which would start the next run for it.
    pub name: String,
    stem: String,
}

impl Claim {
    /// Claims `name`; `None` if it is no event, or was begun with too often.
    pub(super) fn of(spool: &Spool, name: &str, say: Say<'_>) -> Result<Option<Self>, Trouble> {
        let Some((stem, tries)) = tries(name) else { return Ok(None) };
        if tries >= TRIES {
            let claim = Claim { name: name.to_owned(), stem: stem.to_owned() };
            return claim.poison(spool, "the mailer ended ten times while it worded this event", say).map(|()| None);
        }
        let claim = Claim { name: format!("{stem}.try{}", tries + 1), stem: stem.to_owned() };
        spool.rename((Folder::Incoming, name), (Folder::Incoming, &claim.name)).map_err(Trouble::File)?;
        Ok(Some(claim))
    }

    /// Back under its first name, with all its tries.
    pub(super) fn give_back(&self, spool: &Spool) -> Result<(), Trouble> {
        spool.rename((Folder::Incoming, &self.name), (Folder::Incoming, &self.stem)).map_err(Trouble::File)
    }

    /// Puts it aside with the reason.
    pub(super) fn poison(&self, spool: &Spool, reason: &str, say: Say<'_>) -> Result<(), Trouble> {
        let shown = line(&self.stem, 200);
        let reason = line(reason, 300);
        say(Log::Alarm, &format!("{shown} in incoming/ can't become a mail: {reason}; look into {}", spool.folder(Folder::Failed).display()));
        put_aside(spool, &self.name, &self.stem, &reason)
    }
}

/// Puts names aside that are no text or too long to work with; `true` if one could not be moved.
pub(super) fn put_strange_aside(spool: &Spool, say: Say<'_>) -> io::Result<bool> {
    let mut stuck = false;
    for name in spool.strange_names(Folder::Incoming)? {
        let stem = format!("strange-{:016x}", fnv(&name.to_string_lossy()));
        say(
            Log::Alarm,
            &format!("a file in incoming/ has a name that is no event's; look into {}", spool.folder(Folder::Failed).join(&stem).display()),
        );
        match put_aside(spool, &name, &stem, "its name is no text, or longer than 200 bytes") {
            Ok(()) => {}
            Err(Trouble::File(_)) => stuck = true,
            Err(Trouble::Spool(e)) => return Err(e),
        }
    }
    Ok(stuck)
}

fn put_aside(spool: &Spool, name: impl AsRef<std::path::Path>, stem: &str, reason: &str) -> Result<(), Trouble> {
    // Somebody else's folder can't be moved to another folder, but it can be hidden where it is.
    spool
        .rename((Folder::Incoming, name.as_ref()), (Folder::Failed, stem))
        .or_else(|_| spool.rename((Folder::Incoming, name.as_ref()), (Folder::Incoming, &format!(".{stem}.failed"))))
        .map_err(Trouble::File)?;
    spool.write(Folder::Failed, &format!("{stem}.reason"), format!("{reason}\n").as_bytes()).map_err(Trouble::Spool)
}

/// The name that the writer gave, and how often the file was begun with; `None` if it is no event.
fn tries(name: &str) -> Option<(&str, u32)> {
    match name.rsplit_once(".try") {
        Some((stem, tries)) if is_event(stem) => Some((stem, tries.parse().ok()?)),
        _ => is_event(name).then_some((name, 0)),
    }
}
