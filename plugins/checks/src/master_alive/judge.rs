//! From what was seen to the verdict. Pure.
//!
//! The order is the safety: without a role nothing is judged; one sign of life on one link is life; a link that could not be
//! probed is never a dead one; and only a node that its witnesses confirm calls the other one dead.

#[cfg(test)]
mod tests;

use super::{LinkSight, Sight, Twin};
use plugin_core::contract::status::{Life, Status};
use plugin_core::net::Touch;
use plugin_core::report::Metric;
use plugin_core::{Blind, Limits, Report, State, Unit};
use std::time::Duration;

/// What one link shows, over all rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    /// An application spoke.
    Speaks,
    /// The kernel answered (ping, TCP accept or refusal), no application did.
    Kernel,
    /// Nothing answered.
    Dead,
    /// Nothing answered, and a probe could not be sent.
    Blind(Blind),
}

impl LinkSight {
    fn sign(&self) -> Sign {
        let spoke = self.touches.iter().any(|t| matches!(t, Ok(Touch::Banner(_))));
        let kernel = self.touches.iter().any(|t| matches!(t, Ok(Touch::Accepted | Touch::Refused))) || self.answered() > 0;
        let blind = self.pings.iter().filter_map(|p| p.as_ref().err()).chain(self.touches.iter().filter_map(|t| t.as_ref().err())).next();
        match blind {
            _ if spoke => Sign::Speaks,
            _ if kernel => Sign::Kernel,
            Some(blind) => Sign::Blind(blind.clone()),
            None => Sign::Dead,
        }
    }

    fn answered(&self) -> usize {
        self.pings.iter().filter(|p| matches!(p, Ok(Some(_)))).count()
    }

    fn rta(&self) -> Option<f64> {
        let times: Vec<f64> = self.pings.iter().filter_map(|p| p.as_ref().ok()?.as_ref().map(Duration::as_secs_f64)).collect();
        (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
    }

    /// The link with what is to be said about it.
    fn words(&self) -> String {
        let rta = self.rta().map_or_else(String::new, |rta| format!(" {}", Unit::Seconds.words(rta)));
        match self.sign() {
            Sign::Speaks | Sign::Kernel => format!("{}{rta}", self.link.name),
            Sign::Dead if self.carrier == Some(false) => format!("{} (no carrier here)", self.link.name),
            Sign::Dead => format!("{} ({})", self.link.name, self.link.address),
            Sign::Blind(_) => format!("{} (not probed)", self.link.name),
        }
    }
}

/// The verdict.
pub fn judge(sight: &Sight, twin: &Twin, report: &mut Report) {
    let (state, text) = verdict(sight);
    // A failover check knows no WARNING: followed by one CRITICAL it would be HARD at once.
    let state = if twin.failover && state == State::Warning { State::Ok } else { state };
    report.say(state, text);
    if let Some(line) = sight.status.as_ref().ok().and_then(refusal) {
        report.note(line);
    }
    for link in &sight.links {
        details(link, twin, report);
    }
    for (witness, answered) in &sight.witnesses {
        report.note(match answered {
            Ok(true) => format!("witness {witness}: answers"),
            Ok(false) => format!("witness {witness}: no answer"),
            Err(blind) => format!("witness {witness}: cannot {blind}"),
        });
    }
}

fn verdict(sight: &Sight) -> (State, String) {
    let status = match &sight.status {
        Ok(status) => status,
        Err(blind) => return (State::Unknown, format!("this node's role is not known: cannot {blind}")),
    };
    let signs: Vec<(&LinkSight, Sign)> = sight.links.iter().map(|l| (l, l.sign())).collect();
    let named = |wanted: fn(&Sign) -> bool| -> Vec<String> { signs.iter().filter(|(_, s)| wanted(s)).map(|(l, _)| l.words()).collect() };
    let peer = &status.peer.node;
    let living = named(|s| matches!(s, Sign::Speaks | Sign::Kernel)).join(", ");
    let failing = named(|s| matches!(s, Sign::Dead | Sign::Blind(_))).join(", ");
    if signs.iter().any(|(_, s)| *s == Sign::Speaks) {
        return if failing.is_empty() {
            (State::Ok, format!("{peer} answers on {living}"))
        } else {
            (State::Warning, format!("{peer} answers on {living}; degraded: no answer on {failing}"))
        };
    }
    if !living.is_empty() {
        return mute(sight, status, &living);
    }
    if let Some((link, blind)) = signs.iter().find_map(|(l, s)| if let Sign::Blind(b) = s { Some((l, b)) } else { None }) {
        return (State::Unknown, format!("link {} could not be probed: cannot {blind}", link.link.name));
    }
    if let Some(why) = isolated(sight) {
        return (State::Unknown, format!("no answer from {peer}, but {why}"));
    }
    let witnesses = sight.witnesses.iter().filter(|(_, a)| *a == Ok(true)).count();
    let rounds = sight.rounds;
    (
        State::Critical,
        format!("{peer} is silent on {failing}; {rounds} of {rounds} rounds agree, {witnesses} of {} witnesses answer", sight.witnesses.len()),
    )
}

/// The kernel answers and no application does. One look is not enough for CRITICAL: the agent must have seen it too.
fn mute(sight: &Sight, status: &Status, living: &str) -> (State, String) {
    let peer = &status.peer.node;
    if let Some(blind) = sight.links.iter().flat_map(|l| &l.touches).find_map(|t| t.as_ref().err()) {
        return (State::Ok, format!("{peer} answers on {living}; its server was not asked: cannot {blind}"));
    }
    match status.peer.life {
        Life::Mute | Life::Silent => {
            (State::Critical, format!("{peer} hangs: its kernel answers on {living}, no application does, and the agent sees the same"))
        }
        Life::Alive | Life::Unknown => {
            (State::Warning, format!("{peer} is mute: its kernel answers on {living}, no application did; the agent does not call it hung"))
        }
    }
}

/// Why this node may be the one that is cut off.
fn isolated(sight: &Sight) -> Option<String> {
    if sight.links.iter().all(|l| l.carrier == Some(false)) {
        return Some("this node is isolated: no carrier on any link".into());
    }
    if sight.witnesses.is_empty() {
        return Some("no witness is named, so this node can't know that it is not the isolated one".into());
    }
    let answer = sight.witnesses.iter().filter(|(_, a)| *a == Ok(true)).count();
    if answer >= sight.need.max(1) {
        return None;
    }
    let blind = sight.witnesses.iter().find_map(|(_, a)| a.as_ref().err()).map_or_else(String::new, |b| format!(" (cannot {b})"));
    Some(format!("this node is isolated: {answer} of {} witnesses answer, {} must{blind}", sight.witnesses.len(), sight.need.max(1)))
}

/// The agent's standing refusal, or what would refuse a takeover now.
fn refusal(status: &Status) -> Option<String> {
    if let Some(refusal) = &status.refusal {
        return Some(format!("automatic takeover refused: {} - {}; {}", refusal.code, refusal.text, refusal.code.advice()));
    }
    if let Some(why) = &status.frozen {
        return Some(format!("automatic takeover is frozen: {why}"));
    }
    // G0 and G3 only say that nothing has failed yet.
    let gate = status.gates.iter().find(|g| g.refusal.is_some() && g.gate != "G0" && g.gate != "G3").filter(|_| !status.armed)?;
    let code = gate.refusal?;
    Some(format!("automatic takeover would be refused: {code} - {}; {}", gate.evidence, code.advice()))
}

fn details(link: &LinkSight, twin: &Twin, report: &mut Report) {
    let interface = link.link.interface.as_deref().unwrap_or("any interface");
    let carrier = match link.carrier {
        Some(true) => ", carrier",
        Some(false) => ", no carrier",
        None => "",
    };
    let sign = match link.sign() {
        Sign::Speaks => "answers, its server speaks".to_owned(),
        Sign::Kernel => "its kernel answers, its server does not speak".to_owned(),
        Sign::Dead => "no answer".to_owned(),
        Sign::Blind(blind) => format!("cannot {blind}"),
    };
    let (answered, sent) = (link.answered(), link.pings.len());
    report.note(format!("link {}: {} over {interface}{carrier}: {sign}; {answered} of {sent} pings", link.link.name, link.link.address));
    report.detail(2, format!("link {}: pings {:?}, tcp {:?}", link.link.name, link.pings, link.touches));
    // With --failover values are exported and never judged: a slow master is no dead one.
    let mut value = |label: String, value: f64, unit: Unit, limits: &Limits| {
        if twin.failover {
            report.export(Metric::new(label, value, unit));
        } else {
            report.watch(&label, value, unit, limits);
        }
    };
    if let Some(rta) = link.rta() {
        value(format!("{}_rta", link.link.name), rta, Unit::Seconds, &twin.rta);
    }
    // Pings that could not be sent are not lost ones.
    let looked = link.pings.iter().filter(|p| p.is_ok()).count();
    if looked > 0 {
        value(format!("{}_loss", link.link.name), 100.0 * (looked - answered) as f64 / looked as f64, Unit::Percent, &twin.loss);
    }
}
