//! `check_db_sync` (MD17, "Database Sync") against real pairs that replicate: every failure of the replication, of the link
//! between the nodes and of a node, and what the check says of it.

mod mariadb;
mod postgresql;

use crate::db_query::{secret, share, verdict};
use rig::database::Folder;
use rig::process::{Done, binary, run};
use std::net::TcpListener;
use std::time::{Duration, Instant};

const PASSWORD: &str = "plain-heron-58";

/// The check as a node would run it.
struct Pair {
    args: Vec<String>,
    /// The primary's name in the output.
    a: String,
    /// The standby's name in the output.
    b: String,
    folder: Folder,
}

impl Pair {
    /// The standby looks at itself and at the primary.
    fn new(engine: &str, primary: u16, standby: u16) -> Self {
        let folder = Folder::new("root");
        let password = secret(&folder, "password", PASSWORD);
        let (p, s) = (primary.to_string(), standby.to_string());
        let args = ["--engine", engine, "-u", "icinga", "--password-file", &password, "-p", &s, "--peer", "127.0.0.1", "--peer-port", &p];
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        Self { args, a: format!("127.0.0.1:{primary}"), b: format!("127.0.0.1:{standby}"), folder }
    }

    /// Options in `more` replace those of the pair.
    fn run(&self, more: &[&str]) -> Done {
        let kept = self.args.chunks(2).filter(|pair| !more.contains(&pair[0].as_str())).flatten();
        let args: Vec<&str> = kept.map(String::as_str).chain(more.iter().copied()).collect();
        run(&binary("check_db_sync"), &args)
    }

    /// Exit code and first line without performance data, the nodes called A and B.
    fn says(&self, more: &[&str]) -> (i32, String) {
        let done = self.run(&[&["--role", "standby"], more].concat());
        (done.code.unwrap(), self.named(verdict(&done)))
    }

    fn named(&self, text: &str) -> String {
        share(&text.replace(&self.a, "A").replace(&self.b, "B"))
    }

    /// Waits until the check says this, at most 20 s.
    fn comes_to(&self, more: &[&str], code: i32, line: &str) {
        let start = Instant::now();
        loop {
            let (got, said) = self.says(more);
            if got == code && said.starts_with(line) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "({got}, {said:?}) instead of ({code}, {line:?})");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn said(code: i32, line: &str) -> (i32, String) {
    (code, line.to_owned())
}

/// What is the same for both engines: half a pair, no name, no server.
fn nobody_there(engine: &str) {
    let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (one, other) = (port(), port());
    let pair = Pair::new(engine, one, other);
    let expected = "DB SYNC CRITICAL - B refuses the connection: nothing listens there, A refuses the connection: nothing listens there";
    assert_eq!(pair.says(&[]), said(2, expected));
    assert_eq!(pair.says(&["-H", "::1"]).1.replace(&format!("[::1]:{other}"), "B"), expected);
    let unresolved = "DB SYNC UNKNOWN - cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server";
    assert_eq!(pair.says(&["-H", "name.invalid"]), said(3, unresolved));
    let mut half = Pair::new(engine, one, other);
    half.args.truncate(8);
    assert_eq!(half.says(&["--peer", "name.invalid"]), said(3, unresolved), "half a pair is no pair");
    let mute = crate::db_query::talker(b"");
    let start = Instant::now();
    let pair = Pair::new(engine, mute, one);
    let line = pair.says(&["-t", "1"]);
    let expected = "DB SYNC CRITICAL - B refuses the connection: nothing listens there, A hangs: no answer while logging in within its time, its kernel still accepts connections";
    assert_eq!(line, said(2, expected));
    assert!(start.elapsed() < Duration::from_millis(1800), "{:?}", start.elapsed());
}

#[test]
fn no_server_and_no_name_mariadb() {
    nobody_there("mariadb");
}

#[test]
fn no_server_and_no_name_postgresql() {
    nobody_there("postgresql");
}
