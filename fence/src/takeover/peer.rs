//! The channel to the other agent: one persistent ssh session per link, dialled by the node whose name sorts first, lines of
//! JSON in both directions. ssh authenticates both sides; no port of our own is opened.

use super::agent::Input;
use super::message::{LONGEST, Message};
use plugin_core::Host;
use plugin_core::host::System;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that may wait in a session that does not drain (a frozen peer); more are dropped, BEATs are renewed anyway.
const BACKLOG: usize = 16;
/// Between two attempts to dial.
const REDIAL: Duration = Duration::from_millis(500);

/// Where ssh finds its own files.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The private key.
    pub identity: String,
    /// Host keys under the nodes' names.
    pub known_hosts: String,
}

/// One session, as the agent holds it.
pub struct Session {
    /// Number of the session.
    pub id: u64,
    lines: SyncSender<String>,
}

/// The sessions by link; a new one replaces the old one of the same link.
#[derive(Default)]
pub struct Sessions {
    up: BTreeMap<String, Session>,
}

impl Sessions {
    /// A session whose HELLO was right.
    pub fn add(&mut self, link: &str, session: Session) {
        self.up.insert(link.to_owned(), session);
    }

    /// A session ended.
    pub fn remove(&mut self, id: u64) {
        self.up.retain(|_, s| s.id != id);
    }

    /// Says it on every link; a session that does not drain misses it.
    pub fn say(&mut self, message: &Message) {
        let Ok(mut line) = serde_json::to_string(message) else { return };
        line.push('\n');
        self.up.retain(|_, s| !matches!(s.lines.try_send(line.clone()), Err(TrySendError::Disconnected(_))));
    }
}

impl Session {
    /// A session that begins with `hello`, and the end at which its lines come out.
    pub fn open(id: u64, hello: &Message) -> (Self, Receiver<String>) {
        let (lines, queue) = sync_channel::<String>(BACKLOG);
        if let Ok(mut first) = serde_json::to_string(hello) {
            first.push('\n');
            let _ = lines.try_send(first);
        }
        (Self { id, lines }, queue)
    }
}

/// Starts the two threads of a session: one writes, the other reads to the end. The agent hears of the session before it hears
/// anything from it.
fn serve<R, W>(id: u64, link: Option<String>, reader: R, mut writer: W, hello: &Message, inbox: &Sender<Input>)
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    let (session, queue) = Session::open(id, hello);
    if inbox.send(Input::SessionUp { link, session }).is_err() {
        return;
    }
    let inbox = inbox.clone();
    thread::spawn(move || {
        while let Ok(line) = queue.recv() {
            if writer.write_all(line.as_bytes()).and_then(|()| writer.flush()).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        read(id, reader, &inbox);
        let _ = inbox.send(Input::SessionDown(id));
    });
}

fn read(id: u64, reader: impl Read, inbox: &Sender<Input>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 && line.ends_with(b"\n") => {}
            _ => return,
        }
        // What is no message of this protocol ends the session: the versions differ, or it is not the peer.
        let Ok(message) = serde_json::from_slice::<Message>(&line) else { return };
        if inbox.send(Input::Said { session: id, message }).is_err() {
            return;
        }
    }
}

/// Takes a session over that `twinguard peer` brought to the control socket.
pub fn accept(id: u64, stream: UnixStream, reader: BufReader<UnixStream>, hello: &Message, inbox: &Sender<Input>) {
    if let Ok(closer) = stream.try_clone().map(CloseOnDrop) {
        serve(id, None, reader, ClosingWriter { stream, _closer: closer }, hello, inbox);
    }
}

/// Ends the other direction too when the session is replaced, so that no dead session lingers.
struct CloseOnDrop(UnixStream);
impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
struct ClosingWriter {
    stream: UnixStream,
    _closer: CloseOnDrop,
}
impl Write for ClosingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// One link to dial.
pub struct Dial {
    /// Link name.
    pub link: String,
    /// Own address on it.
    pub from: IpAddr,
    /// The peer's address on it.
    pub to: IpAddr,
    /// The peer's name: the alias under which its host key is known.
    pub peer: String,
}

/// Dials for ever: a session that ends is dialled again. Never awaited by a decision.
pub fn dial(dial: &Dial, keys: &Keys, hello: &Message, next_id: &dyn Fn() -> u64, inbox: &Sender<Input>) {
    let host = System::new(None);
    loop {
        if let Some(stderr) = session(dial, keys, hello, next_id(), inbox)
            && (stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") || stderr.contains("Host key verification failed"))
            && inbox.send(Input::HostKey).is_err()
        {
            return;
        }
        host.wait(REDIAL);
    }
}

/// One session to its end; returns what ssh said on standard error.
fn session(dial: &Dial, keys: &Keys, hello: &Message, id: u64, inbox: &Sender<Input>) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a child that lives as long as the session has no deadline and pipes of its own")]
    let mut command = std::process::Command::new("/usr/bin/ssh");
    let option = |name: &str, value: &str| format!("-o{name}={value}");
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(["-F", "/dev/null", "-T", "-i", &keys.identity, "-l", "root", "-b", &dial.from.to_string()])
        .arg(option("UserKnownHostsFile", &keys.known_hosts))
        .arg(option("GlobalKnownHostsFile", "/dev/null"))
        .arg(option("HostKeyAlias", &dial.peer))
        .arg(option("StrictHostKeyChecking", "yes"))
        .arg(option("BatchMode", "yes"))
        .arg(option("ConnectTimeout", "2"))
        .arg(option("ServerAliveInterval", "1"))
        .arg(option("ServerAliveCountMax", "3"))
        .arg("--")
        .arg(dial.to.to_string())
        .arg("twinguard-peer")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (stdin, stdout, stderr) = (child.stdin.take()?, child.stdout.take()?, child.stderr.take()?);
    serve(id, Some(dial.link.clone()), stdout, stdin, hello, inbox);
    let mut said = String::new();
    // Reads to the end of the session: ssh holds its standard error open until it exits.
    let _ = stderr.take(LONGEST).read_to_string(&mut said);
    let _ = child.kill();
    let _ = child.wait();
    Some(said)
}

/// `twinguard peer`: joins standard input and output with the agent's control socket until one side ends.
///
/// # Errors
/// The agent can't be reached.
pub fn proxy(control: &str) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("cannot reach the agent at {control}: {e}");
    let mut stream = UnixStream::connect(control).map_err(wrong)?;
    stream.write_all(b"peer\n").map_err(wrong)?;
    let mut up = stream.try_clone().map_err(wrong)?;
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut up);
        let _ = up.shutdown(Shutdown::Both);
    });
    let mut out = std::io::stdout().lock();
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(n) => {
                let Some(part) = buffer.get(..n) else { return Ok(()) };
                if out.write_all(part).and_then(|()| out.flush()).is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Reads one line of at most 4 KiB from a fresh control connection.
pub fn first_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.take(4096).read_line(&mut line).ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}
