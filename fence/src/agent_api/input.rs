//! Reading what is asked: `key=value` lines when there are no arguments, flags otherwise.
//!
//! Unknown keys of standard input never fail: a cluster adds its own.

use super::option::key_of;
use super::{Agent, Kind, Opt, World};
use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

/// More than any cluster sends.
const LONGEST_INPUT: u64 = 64 * 1024;
/// Keys that the cluster adds to every call, not meant for the agent.
const CLUSTER_KEYS: [&str; 5] = ["nodename", "crm_", "CRM_", "pcmk_", "stonith-timeout"];

/// The options' values by name, defaults filled in.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<&'static str, String>);

/// What the caller wants.
pub enum Asked {
    /// An action.
    Action(Values),
    /// `--help` or `--version`: this text.
    Text(String),
}

impl Values {
    /// A value that is given and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A switch; unclear words are refused when the input is read.
    pub fn is_set(&self, name: &str) -> bool {
        self.text(name).and_then(boolean).unwrap_or(false)
    }

    /// A time.
    pub fn seconds(&self, name: &str) -> Duration {
        self.text(name).and_then(seconds).unwrap_or_default()
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    fn put(&mut self, option: &Opt, value: &str) -> Result<(), String> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        let wrong = |what: String| Err(format!("{}={value}: {what}", key_of(option.name)));
        match option.kind {
            Kind::Integer if value.parse::<u32>().is_err() => return wrong("a whole number is expected".into()),
            Kind::Seconds if seconds(value).is_none() => return wrong("a number of seconds is expected".into()),
            Kind::Boolean if boolean(value).is_none() => return wrong("use 1 or 0".into()),
            Kind::Choice(words) if !words.iter().any(|w| w.eq_ignore_ascii_case(value)) => return wrong(format!("use one of {}", words.join(", "))),
            Kind::Text | Kind::Integer | Kind::Seconds | Kind::Boolean | Kind::Choice(_) => {}
        }
        self.0.insert(option.name, value.to_owned());
        Ok(())
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "on" | "true" => Some(true),
        "0" | "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('s').unwrap_or(text);
    Duration::try_from_secs_f64(text.parse().ok()?).ok().filter(|time| *time <= Duration::from_hours(24))
}

/// Reads arguments or standard input.
///
/// # Errors
/// A sentence that names the option. Never a secret: option values are shown except free text.
pub fn read(agent: &Agent, world: &mut World<'_>) -> Result<Asked, String> {
    let mut values = Values::default();
    for option in agent.all_options() {
        values.0.extend(option.default.map(|value| (option.name, value.to_owned())));
    }
    if world.args.is_empty() {
        let mut bytes = Vec::new();
        (&mut *world.stdin).take(LONGEST_INPUT).read_to_end(&mut bytes).map_err(|e| format!("standard input can't be read: {e}"))?;
        let text = String::from_utf8(bytes).map_err(|_| "standard input is not UTF-8".to_owned())?;
        for warning in read_lines(agent, &text, &mut values)? {
            // A warning that can't be written harms nobody.
            let _ = writeln!(world.err, "{}: {warning}", agent.name);
        }
        return Ok(Asked::Action(with_environment(agent, world, values)?));
    }
    match read_flags(agent, &world.args, values)? {
        Asked::Action(values) => Ok(Asked::Action(with_environment(agent, world, values)?)),
        text @ Asked::Text(_) => Ok(text),
    }
}

fn with_environment(agent: &Agent, world: &World<'_>, mut values: Values) -> Result<Values, String> {
    for option in agent.all_options().filter(|option| values.text(option.name).is_none()).collect::<Vec<_>>() {
        if let Some(value) = option.env.and_then(world.env) {
            values.put(option, &value)?;
        }
    }
    Ok(values)
}

/// The standard input form; the result is warnings.
fn read_lines(agent: &Agent, text: &str, values: &mut Values) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((key, value)) = line.split_once('=') else {
            // The line itself may be a stray secret.
            warnings.push("a line without \"=\" is ignored".into());
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        match agent.all_options().find(|option| option.answers_to(key)) {
            Some(option) => values.put(option, value)?,
            None if CLUSTER_KEYS.iter().any(|known| key.starts_with(known)) => {}
            None => warnings.push(format!("option \"{key}\" is unknown and ignored")),
        }
    }
    Ok(warnings)
}

fn read_flags(agent: &Agent, args: &[String], mut values: Values) -> Result<Asked, String> {
    let mut command = command(agent);
    let found = match command.try_get_matches_from_mut(std::iter::once(agent.name.to_owned()).chain(args.iter().cloned())) {
        Ok(found) => found,
        Err(error) if error.use_stderr() => return Err(error.to_string()),
        Err(error) => return Ok(Asked::Text(error.to_string())),
    };
    for option in agent.all_options() {
        match option.kind {
            Kind::Boolean if found.get_count(option.name) > 0 => values.put(option, "1")?,
            Kind::Boolean => {}
            _ => found.get_one::<String>(option.name).map_or(Ok(()), |value| values.put(option, value))?,
        }
    }
    Ok(Asked::Action(values))
}

fn command(agent: &Agent) -> Command {
    let options = agent.all_options().map(|option| {
        let mut help = option.help.to_owned();
        if let Some(default) = option.default {
            let _ = write!(help, " (default: {default})");
        }
        let arg = Arg::new(option.name).long(option.name).help(StyledStr::from(help)).visible_aliases(option.old.iter().copied());
        let arg = if let Some(short) = option.short { arg.short(short) } else { arg };
        match option.kind {
            Kind::Boolean => arg.action(ArgAction::Count),
            _ => arg.action(ArgAction::Set).overrides_with(option.name).allow_hyphen_values(true),
        }
    });
    let contract = "Without arguments the options are read from standard input as key=value lines.\n\
        Actions: off, on, reboot, status, monitor, validate-all, metadata.\n\
        Exit codes: 0 success, 1 any failure; status: 0 on, 2 off, 1 unknown.";
    Command::new(agent.name).version(env!("CARGO_PKG_VERSION")).about(agent.longdesc).after_help(contract).args(options)
}
