//! A child that is spoken with over its standard input and output, within the deadline (a remote shell, a helper).
//!
//! Ends with whoever holds it, and at the deadline in any case: its whole process group is killed then.

use super::child::{kill, start};
use super::timespec;
use crate::Host;
use crate::host::{Blind, Command};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What of standard error is kept for an error's text.
const COMPLAINT: u64 = 4 << 10;
/// The guard acts this much before the deadline, so that no child outlives a check that gives up.
const MARGIN: Duration = Duration::from_millis(100);
/// How long the rest of a line may take that has begun.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a child's last words are waited for once something is wrong with it.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running child.
pub struct Conversation<'a> {
    host: &'a dyn Host,
    /// Printable form of the command.
    program: String,
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// What it said on standard error, once it has closed it.
    complaint: Arc<Mutex<Option<Vec<u8>>>>,
    /// Bytes sent and received.
    traffic: (u64, u64),
}

impl<'a> Conversation<'a> {
    /// Starts the child. `command.stdin` is not used.
    ///
    /// # Errors
    /// [`Blind::Command`]: it can't be started.
    pub fn start(host: &'a dyn Host, command: &Command) -> Result<Self, Blind> {
        let program = command.printable();
        let blind = |reason: String| Blind::Command { program: command.printable(), reason };
        if !command.program.is_absolute() {
            return Err(blind("the program must be an absolute path".into()));
        }
        let piped = Command { stdin: Some(Vec::new()), ..command.clone() };
        let mut child = start(&piped).map_err(|e| blind(e.to_string()))?;
        let complaint = Arc::new(Mutex::new(None));
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            kill(child);
            return Err(blind("it has no pipes".into()));
        };
        let (said, left) = (Arc::clone(&complaint), host.left().saturating_sub(MARGIN));
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // An unreadable complaint is none.
            let _ = stderr.take(COMPLAINT).read_to_end(&mut text);
            *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        });
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            std::thread::spawn(move || guard(pid, left));
        }
        Ok(Self { host, program, child: Some(child), stdin: Some(stdin), stdout, complaint, traffic: (0, 0) })
    }

    fn blind(&self, reason: &str) -> Blind {
        // The child's last words come with its end, which a busy machine may delay.
        let until = self.host.now() + LAST_WORDS.min(self.host.left().saturating_sub(MARGIN));
        let words = || self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
        while words().is_none() && self.host.now() < until {
            self.host.wait(Duration::from_millis(10));
        }
        let said = words().unwrap_or_default();
        let said = String::from_utf8_lossy(&said).trim().lines().last().unwrap_or_default().to_owned();
        let reason = if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") };
        Blind::Command { program: self.program.clone(), reason }
    }

    /// Sends everything.
    ///
    /// # Errors
    /// [`Blind::Command`] with the child's own words: it no longer reads.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Blind> {
        let sent = self.stdin.as_mut().map(|stdin| stdin.write_all(bytes).and_then(|()| stdin.flush()));
        self.traffic.0 += bytes.len() as u64;
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.blind("it ended too early")),
        }
    }

    /// Receives exactly `length` bytes; fewer only at the end of the child's output.
    ///
    /// # Errors
    /// [`Blind::Deadline`], or [`Blind::Command`] if the pipe breaks.
    pub fn receive(&mut self, length: usize) -> Result<Vec<u8>, Blind> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 16 << 10];
        while bytes.len() < length {
            let left = self.host.left().saturating_sub(MARGIN);
            if left.is_zero() {
                return Err(Blind::Deadline { stage: format!("listening to {}", self.program) });
            }
            match poll(&mut [PollFd::new(&self.stdout, PollFlags::IN)], timespec(left).as_ref()) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(self.blind(&std::io::Error::from(error).to_string())),
            }
            let room = chunk.len().min(length - bytes.len());
            let Some(part) = chunk.get_mut(..room) else { break };
            match self.stdout.read(part) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(error) => return Err(self.blind(&error.to_string())),
            }
        }
        self.traffic.1 += bytes.len() as u64;
        Ok(bytes)
    }

    /// Receives one line with its end, at most `most` bytes of it. Once it has begun, it has a second for each further byte.
    ///
    /// # Errors
    /// As [`Conversation::receive`]; a line that stops half way is no error, its end is missing then.
    pub fn line(&mut self, most: usize) -> Result<Vec<u8>, Blind> {
        let mut line = self.receive(1)?;
        while line.len() < most && !line.is_empty() && line.last() != Some(&b'\n') {
            let wait = PATIENCE.min(self.host.left().saturating_sub(MARGIN));
            if matches!(poll(&mut [PollFd::new(&self.stdout, PollFlags::IN)], timespec(wait).as_ref()), Ok(0)) {
                break;
            }
            let next = self.receive(1)?;
            if next.is_empty() {
                break;
            }
            line.extend(next);
        }
        Ok(line)
    }

    /// The error for an answer that ended early or makes no sense, with the child's own words.
    pub fn broken(&self, reason: &str) -> Blind {
        self.blind(reason)
    }

    /// Bytes sent and received so far.
    pub const fn traffic(&self) -> (u64, u64) {
        self.traffic
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        // It sees the end of its input and may say good-bye; then it is killed.
        self.stdin = None;
        if let Some(child) = self.child.take() {
            kill(child);
        }
    }
}

/// Kills the group at the deadline, unless the child has ended before.
fn guard(pid: Pid, left: Duration) {
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if matches!(poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timespec(left).as_ref()), Ok(0)) {
        // Fails only when the group is gone already.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::host::System;

    #[test]
    fn a_child_is_spoken_with_and_ends_with_its_holder() {
        let host = System::new(Some(Duration::from_secs(10)));
        let mut cat = Conversation::start(&host, &Command::new("/bin/cat")).unwrap();
        cat.send(b"hello").unwrap();
        assert_eq!(cat.receive(5).unwrap(), b"hello");
        assert_eq!(cat.traffic(), (5, 5));
        let pid = cat.child.as_ref().unwrap().id();
        drop(cat);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_silent_child_is_a_deadline_and_a_dead_one_has_last_words() {
        let host = System::new(Some(Duration::from_millis(400)));
        let mut sleep = Conversation::start(&host, &Command::new("/bin/sleep").arg("1000")).unwrap();
        assert!(matches!(sleep.receive(1), Err(Blind::Deadline { .. })));
        let host = System::new(Some(Duration::from_secs(10)));
        let mut ls = Conversation::start(&host, &Command::new("/bin/ls").arg("/nonexistent")).unwrap();
        assert_eq!(ls.receive(9).unwrap(), b"", "it says nothing and ends");
        assert!(ls.broken("it ended too early").to_string().contains("it ended too early: "), "{}", ls.broken("x"));
        let relative = Conversation::start(&host, &Command::new("cat")).map(|_| ()).unwrap_err();
        assert!(relative.to_string().contains("absolute path"));
    }
}
