//! From the rounds to the verdict. Pure.
//!
//! The order is the safety: every round compares what this node sees with what the master says; a round in which either view is
//! missing decides nothing; and a verdict needs enough rounds of the same kind.

#[cfg(test)]
mod tests;

use super::{Round, Sight, is_master};
use plugin_core::contract::status::{Role, Status};
use plugin_core::report::Metric;
use plugin_core::{Report, State, Unit};

/// One side of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
enum View {
    Alive,
    Dead,
    /// Not seen, and why.
    Unknown(String),
}

/// What one round shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Case {
    BothAlive,
    BothDead,
    OnlyMineDead,
    OnlyMastersDead,
    Unknown(String),
}

impl Round {
    /// What this node sees for itself.
    fn own(&self, need: usize) -> View {
        if !self.carriers.is_empty() && self.carriers.iter().all(|(_, carrier)| *carrier == Ok(false)) {
            return View::Dead;
        }
        if self.witnesses.is_empty() {
            return View::Unknown("no witness is named, so this node can't know that its network lives".into());
        }
        if self.answers() >= need {
            return View::Alive;
        }
        let blind: Vec<String> =
            self.carriers.iter().chain(&self.witnesses).filter_map(|(_, seen)| seen.as_ref().err().map(ToString::to_string)).collect();
        match blind.first() {
            Some(reason) => View::Unknown(format!("this node's own network could not be probed: cannot {reason}")),
            None => View::Dead,
        }
    }

    fn answers(&self) -> usize {
        self.witnesses.iter().filter(|(_, answered)| *answered == Ok(true)).count()
    }

    /// What the master says of its own network.
    fn masters(&self) -> View {
        let status = match &self.status {
            Ok(status) => status,
            Err(blind) => return View::Unknown(format!("the master's view is not known: cannot {blind}")),
        };
        let peer = &status.peer.node;
        if channels(status).is_empty() {
            return View::Unknown(format!("the view of {peer} is not known: its agent speaks over no link"));
        }
        match status.peer.network_ok {
            Some(true) => View::Alive,
            Some(false) => View::Dead,
            None => View::Unknown(format!("the view of {peer} is not known: its agent has not told it")),
        }
    }

    fn case(&self, need: usize) -> Case {
        match (self.own(need), self.masters()) {
            (View::Unknown(why), _) | (_, View::Unknown(why)) => Case::Unknown(why),
            (View::Alive, View::Alive) => Case::BothAlive,
            (View::Dead, View::Dead) => Case::BothDead,
            (View::Dead, View::Alive) => Case::OnlyMineDead,
            (View::Alive, View::Dead) => Case::OnlyMastersDead,
        }
    }

    /// Interfaces and witnesses in a few words.
    fn words(&self) -> String {
        let interfaces: Vec<String> = self
            .carriers
            .iter()
            .map(|(name, carrier)| if *carrier == Ok(false) { format!("{name} without carrier") } else { name.clone() })
            .collect();
        format!("{}, {} of {} witnesses answer", interfaces.join(" and "), self.answers(), self.witnesses.len())
    }
}

/// The links over which the peer's agent speaks.
fn channels(status: &Status) -> Vec<&str> {
    status.peer.links.iter().filter(|link| link.channel).map(|link| link.name.as_str()).collect()
}

/// The verdict.
pub fn judge(sight: &Sight, failover: bool, report: &mut Report) {
    let (state, text) = verdict(sight);
    let quiet = |state: State| if failover && state == State::Warning { State::Ok } else { state };
    report.say(quiet(state), text);
    for fault in sight.devices.iter().flat_map(super::Device::faults) {
        report.say(quiet(State::Warning), fault);
    }
    details(sight, report);
}

fn verdict(sight: &Sight) -> (State, String) {
    let cases: Vec<Case> = sight.rounds.iter().map(|round| round.case(sight.need)).collect();
    let count = |wanted: &Case| cases.iter().filter(|case| *case == wanted).count();
    let agreed = |case: &Case| count(case) >= sight.agree;
    let rounds = format!("{} of {} rounds agree", cases.iter().map(count).max().unwrap_or(0), cases.len());
    let Some(last) = sight.rounds.last() else { return (State::Unknown, "no round was probed".into()) };
    let winner = cases.iter().find(|case| agreed(case));
    let unknown = cases.iter().find_map(|case| if let Case::Unknown(why) = case { Some(why.clone()) } else { None });
    let Some(winner) = winner else {
        let why = unknown.unwrap_or_else(|| "the network comes and goes".into());
        return (State::Unknown, format!("the rounds disagree ({rounds}, {} must): {why}", sight.agree));
    };
    let Ok(status) = &last.status else {
        return (State::Unknown, unknown.unwrap_or_else(|| "the master's view is not known".into()));
    };
    let (peer, said) = (&status.peer.node, channels(status).join(" and "));
    match winner {
        Case::Unknown(why) => (State::Unknown, why.clone()),
        Case::BothAlive => (State::Ok, format!("both nodes see their clients: here {}; {peer} says so over {said}", last.words())),
        Case::BothDead => {
            (State::Warning, format!("both nodes have lost their clients' network, a takeover would cure nothing: here {}", last.words()))
        }
        Case::OnlyMineDead => (State::Unknown, format!("this node has lost its clients' network, {peer} has not: here {}", last.words())),
        Case::OnlyMastersDead => accused(status, &format!("{} ({rounds}); {peer} said so over {said}", last.words())),
    }
}

/// Only the master's network is dead; it matters if it serves somebody there.
fn accused(status: &Status, seen: &str) -> (State, String) {
    let peer = &status.peer.node;
    if status.peer.roles.is_empty() {
        return (State::Unknown, format!("{peer} has lost its clients' network, but its role is not known; here {seen}"));
    }
    if is_master(status) || !status.peer.roles.values().any(|role| *role == Role::Master) {
        return (State::Warning, format!("{peer} has lost its clients' network and serves nobody; here {seen}"));
    }
    (State::Critical, format!("{peer} has lost its clients' network and serves; here {seen}"))
}

fn details(sight: &Sight, report: &mut Report) {
    let Some(last) = sight.rounds.last() else { return };
    for (witness, answered) in &last.witnesses {
        report.note(match answered {
            Ok(true) => format!("witness {witness}: answers"),
            Ok(false) => format!("witness {witness}: no answer"),
            Err(blind) => format!("witness {witness}: cannot {blind}"),
        });
    }
    for device in &sight.devices {
        report.note(format!("{}: {}", device.name, device.words()));
        for (counter, count) in &device.counters {
            report.export(Metric::new(format!("{}_{counter}", device.name), *count as f64, Unit::Counter));
        }
    }
    report.export(Metric::new("witnesses", last.answers() as f64, Unit::Number).bounds(0.0, last.witnesses.len() as f64));
    for (number, round) in sight.rounds.iter().enumerate() {
        report.detail(2, format!("round {}: {:?}", number + 1, round.case(sight.need)));
        report.detail(3, format!("round {}: carriers {:?}, witnesses {:?}", number + 1, round.carriers, round.witnesses));
    }
}
