//! How fast a pair is, with every gate on, and whether the goals of TAKEOVER section 1 (Speed) are met: crash and plug to the first
//! reply, the outage of a graceful move, the handler with fifty calls at once, the refusal where the BMC is dead.

use crate::lab::probe::samples;
use crate::lab::scene::{Phases, Scene};
use crate::lab::tool::now_ms;
use crate::lab::watch::Sign;
use crate::lab::{Node, Plan, bmc, wait_for};
use plugin_core::contract::status::Role;
use std::fmt::Write as _;
use std::time::Duration;

/// Calls of the handler at once, and how often.
const CALLS: usize = 50;
const ROUNDS: usize = 4;

/// Measured times in milliseconds, and the goal for one of their figures.
struct Figure {
    what: &'static str,
    times: Vec<u64>,
    /// Goals in milliseconds: for the median, the 99th percentile, the longest.
    goals: [Option<u64>; 3],
}

impl Figure {
    /// The value below which `percent` of the times lie.
    fn percentile(&self, percent: usize) -> u64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(at).copied().unwrap_or(u64::MAX)
    }

    /// One line, and whether every goal is met.
    fn line(&self) -> (String, bool) {
        let values = [self.percentile(50), self.percentile(99), self.percentile(100)];
        let mut met = true;
        let mut text = format!("{:<45} {:>3} times, ms:", self.what, self.times.len());
        for ((name, value), goal) in ["median", "p99", "longest"].iter().zip(values).zip(self.goals) {
            let _ = write!(text, " {name} {value}");
            if let Some(goal) = goal {
                met &= value <= goal;
                let _ = write!(text, " (goal {goal})");
            }
        }
        (text, met)
    }
}

/// Measures: `[RUNS]`, 20 unless it says otherwise. What it prints last.
///
/// # Errors
/// What did not happen, or which goals were missed.
pub fn main(args: &[String]) -> Result<String, String> {
    let runs: usize = match args {
        [] => 20,
        [number] => number.parse().ok().filter(|n| (1..=200).contains(n)).ok_or("usage: tests/run speed [RUNS], from 1 to 200")?,
        _ => return Err("usage: tests/run speed [RUNS]".into()),
    };
    let reply = |what, times| Figure { what, times, goals: [Some(4000), None, Some(6000)] };
    let figures = [
        reply("crash to first reply", failovers(runs, true)?),
        reply("power plug to first reply", failovers(runs, false)?),
        Figure { what: "outage of a graceful move", times: moves(runs.min(10))?, goals: [Some(1000), None, None] },
        Figure { what: "handler, fifty at once", times: handlers()?, goals: [None, Some(100), None] },
        Figure { what: "dead BMC: refused and mailed", times: refusals(runs.min(3))?, goals: [None, None, Some(45_000)] },
    ];
    let lines: Vec<(String, bool)> = figures.iter().map(Figure::line).collect();
    let mut text = String::new();
    for (line, met) in &lines {
        let _ = writeln!(text, "{line}{}", if *met { "" } else { "   MISSED" });
    }
    if lines.iter().all(|(_, met)| *met) { Ok(text) } else { Err(text) }
}

fn progress(text: &str) {
    eprintln!("   {text}");
}

fn failovers(runs: usize, crash: bool) -> Result<Vec<u64>, String> {
    let mut times = Vec::new();
    for run in 1..=runs {
        let mut scene = Scene::set(&Plan::default())?;
        let at = if crash {
            scene.crash_master()?
        } else {
            let at = now_ms();
            scene.lab.plug(Node::N1)?;
            at
        };
        scene.wait("a reply from n2", at, |m| m.sign == Sign::Reply && m.node == Some(Node::N2))?;
        let reply = Phases::of(&scene.watch, at, Node::N2).reply.ok_or("no reply was measured")?;
        scene.audited().map_err(|e| format!("two masters: {e}"))?;
        progress(&format!("{} {run} of {runs}: {reply} ms", if crash { "crash" } else { "plug" }));
        times.push(reply);
    }
    Ok(times)
}

/// The client's longest time without a good reply since `since`, milliseconds.
pub fn outage(scene: &Scene, since: u64) -> u64 {
    let mut longest = 0;
    let mut last = since;
    for sample in samples(&scene.lab.client_file()).iter().filter(|s| s.answer.is_ok() && s.end_ms >= since) {
        longest = longest.max(sample.end_ms.saturating_sub(last));
        last = last.max(sample.end_ms);
    }
    longest
}

fn moves(runs: usize) -> Result<Vec<u64>, String> {
    let mut scene = Scene::set(&Plan::default())?;
    let mut times = Vec::new();
    let mut from = Node::N1;
    for run in 1..=runs {
        let to = from.other();
        let since = now_ms();
        scene.lab.run(from, &["/usr/sbin/twinguard", "migrate", "--confirm", from.name()])?;
        scene.lab.wait_role(to, Role::Master, Duration::from_secs(10))?;
        scene.wait("a reply of the new master", since, |m| m.sign == Sign::Reply && m.node == Some(to))?;
        // The new slave has asked the new master's BMC.
        wait_for("the new slave armed", Duration::from_mins(1), || scene.lab.status(from).is_some_and(|s| s.armed))?;
        times.push(outage(&scene, since));
        progress(&format!("move {run} of {runs}: {} ms", times.last().copied().unwrap_or_default()));
        from = to;
    }
    scene.audited().map_err(|e| format!("two masters: {e}"))?;
    Ok(times)
}

/// Each call's own time, from its start to its end, while all of them run at once.
fn handlers() -> Result<Vec<u64>, String> {
    let scene = Scene::set(&Plan::default())?;
    let call = "/usr/lib/twinguard/event_takeover --host n2 --service twinguard-master-alive --state CRITICAL --state-type SOFT --attempt 1 \
                --downtime-depth 0 --host-downtime-depth 0 --flapping 0 --last-check $(date +%s)";
    let script = format!("for i in $(seq {CALLS}); do (a=$(date +%s%N); {call} >/dev/null; b=$(date +%s%N); echo $(((b-a)/1000000))) & done; wait");
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let said = scene.lab.run(Node::N2, &["runuser", "-u", "nagios", "--", "sh", "-c", &script])?;
        times.extend(said.lines().filter_map(|l| l.trim().parse::<u64>().ok()));
    }
    if times.len() == CALLS * ROUNDS { Ok(times) } else { Err(format!("{} of {} calls ended", times.len(), CALLS * ROUNDS)) }
}

fn refusals(runs: usize) -> Result<Vec<u64>, String> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut scene = Scene::set(&Plan::default())?;
        bmc::reachable(&scene.lab.site, Node::N1, false)?;
        let crash = scene.crash_master()?;
        let mail = scene.wait("the mail of the refusal", crash, |m| m.sign == Sign::Mail && m.text.contains("DEVICE_SILENT"))?;
        times.push(mail.at_ms.saturating_sub(crash));
        progress(&format!("dead BMC: {} ms", times.last().copied().unwrap_or_default()));
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_textbook() {
        let figure = Figure { what: "x", times: (1..=200).rev().collect(), goals: [Some(100), Some(198), Some(199)] };
        assert_eq!([50, 99, 100].map(|p| figure.percentile(p)), [100, 198, 200]);
        assert!(!figure.line().1, "the longest misses its goal");
    }
}
