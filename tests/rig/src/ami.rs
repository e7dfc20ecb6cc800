//! A manager interface that answers as a real Asterisk did when it was recorded. It checks logins itself (mon / hunter2) by its own
//! challenge, and knows every action of its recordings; others are unknown commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Challenge of every session.
const CHALLENGE: &str = "162736713";

/// A running replay.
pub struct Replay {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Replay {
    /// Starts it with these recordings; a later one replaces actions of an earlier one.
    pub fn start(recordings: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut actions = BTreeMap::new();
        for recording in recordings {
            for section in recording.split("\n== ").skip(1) {
                let (name, text) = section.split_once('\n').unwrap();
                actions.insert(name.to_owned(), text.trim_end().replace('\n', "\r\n"));
            }
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (actions, log) = (actions.clone(), Arc::clone(&log));
                // A client that ends early is no fault of the replay.
                std::thread::spawn(move || drop(serve(stream, &actions, &log)));
            }
        });
        Self { address, heard }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The names of all actions so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, actions: &BTreeMap<String, String>, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    write!(out, "{}\r\n", actions["banner"])?;
    let mut block = BTreeMap::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some((name, value)) = line.split_once(": ") {
            block.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let field = |name: &str| block.get(name).cloned().unwrap_or_default();
        let (action, id) = (field("Action"), field("ActionID"));
        log.lock().unwrap().push(action.clone());
        let text = match action.as_str() {
            "Challenge" => format!("Response: Success\r\nActionID: x\r\nChallenge: {CHALLENGE}"),
            "Login" if field("Key") == key("hunter2") || field("Secret") == "hunter2" => {
                // FullyBooted follows the login where the account may read system events.
                let booted = "\r\n\r\nEvent: FullyBooted\r\nPrivilege: system,all\r\nUptime: 4711\r\nLastReload: 4711\r\nStatus: Fully Booted";
                format!("{}{booted}", actions["Login"])
            }
            "Login" => "Response: Error\r\nActionID: x\r\nMessage: Authentication failed".into(),
            other => actions.get(other).cloned().unwrap_or_else(|| {
                format!("Response: Error\r\nActionID: x\r\nMessage: Invalid/unknown command: {other}. Use Action: ListCommands to show available commands.")
            }),
        };
        let mut answer = String::new();
        for line in text.split("\r\n") {
            // FullyBooted carries no ActionID, and neither do foreign events.
            let line = if line.starts_with("ActionID: ") { format!("ActionID: {id}") } else { line.to_owned() };
            let _ = write!(answer, "{line}\r\n");
        }
        write!(out, "{answer}\r\nEvent: Reload\r\nModule: foreign\r\n\r\n")?;
        if action == "Logoff" {
            return Ok(());
        }
        block.clear();
    }
    Ok(())
}

/// The key of a login, by another implementation than the one under test.
fn key(secret: &str) -> String {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "printf %s \"$1\" | md5sum", "sh", &format!("{CHALLENGE}{secret}")]);
    String::from_utf8_lossy(&command.output().unwrap().stdout).split(' ').next().unwrap().to_owned()
}
