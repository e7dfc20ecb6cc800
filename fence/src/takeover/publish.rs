//! What the agent tells the world: the status file, mails into the spool, log lines. Off the critical path: mails are written
//! by a thread of their own.

use plugin_core::contract::mail::{MailEvent, MailKind, MailNode, Severity};
use plugin_core::contract::status::{Life, Role, Status};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// One line to the journal of systemd (standard error). A closed standard error is no reason to stop.
pub fn log(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes `/run/twinguard/status.json` atomically, readable by everybody.
///
/// # Errors
/// What could not be written.
pub fn status(path: &Path, status: &Status) -> Result<(), String> {
    let wrong = |e: &dyn std::fmt::Display| format!("cannot write {}: {e}", path.display());
    let json = serde_json::to_vec_pretty(status).map_err(|e| wrong(&e))?;
    let temp = path.with_extension("new");
    std::fs::write(&temp, json).and_then(|()| std::fs::rename(&temp, path)).map_err(|e| wrong(&e))
}

/// Starts the thread that puts events into the mailer's spool.
pub fn mailer(spool: &Path) -> Sender<MailEvent> {
    let (queue, events): (_, Receiver<MailEvent>) = channel();
    let incoming = spool.join("incoming");
    thread::spawn(move || {
        for event in events {
            if let Err(error) = spool_event(&incoming, &event) {
                log(&format!("the mail \"{}\" is lost: {error}", event.summary));
            }
        }
    });
    queue
}

fn spool_event(incoming: &Path, event: &MailEvent) -> Result<(), String> {
    let path: PathBuf = incoming.join(format!("{}.json", event.id));
    let temp = incoming.join(format!(".{}", event.id));
    let wrong = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    let json = serde_json::to_vec(event).map_err(|e| format!("cannot encode it: {e}"))?;
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o640).open(&temp).map_err(wrong)?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(wrong)?;
    std::fs::rename(&temp, &path).map_err(wrong)?;
    std::fs::File::open(incoming).and_then(|f| f.sync_all()).map_err(wrong)
}

/// How bad an event is.
pub const fn severity(kind: MailKind) -> Severity {
    match kind {
        MailKind::Founded | MailKind::Rejoined => Severity::Ok,
        MailKind::Takeover | MailKind::Standby | MailKind::Demoted | MailKind::Maintenance | MailKind::FenceConfirmed => Severity::Warning,
        MailKind::Refused
        | MailKind::FenceSent
        | MailKind::FenceFailed
        | MailKind::TakeoverHeld
        | MailKind::TakeoverFailed
        | MailKind::SplitBrain
        | MailKind::Trouble => Severity::Critical,
    }
}

/// Name of a kind inside ids.
pub const fn word(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Founded => "founded",
        MailKind::Takeover => "takeover",
        MailKind::Refused => "refused",
        MailKind::FenceSent => "fence-sent",
        MailKind::FenceConfirmed => "fence-confirmed",
        MailKind::FenceFailed => "fence-failed",
        MailKind::TakeoverHeld => "held",
        MailKind::TakeoverFailed => "failed",
        MailKind::Standby => "standby",
        MailKind::SplitBrain => "split-brain",
        MailKind::Demoted => "demoted",
        MailKind::Rejoined => "rejoined",
        MailKind::Maintenance => "maintenance",
        MailKind::Trouble => "trouble",
    }
}

/// What to do now, as commands to paste.
pub fn actions(kind: MailKind, peer: &str, advice: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = advice.map(|a| format!("# {a}")).into_iter().collect();
    match kind {
        MailKind::Takeover => {
            lines.push(format!("# find out why {peer} failed before you switch it on; it comes back as STANDBY and starts nothing"));
        }
        MailKind::FenceFailed | MailKind::Refused => lines.push(format!("# is {peer} really dead? look at its console and its power")),
        MailKind::TakeoverHeld | MailKind::TakeoverFailed => lines.push("journalctl -u twinguard --since -10min".to_owned()),
        _ => {}
    }
    lines.push("twinguard status".to_owned());
    lines
}

/// The two rows of the mail's table.
pub fn rows(status: &Status) -> Vec<MailNode> {
    let own: Vec<String> = status.groups.iter().map(|g| format!("{} {}", g.name, g.role)).collect();
    let failed = status.groups.iter().any(|g| g.role == Role::Failed || g.degraded.is_some());
    let life = match status.peer.life {
        Life::Alive => "answers",
        Life::Mute => "only its kernel answers",
        Life::Silent => "answers nowhere",
        Life::Unknown => "not probed yet",
    };
    let theirs: Vec<String> = status.peer.roles.iter().map(|(g, r)| format!("last known {g} {r}")).collect();
    let words = |parts: Vec<String>, last: &str| if parts.is_empty() { last.to_owned() } else { format!("{}; {last}", parts.join(", ")) };
    vec![
        MailNode {
            name: status.node.clone(),
            role: if own.is_empty() { "no group".to_owned() } else { own.join(", ") },
            light: if failed { Severity::Critical } else { Severity::Ok },
        },
        MailNode {
            name: status.peer.node.clone(),
            role: words(theirs, life),
            light: if status.peer.life == Life::Alive { Severity::Ok } else { Severity::Critical },
        },
    ]
}
