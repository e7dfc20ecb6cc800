//! One child process from start to reaping.
//!
//! It is over when the child has exited: a grandchild that keeps the pipes open is not waited for. At the deadline the
//! child's whole process group is killed, and the child is reaped even when the kernel lets it die late.

use super::{System, timespec};
use crate::host::{Blind, Command, Host, Output};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The children that run now, so that a process that ends at its deadline leaves none behind.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Kills the groups of all running children; for the end of the process.
pub(crate) fn kill_running() {
    for pid in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Fails only when the group is gone already.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn forget(pid: Pid) {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != pid);
}

const MOST_STDOUT: usize = 1 << 20;
const MOST_STDERR: usize = 64 << 10;
/// How long a killed child may take to die before a thread is left to reap it (it hangs in the kernel then).
const LAST_BREATH: Duration = Duration::from_millis(500);

/// Runs `command` to its end or to the deadline of `host`.
pub fn run(host: &System, command: &Command) -> Result<Output, Blind> {
    let blind = |reason: String| Blind::Command { program: command.printable(), reason };
    if !command.program.is_absolute() {
        return Err(blind("the program must be an absolute path".into()));
    }
    if host.left().is_zero() {
        return Err(Blind::Deadline { stage: command.printable() });
    }
    let mut child = start(command).map_err(|e| blind(e.to_string()))?;
    match attend(host, &mut child, command.stdin.as_deref()) {
        Ok(Some(output)) => Ok(output),
        Ok(None) => {
            kill(child);
            Err(Blind::Deadline { stage: command.printable() })
        }
        Err(e) => {
            kill(child);
            Err(blind(e.to_string()))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this file owns child processes")]
pub(super) fn start(command: &Command) -> std::io::Result<Child> {
    std::process::Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Feeds and reads the child until it has exited; `None` = the deadline came first.
fn attend(host: &System, child: &mut Child, input: Option<&[u8]>) -> std::io::Result<Option<Output>> {
    let id = pid(child)?;
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    let pidfd = pidfd_open(id, PidfdFlags::empty())?;
    let mut feed = child.stdin.take().map(|pipe| Feed { pipe, rest: input.unwrap_or_default() });
    let mut stdout = Drain::new(child.stdout.take(), MOST_STDOUT)?;
    let mut stderr = Drain::new(child.stderr.take(), MOST_STDERR)?;
    if let Some(feed) = &feed {
        unblock(&feed.pipe)?;
    }
    loop {
        let left = host.left();
        if left.is_zero() {
            return Ok(None);
        }
        let mut fds = vec![PollFd::new(&pidfd, PollFlags::IN)];
        fds.extend(stdout.pipe.as_ref().map(|p| PollFd::new(p, PollFlags::IN)));
        fds.extend(stderr.pipe.as_ref().map(|p| PollFd::new(p, PollFlags::IN)));
        fds.extend(feed.as_ref().map(|f| PollFd::new(&f.pipe, PollFlags::OUT)));
        match poll(&mut fds, timespec(left).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let exited = fds.first().is_some_and(|fd| !fd.revents().is_empty());
        drop(fds);
        if feed.as_mut().is_some_and(Feed::done) {
            feed = None;
        }
        // What the child wrote is in the pipes before its exit is seen, so one drain after the exit misses nothing.
        stdout.drain()?;
        stderr.drain()?;
        if exited {
            // Before it is reaped: from then on its number may belong to somebody else.
            forget(id);
            let status = child.wait()?;
            return Ok(Some(Output { code: status.code().filter(|_| status.signal().is_none()), stdout: stdout.text(), stderr: stderr.text() }));
        }
    }
}

fn pid(child: &Child) -> std::io::Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| std::io::Error::other("the process has no id"))
}

pub(super) fn kill(mut child: Child) {
    let Ok(pid) = pid(&child) else { return };
    forget(pid);
    // Fails only when the group is gone already.
    let _ = kill_process_group(pid, Signal::KILL);
    if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
        let _ = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timespec(LAST_BREATH).as_ref());
    }
    if !matches!(child.try_wait(), Ok(Some(_))) {
        // It hangs in an uninterruptible call; a thread reaps it when the kernel lets go of it.
        std::thread::spawn(move || child.wait());
    }
}

fn unblock(fd: impl AsFd) -> std::io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}

struct Feed<'a> {
    pipe: ChildStdin,
    rest: &'a [u8],
}

impl Feed<'_> {
    /// Writes what fits; true when all is written or the child no longer reads.
    fn done(&mut self) -> bool {
        while !self.rest.is_empty() {
            match self.pipe.write(self.rest) {
                Ok(n) => self.rest = self.rest.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        true
    }
}

struct Drain<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
    most: usize,
}

impl<P: Read + AsFd> Drain<P> {
    fn new(pipe: Option<P>, most: usize) -> std::io::Result<Self> {
        if let Some(pipe) = &pipe {
            unblock(pipe)?;
        }
        Ok(Self { pipe, bytes: Vec::new(), most })
    }

    /// Reads what is there; beyond the cap it is read and forgotten, so that the child does not block.
    fn drain(&mut self) -> std::io::Result<()> {
        let mut chunk = [0; 8192];
        // A bounded number of turns: a child that writes without end must not keep the deadline from being looked at.
        for _ in 0..64 {
            let Some(pipe) = &mut self.pipe else { return Ok(()) };
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    let room = self.most.saturating_sub(self.bytes.len()).min(n);
                    self.bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
