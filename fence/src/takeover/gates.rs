//! The gates of an automatic takeover (TAKEOVER 3.5 with the sharpening of its section 1). Pure: facts in, verdicts out.
//!
//! Each gate passes, waits (not yet sure: never acts, never alarms) or refuses with its code.

use super::data::Copy;
use super::durable::Maintenance;
use super::message::Moving;
use super::ms;
use super::outlook::Outlook;
use super::view::{DeviceView, Readiness};
use plugin_core::cluster::{Cluster, Data, Group, Limits, Trigger};
use plugin_core::contract::Refusal;
use plugin_core::contract::request::Request;
use plugin_core::contract::status::{GateStatus, Life};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// Not yet known.
    Wait,
    /// It does not hold.
    Refuse(Refusal),
}

/// One gate with what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// `G0` … `G12`.
    pub name: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// What was seen.
    pub evidence: String,
}

impl Gate {
    fn new(name: &'static str, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { name, verdict, evidence: evidence.into() }
    }

    /// The refusal with its evidence.
    pub fn refusal(&self) -> Option<(Refusal, String)> {
        match self.verdict {
            Verdict::Refuse(code) => Some((code, self.evidence.clone())),
            Verdict::Pass | Verdict::Wait => None,
        }
    }

    /// For the status file.
    pub fn status(&self) -> GateStatus {
        let evidence = if self.verdict == Verdict::Wait { format!("waiting: {}", self.evidence) } else { self.evidence.clone() };
        GateStatus { gate: self.name.to_owned(), refusal: self.refusal().map(|r| r.0), evidence }
    }
}

/// What a call of the handler is worth (G0, G1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A SOFT CRITICAL: get ready, change nothing.
    Prime,
    /// A HARD CRITICAL of a trigger: open a case.
    Accept(Trigger),
    /// Nothing to do, or not allowed.
    Refuse(Refusal, String),
}

/// Longest age of the check result behind a call.
const EVENT_AGE: Duration = Duration::from_secs(30);

/// Judges one call. `wall_ms` is this node's Unix time in milliseconds, the same clock that stamped the check.
pub fn judge(cluster: &Cluster, call: &Request, wall_ms: i64) -> Call {
    let refuse = |code, text: String| Call::Refuse(code, text);
    let Some(trigger) = cluster.triggers.get(&call.service) else {
        return refuse(Refusal::NotAllowed, format!("\"{}\" is no trigger in cluster.toml", call.service));
    };
    if !matches!(call.state.as_str(), "CRITICAL" | "DOWN") {
        return refuse(Refusal::NotCritical, format!("{} is {}", call.service, call.state));
    }
    if call.downtime_depth > 0 || call.host_downtime_depth > 0 {
        return refuse(Refusal::Downtime, format!("{} or its host is in a downtime", call.service));
    }
    if call.flapping {
        return refuse(Refusal::Downtime, format!("{} flaps", call.service));
    }
    let Some(ended) = call.last_check else {
        return refuse(Refusal::StaleEvent, "the call does not say when the check ended".to_owned());
    };
    let age = wall_ms as f64 / 1000.0 - ended;
    if !age.is_finite() || age.abs() > EVENT_AGE.as_secs_f64() {
        return refuse(Refusal::StaleEvent, format!("the check ended {age:.1} s ago by this node's clock"));
    }
    match call.state_type.as_str() {
        "HARD" => Call::Accept(*trigger),
        "SOFT" => Call::Prime,
        other => refuse(Refusal::Soft, format!("state type \"{other}\" is neither SOFT nor HARD")),
    }
}

/// G1: nothing forbids automatic acts: the configuration, or somebody who works on one of the nodes (row 41).
pub fn allowed(cluster: &Cluster, own: Option<&Maintenance>, peers: bool) -> Gate {
    let gate = |verdict, text: String| Gate::new("G1", verdict, text);
    if !cluster.automatic {
        return gate(Verdict::Refuse(Refusal::AutomaticOff), "automatic = false in cluster.toml".to_owned());
    }
    match own {
        Some(m) => gate(Verdict::Refuse(Refusal::Maintenance), format!("{} works on this node", m.by)),
        None if peers => gate(Verdict::Refuse(Refusal::Maintenance), "somebody works on the peer, by its last message".to_owned()),
        None => gate(Verdict::Pass, "automatic, no maintenance".to_owned()),
    }
}

/// G6: the data of every group in question can be proven fresh, as if the peer's end were now; T2 judges again when it is known. Data that
/// this node served last (`true`) are the data. What can't be proven is refused, rather than served beside newer data.
pub fn data<'a>(groups: impl Iterator<Item = (&'a Group, bool)>, copies: &BTreeMap<String, Copy>, now_ms: u64) -> Gate {
    let mut seen = Vec::new();
    for (group, own) in groups {
        let judged = match &group.data {
            Data::Device => Ok("shared device".to_owned()),
            Data::None => Ok("no data".to_owned()),
            _ if own => Ok("served here last".to_owned()),
            data => copies.get(&group.name).unwrap_or(&Copy::default()).judge(data, now_ms),
        };
        match judged {
            Ok(text) => seen.push(format!("{}: {text}", group.name)),
            Err((code, text)) => return Gate::new("G6", Verdict::Refuse(code), format!("{}: {text}", group.name)),
        }
    }
    Gate::new("G6", Verdict::Pass, seen.join("; "))
}

/// G8: not too many takeovers lately. The clock is this node's own; a jump can only refuse (times ahead count as now).
pub fn rate(limits: &Limits, takeovers: &[i64], wall_ms: i64) -> Gate {
    let ages: Vec<u64> = takeovers.iter().map(|at| u64::try_from(wall_ms - at).unwrap_or(0)).collect();
    let day = ages.iter().filter(|age| **age < 24 * 3_600_000).count();
    let latest = ages.iter().min().copied();
    let interval = limits.interval.0.map_or(0, ms);
    if latest.is_some_and(|age| age < interval) {
        return Gate::new("G8", Verdict::Refuse(Refusal::RateLimit), format!("the last takeover was less than {} ago", limits.interval));
    }
    if limits.per_day > 0 && day >= limits.per_day as usize {
        return Gate::new("G8", Verdict::Refuse(Refusal::RateLimit), format!("{day} takeovers in 24 hours, {} allowed", limits.per_day));
    }
    Gate::new("G8", Verdict::Pass, format!("{day} takeovers in 24 hours"))
}

/// G5, G10 and G11: this node can run the groups, and nobody else runs them.
pub fn fit(own: &Readiness) -> Gate {
    match own {
        Readiness::Unknown(why) => Gate::new("G5", Verdict::Wait, why.clone()),
        Readiness::Seen { unfit: Some((code, text)), .. } => Gate::new("G5", Verdict::Refuse(*code), text.clone()),
        Readiness::Seen { unfit: None, .. } => Gate::new("G5", Verdict::Pass, "programs, memory and devices are there; no other cluster manager"),
    }
}

/// G3: the peer is dead by this node's own probes, on every link, and serves nobody.
pub fn peer_dead(cluster: &Cluster, outlook: &Outlook, now: Duration) -> Gate {
    let confirm = &cluster.confirm;
    let (life, text) = (outlook.life(now), outlook.describe(now));
    let gate = |verdict| Gate::new("G3", verdict, text.clone());
    if outlook.host_key_changed() {
        return Gate::new("G3", Verdict::Refuse(Refusal::HostKey), "the peer's ssh shows another host key: somebody is alive there");
    }
    if outlook.serves(now) {
        return Gate::new("G3", Verdict::Refuse(Refusal::PeerServes), "the service answers at the cluster IP");
    }
    match life {
        Life::Alive => gate(Verdict::Refuse(Refusal::PeerAlive)),
        Life::Unknown => gate(Verdict::Wait),
        Life::Silent => {
            let long = outlook.silent_for(now) >= confirm.silence.or_forever();
            gate(if long && outlook.silent_rounds(now, confirm.rounds) { Verdict::Pass } else { Verdict::Wait })
        }
        Life::Mute if confirm.hung.0.is_none() => gate(Verdict::Refuse(Refusal::PeerAlive)),
        Life::Mute => {
            let long = outlook.mute_for(now) >= confirm.hung.or_forever();
            gate(if long && outlook.mute_rounds(now, confirm.rounds) { Verdict::Pass } else { Verdict::Wait })
        }
    }
}

/// G5 of a graceful move: degraded hardware does not relieve a master that still serves. `faults` = what this node's own checks
/// find wrong here.
pub fn no_fault(faults: &[String]) -> Gate {
    if faults.is_empty() {
        return Gate::new("G5", Verdict::Pass, "this node's own checks find nothing wrong here");
    }
    Gate::new("G5", Verdict::Refuse(Refusal::Unfit), faults.join("; "))
}

/// G3 of a lost clients' network: the master lives, and says itself that it has lost it. `word` = what its last message says,
/// while a channel to it is up.
pub fn network_lost(life: Life, word: Option<Option<bool>>) -> Gate {
    let gate = |verdict, text: &str| Gate::new("G3", verdict, text);
    match (life, word) {
        (Life::Alive, Some(Some(false))) => gate(Verdict::Pass, "the peer says that it has lost its clients' network"),
        (Life::Alive, Some(Some(true))) => gate(Verdict::Refuse(Refusal::PeerAlive), "the peer sees its clients' network"),
        _ => gate(Verdict::Wait, "no word of the peer about its network"),
    }
}

/// G3 of a master that was asked to give its groups up, or reported itself: it may be fenced as long as it has not done so.
/// `said` = its last message: the attempt by which it is giving up, and the one by which it has.
pub fn still_holds(attempt: &str, said: Option<(Option<&Moving>, Option<&str>)>) -> Gate {
    let gate = |verdict, text: &str| Gate::new("G3", verdict, text);
    match said {
        Some((_, Some(given))) if given == attempt => gate(Verdict::Refuse(Refusal::PeerAlive), "the peer has given its groups up"),
        Some((Some(moving), _)) if moving.attempt == attempt && moving.stuck => gate(Verdict::Pass, "the peer can't stop its groups"),
        Some((Some(moving), _)) if moving.attempt == attempt => gate(Verdict::Pass, "the peer has not stopped its groups in its time"),
        _ => gate(Verdict::Refuse(Refusal::PeerAlive), "the peer does not give its groups up any more"),
    }
}

/// G4: this node is not the isolated one (I6).
pub fn not_isolated(cluster: &Cluster, outlook: &Outlook, now: Duration) -> Gate {
    let need = cluster.witness.need();
    if cluster.witness.hosts.is_empty() {
        return Gate::new("G4", Verdict::Refuse(Refusal::Isolated), "no witness is configured: this node can't know that it is not the isolated one");
    }
    let Some(round) = outlook.fresh_round(now) else {
        return Gate::new("G4", Verdict::Wait, "no probe round yet");
    };
    let without: Vec<&str> =
        cluster.links.iter().filter(|(name, link)| link.clients && round.carriers.get(*name) != Some(&true)).map(|(name, _)| name.as_str()).collect();
    if !without.is_empty() {
        return Gate::new("G4", Verdict::Refuse(Refusal::Isolated), format!("no carrier on {}", without.join(", ")));
    }
    let answer: Vec<&str> = round.witnesses.iter().filter(|(_, up)| **up).map(|(w, _)| w.as_str()).collect();
    let text = format!("{} of {} witnesses answer, {need} needed", answer.len(), cluster.witness.hosts.len());
    let verdict = if answer.len() >= need { Verdict::Pass } else { Verdict::Refuse(Refusal::Isolated) };
    Gate::new("G4", verdict, text)
}

/// G7: a level whose every device answered lately, with the peer's identity.
pub fn stonith(devices: &[DeviceView], now: Duration) -> Gate {
    let gate = |verdict, text: String| Gate::new("G7", verdict, text);
    if devices.is_empty() {
        return gate(Verdict::Refuse(Refusal::NoStonith), "no [[fence.device]] targets the peer".to_owned());
    }
    let text = devices.iter().map(|d| format!("level {} {}: {}", d.level, d.name, d.describe(now))).collect::<Vec<_>>().join("; ");
    let levels: std::collections::BTreeSet<u8> = devices.iter().map(|d| d.level).collect();
    let usable = |level: &u8| devices.iter().filter(|d| d.level == *level).all(|d| d.good(now));
    if devices.iter().any(|d| d.refusal() == Some(Refusal::Identity)) {
        return gate(Verdict::Refuse(Refusal::Identity), text);
    }
    if levels.iter().any(usable) {
        return gate(Verdict::Pass, text);
    }
    if devices.iter().any(|d| d.pending(now)) {
        return gate(Verdict::Wait, text);
    }
    let code = devices.iter().find_map(DeviceView::refusal).unwrap_or(Refusal::DeviceSilent);
    gate(Verdict::Refuse(code), text)
}

/// G9: both nodes had the same configuration and protocol at the last contact.
pub fn same_configuration(own: &str, peers: Option<&str>) -> Gate {
    match peers {
        None => Gate::new("G9", Verdict::Refuse(Refusal::Config), "the peer's configuration was never seen"),
        Some(theirs) if theirs == own => Gate::new("G9", Verdict::Pass, "same configuration on both nodes"),
        Some(_) => Gate::new("G9", Verdict::Refuse(Refusal::Config), "cluster.toml differs between the nodes"),
    }
}

/// G12: nothing would start a managed resource at boot, here or on the peer (I9).
pub fn boot_starts(own: &Readiness, peers: Option<&[String]>) -> Gate {
    let gate = |verdict, text: String| Gate::new("G12", verdict, text);
    let Readiness::Seen { boot_starts, .. } = own else {
        return gate(Verdict::Wait, "this node's units were not looked at yet".to_owned());
    };
    let Some(peers) = peers else {
        return gate(Verdict::Refuse(Refusal::BootStarts), "what the peer starts at boot was never seen".to_owned());
    };
    if boot_starts.is_empty() && peers.is_empty() {
        return gate(Verdict::Pass, "nothing starts by itself at boot".to_owned());
    }
    let here = boot_starts.iter().map(|t| format!("here: {t}"));
    let there = peers.iter().map(|t| format!("peer: {t}"));
    gate(Verdict::Refuse(Refusal::BootStarts), here.chain(there).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
#[path = "gates/tests.rs"]
mod tests;
