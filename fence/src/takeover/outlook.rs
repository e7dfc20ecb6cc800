//! What the probes and the channel mean for the question "does the peer live?". Pure: fed with rounds and messages, asked
//! with the time (CLOCK_BOOTTIME).
//!
//! A sign of life is believed from anywhere; its absence only from punctual rounds of this node's own probes on every link.

use plugin_core::contract::status::Life;
use std::collections::BTreeMap;
use std::time::Duration;

/// A round that started later than this after its time proves nothing: this node itself was stunned.
const PUNCTUAL: Duration = Duration::from_millis(100);
/// A round older than this is no view of now.
const FRESH: Duration = Duration::from_millis(2500);
/// A channel that spoke within this time is up.
const CHANNEL_UP: Duration = Duration::from_secs(1);
/// Least span over which the rounds of a confirmation reach.
const SPAN: Duration = Duration::from_secs(1);

/// What one link's probes saw in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSeen {
    /// The peer's kernel answered: ICMP echo, TCP accepted or refused.
    pub kernel: bool,
    /// The peer's ssh spoke.
    pub banner: bool,
    /// The peer answered the ping.
    pub ping: bool,
}

/// One round of probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// When it should have started.
    pub planned: Duration,
    /// When it started.
    pub started: Duration,
    /// When the last probe had answered or given up.
    pub ended: Duration,
    /// It was a full round: TCP and `verify` too, not only pings.
    pub full: bool,
    /// By link.
    pub links: BTreeMap<String, LinkSeen>,
    /// Own carrier by link.
    pub carriers: BTreeMap<String, bool>,
    /// Witness → answered.
    pub witnesses: BTreeMap<String, bool>,
    /// The service answers at the failover address, which this node does not hold.
    pub serves: bool,
}

/// The accumulated view.
#[derive(Clone, Debug)]
pub struct Outlook {
    started: Duration,
    any_sign: Option<Duration>,
    app_sign: Option<Duration>,
    channels: BTreeMap<String, Duration>,
    silent: Vec<Duration>,
    mute: Vec<Duration>,
    last: Option<Round>,
    last_full: Option<Round>,
    host_key: bool,
}

impl Outlook {
    /// The view of an agent that has just started: it knows nothing, so nobody is dead.
    pub fn new(now: Duration) -> Self {
        Self {
            started: now,
            any_sign: None,
            app_sign: None,
            channels: BTreeMap::new(),
            silent: Vec::new(),
            mute: Vec::new(),
            last: None,
            last_full: None,
            host_key: false,
        }
    }

    /// The peer's agent spoke over `link`.
    pub fn heard(&mut self, link: &str, now: Duration) {
        self.channels.insert(link.to_owned(), now);
        self.host_key = false;
        self.alive(now);
    }

    /// ssh showed another host key than the recorded one.
    pub fn host_key(&mut self) {
        self.host_key = true;
    }

    fn alive(&mut self, at: Duration) {
        self.app_sign = Some(at);
        self.any_sign = Some(at);
        self.silent.clear();
        self.mute.clear();
    }

    /// Takes a finished round in.
    pub fn round(&mut self, round: Round) {
        let application = round.serves || round.links.values().any(|l| l.banner);
        let kernel = round.links.values().any(|l| l.kernel || l.ping);
        if application {
            self.alive(round.ended);
        } else if kernel {
            self.any_sign = Some(round.ended);
            self.silent.clear();
        }
        let punctual = round.started.saturating_sub(round.planned) < PUNCTUAL;
        if !punctual {
            self.silent.clear();
            self.mute.clear();
        } else if round.full && !application {
            self.mute.push(round.started);
            if !kernel {
                self.silent.push(round.started);
            }
        }
        if round.full {
            self.last_full = Some(round.clone());
        }
        self.last = Some(round);
    }

    /// How alive the peer looks. An application's sign holds for a second, and until a full round has looked after it.
    pub fn life(&self, now: Duration) -> Life {
        let looked_after = |sign: Duration| self.last_full.as_ref().is_some_and(|r| r.started > sign);
        if self.app_sign.is_some_and(|at| now.saturating_sub(at) < CHANNEL_UP || !looked_after(at)) {
            return Life::Alive;
        }
        if !self.silent.is_empty() {
            return Life::Silent;
        }
        match (self.any_sign, &self.last_full) {
            (Some(sign), Some(round)) if sign >= round.started => Life::Mute,
            _ => Life::Unknown,
        }
    }

    /// Time since the last sign of life of any kind, or since this agent started.
    pub fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.any_sign.unwrap_or(self.started))
    }

    /// Time since the last sign of life of an application.
    pub fn mute_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.app_sign.unwrap_or(self.started))
    }

    /// Enough punctual rounds saw nothing, over at least a second, the last of them just now.
    pub fn silent_rounds(&self, now: Duration, need: u32) -> bool {
        enough(&self.silent, now, need)
    }

    /// Enough punctual rounds saw no application.
    pub fn mute_rounds(&self, now: Duration, need: u32) -> bool {
        enough(&self.mute, now, need)
    }

    /// The service answered at the failover address in the last full round.
    pub fn serves(&self, now: Duration) -> bool {
        self.last_full.as_ref().is_some_and(|r| r.serves && now.saturating_sub(r.started) < FRESH)
    }

    /// Another host key was shown.
    pub fn host_key_changed(&self) -> bool {
        self.host_key
    }

    /// The last round, if it is a view of now.
    pub fn fresh_round(&self, now: Duration) -> Option<&Round> {
        self.last.as_ref().filter(|r| now.saturating_sub(r.started) < FRESH)
    }

    /// Any sign of life after `then`; `None` until a full round that began after it has ended.
    pub fn answered_since(&self, then: Duration) -> Option<bool> {
        if self.any_sign.is_some_and(|at| at > then) {
            return Some(true);
        }
        self.last_full.as_ref().filter(|r| r.started >= then).map(|_| false)
    }

    /// The peer's agent spoke over `link` lately.
    pub fn channel(&self, link: &str, now: Duration) -> bool {
        self.channels.get(link).is_some_and(|at| now.saturating_sub(*at) < CHANNEL_UP)
    }

    /// The last round's ping on `link`.
    pub fn ping(&self, link: &str) -> bool {
        self.last.as_ref().and_then(|r| r.links.get(link)).is_some_and(|l| l.ping)
    }

    /// One line for people.
    pub fn describe(&self, now: Duration) -> String {
        let since = |sign: Option<Duration>| {
            sign.map_or("none since the agent started".to_owned(), |at| format!("{:.1} s ago", now.saturating_sub(at).as_secs_f64()))
        };
        format!(
            "last sign of life {}, of an application {}; {} silent and {} mute rounds in a row",
            since(self.any_sign),
            since(self.app_sign),
            self.silent.len(),
            self.mute.len()
        )
    }
}

fn enough(rounds: &[Duration], now: Duration, need: u32) -> bool {
    let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return false };
    rounds.len() >= need as usize
        && last.saturating_sub(*first) >= SPAN.saturating_sub(Duration::from_millis(100))
        && now.saturating_sub(*last) < FRESH
}

#[cfg(test)]
#[path = "outlook/tests.rs"]
mod tests;
