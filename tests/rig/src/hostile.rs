//! A TCP server that misbehaves: it accepts and says nothing, says the wrong thing, hangs up, or drips bytes for ever. Also what
//! a running process shows to everybody.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How it misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Accepts and never says a word.
    Mute,
    /// Says this, and then no more.
    Says(&'static [u8]),
    /// Hangs up at once.
    HangsUp,
    /// Sends one byte after the other without an end of line.
    Drips,
    /// Says this, reads one line or more, and answers with that.
    Answers(&'static [u8], &'static [u8]),
}

/// Starts it on `bind` (`127.0.0.1:0`); it serves until the test's process ends.
pub fn serve(bind: &str, manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind(bind).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || behave(stream, manner));
        }
    });
    address
}

fn behave(mut stream: TcpStream, manner: Manner) {
    let mut buffer = [0; 4096];
    match manner {
        Manner::HangsUp => return,
        Manner::Mute => {}
        Manner::Says(text) => drop(stream.write_all(text)),
        Manner::Answers(first, second) => {
            let _ = stream.write_all(first);
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(second);
        }
        Manner::Drips => {
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // Stays open until the other side has enough.
    while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
}

/// Starts a command that has to wait for a mute server, and collects what everybody (and root) can read about it in `/proc`: its
/// arguments and its environment. Then it is ended.
pub fn seen_by_everybody(start: impl FnOnce(SocketAddr) -> Command) -> String {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let mut command = start(server.local_addr().unwrap());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    // Kept open: the command would end otherwise.
    let _held = loop {
        match server.accept() {
            Ok(held) => break held,
            Err(_) => assert!(Instant::now() < end, "it does not get to where it waits"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seen = read(&child);
    let _ = child.kill();
    let _ = child.wait();
    seen
}

fn read(child: &Child) -> String {
    let path = |name: &str| format!("/proc/{}/{name}", child.id());
    let text = |name: &str| String::from_utf8_lossy(&std::fs::read(path(name)).unwrap()).into_owned();
    assert!(text("cmdline").contains("check_"), "{}", text("cmdline"));
    format!("{}\n{}", text("cmdline"), text("environ"))
}
