//! A scene: a founded pair that serves a client, observed and audited. What the scenarios of `tests/lab` and the demo share.

use super::audit::{Audit, Holds, holds};
use super::site::Node;
use super::tool::now_ms;
use super::watch::{Moment, Sign, Watch};
use super::{Done, Lab, Plan};
use std::time::{Duration, Instant};

/// Longest time from a failure to the end of its takeover.
pub const CAP: Duration = Duration::from_mins(1);

/// A serving pair.
pub struct Scene {
    /// The machines.
    pub lab: Lab,
    /// What was seen.
    pub watch: Watch,
    audit: Option<Audit>,
}

impl Scene {
    /// Starts a lab, founds the pair, waits until the client is served by n1.
    ///
    /// # Errors
    /// What did not come.
    pub fn set(plan: &Plan) -> Result<Self, String> {
        let lab = Lab::start(plan)?;
        let audit = Some(Audit::start(&lab.site));
        lab.found(plan.stonith && !plan.crossed)?;
        lab.start_client()?;
        let mut watch = Watch::start(&lab);
        watch.wait(&lab, "service from n1", 0, Duration::from_secs(10), |m| m.sign == Sign::Reply && m.node == Some(Node::N1))?;
        Ok(Self { lab, watch, audit })
    }

    /// Waits for a moment after `since`.
    ///
    /// # Errors
    /// It did not come; with everything that was seen and the agents' last words.
    pub fn wait(&mut self, what: &str, since: u64, wanted: impl Fn(&Moment) -> bool) -> Result<Moment, String> {
        self.watch.wait(&self.lab, what, since, CAP, wanted).map_err(|e| format!("{e}\n{}", self.lab.last_words()))
    }

    /// Lets the master crash; when it did (Unix milliseconds).
    ///
    /// # Errors
    /// It survived.
    pub fn crash_master(&mut self) -> Result<u64, String> {
        self.watch.look(&self.lab);
        let at = now_ms();
        self.lab.crash(Node::N1).map(|()| at)
    }

    /// Looks for `time`: the condition has to hold at every look.
    ///
    /// # Errors
    /// It did not hold; after how long, with the agents' last words.
    pub fn stays(&mut self, what: &str, time: Duration, mut holds: impl FnMut(&Scene) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.watch.look(&self.lab);
            if !holds(self) {
                return Err(format!("{what}: no longer after {:?}; {}\n{}", start.elapsed(), self.held(), self.lab.last_words()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The check that fences, run as Icinga runs it.
    ///
    /// # Errors
    /// The node is off.
    pub fn check_master_alive(&self, on: Node) -> Result<Done, String> {
        let argv = ["runuser", "-u", "nagios", "--", "/usr/lib/nagios/plugins/check_master_alive", "--failover"];
        self.lab.exec(on, &argv)
    }

    /// Nothing was held twice, from the founding on; how many looks were taken.
    ///
    /// # Errors
    /// What was held twice.
    pub fn audited(&mut self) -> Result<u64, String> {
        self.audit.take().map_or(Ok(0), Audit::verdict)
    }

    /// Who holds what now, as words: "n1 nothing, n2 everything".
    pub fn held(&self) -> String {
        let word = |n| match holds(&self.lab.site, n) {
            Holds::EVERYTHING => "everything".to_owned(),
            h if h == Holds::default() => "nothing".to_owned(),
            h => format!("{h:?}"),
        };
        Node::BOTH.map(|n| format!("{} {}", n.name(), word(n))).join(", ")
    }
}

/// The phases of a takeover, in milliseconds after the failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Icinga's first CRITICAL.
    pub soft: Option<u64>,
    /// Icinga is sure.
    pub hard: Option<u64>,
    /// The agent opened the attempt: detection ends.
    pub opened: Option<u64>,
    /// The BMC was told "off".
    pub told: Option<u64>,
    /// The BMC reads OFF for the first time.
    pub off: Option<u64>,
    /// The agent holds the proof: the fence ends.
    pub confirmed: Option<u64>,
    /// The agent serves.
    pub master: Option<u64>,
    /// The client is answered by the new master.
    pub reply: Option<u64>,
}

impl Phases {
    /// What the watch saw since the failure.
    pub fn of(watch: &Watch, failure_ms: u64, new_master: Node) -> Self {
        let after = |wanted: &dyn Fn(&Moment) -> bool| watch.first(failure_ms, wanted).map(|m| m.at_ms - failure_ms);
        let of_master = |sign: &'static Sign| move |m: &Moment| m.sign == *sign && m.node == Some(new_master);
        let of_old = |sign: &'static Sign| move |m: &Moment| m.sign == *sign && m.node == Some(new_master.other());
        Self {
            soft: after(&of_master(&Sign::Soft)),
            hard: after(&of_master(&Sign::Hard)),
            opened: after(&of_master(&Sign::Opened)),
            told: after(&of_old(&Sign::Told)),
            off: after(&of_old(&Sign::Off)),
            confirmed: after(&of_master(&Sign::Confirmed)),
            master: after(&of_master(&Sign::Master)),
            reply: after(&of_master(&Sign::Reply)),
        }
    }

    /// Label and value of each phase that was seen.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("Icinga SOFT", self.soft),
            ("Icinga HARD", self.hard),
            ("attempt opened", self.opened),
            ("BMC told off", self.told),
            ("BMC reads OFF", self.off),
            ("OFF confirmed", self.confirmed),
            ("master", self.master),
            ("first reply", self.reply),
        ];
        all.into_iter().filter_map(|(label, value)| value.map(|v| (label, v))).collect()
    }
}
