//! The mailer's own state as a passive check result: who is told when mail itself does not get through. Written into the command
//! pipe of Icinga 2 (feature `command`) or Nagios after each run, so a silent mailer shows as a stale service. Refuses to wait for
//! a reader.

use crate::spool::{Folder, Spool};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The service that the result is for, on this node's host.
pub const SERVICE: &str = "twinguard-mail";

/// `[seconds] PROCESS_SERVICE_CHECK_RESULT;host;service;code;text` and a line break, at most 4096 bytes, so that it is one write.
pub(super) fn line(node: &str, now_ms: i64, failed: usize, waiting: usize, folder: &Path) -> String {
    let (code, text) = if failed > 0 {
        (2, format!("MAIL CRITICAL - {failed} not delivered, {waiting} waiting; read and remove the files in {}", folder.display()))
    } else {
        (0, format!("MAIL OK - nothing given up, {waiting} waiting"))
    };
    format!("[{}] PROCESS_SERVICE_CHECK_RESULT;{node};{SERVICE};{code};{text}|failed={failed} waiting={waiting}\n", now_ms / 1000)
}

/// Reports the spool's state.
pub(super) fn report(pipe: &Path, node: &str, now_ms: i64, spool: &Spool) -> io::Result<()> {
    let failed = spool.names(Folder::Failed)?.iter().filter(|name| !name.ends_with(".reason")).count();
    let text = line(node, now_ms, failed, spool.names(Folder::Queue)?.len(), &spool.folder(Folder::Failed));
    // O_NONBLOCK: without a reader opening a pipe for writing fails at once (ENXIO) instead of waiting.
    let pipe = rustix::fs::open(pipe, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    File::from(pipe).write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_icinga_reads() {
        let said = |failed| line("pbx1", 1_795_300_867_123, failed, 3, Path::new("/var/spool/twinguard/failed"));
        assert_eq!(
            said(0),
            "[1795300867] PROCESS_SERVICE_CHECK_RESULT;pbx1;twinguard-mail;0;MAIL OK - nothing given up, 3 waiting|failed=0 waiting=3\n"
        );
        assert!(said(2).contains(";2;MAIL CRITICAL - 2 not delivered, 3 waiting; read and remove the files in /var/spool/twinguard/failed|"));
    }
}
