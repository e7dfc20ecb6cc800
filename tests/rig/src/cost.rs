//! `fence_ipmi` beside Debian's `fence_ipmilan`, in turns, against the same `ipmi_sim`: wall time, CPU time with children, peak memory.

use crate::bmc::IpmiSim;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs of each action.
const RUNS: usize = 20;
/// Runs of each action for the memory alone.
const PEAKS: usize = 3;
/// The policy: time between the two OFF readings of `fence_ipmi`, and before the first look of `fence_ipmilan` (its `power_wait`).
const GAP: f64 = 500.0;

/// Goals: share of `fence_ipmilan`'s wall time, CPU time, memory.
const GOALS: [f64; 3] = [0.2, 0.05, 0.15];

/// One call: milliseconds, milliseconds of CPU, kilobytes.
type Cost = [f64; 3];

struct Agent {
    program: PathBuf,
    more: &'static str,
}

impl Agent {
    /// Runs an action, which has to succeed, below `meter`; the numbers on the line that begins with `word`.
    fn run(&self, sim: &IpmiSim, action: &str, meter: &str, word: &str) -> Vec<f64> {
        let address = sim.address();
        let account = "username=admin\npassword=s3cr3t\ncipher=3";
        let input = format!("action={action}\nip={}\nipport={}\n{account}\n{}", address.ip(), address.port(), self.more);
        let mut child = Command::new("bash")
            .args(["-c", meter])
            .arg(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("its end");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{} {action}: {text}", self.program.display());
        let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no {word} in {text}; try: apt-get install time"));
        line.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }

    /// Milliseconds and milliseconds of CPU, children included, by the shell's clock.
    fn time(&self, sim: &IpmiSim, action: &str) -> [f64; 2] {
        let numbers = self.run(sim, action, "TIMEFORMAT='cost %3R %3U %3S'; time \"$0\"", "cost");
        [numbers[0] * 1000.0, (numbers[1] + numbers[2]) * 1000.0]
    }

    /// Peak of the memory, kilobytes; of the largest process.
    fn peak(&self, sim: &IpmiSim, action: &str) -> f64 {
        self.run(sim, action, "exec /usr/bin/time -f 'peak %M' \"$0\"", "peak")[0]
    }
}

/// Median of the wall time and the peaks; mean of the CPU time, which comes in whole milliseconds.
fn summary(times: &[[f64; 2]], peaks: &[f64]) -> Cost {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
    };
    let cpu = times.iter().map(|time| time[1]).sum::<f64>() / times.len() as f64;
    [median(times.iter().map(|time| time[0]).collect()), cpu, median(peaks.to_vec())]
}

/// Measures and prints; ends with 1 if a goal is missed.
pub fn main() {
    let ours = std::env::var_os("TWINGUARD_FENCE").map(PathBuf::from).expect("TWINGUARD_FENCE: fence_ipmi of the dist profile");
    let sim = IpmiSim::start();
    let ours = Agent { program: ours, more: "" };
    let theirs = Agent { program: "/usr/sbin/fence_ipmilan".into(), more: "lanplus=1\npower_wait=0\n" };
    let mut times: [[Vec<[f64; 2]>; 2]; 3] = Default::default();
    let mut peaks: [[Vec<f64>; 2]; 3] = Default::default();
    for run in 0..RUNS + PEAKS {
        // In turns, so that the load of the machine is the same for both. Each leaves the power as the next one wants it.
        for (at, agent) in [&ours, &theirs].into_iter().enumerate() {
            for (row, action) in ["status", "off", "on"].into_iter().enumerate() {
                if run < PEAKS {
                    peaks[row][at].push(agent.peak(&sim, action));
                } else {
                    times[row][at].push(agent.time(&sim, action));
                }
            }
        }
    }
    println!("| {RUNS} runs each, in turns | fence_ipmi: ms / CPU ms / KB | fence_ipmilan: ms / CPU ms / KB | shares |\n|---|---|---|---|");
    let mut missed = false;
    for (row, name) in ["status", "off, confirmed", "on"].into_iter().enumerate() {
        let [mut mine, other] = [0, 1].map(|at| summary(&times[row][at], &peaks[row][at]));
        let gap = if name.starts_with("off") { GAP } else { 0.0 };
        mine[0] -= gap;
        let shares = [0, 1, 2].map(|at| mine[at] / other[at]);
        missed |= shares.iter().zip(GOALS).any(|(share, goal)| *share > goal);
        let text = |cost: Cost| format!("{:.0} / {:.1} / {:.0}", cost[0], cost[1], cost[2]);
        let apart = if gap > 0.0 { format!(" (and {gap:.0} ms between the two readings)") } else { String::new() };
        println!("| {name} | {}{apart} | {} | {:.2} / {:.3} / {:.2} |", text(mine), text(other), shares[0], shares[1], shares[2]);
    }
    println!("goals: {:.2} / {:.2} / {:.2} of fence_ipmilan (its power_wait set to 0)", GOALS[0], GOALS[1], GOALS[2]);
    assert!(!missed, "a goal is missed");
}
