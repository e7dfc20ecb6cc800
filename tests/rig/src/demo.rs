//! The demo: a real failover, told while it happens. It ends well only if everything that makes a failover was seen: OFF at the
//! crashed master's BMC, the cluster IP answering from the slave, the mail. It waits for events, never for time.

use crate::lab::scene::{CAP, Phases, Scene};
use crate::lab::tool::now_ms;
use crate::lab::watch::{Moment, Sign};
use crate::lab::{Node, Plan, bmc, registry};
use crate::smtp::Received;
use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

/// Runs the demo: `[--runs N]`, or `sweep` to remove what an interrupted lab left. What it prints last.
///
/// # Errors
/// What did not happen.
pub fn main(args: &[String]) -> Result<String, String> {
    let runs = match args {
        [] => 1,
        [word] if word == "sweep" => return registry::clean().map(|()| String::new()),
        [flag, number] if flag == "--runs" => {
            number.parse::<usize>().ok().filter(|n| (1..=99).contains(n)).ok_or("--runs wants a number from 1 to 99")?
        }
        _ => return Err("usage: tests/demo [--runs N]".into()),
    };
    let mut screen = Screen::new();
    let mut replies = Vec::new();
    for number in 1..=runs {
        if runs > 1 {
            screen.heading(&format!("run {number} of {runs}"));
        }
        let phases = failover(&mut screen)?;
        replies.extend(phases.reply);
    }
    replies.sort_unstable();
    let (Some(least), Some(most)) = (replies.first(), replies.last()) else { return Err("no reply was measured".into()) };
    let median = replies[replies.len() / 2];
    Ok(if runs > 1 { format!("\ncrash to first reply, {runs} runs: min {least} ms, median {median} ms, max {most} ms\n") } else { String::new() })
}

fn failover(screen: &mut Screen) -> Result<Phases, String> {
    screen.heading("the lab: two nodes with a real init, three networks, a BMC each, gateway, witness, mail relay, client");
    let began = Instant::now();
    screen.note("starting the nodes and founding the pair (the first time the Debian image is built: about half a minute)");
    let mut scene = Scene::set(&Plan { post_ms: 2000, ..Plan::default() })?;
    screen.note(&format!(
        "founded in {:.1} s: n1 is master, n2 is its slave and armed; the client asks 10.77.0.100 every 20 ms",
        began.elapsed().as_secs_f32()
    ));
    screen.heading("n1 crashes: its processes and cables are dead, its BMC still reads ON");
    let crash = scene.crash_master()?;
    let end = Instant::now() + CAP;
    let mut missing = wanted();
    while !missing.is_empty() {
        for moment in scene.watch.look(&scene.lab).into_iter().filter(|m| m.at_ms >= crash) {
            missing.retain(|(_, seen)| !seen(&moment));
            screen.moment(&moment, crash);
        }
        if Instant::now() > end {
            let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
            return Err(format!("not seen within {CAP:?} of the crash: {}\n{}", names.join(", "), scene.lab.last_words()));
        }
        screen.progress(now_ms().saturating_sub(crash), missing.first().map_or("", |(name, _)| name));
        std::thread::sleep(Duration::from_millis(10));
    }
    screen.end_progress();
    let looks = scene.audited().map_err(|e| format!("two masters: {e}"))?;
    let phases = Phases::of(&scene.watch, crash, Node::N2);
    report(screen, &scene, &phases, looks)?;
    Ok(phases)
}

type Wanted = (&'static str, fn(&Moment) -> bool);

/// All that makes a failover.
fn wanted() -> Vec<Wanted> {
    vec![
        ("Icinga on n2 is sure (HARD)", |m| m.sign == Sign::Hard && m.node == Some(Node::N2)),
        ("n2's agent opens an attempt", |m| m.sign == Sign::Opened && m.node == Some(Node::N2)),
        ("n1's BMC is told off", |m| m.sign == Sign::Told && m.node == Some(Node::N1)),
        ("n1's BMC reads OFF", |m| m.sign == Sign::Off && m.node == Some(Node::N1)),
        ("OFF is confirmed", |m| m.sign == Sign::Confirmed && m.node == Some(Node::N2)),
        ("the cluster IP answers from n2", |m| m.sign == Sign::Reply && m.node == Some(Node::N2)),
        ("n2 is master", |m| m.sign == Sign::Master && m.node == Some(Node::N2)),
        ("the mail of the takeover", |m| m.sign == Sign::Mail && is_takeover(&m.text)),
    ]
}

fn is_takeover(subject: &str) -> bool {
    subject.contains(" took ") && subject.contains(" over from ")
}

fn report(screen: &mut Screen, scene: &Scene, phases: &Phases, looks: u64) -> Result<(), String> {
    screen.heading("measured");
    let between = |from: Option<u64>, to: Option<u64>| from.zip(to).map_or("-".to_owned(), |(a, b)| format!("{} ms", b.saturating_sub(a)));
    screen.note(&format!("detection   crash to opened attempt        {}", between(Some(0), phases.opened)));
    screen.note(&format!("fence       attempt to OFF confirmed       {}", between(phases.opened, phases.confirmed)));
    screen.note(&format!("takeover    OFF confirmed to first reply   {}", between(phases.confirmed, phases.reply)));
    screen.note(&format!("all         crash to first reply           {}", between(Some(0), phases.reply)));
    screen.note(&format!("audit: {looks} looks at both nodes, never two mounts, two failover IPs or two services; now: {}", scene.held()));
    screen.heading("the nodes");
    let power = bmc::chassis(&scene.lab.site, Node::N2.name(), Node::N1, &["power", "status"])?;
    screen.note(&format!("n1: {}", power.stdout.trim()));
    for line in scene.lab.run(Node::N2, &["/usr/sbin/twinguard", "status"])?.lines() {
        screen.note(&format!("n2: {line}"));
    }
    screen.heading("the mail as received");
    let mails = scene.lab.mails();
    let mail = mails.iter().find(|m| is_takeover(m.subject())).ok_or("the mail is gone")?;
    screen.mail(mail);
    Ok(())
}

/// The terminal, or a plain file.
struct Screen {
    live: bool,
    pending: bool,
}

impl Screen {
    fn new() -> Self {
        Self { live: stdout().is_terminal(), pending: false }
    }

    fn line(&mut self, text: &str) {
        self.end_progress();
        let _ = writeln!(stdout(), "{text}");
    }

    fn heading(&mut self, text: &str) {
        let (bold, plain) = if self.live { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.line(&format!("\n{bold}== {text}{plain}"));
    }

    fn note(&mut self, text: &str) {
        self.line(&format!("   {text}"));
    }

    fn moment(&mut self, moment: &Moment, crash: u64) {
        let colour = match moment.sign {
            _ if !self.live => "",
            Sign::Reply | Sign::Master | Sign::Mail | Sign::Confirmed => "\x1b[32m",
            Sign::Hard | Sign::Refused(_) | Sign::Silence => "\x1b[31m",
            Sign::Soft | Sign::Opened | Sign::Sent | Sign::Told | Sign::Off => "\x1b[33m",
            Sign::Note => "\x1b[2m",
        };
        let plain = if self.live { "\x1b[0m" } else { "" };
        self.line(&format!("{colour}{:>7.3} s  {}{plain}", Duration::from_millis(moment.at_ms - crash).as_secs_f64(), moment.text));
    }

    fn progress(&mut self, since_ms: u64, waiting: &str) {
        if self.live {
            let turn = ["|", "/", "-", "\\"][usize::try_from(since_ms / 100 % 4).unwrap_or(0)];
            let _ = write!(stdout(), "\r\x1b[K{:>7.1} s  {turn} waiting: {waiting}", Duration::from_millis(since_ms).as_secs_f64());
            let _ = stdout().flush();
            self.pending = true;
        }
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.pending) {
            let _ = write!(stdout(), "\r\x1b[K");
        }
    }

    fn mail(&mut self, mail: &Received) {
        for name in ["From", "To", "Date", "Subject"] {
            self.note(&format!("{name}: {}", mail.header(name)));
        }
        self.note("");
        for line in mail.text().lines() {
            self.note(line);
        }
        self.note(&format!("({} parts, {} bytes, over TLS: {})", mail.parts.len(), mail.raw.len(), mail.tls));
    }
}
