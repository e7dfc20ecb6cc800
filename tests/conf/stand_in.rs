//! Stand-ins for the product's binaries, which write down how they were called.

use std::collections::BTreeMap;
use std::fs::{create_dir, read_dir, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// A daemon that ends with its test.
pub struct Daemon(pub Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its worker processes end with it only if it is asked politely.
        let _ = rig::process::run(Path::new("/usr/bin/kill"), &["-TERM", &self.0.id().to_string()]);
        let _ = self.0.wait();
    }
}

/// One call, as flag → value.
pub type Call = BTreeMap<String, String>;

/// A folder of stand-ins and one of their calls.
pub struct Stage(PathBuf);

impl Stage {
    /// Makes `bin` and `calls` in `folder`, writable by the user of the monitoring daemon.
    pub fn new(folder: &Path) -> Self {
        for name in ["bin", "calls"] {
            create_dir(folder.join(name)).unwrap();
            set_permissions(folder.join(name), PermissionsExt::from_mode(0o777)).unwrap();
        }
        Self(folder.to_owned())
    }

    /// Where the stand-ins are.
    pub fn bin(&self) -> PathBuf {
        self.0.join("bin")
    }

    /// A stand-in that does what `script` says.
    pub fn play(&self, name: &str, script: &str) {
        let path = self.bin().join(name);
        write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A stand-in that writes its words down. They end with \001, because outputs have several lines; a call shows up
    /// complete or not at all.
    pub fn note(&self, name: &str) {
        let at = self.0.join("calls").display().to_string();
        self.play(name, &format!("at={at}/$$; for word; do printf '%s\\001' \"$word\"; done > $at.part; mv $at.part $at.{name}"));
    }

    /// The calls of one stand-in so far.
    pub fn calls(&self, name: &str) -> Vec<Call> {
        let files = read_dir(self.0.join("calls")).unwrap().map(|f| f.unwrap().path());
        let ours = files.filter(|f| f.extension().is_some_and(|e| e == name));
        let words = |text: String| -> Vec<String> { text.split_terminator('\u{1}').map(str::to_owned).collect() };
        ours.map(|f| words(read_to_string(f).unwrap()).chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()).collect()
    }

    /// Waits until `seen` has something; the daemon's log is shown if it never has.
    pub fn wait_for<T>(&self, what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = seen() {
                return found;
            }
            let log = || read_to_string(self.0.join("log/daemon.log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(30), "no {what} within 30 s: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The calls that may start a takeover.
pub fn hard(calls: &[Call]) -> usize {
    calls.iter().filter(|c| c["--state-type"] == "HARD" && c["--state"] == "CRITICAL").count()
}

/// The values of `flags`.
pub fn values<'a>(call: &'a Call, flags: &[&str]) -> Vec<&'a str> {
    flags.iter().map(|flag| call.get(*flag).map_or("absent", String::as_str)).collect()
}
