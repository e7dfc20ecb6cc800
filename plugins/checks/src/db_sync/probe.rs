//! Looks at both servers side by side, then waits for the primary's position on the standby, then reads heartbeat and tables.

use super::{Arrival, Compared, DbSync, Facts, Node, Sight, mariadb, postgresql, table};
use crate::db::{Engine, Fault, Progress, Session, Target, job, open, together};
use plugin_core::host::{System, system::boottime};
use plugin_core::run::stage;
use plugin_core::{Blind, Host};
use std::time::Duration;

/// Time between two looks at the standby.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a table has to differ before it differs: rows on their way are no drift.
const LOOKS: u32 = 3;

/// An open session, and how far the server's clock is ahead of this node's boot time, in seconds.
struct Open {
    session: Box<dyn Session>,
    skew: f64,
}

/// Looks.
///
/// # Errors
/// [`Blind`]: a name without an address, a secret that can't be read. The peer's name, too: half a pair is no pair.
pub fn probe(check: &DbSync, host: &dyn Host) -> Result<Facts, Blind> {
    stage("finding the servers");
    let mut targets = vec![check.login.target(host)?];
    if let Some(peer) = &check.peer {
        targets.push(check.login.at(host, peer, check.peer_port.or(check.login.port), None)?);
    }
    let role = check.expected(host);
    let names: Vec<String> = targets.iter().map(Target::label).collect();
    stage(format!("waiting for {}", names.join(" and ")));
    let jobs = targets.into_iter().map(|target| job(move |share, progress| first_look(&target, share, progress))).collect();
    let (mut nodes, mut sessions): (Vec<Node>, Vec<Option<Open>>) = (Vec::new(), Vec::new());
    for (name, seen) in names.into_iter().zip(together(host, jobs)) {
        let (session, sight) = seen.map_or_else(|fault| (None, Err(fault)), |(open, sight)| (Some(open), Ok(sight)));
        sessions.push(session);
        nodes.push(Node { name, sight });
    }
    let mut sessions = sessions.into_iter();
    let (mut here, mut peer) = (sessions.next().flatten(), sessions.next().flatten());
    let mut nodes = nodes.into_iter();
    let (first, second) = (nodes.next(), nodes.next());
    let Some(first) = first else { return Err(Blind::Deadline { stage: "looking at the servers".into() }) };
    let mut facts = Facts { role, here: first, peer: second, arrival: None, heartbeat: None, compared: Vec::new() };
    // The one that looks like the copy is asked, whatever the roles ought to be.
    let here_is_copy = facts.here.sight.as_ref().is_ok_and(|s| !s.is_primary());
    let peer_sight = facts.peer.as_ref().and_then(|p| p.sight.as_ref().ok());
    let (original, copy, original_sight, copy_sight) = if here_is_copy {
        (&mut peer, &mut here, peer_sight, facts.here.sight.as_ref().ok())
    } else {
        (&mut here, &mut peer, facts.here.sight.as_ref().ok(), peer_sight)
    };
    if let (Some(original_sight), Some(copy_sight)) = (original_sight, copy_sight) {
        stage("waiting for the primary's position on the standby");
        let settle = check.settle.or_forever().min(host.left() / 3);
        facts.arrival =
            goal(original_sight, copy_sight).and_then(|goal| on(host, copy, move |session, progress| arrive(session, &goal, settle, progress)));
    }
    if let Some(name) = &check.heartbeat {
        stage("reading the heartbeat");
        let sql = table::heartbeat(name, check.login.engine);
        let skew = original.as_ref().zip(copy.as_ref()).map_or(0.0, |(original, copy)| original.skew - copy.skew);
        let reader = if copy.is_some() { &mut *copy } else { &mut *original };
        let age = on(host, reader, move |session, progress| {
            progress.stage("reading the heartbeat");
            Ok(session.ask(&sql)?.first().and_then(|age| age.parse::<f64>().ok()))
        });
        // The writer's clock is the primary's.
        facts.heartbeat = age.map(|age| age.map(|age| age.map(|age| age + skew)));
    }
    for name in &check.compare {
        stage(format!("comparing {name}"));
        let mut compared = Err(Fault::Garbage("one of the servers can't be asked".into()));
        for _ in 0..LOOKS {
            compared = compare(host, check.login.engine, name, original, copy);
            if compared.as_ref().is_ok_and(|c| c.primary == c.standby) {
                break;
            }
            host.wait(Duration::from_millis(300));
        }
        facts.compared.push((name.to_string(), compared));
    }
    Ok(facts)
}

fn first_look(target: &Target, share: Duration, progress: &Progress) -> Result<(Open, Sight), Fault> {
    let mut session = open(target, share, progress)?;
    progress.stage("asking for the state of its replication");
    let (sight, clock) = match target.engine {
        Engine::Mariadb => mariadb::look(session.as_mut()).map(|s| (s.clock, Sight::Mariadb(s))),
        Engine::Postgresql => postgresql::look(session.as_mut()).map(|s| (s.clock, Sight::Postgresql(s))),
    }
    .map(|(clock, sight)| (sight, clock))?;
    Ok((Open { session, skew: clock - boottime().as_secs_f64() }, sight))
}

/// Runs work on a session in a thread of its own; `None` without a session. A session that hangs is lost.
fn on<T: Send + 'static>(
    host: &dyn Host,
    place: &mut Option<Open>,
    work: impl FnOnce(&mut dyn Session, &Progress) -> Result<T, Fault> + Send + 'static,
) -> Option<Result<T, Fault>> {
    let mut open = place.take()?;
    let job = job(move |_, progress| {
        let result = work(open.session.as_mut(), progress);
        Ok((open, result))
    });
    Some(together(host, vec![job]).pop()?.and_then(|(open, result)| {
        *place = Some(open);
        result
    }))
}

/// What has to arrive on the standby, as a question that it answers with 1 (or `t`); `None` if that can't be told: threads that do
/// not run, a delay that is wanted, no GTIDs.
fn goal(original: &Sight, copy: &Sight) -> Option<String> {
    match (original, copy) {
        (Sight::Mariadb(original), Sight::Mariadb(copy)) => {
            let runs = copy.channels.iter().all(|c| c.io == "Yes" && c.sql == "Yes" && c.delay == 0.0);
            let parts: Vec<String> = original.written.iter().map(|g| format!("{}-{}-{}", g.domain, g.server, g.seq)).collect();
            (runs && !parts.is_empty() && !copy.channels.is_empty()).then(|| format!("SELECT MASTER_GTID_WAIT('{}', 0.05) = 0", parts.join(",")))
        }
        (Sight::Postgresql(original), Sight::Postgresql(copy)) => {
            let streams = copy.receiver.as_ref().is_some_and(|r| r.status.as_deref() == Some("streaming"));
            let function = if copy.paused || copy.delay > 0.0 { "pg_last_wal_receive_lsn" } else { "pg_last_wal_replay_lsn" };
            (streams && !original.recovery && copy.recovery).then(|| format!("SELECT pg_wal_lsn_diff({function}(), '0/0') >= {}", original.position))
        }
        _ => None,
    }
}

fn arrive(session: &mut dyn Session, goal: &str, settle: Duration, progress: &Progress) -> Result<Arrival, Fault> {
    progress.stage("waiting for the primary's position");
    let host = System::new(Some(settle));
    let start = host.now();
    loop {
        if matches!(session.ask(goal)?.first(), Some("1" | "t")) {
            return Ok(Arrival::Came(host.now().saturating_sub(start)));
        }
        if host.left().is_zero() {
            return Ok(Arrival::Missing(settle));
        }
        host.wait(PAUSE);
    }
}

fn compare(
    host: &dyn Host,
    engine: Engine,
    name: &table::TableName,
    original: &mut Option<Open>,
    copy: &mut Option<Open>,
) -> Result<Compared, Fault> {
    let digest = |place: &mut Option<Open>| {
        let name = name.clone();
        let work = move |session: &mut dyn Session, progress: &Progress| {
            progress.stage(format!("hashing {name}"));
            table::digest(session, &name, engine)
        };
        on(host, place, work).unwrap_or_else(|| Err(Fault::Garbage("it can't be asked for its tables".into())))
    };
    Ok(Compared { primary: digest(original)?, standby: digest(copy)? })
}
