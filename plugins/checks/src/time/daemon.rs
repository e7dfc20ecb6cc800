//! The service that keeps this node's clock right, as its own tool tells it: chronyd, ntpd or systemd-timesyncd. A second
//! opinion beside the measured offset, with the reason when it is not synchronised.

use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use std::path::Path;
use std::str::FromStr;

const CHRONYC: &str = "/usr/bin/chronyc";
const NTPQ: &str = "/usr/bin/ntpq";
const TIMEDATECTL: &str = "/usr/bin/timedatectl";

/// What `--daemon` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Whichever runs; none or two of them is a finding.
    Auto,
    /// Not looked at.
    None,
    /// chronyd.
    Chrony,
    /// ntpd (ntpsec or classic).
    Ntpd,
    /// systemd-timesyncd.
    Timesyncd,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::None,
            "chrony" => Self::Chrony,
            "ntpd" => Self::Ntpd,
            "timesyncd" => Self::Timesyncd,
            _ => return Err(format!("\"{text}\" is no time service: write auto, none, chrony, ntpd or timesyncd")),
        })
    }
}

/// One running service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// `chronyd`, `ntpd`, `systemd-timesyncd`.
    pub name: &'static str,
    /// Whom it follows, or why it is not synchronised.
    pub synchronised: Result<String, String>,
}

/// The services that run. One that was asked for by name and does not run is a `Daemon` that says so.
///
/// # Errors
/// [`Blind`]: a tool is missing although its service was named, or can't be understood.
pub fn ask(host: &dyn Host, choice: Choice, chrony_port: u16) -> Result<Vec<Daemon>, Blind> {
    let named =
        |daemon: Option<Daemon>, name| vec![daemon.unwrap_or(Daemon { name, synchronised: Err("it does not answer; is it running?".into()) })];
    Ok(match choice {
        Choice::None => Vec::new(),
        Choice::Chrony => named(chrony(host, chrony_port)?, "chronyd"),
        Choice::Ntpd => named(ntpd(host)?, "ntpd"),
        Choice::Timesyncd => named(timesyncd(host)?, "systemd-timesyncd"),
        Choice::Auto => {
            let mut found = Vec::new();
            for (tool, ask) in [
                (CHRONYC, &(|| chrony(host, chrony_port)) as &dyn Fn() -> Result<Option<Daemon>, Blind>),
                (NTPQ, &|| ntpd(host)),
                (TIMEDATECTL, &|| timesyncd(host)),
            ] {
                if Path::new(tool).exists() {
                    found.extend(ask()?);
                }
            }
            found
        }
    })
}

fn chrony(host: &dyn Host, port: u16) -> Result<Option<Daemon>, Blind> {
    let ask = |what: &str| host.run(&Command::new(CHRONYC).args(["-n", "-c", "-h", "127.0.0.1", "-p", &port.to_string(), what]));
    let tracking = ask("tracking")?;
    if !tracking.success() {
        return Ok(None);
    }
    let sources = ask("sources")?;
    Ok(Some(Daemon { name: "chronyd", synchronised: parse_chrony(&tracking.stdout, &sources.stdout)? }))
}

/// `chronyc -c tracking` (14 fields, chronyc(1)) and, for the reason, `chronyc -c sources`.
fn parse_chrony(tracking: &str, sources: &str) -> Result<Result<String, String>, Blind> {
    let fields: Vec<&str> = tracking.trim().split(',').collect();
    let [reference, name, stratum, .., leap] = fields.as_slice() else {
        return Err(Blind::Parse { what: "chronyc -c tracking".into(), reason: format!("\"{}\" has no 14 fields", tracking.trim()) });
    };
    if *leap != "Not synchronised" {
        return Ok(Ok(format!("{}, stratum {stratum}", if name.is_empty() { reference } else { name })));
    }
    let sources: Vec<Vec<&str>> = sources.lines().map(|line| line.split(',').collect()).filter(|f: &Vec<&str>| f.len() >= 6).collect();
    let count = |mark: &str| sources.iter().filter(|f| f.get(1) == Some(&mark)).count();
    let unreached = sources.iter().filter(|f| f.get(5) == Some(&"0")).count();
    Ok(Err(match sources.len() {
        0 => "it has no source".into(),
        all if unreached == all => format!("none of its {all} sources answers"),
        all if count("x") > 0 => format!("{} of its {all} sources are falsetickers", count("x")),
        all => format!("it has not chosen one of its {all} sources yet"),
    }))
}

fn ntpd(host: &dyn Host) -> Result<Option<Daemon>, Blind> {
    let output = host.run(&Command::new(NTPQ).args(["-n", "-c", "rv 0 leap,stratum,refid"]))?;
    // ntpq ends with 0 when nobody answers, and says so on its standard error.
    if output.stdout.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(Daemon { name: "ntpd", synchronised: parse_ntpq(&output.stdout)? }))
}

/// System variables as `name=value, …` (ntpq(8), `rv`).
fn parse_ntpq(text: &str) -> Result<Result<String, String>, Blind> {
    let variable = |name: &str| text.split([',', '\n']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(leap), Some(stratum)) = (variable("leap"), variable("stratum")) else {
        return Err(Blind::Parse { what: "ntpq -c rv".into(), reason: "leap and stratum are missing".into() });
    };
    let reference = variable("refid").unwrap_or("?");
    let alarm = leap == "11" || leap == "3" || stratum == "16";
    Ok(if alarm { Err(format!("leap {leap}, stratum {stratum}, reference {reference}")) } else { Ok(format!("{reference}, stratum {stratum}")) })
}

fn timesyncd(host: &dyn Host) -> Result<Option<Daemon>, Blind> {
    let output = host.run(&Command::new(TIMEDATECTL).args(["show-timesync", "--all"]))?;
    Ok(output.success().then(|| Daemon { name: "systemd-timesyncd", synchronised: parse_timesyncd(&output.stdout) }))
}

/// Properties of `org.freedesktop.timesync1.Manager`; `NTPMessage` is there once a server has answered.
fn parse_timesyncd(text: &str) -> Result<String, String> {
    let property = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('=')).filter(|v| !v.is_empty());
    let server = property("ServerName").unwrap_or("no server");
    match property("NTPMessage").filter(|m| m.contains("Stratum=")) {
        Some(message) => {
            let stratum = message.split(['{', ',', '}']).find_map(|part| part.trim().strip_prefix("Stratum=")).unwrap_or("?");
            Ok(format!("{server}, stratum {stratum}"))
        }
        None => Err(format!("{server} has not answered yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chronyd_follows_or_says_why_not() {
        // The shape of chronyc 4.3's -c output.
        let good = "C0000201,192.0.2.1,3,1795000000.123456789,-0.000012,0.00001,0.00002,-12.3,0.001,0.05,0.0012,0.0005,64.2,Normal\n";
        assert_eq!(parse_chrony(good, ""), Ok(Ok("192.0.2.1, stratum 3".into())));
        let bad = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n";
        let source = |mark: &str, reach: &str| format!("^,{mark},192.0.2.1,2,6,{reach},10,0.1,0.1,0.01\n");
        assert_eq!(parse_chrony(bad, ""), Ok(Err("it has no source".into())));
        assert_eq!(parse_chrony(bad, &source("?", "0").repeat(2)), Ok(Err("none of its 2 sources answers".into())));
        assert_eq!(parse_chrony(bad, &source("x", "377").repeat(2)), Ok(Err("2 of its 2 sources are falsetickers".into())));
        assert_eq!(parse_chrony(bad, &source("?", "1")), Ok(Err("it has not chosen one of its 1 sources yet".into())));
        assert!(parse_chrony("506 Cannot talk to daemon", "").is_err());
    }

    #[test]
    fn ntpd_and_timesyncd_tell_whom_they_follow() {
        assert_eq!(parse_ntpq("leap=00, stratum=2, refid=192.0.2.1\n"), Ok(Ok("192.0.2.1, stratum 2".into())));
        assert_eq!(parse_ntpq("leap=11, stratum=16, refid=INIT\n"), Ok(Err("leap 11, stratum 16, reference INIT".into())));
        assert!(parse_ntpq("timed out").is_err());
        let synced = "ServerName=ntp1\nNTPMessage={ Leap=0, Version=4, Mode=4, Stratum=2, Precision=-23 }\n";
        assert_eq!(parse_timesyncd(synced), Ok("ntp1, stratum 2".into()));
        assert_eq!(parse_timesyncd("ServerName=ntp1\nNTPMessage=\n"), Err("ntp1 has not answered yet".into()));
    }
}
