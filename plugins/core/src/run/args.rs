//! The command line that every check shares.

use super::Check;
use crate::State;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

const AFTER: &str = "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also usage errors, --help and --version).\nRANGE is the Monitoring Plugins grammar: 10, 10:, ~:10, 10:20, @10:20.";

/// `SECS[:STATE]`: the check's own deadline and what reaching it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// Time for everything.
    pub time: Duration,
    /// State if it runs out.
    pub state: State,
}

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (seconds, state) = text.split_once(':').map_or((text, None), |(s, state)| (s, Some(state)));
        let state = match state.map(str::to_ascii_lowercase).as_deref() {
            None | Some("unknown" | "3") => State::Unknown,
            Some("ok" | "0") => State::Ok,
            Some("warning" | "1") => State::Warning,
            Some("critical" | "2") => State::Critical,
            Some(other) => return Err(format!("\"{other}\" is no state: write ok, warning, critical or unknown")),
        };
        let plain = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let time = if plain { seconds.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) } else { None };
        let time = time.filter(|t| !t.is_zero() && *t <= Duration::from_hours(24));
        Ok(Self { time: time.ok_or_else(|| format!("\"{seconds}\" is no time: write seconds above 0, at most 86400"))?, state })
    }
}

/// The options of every check.
#[derive(Args)]
struct Common {
    /// Own deadline, and the state if it is reached (ok, warning, critical, unknown)
    #[arg(short, long, value_name = "SECS[:STATE]", default_value = "10")]
    timeout: Timeout,
    /// More detail below the first line; repeat for more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// What the command line said.
pub(super) struct Given<C> {
    pub check: C,
    pub timeout: Timeout,
    pub verbosity: u8,
}

/// The binary's name by its title.
fn name(title: &str) -> String {
    format!("check_{}", title.to_lowercase().replace(' ', "_"))
}

fn command<C: Check>() -> Command {
    // Common first: the doc comment of the check's arguments then is the help text.
    let command = C::augment_args(Common::augment_args(Command::new("check")));
    command.display_name(name(C::TITLE)).bin_name(name(C::TITLE)).version(env!("CARGO_PKG_VERSION")).after_help(AFTER)
}

/// The arguments, or what stdout gets instead.
pub(super) fn parse<C: Check>(args: impl IntoIterator<Item = OsString>) -> Result<Given<C>, String> {
    let given = |matches: &ArgMatches| -> Result<Given<C>, clap::Error> {
        let common = Common::from_arg_matches(matches)?;
        Ok(Given { check: C::from_arg_matches(matches)?, timeout: common.timeout, verbosity: common.verbose })
    };
    let mut command = command::<C>();
    let result = command.try_get_matches_from_mut(args).and_then(|matches| given(&matches).map_err(|e| e.format(&mut command)));
    result.map_err(|e| match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => e.to_string(),
        _ => usage(C::TITLE, &e.to_string()),
    })
}

/// At most 23 lines of at most 80 columns.
fn usage(title: &str, text: &str) -> String {
    let text = format!("{title} UNKNOWN - usage: {}", text.trim_start_matches("error: "));
    let mut lines = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let mut rest: Vec<char> = line.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect();
        while rest.len() > 80 {
            let cut = rest.iter().take(80).rposition(|c| *c == ' ').filter(|at| *at > 20).unwrap_or(80);
            let tail = rest.split_off(cut);
            lines.push(rest.into_iter().collect::<String>());
            rest = format!("  {}", tail.into_iter().collect::<String>().trim_start()).chars().collect();
        }
        lines.push(rest.into_iter().collect());
    }
    lines.truncate(23);
    lines.join("\n") + "\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::{Blind, Host, Report};

    /// Judges nothing.
    #[derive(Args)]
    struct Nothing {
        /// How many
        #[arg(long)]
        many: Option<u8>,
    }

    impl Check for Nothing {
        const TITLE: &'static str = "NOTHING AT ALL";
        type Facts = ();
        fn probe(&self, _: &dyn Host) -> Result<(), Blind> {
            Ok(())
        }
        fn evaluate(&self, (): &(), _: &mut Report) {}
    }

    fn said(args: &[&str]) -> String {
        parse::<Nothing>(args.iter().map(OsString::from)).map_or_else(|e| e, |g| format!("{:?} {} {:?}", g.timeout, g.verbosity, g.check.many))
    }

    #[test]
    fn times_with_and_without_a_state() {
        let timeout = |ms, state| Ok(Timeout { time: Duration::from_millis(ms), state });
        assert_eq!("10".parse(), timeout(10_000, State::Unknown));
        assert_eq!("0.25:CRITICAL".parse(), timeout(250, State::Critical));
        assert_eq!("3:0".parse(), timeout(3_000, State::Ok));
        for wrong in ["", "0", "-1", "nan", "inf", "1e3", "5:", "5:bad", "10s", "86401"] {
            assert!(wrong.parse::<Timeout>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn help_version_and_mistakes_are_text() {
        assert_eq!(said(&["x", "-V"]), format!("check_nothing_at_all {}\n", env!("CARGO_PKG_VERSION")));
        let help = said(&["x", "--help"]);
        assert!(help.starts_with("Judges nothing") && help.contains("--many") && help.contains("Exit codes: 0 OK"), "{help}");
        for wrong in [vec!["x", "--bogus"], vec!["x", "--many", "300"], vec!["x", "-t", "soon"], vec!["x", "left over"]] {
            let text = said(&wrong);
            assert!(text.starts_with("NOTHING AT ALL UNKNOWN - usage: "), "{text}");
            assert!(text.lines().count() <= 23 && text.lines().all(|l| l.chars().count() <= 80), "{text}");
        }
        let long = "x".repeat(4000);
        let text = said(&["x", &format!("--{long}")]);
        assert!(text.lines().count() <= 23 && text.lines().all(|l| l.chars().count() <= 80), "{text}");
    }
}
