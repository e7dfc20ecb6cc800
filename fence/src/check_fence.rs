//! `check_fence`: does the peer's fence device answer, with these credentials, is it the peer's, and is the power on?
//!
//! Lives beside the drivers. Asks for identity and power state only: there is no way from here to a power command. A device
//! is asked at most once in `--every`, since many BMCs suffer from more; the answer between is the remembered one, with its age.

mod judge;

use crate::power::{Bounded, Level, Power, PowerError, is_same_identity, switches};
use plugin_core::cluster::{Cluster, Span};
use plugin_core::contract::paths;
use plugin_core::memory::{Memory, Recall};
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Report};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fence devices of the peer: reachable, right credentials, right machine, power on, more than one level.
///
/// A device that does not answer, denies the credentials or belongs to another machine is CRITICAL; power off while the peer is
/// a member, and a single level, are WARNING. No power command is ever sent. Needs to read the secrets of cluster.toml: run it
/// as root (sudo), or let its user read them.
///
/// Example: `check_fence --every 60s`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Fence {
    /// Node whose devices are asked; repeat. Default: the peer
    #[arg(long, value_name = "NODE")]
    target: Vec<String>,
    /// Name of this node in cluster.toml; default: uname -n
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Time for one device
    #[arg(long, value_name = "TIME", default_value = "5s")]
    device_timeout: Span,
    /// A device is asked at most once in this time; 0s = at each call
    #[arg(long, value_name = "TIME", default_value = "30s")]
    every: Span,
    /// A single fence level is fine: the device has a power supply of its own
    #[arg(long)]
    single_level: bool,
    /// The pair's configuration
    #[arg(long, value_name = "FILE", default_value = paths::CONFIG)]
    config: PathBuf,
    /// Folder in which the answers are remembered
    #[arg(long, value_name = "DIR", default_value = paths::MEMORY)]
    state_dir: PathBuf,
}

/// What a device said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// It is the peer's; the power is on or off.
    Good { on: bool },
    /// It shows another identity, or none.
    Foreign { shown: String, wanted: String },
    /// No answer in time.
    Silent(String),
    /// The credentials are refused.
    Denied(String),
    /// It refuses, or makes no sense.
    Odd(String),
    /// It was not asked: the configuration or a secret can't be used.
    Unusable(String),
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    target: String,
    level: u8,
    name: String,
    answer: Answer,
    /// Time of the question, milliseconds; 0 if none was asked.
    took_ms: u64,
}

/// What is remembered: when it was asked (since boot), and the answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    boot: String,
    at_ms: u64,
    /// The configuration to which the answers belong.
    config: String,
    devices: Vec<Asked>,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    targets: Vec<String>,
    devices: Vec<Asked>,
    /// Age of remembered answers; `None` = asked now.
    age: Option<Duration>,
    notes: Vec<String>,
}

impl Fence {
    fn ask(&self, host: &dyn Host, cluster: &Cluster, target: &str) -> Vec<Asked> {
        let levels = match switches(cluster, target, host) {
            Ok(levels) => levels,
            Err(error) => {
                let answer = Answer::Unusable(format!("cannot {error}"));
                return vec![Asked { target: target.to_owned(), level: 0, name: "configuration".into(), answer, took_ms: 0 }];
            }
        };
        let mut all = Vec::new();
        for Level { level, devices } in levels {
            // Dropping the device closes its session, whatever it said.
            for (mut device, wanted) in devices {
                stage(format!("asking {}", device.name()));
                let (bound, begun) = (Bounded::new(host, self.device_timeout.or_forever()), host.now());
                let answer = match device.identity(&bound) {
                    Err(error) => failed(&error),
                    Ok(shown) if wanted != "drill" && !shown.as_deref().is_some_and(|shown| is_same_identity(shown, &wanted)) => {
                        Answer::Foreign { shown: shown.unwrap_or_else(|| "no identity".into()), wanted }
                    }
                    Ok(_) => match device.status(&bound) {
                        Ok(power) => Answer::Good { on: power == Power::On },
                        Err(error) => failed(&error),
                    },
                };
                let took_ms = u64::try_from(host.now().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
                all.push(Asked { target: target.to_owned(), level, name: device.name(), answer, took_ms });
            }
        }
        all
    }
}

fn failed(error: &PowerError) -> Answer {
    let text = format!("cannot {error}");
    match error {
        PowerError::Silent(_) => Answer::Silent(text),
        PowerError::Denied(_) => Answer::Denied(text),
        PowerError::Refused(_) | PowerError::Garbled(_) | PowerError::Changing(_) => Answer::Odd(text),
        PowerError::Config(_) => Answer::Unusable(text),
    }
}

impl Check for Fence {
    const TITLE: &'static str = "FENCE";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        let text = host.read(&self.config)?;
        let wrong = |reason: String| Blind::Parse { what: self.config.display().to_string(), reason };
        let cluster = Cluster::parse(&text).map_err(wrong)?;
        let me = self.node.clone().unwrap_or_else(plugin_core::host::nodename);
        let mut targets = self.target.clone();
        if targets.is_empty() {
            let peer = cluster.peer_of(&me).ok_or_else(|| wrong(format!("this node calls itself {me}, which is none of [nodes]; use --node")))?;
            targets.push(peer.to_owned());
        }
        if let Some(stranger) = targets.iter().find(|t| !cluster.nodes.contains_key(*t)) {
            return Err(wrong(format!("--target {stranger} is none of [nodes]")));
        }
        let memory = Memory::new(&self.state_dir, "fence", &targets.join(" "));
        let boot = host.read(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
        let mut notes = Vec::new();
        let past = match memory.recall::<Past>(host) {
            Recall::Known(past) => Some(past),
            Recall::Nothing => None,
            Recall::Lost(why) => {
                notes.push(why);
                None
            }
        };
        // The bytes of the configuration: a changed address is tried at once.
        let fresh = past.filter(|past| past.boot == boot && past.config == text).and_then(|past| {
            let age = host.now().saturating_sub(Duration::from_millis(past.at_ms));
            (age < self.every.or_forever()).then_some((past.devices, age))
        });
        if let Some((devices, age)) = fresh {
            return Ok(Facts { targets, devices, age: Some(age), notes });
        }
        let devices: Vec<Asked> = targets.iter().flat_map(|target| self.ask(host, &cluster, target)).collect();
        if self.every.or_forever() > Duration::ZERO {
            let past = Past { boot, at_ms: u64::try_from(host.now().as_millis()).unwrap_or(0), config: text, devices: devices.clone() };
            if let Err(blind) = memory.keep(&past) {
                notes.push(format!("devices are asked at each call: cannot {blind}"));
            }
        }
        Ok(Facts { targets, devices, age: None, notes })
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(facts, self.single_level, report);
    }
}
