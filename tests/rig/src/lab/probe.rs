//! The client: asks the cluster IP every 20 ms over a fresh TCP connection, whether or not earlier questions are still open, and
//! writes one line for each: start, end (Unix milliseconds), and what came.

use super::tool::now_ms;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(1);

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was asked.
    pub start_ms: u64,
    /// When the answer was complete, or given up.
    pub end_ms: u64,
    /// The node that answered properly, or what was wrong.
    pub answer: Result<String, String>,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match &self.answer {
            Ok(node) => ("ok", node),
            Err(why) => ("no", why),
        };
        write!(f, "{} {} {word} {}", self.start_ms, self.end_ms, text.replace('\n', " "))
    }
}

impl Sample {
    /// Reads a line back; `None` for one that is still being written.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let (start_ms, end_ms) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let ok = words.next()? == "ok";
        let text = words.next()?.to_owned();
        Some(Self { start_ms, end_ms, answer: if ok { Ok(text) } else { Err(text) } })
    }
}

/// `lab_probe ADDRESS:PORT FILE`: probes until it is killed.
///
/// # Errors
/// Wrong usage, or the file can't be written.
pub fn main(args: &[String]) -> Result<String, String> {
    let [target, file] = args else { return Err("usage: lab_probe ADDRESS:PORT FILE".into()) };
    let target: SocketAddr = target.parse().map_err(|_| format!("\"{target}\" is no ADDRESS:PORT"))?;
    let file = File::options().create(true).append(true).open(file).map_err(|e| format!("cannot write {file}: {e}"))?;
    let file = Arc::new(file);
    let mut next = Instant::now();
    loop {
        let file = Arc::clone(&file);
        std::thread::spawn(move || {
            let start_ms = now_ms();
            let answer = ask(target);
            let sample = Sample { start_ms, end_ms: now_ms(), answer };
            // One write for each line: appended as a whole.
            (&*file).write_all(format!("{sample}\n").as_bytes())
        });
        next += EVERY;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn ask(target: SocketAddr) -> Result<String, String> {
    let text = fetch(target).map_err(|e| e.to_string())?;
    if !text.starts_with("HTTP/1.1 200") {
        return Err(text.lines().next().unwrap_or("empty answer").to_owned());
    }
    let line = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(str::to_owned);
    if line("data=").as_deref() != Some(super::disk::CONTENT) {
        return Err("the page came without the shared disk's content".into());
    }
    line("node=").ok_or_else(|| "the page names no node".into())
}

fn fetch(target: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&target, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: cluster\r\nConnection: close\r\n\r\n")?;
    let mut text = Vec::new();
    stream.take(65_536).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What the client has seen so far.
pub fn samples(file: &Path) -> Vec<Sample> {
    super::tool::read(file).lines().filter_map(Sample::parse).collect()
}
