//! From what was seen to findings: the roles first, then each engine's own rules, then what both engines share. Pure.

use super::{Arrival, Compared, DbSync, Expect, Facts, Node, Sight, mariadb, postgresql};
use crate::db::{Engine, Fault};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Judges everything.
pub fn judge(check: &DbSync, facts: &Facts, report: &mut Report) {
    for node in std::iter::once(&facts.here).chain(&facts.peer) {
        if let Err(fault) = &node.sight {
            blame(check, &node.name, fault, report);
        }
    }
    let here_is_primary = match (&facts.role, &facts.here.sight) {
        (Ok(role), _) => *role == Expect::Primary,
        (Err(blind), Ok(sight)) => {
            report.note(format!("the role of this node is not known: cannot {blind}"));
            // Nothing to hold the server's own word against: with a peer the pair is judged as it is, alone a primary can't be.
            if sight.is_primary() && facts.peer.is_none() {
                return report.say(State::Unknown, format!("{} is no standby, and whether it should be one is not known", facts.here.name));
            }
            sight.is_primary()
        }
        (Err(_), Err(_)) => return,
    };
    let (primary, standby) = if here_is_primary { (Some(&facts.here), facts.peer.as_ref()) } else { (facts.peer.as_ref(), Some(&facts.here)) };
    let behind = Limits { warning: check.behind_warning.clone(), critical: check.behind_critical.clone() };
    let lag = match check.login.engine {
        Engine::Mariadb => mariadb::judge(maria(primary), maria(standby), &check.lag, &behind, report),
        Engine::Postgresql => postgresql::judge(postgres(primary), postgres(standby), &check.lag, &behind, report),
    };
    arrived(check, facts, standby, lag, report);
    heartbeat(check, facts, report);
    for (table, compared) in &facts.compared {
        drift(check, table, compared, report);
    }
}

/// A fault in words; a missing right with the statement that grants it.
fn blame(check: &DbSync, name: &str, fault: &Fault, report: &mut Report) {
    let (state, text) = fault.verdict();
    report.say(state, format!("{name} {text}"));
    if fault.is_privilege() {
        report.note(match check.login.engine {
            Engine::Mariadb => "run there: GRANT REPLICA MONITOR ON *.* TO the account (MySQL: REPLICATION CLIENT)",
            Engine::Postgresql => "run there: GRANT pg_monitor TO the account",
        });
    }
}

fn maria(node: Option<&Node>) -> Option<(&str, &mariadb::Sight)> {
    match node.map(|n| (n.name.as_str(), &n.sight)) {
        Some((name, Ok(Sight::Mariadb(sight)))) => Some((name, sight)),
        _ => None,
    }
}

fn postgres(node: Option<&Node>) -> Option<(&str, &postgresql::Sight)> {
    match node.map(|n| (n.name.as_str(), &n.sight)) {
        Some((name, Ok(Sight::Postgresql(sight)))) => Some((name, sight)),
        _ => None,
    }
}

/// A standby that says it is in sync must get what the primary had: a frozen link looks like an idle primary from the standby.
fn arrived(check: &DbSync, facts: &Facts, standby: Option<&Node>, lag: Option<f64>, report: &mut Report) {
    let name = standby.map_or("the standby", |node| &node.name);
    match &facts.arrival {
        Some(Ok(Arrival::Came(time))) => {
            report.export(Metric::new("arrival", time.as_secs_f64(), Unit::Seconds));
            report.note(format!("{name} had the primary's position after {}", Unit::Seconds.words(time.as_secs_f64())));
        }
        Some(Ok(Arrival::Missing(time))) if lag.is_some_and(|lag| lag < time.as_secs_f64().max(1.0)) => {
            let text = format!(
                "{name} claims to be in sync and has not got within {} what the primary wrote: the link between them is dead",
                Unit::Seconds.words(time.as_secs_f64())
            );
            report.say(State::Critical, text);
        }
        Some(Ok(Arrival::Missing(_))) | None => {}
        Some(Err(fault)) => blame(check, name, fault, report),
    }
}

fn heartbeat(check: &DbSync, facts: &Facts, report: &mut Report) {
    match &facts.heartbeat {
        None => {}
        Some(Err(fault)) => blame(check, "the heartbeat's server", fault, report),
        Some(Ok(None)) => report.say(State::Unknown, "the heartbeat table is empty; is its writer running?"),
        Some(Ok(Some(age))) => _ = report.measure("heartbeat", age.max(0.0), Unit::Seconds, &check.lag),
    }
}

fn drift(check: &DbSync, table: &str, compared: &Result<Compared, Fault>, report: &mut Report) {
    match compared {
        Err(fault) => blame(check, &format!("comparing {table}: a server"), fault, report),
        Ok(Compared { primary, standby }) if primary == standby => report.note(format!("{table}: the same {} rows on both nodes", primary.0)),
        Ok(Compared { primary, standby }) if primary.0 == standby.0 => {
            report.say(State::Critical, format!("{table} differs: {} rows on both nodes, not the same ones", primary.0));
        }
        Ok(Compared { primary, standby }) => {
            report.say(State::Critical, format!("{table} differs: {} rows on the primary, {} on the standby", primary.0, standby.0));
        }
    }
}

#[cfg(test)]
mod tests;
