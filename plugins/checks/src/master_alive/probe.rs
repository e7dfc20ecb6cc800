//! The rounds: every link, port and witness of a round at once, the rounds overlapping, all of it well under a second.

use super::LinkSight;
use super::plan::{Link, Plan};
use crate::witness::ask;
use plugin_core::cluster::Witness;
use plugin_core::net::{carrier, ping, touch};
use plugin_core::{Blind, Host};
use std::net::SocketAddr;
use std::thread::{Scope, ScopedJoinHandle, scope};
use std::time::Duration;

/// A witness and whether it answered in any round.
type Answered = (String, Result<bool, Blind>);

/// Probes everything; takes `timeout` and a third of it for each further round.
pub fn rounds(host: &dyn Host, plan: &Plan, port: u16, rounds: u32, timeout: Duration) -> (Vec<LinkSight>, Vec<Answered>) {
    let starts: Vec<Duration> = (0..rounds).map(|round| timeout / 3 * round).collect();
    scope(|threads| {
        let rounds = Rounds { threads, host, starts: &starts };
        let probe = |link: Link| {
            let (address, interface) = (link.address, link.interface.clone());
            let pings = rounds.start(move || ping(address, interface.as_deref(), timeout));
            let interface = link.interface.clone();
            let touches = rounds.start(move || touch(SocketAddr::new(address, port), interface.as_deref(), timeout, true));
            (link, pings, touches)
        };
        let links: Vec<_> = plan.links.iter().cloned().map(probe).collect();
        let question = |witness: &'_ Witness| {
            let (witness, wire) = (witness.clone(), plan.wire.clone());
            (witness.to_string(), rounds.start(move || ask(&witness, wire.as_ref(), None, timeout)))
        };
        let witnesses: Vec<_> = plan.witnesses.iter().map(question).collect();
        let sight = |(link, pings, touches): (Link, _, _)| LinkSight {
            carrier: link.interface.as_deref().and_then(|i| carrier(host, i).ok()),
            pings: collect(pings),
            touches: collect(touches),
            link,
        };
        let links = links.into_iter().map(sight).collect();
        (links, witnesses.into_iter().map(|(name, rounds)| (name, any(collect(rounds)))).collect())
    })
}

/// Starts a probe once per round, each in a thread of its own.
struct Rounds<'scope, 'env> {
    threads: &'scope Scope<'scope, 'env>,
    host: &'scope dyn Host,
    starts: &'env [Duration],
}

impl<'scope> Rounds<'scope, '_> {
    fn start<T: Send + 'scope>(&self, probe: impl Fn() -> T + Clone + Send + 'scope) -> Vec<ScopedJoinHandle<'scope, T>> {
        let spawn = |start: &Duration| {
            let (host, start, probe) = (self.host, *start, probe.clone());
            self.threads.spawn(move || {
                host.wait(start);
                probe()
            })
        };
        self.starts.iter().map(spawn).collect()
    }
}

fn collect<T>(threads: Vec<ScopedJoinHandle<'_, Result<T, Blind>>>) -> Vec<Result<T, Blind>> {
    // A probe that panics ends the whole check in the panic hook, so a join can't fail; to be blind is the safe reading.
    let panicked = |_| Err(Blind::Deadline { stage: "a probe".into() });
    threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
}

/// One answer is enough; without one, a round that could not look makes the result blind.
fn any(rounds: Vec<Result<bool, Blind>>) -> Result<bool, Blind> {
    rounds.into_iter().reduce(|a, b| if a == Ok(true) || (a.is_err() && b != Ok(true)) { a } else { b }).unwrap_or(Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_is_enough_and_blindness_is_not_silence() {
        let blind = || Err(Blind::Deadline { stage: "x".into() });
        assert_eq!(any(vec![Ok(false), Ok(true)]), Ok(true));
        assert_eq!(any(vec![Ok(true), blind()]), Ok(true));
        assert_eq!(any(vec![blind(), Ok(true)]), Ok(true));
        assert_eq!(any(vec![blind(), Ok(false)]), blind());
        assert_eq!(any(vec![Ok(false), blind()]), blind());
        assert_eq!(any(vec![Ok(false), Ok(false)]), Ok(false));
    }
}
