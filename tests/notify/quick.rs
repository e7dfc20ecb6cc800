//! How long Icinga's call takes while relays misbehave and a delivery run struggles with them. `tests/run notify-bench` measures the
//! users' binary and fails above 50 ms; here a few calls show that it works.

use crate::desk::{Desk, PROBLEM, mailer};
use crate::volume::setting;
use rig::smtp::Sink;
use serde_json::json;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Most that a call may take: Icinga waits for it.
const BOUND: Duration = Duration::from_millis(50);

/// Many durations.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// Of a hundred calls, one took longer.
    fn p99(&self) -> Duration {
        self.0[(self.0.len() * 99).div_ceil(100) - 1]
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "min {:.1}  median {:.1}  p99 {:.1}  max {:.1} ms", ms(least), ms(self.median()), ms(self.p99()), ms(most))
    }
}

/// A delivery run beside the calls, begun anew when it ends, as the path unit does.
struct Delivery<'a>(&'a Desk, Child);

impl<'a> Delivery<'a> {
    fn begin(desk: &'a Desk) -> Self {
        let mut command = desk.command(&["--deliver", "--timeout", "2"]);
        Self(desk, command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn again(&mut self) {
        if self.1.try_wait().unwrap().is_some() {
            *self = Self::begin(self.0);
        }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let _ = self.1.kill();
        let _ = self.1.wait();
    }
}

#[test]
fn the_call_returns_at_once_whatever_the_relays_do() {
    let wanted = setting("TWINGUARD_BENCH");
    let calls = wanted.unwrap_or(25).div_ceil(5);
    let desk = Desk::new();
    let working = Sink::start("127.0.0.1:0", &desk.path("working"), &desk.certs, None);
    let spool = desk.path("spool").display().to_string();
    let ours = [&["--spool", spool.as_str()], PROBLEM].concat();
    let (mut all, mut least, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for (name, relay, mode) in [
        ("works", format!("smtp://127.0.0.1:{}", working.port()), json!({})),
        ("refuses connections", "smtp://127.0.0.1:1".to_owned(), json!({})),
        ("hangs", desk.relay()[0].clone(), json!({"hang": "banner"})),
        ("drips", desk.relay()[0].clone(), json!({"hang": "mail", "drip": true})),
        ("has no address", "smtp://relay.invalid:25".to_owned(), json!({})),
    ] {
        desk.sink.behave(&mode);
        desk.configure(&[relay], &["admin@example.org"]);
        let mut delivery = Delivery::begin(&desk);
        let mut times = Vec::new();
        for _ in 0..calls {
            delivery.again();
            times.push(time(&mailer(), &ours, &[]));
            // What it costs here and now to start any program, and to put a file of that size on the disk.
            least.push(time(Path::new("/bin/true"), &[], &[]));
            writes.push(durably(&desk.folder));
        }
        all.extend(times.iter().copied());
        eprintln!("the relay {name:<20} {}", Times::of(times));
    }
    let (ours, least, writes) = (Times::of(all), Times::of(least), Times::of(writes));
    eprintln!("all {} calls              {ours}\n/bin/true                  {least}\nwrite, fsync, rename, fsync {writes}", ours.0.len());
    if wanted.is_some() {
        eprintln!("the stock script, mail = /bin/true {}", stock(calls, &desk));
        assert!(ours.p99() <= BOUND, "99 of 100 calls have to end within {BOUND:?}; if this machine has other work, repeat it at a quiet moment");
    }
    // Beyond what this machine needs just now to start any program at all and to write.
    assert!(ours.median() < BOUND + 5 * (least.median() + writes.median()), "{ours}");
}

/// How long one call takes that has to end well.
fn time(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(env.iter().copied()).args(args);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let took = begun.elapsed();
    assert!(status.success(), "{} {status}", program.display());
    took
}

/// How long it takes to write one small file so that a power cut can't lose it.
fn durably(folder: &Path) -> Duration {
    let begun = Instant::now();
    let mut file = fs::File::create(folder.join("small.tmp")).unwrap();
    file.write_all(&[b'x'; 500]).unwrap();
    file.sync_all().unwrap();
    fs::rename(folder.join("small.tmp"), folder.join("small")).unwrap();
    fs::File::open(folder).unwrap().sync_all().unwrap();
    begun.elapsed()
}

/// Icinga's stock script beside it, with a mail program that takes the mail and does nothing.
fn stock(calls: usize, desk: &Desk) -> Times {
    let script = Path::new("/etc/icinga2/scripts/mail-service-notification.sh");
    let bin = desk.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("mail")).unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
    let args =
        ["-d", "now", "-l", "pbx1", "-n", "pbx1", "-e", "disk", "-u", "disk", "-o", "x", "-r", "a@example.org", "-s", "CRITICAL", "-t", "PROBLEM"];
    Times::of((0..calls).map(|_| time(script, &args, &[("PATH", &path)])).collect())
}
