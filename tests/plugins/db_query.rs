//! `check_db_query` (MD17, "Database Query") against real MariaDB and PostgreSQL servers.

mod hostile;
mod mariadb;
mod postgresql;

use rig::database::{Folder, wait_for};
use rig::process::{Done, binary, command, run};
use rig::smtp::Certs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PASSWORD: &str = "fluffy-otter-72";

/// A file as an administrator keeps secrets.
pub fn secret(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.0.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// The first line without performance data.
pub fn verdict(done: &Done) -> &str {
    assert_eq!(done.stderr, "");
    done.stdout.lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default()
}

struct Client {
    args: Vec<String>,
}

impl Client {
    fn new(engine: &str, port: u16, password: &str) -> Self {
        let port = port.to_string();
        Self { args: ["--engine", engine, "-p", &port, "-u", "icinga", "--password-file", password].map(str::to_owned).to_vec() }
    }

    fn with(&self, more: &[&str]) -> Done {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        run(&binary("check_db_query"), &args)
    }

    /// Exit code and first line without performance data.
    fn says(&self, more: &[&str]) -> (i32, String) {
        let done = self.with(more);
        (done.code.unwrap(), verdict(&done).to_owned())
    }
}

/// The server's own answer and times, which differ from run to run, are cut off.
fn said(code: i32, line: &str) -> (i32, String) {
    (code, line.to_owned())
}

/// A server that says this, or nothing, to everybody who connects.
pub fn talker(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let _ = stream.write_all(words);
                // Until the client has had enough.
                while stream.read(&mut [0; 256]).is_ok_and(|n| n > 0) {}
            });
        }
    });
    port
}

/// The share of its time that a check waits is what is left after its own start, so it is called by its name here.
pub fn share(line: &str) -> String {
    let Some((before, rest)) = line.split_once("while logging in within ") else { return line.to_owned() };
    let Some((seconds, after)) = rest.split_once(" s, its kernel") else { return line.to_owned() };
    assert!((0.1..10.0).contains(&seconds.parse::<f64>().unwrap()), "{line}");
    format!("{before}while logging in within its time, its kernel{after}")
}

/// While the check hangs, nobody sees its secret in its arguments or its environment.
fn hangs(client: &Client, port: u16) {
    let args: Vec<&str> = client.args.iter().map(String::as_str).chain(["-t", "2"]).collect();
    let start = Instant::now();
    let child = command(&binary("check_db_query"), &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for name in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{name}", child.id());
        let mut text = Vec::new();
        wait_for(name, || {
            text = std::fs::read(&path).unwrap();
            text.len() > 20
        });
        assert!(!String::from_utf8_lossy(&text).contains(PASSWORD), "{name}");
    }
    let done = Done::from(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let expected =
        format!("DB QUERY CRITICAL - 127.0.0.1:{port} hangs: no answer while logging in within its time, its kernel still accepts connections");
    assert_eq!((done.code, share(verdict(&done))), (Some(2), expected));
}

/// What is the same for both engines: no server, no name, nonsense instead of an answer.
fn nobody_there(engine: &str) {
    let folder = Folder::new("root");
    let password = secret(&folder, "password", PASSWORD);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(engine, closed, &password);
    assert_eq!(client.says(&[]), said(2, &format!("DB QUERY CRITICAL - 127.0.0.1:{closed} refuses the connection: nothing listens there")));
    assert_eq!(client.says(&["-H", "::1"]), said(2, &format!("DB QUERY CRITICAL - [::1]:{closed} refuses the connection: nothing listens there")));
    let unresolved = client.says(&["-H", "name.invalid"]);
    assert_eq!(unresolved, said(3, "DB QUERY UNKNOWN - cannot reach name.invalid: the name has no address; look at /etc/hosts and the name server"));
    assert_eq!(client.says(&["-H", "127.0.0.1", "-6"]), said(3, "DB QUERY UNKNOWN - cannot reach 127.0.0.1: it has no IPv6 address"));
    for nonsense in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x00\x00\x00\x00", b"\xff\xff\xff\x00garbage", b"\x05\x00\x00\x00\x0ahost", &[0x52; 300]]
    {
        let (code, line) = Client::new(engine, talker(nonsense), &password).says(&["-t", "2"]);
        assert!(code == 2 && line.starts_with("DB QUERY CRITICAL - 127.0.0.1:"), "{nonsense:?}: {line}");
        assert!(line.contains("does not answer") || line.contains("hangs: no answer") || line.contains("TLS"), "{nonsense:?}: {line}");
    }
    let mute = talker(b"");
    hangs(&Client::new(engine, mute, &password), mute);
}

#[test]
fn no_server_no_name_and_nonsense_mariadb() {
    nobody_there("mariadb");
}

#[test]
fn no_server_no_name_and_nonsense_postgresql() {
    nobody_there("postgresql");
}

#[test]
fn secrets_lie_in_private_files_only() {
    let folder = Folder::new("root");
    let file = secret(&folder, "password", PASSWORD);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let line = |args: &[&str]| {
        let done = run(&binary("check_db_query"), &[&["--engine", "mariadb", "-p", "1"], args].concat());
        assert!(!done.stdout.contains(PASSWORD), "{}", done.stdout);
        (done.code.unwrap(), verdict(&done).to_owned())
    };
    for option in ["--password-file", "--defaults-file", "--pgpass"] {
        let expected = format!("DB QUERY UNKNOWN - cannot read {file}: its mode is 0644, so others can read the secret; run: chmod 0600 {file}");
        assert_eq!(line(&["-u", "icinga", option, &file]), said(3, &expected), "{option}");
    }
    let expected = "DB QUERY UNKNOWN - cannot understand the command line: no account to log in with; give --user, or --defaults-file with user= in its [client] section";
    assert_eq!(line(&[]), said(3, expected));
    let passes = secret(&folder, "pgpass", &format!("other:*:*:*:{PASSWORD}\n"));
    let expected = format!("DB QUERY UNKNOWN - cannot read {passes}: no line fits 127.0.0.1:1:icinga:icinga; add one");
    assert_eq!(line(&["-u", "icinga", "--pgpass", &passes]), said(3, &expected));
    assert_eq!(run(&binary("check_db_query"), &["--engine", "mariadb", "--password", PASSWORD]).code, Some(3), "there is no option for a secret");
}

/// Certificate and key where the server's user can read them.
fn certificates(folder: &Folder, names: &[&str], user: &str) -> Certs {
    let certs = Certs::make(&folder.0.join("tls"), names);
    assert_eq!(run(std::path::Path::new("/usr/bin/chown"), &["-R", user, folder.0.to_str().unwrap()]).code, Some(0));
    certs
}
