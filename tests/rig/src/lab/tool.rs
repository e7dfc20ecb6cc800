//! Runs the machine's own tools (`ip`, `mount`, `losetup`, `nsenter` …) for the lab. A failure says what was run and what it said.
//! It knows nothing about the lab.

use crate::process::Done;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a program to its end, whatever its exit code.
///
/// # Errors
/// It can't be started.
pub fn done(program: &str, args: &[&str]) -> Result<Done, String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {program}: {e}; `tests/run` installs what the lab needs"))?;
    Ok(output.into())
}

/// Runs a program and wants exit code 0; its standard output.
///
/// # Errors
/// The command line, the code and the end of its standard error.
pub fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let done = done(program, args)?;
    if done.code == Some(0) {
        return Ok(done.stdout);
    }
    let said = if done.stderr.trim().is_empty() { &done.stdout } else { &done.stderr };
    let tail: Vec<&str> = said.trim().lines().rev().take(5).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(format!("{program} {} ended with {:?}: {}", args.join(" "), done.code, tail.join(" / ")))
}

/// Runs several `ip` commands in one process, inside one network namespace.
///
/// # Errors
/// As [`run`], with the lines.
pub fn ip(netns: &str, lines: &[String]) -> Result<(), String> {
    let file = std::env::temp_dir().join(format!("lab-ip-{}-{netns}", std::process::id()));
    write(&file, lines.join("\n").as_bytes())?;
    let result = run("ip", &["-n", netns, "-batch", &file.to_string_lossy()]);
    let _ = std::fs::remove_file(&file);
    result.map(drop).map_err(|e| format!("{e}\n  {}", lines.join("\n  ")))
}

/// Polls until `seen` is true; the time it took.
///
/// # Errors
/// `what` did not happen within `bound`.
pub fn wait_for(what: &str, bound: Duration, mut seen: impl FnMut() -> bool) -> Result<Duration, String> {
    let start = Instant::now();
    loop {
        if seen() {
            return Ok(start.elapsed());
        }
        if start.elapsed() > bound {
            return Err(format!("{what}: not seen within {bound:?}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a file and makes its folder.
///
/// # Errors
/// Names the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes)).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Reads a file; empty if there is none.
pub fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Unix time in milliseconds. All nodes of a lab share this clock.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
