//! The two sockets of the agent: handlers hand over at one, operators and the peer's sessions come in at the other.

use super::agent::Input;
use super::message::Message;
use super::peer;
use plugin_core::contract::request::{Answer, Request};
use std::io::{BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// A handler has this long to say what it wants.
const PATIENCE: Duration = Duration::from_millis(500);
/// Longest request, bytes.
const LONGEST: u64 = 16 * 1024;

/// The listening socket: systemd's, handed over as standard input (`StandardInput=socket`), which queues calls while the
/// agent is down; else one made here.
///
/// # Errors
/// The socket can't be made.
pub fn event_listener(path: &str) -> Result<UnixListener, String> {
    let given = std::io::stdin().as_fd().try_clone_to_owned().map(UnixListener::from).ok();
    let ours = |l: &UnixListener| l.local_addr().is_ok_and(|a| a.as_pathname().is_some_and(|p| p.as_os_str() == path));
    match given.filter(ours) {
        Some(listener) => Ok(listener),
        None => bind(path),
    }
}

/// Binds a socket that only root may use; a socket left by an earlier agent is replaced.
///
/// # Errors
/// The socket can't be made.
pub fn bind(path: &str) -> Result<UnixListener, String> {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(|e| format!("cannot listen at {path}: {e}"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|e| format!("cannot protect {path}: {e}"))?;
    Ok(listener)
}

/// Takes handler calls until `inbox` is closed.
pub fn events(listener: &UnixListener, inbox: &Sender<Input>) {
    for stream in listener.incoming().flatten() {
        let inbox = inbox.clone();
        thread::spawn(move || event(stream, &inbox));
    }
}

fn event(mut stream: UnixStream, inbox: &Sender<Input>) {
    let uid = rustix::net::sockopt::socket_peercred(&stream).map_or(u32::MAX, |c| c.uid.as_raw());
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut text = String::new();
    let mut reader = BufReader::new((&stream).take(LONGEST));
    let request = match std::io::BufRead::read_line(&mut reader, &mut text) {
        Ok(n) if n > 0 => serde_json::from_str::<Request>(&text).map_err(|e| format!("cannot understand the request: {e}")),
        _ => return,
    };
    let answer = match request {
        Err(text) => Answer { accepted: false, refusal: None, text },
        Ok(request) => {
            let (reply, answer) = channel();
            if inbox.send(Input::Call { request, uid, reply }).is_err() {
                return;
            }
            match answer.recv() {
                Ok(answer) => answer,
                Err(_) => return,
            }
        }
    };
    if let Ok(mut line) = serde_json::to_string(&answer) {
        line.push('\n');
        let _ = stream.write_all(line.as_bytes());
    }
}

/// Takes operators and peer sessions until `inbox` is closed. A session gets the next of `ids` and begins with `hello`.
pub fn control(listener: &UnixListener, hello: &Message, ids: &Arc<AtomicU64>, inbox: &Sender<Input>) {
    for stream in listener.incoming().flatten() {
        let (hello, ids, inbox) = (hello.clone(), Arc::clone(ids), inbox.clone());
        thread::spawn(move || visitor(stream, &hello, &ids, &inbox));
    }
}

fn visitor(stream: UnixStream, hello: &Message, ids: &AtomicU64, inbox: &Sender<Input>) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    let Some(line) = peer::first_line(&mut reader) else { return };
    if line == "peer" {
        return peer::accept(ids.fetch_add(1, Ordering::Relaxed), stream, reader, hello, inbox);
    }
    let (reply, answer) = channel();
    if inbox.send(Input::Operator { command: line, reply }).is_err() {
        return;
    }
    let mut stream = stream;
    if let Ok(result) = answer.recv() {
        let line = match result {
            Ok(text) => format!("ok {text}\n"),
            Err(text) => format!("refused {text}\n"),
        };
        let _ = stream.write_all(line.replace('\n', " ").trim_end().as_bytes());
    }
}
