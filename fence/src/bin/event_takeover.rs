//! Icinga's event handler: hands one request to the agent and returns. It decides nothing, waits for nothing long, needs no
//! rights but the group of the agent's socket, and prints nothing on success.

use clap::Parser;
use plugin_core::contract::{Request, paths};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

/// Hands a state change of a failover check to the twinguard agent.
///
/// Exit codes: 0 handed over (the agent decides), 1 the agent's socket can't be reached, 3 usage.
/// Example: `event_takeover --service twinguard-master-alive --state CRITICAL --state-type HARD --last-check 1763769600`
#[derive(Parser)]
#[command(version, name = "event_takeover")]
struct Args {
    /// Icinga's host name
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    host: String,
    /// Icinga's service name; its meaning stands in [triggers] of cluster.toml
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    service: String,
    /// State: OK, WARNING, CRITICAL, UNKNOWN, UP, DOWN
    #[arg(long, allow_hyphen_values = true)]
    state: String,
    /// State type: SOFT or HARD
    #[arg(long, allow_hyphen_values = true)]
    state_type: String,
    /// Check attempt
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    attempt: String,
    /// Downtime depth of the service
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    downtime_depth: String,
    /// Downtime depth of the host
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    host_downtime_depth: String,
    /// Icinga thinks that the service flaps
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    flapping: String,
    /// End of the check, Unix time in seconds
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    last_check: String,
    /// The agent's socket
    #[arg(long, default_value = paths::EVENT_SOCKET)]
    socket: String,
}

/// Longest wait for the agent's answer: the request is handed over once it is written.
const ANSWER: Duration = Duration::from_millis(60);

/// A macro that Icinga could not fill arrives empty. A depth that is no number counts as a downtime: in doubt nothing acts.
fn depth(text: &str) -> u32 {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.is_empty() { 0 } else { whole.parse().unwrap_or(1) }
}

fn hand_over(args: &Args) -> Result<(), String> {
    let request = Request {
        host: args.host.clone(),
        service: args.service.clone(),
        state: args.state.clone(),
        state_type: args.state_type.clone(),
        attempt: depth(&args.attempt),
        downtime_depth: depth(&args.downtime_depth),
        host_downtime_depth: depth(&args.host_downtime_depth),
        flapping: !matches!(args.flapping.as_str(), "" | "0" | "false"),
        last_check: args.last_check.parse().ok().filter(|t: &f64| t.is_finite()),
    };
    let wrong = |e: &dyn std::fmt::Display| format!("event_takeover: cannot hand over to the agent at {}: {e}; is twinguard.socket up?", args.socket);
    let mut line = serde_json::to_string(&request).map_err(|e| wrong(&e))?;
    line.push('\n');
    let mut stream = UnixStream::connect(&args.socket).map_err(|e| wrong(&e))?;
    stream.set_write_timeout(Some(ANSWER)).map_err(|e| wrong(&e))?;
    stream.write_all(line.as_bytes()).map_err(|e| wrong(&e))?;
    // The answer is the agent's business; reading it a moment only keeps the order of calls.
    let _ = stream.set_read_timeout(Some(ANSWER));
    let _ = stream.read(&mut [0; 1024]);
    Ok(())
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let usage = error.use_stderr();
            let text = error.to_string();
            // Neither stream may be gone for good reason: after a reload of Icinga its pipes are broken.
            let _ = if usage { write!(std::io::stderr(), "{text}") } else { write!(std::io::stdout(), "{text}") };
            return ExitCode::from(if usage { 3 } else { 0 });
        }
    };
    match hand_over(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}
