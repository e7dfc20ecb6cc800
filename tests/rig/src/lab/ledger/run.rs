//! Failovers one after the other, and what each of them lost.

use super::book::{Book, Entry};
use super::{DATA, UNIT};
use crate::bmc::Dice;
use crate::lab::audit::Audit;
use crate::lab::follow::Follow;
use crate::lab::power::{Mains, mains};
use crate::lab::site::{CLUSTER_IP, Link, Node};
use crate::lab::tool::{now_ms, wait_for};
use crate::lab::{Lab, Plan, node, product};
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How the master goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Processes and cables dead, the BMC reads ON.
    Crash,
    /// Without power.
    Plug,
    /// Frozen.
    Hang,
    /// Moved by an operator.
    Graceful,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 4] = [Fault::Crash, Fault::Plug, Fault::Hang, Fault::Graceful];
}

/// What one failover did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the master went.
    pub fault: Fault,
    /// Who serves now.
    pub to: Node,
    /// Until the first record was acknowledged by the new master, milliseconds.
    pub took_ms: u64,
    /// Acknowledged records that are gone.
    pub lost: usize,
    /// Age of the oldest of them when the master failed, milliseconds.
    pub oldest_ms: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, to, took_ms, lost, oldest_ms } = self;
        write!(f, "{fault:?} → {}: written again after {took_ms} ms, lost {lost}", to.name())?;
        if *lost > 0 { write!(f, ", the oldest {oldest_ms} ms before the failure") } else { Ok(()) }
    }
}

/// A founded pair with a database, and its client.
pub struct Ledger {
    /// The machines.
    pub lab: Lab,
    /// The book.
    pub book: Book,
    master: Node,
    written: Follow,
    file: PathBuf,
    audit: Option<Audit>,
}

/// Bound for whatever has to come.
const BOUND: Duration = Duration::from_mins(1);

impl Ledger {
    /// Starts a pair whose database may lose `max_loss` (`0s` = strict), and the client.
    ///
    /// # Errors
    /// What did not come.
    pub fn start(max_loss: &'static str) -> Result<Self, String> {
        let lab = Lab::start(&Plan { hung: "4s", copy: Some(max_loss), ..Plan::default() })?;
        let audit = Some(Audit::start(&lab.site));
        // The second node's data are a copy already: the image's.
        lab.run(Node::N2, &["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "touch", &format!("{DATA}/standby.signal")])?;
        lab.found(true)?;
        let file = lab.site.run.join("ledger");
        let mut ledger = Self { written: Follow::start(file.clone()), lab, book: Book::default(), master: Node::N1, file, audit };
        ledger.sql(Node::N1, "CREATE TABLE ledger (n bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())")?;
        let (program, file) = (product::binary("lab_writer")?, ledger.file.to_string_lossy().into_owned());
        node::start_helper(&ledger.lab.site, Some("client"), "writer.log", &[&program.to_string_lossy(), CLUSTER_IP, &file])?;
        ledger.writes("the first records")?;
        Ok(ledger)
    }

    /// One statement on a node, as the superuser.
    ///
    /// # Errors
    /// What `psql` said.
    pub fn sql(&self, node: Node, sql: &str) -> Result<String, String> {
        self.lab.run(node, &["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "psql", "-XAtqc", sql])
    }

    /// Waits until ten more records were acknowledged; the time of the first of them.
    fn writes(&mut self, what: &str) -> Result<u64, String> {
        self.book.note(&self.written.lines());
        let (before, mut first) = (self.book.acknowledged, None);
        wait_for(what, BOUND, || {
            self.book.note(&self.written.lines());
            if self.book.acknowledged > before {
                first.get_or_insert_with(now_ms);
            }
            self.book.acknowledged >= before + 10
        })
        .map_err(|e| format!("{e}\n{}", self.lab.last_words()))?;
        first.ok_or_else(|| format!("{what}: none"))
    }

    /// The master fails; the other node has to take over and to have what was acknowledged. `behind` = the link over which it replicates is
    /// cut for so long before the failure.
    ///
    /// # Errors
    /// What did not come.
    pub fn fail(&mut self, fault: Fault, behind: Duration) -> Result<Outcome, String> {
        let (from, to) = (self.master, self.master.other());
        self.lab.wait_role(to, Role::Slave, BOUND)?;
        wait_for("the slave armed", BOUND, || self.lab.status(to).is_some_and(|s| s.armed))
            .map_err(|e| format!("{e}: {:?}\n{}", self.lab.status(to).map(|s| s.gates), self.lab.last_words()))?;
        self.writes("records before the failure")?;
        if !behind.is_zero() {
            // The replication's own link; the agents go on speaking over the other one.
            self.lab.cut(to, Link::Heartbeat)?;
            std::thread::sleep(behind);
        }
        let failed = now_ms();
        match fault {
            Fault::Crash => self.lab.crash(from)?,
            Fault::Plug => self.lab.plug(from)?,
            Fault::Hang => self.lab.hang(from)?,
            Fault::Graceful => {
                self.lab.run(from, &["/usr/sbin/twinguard", "migrate", "--confirm", from.name()])?;
            }
        }
        self.lab.wait_role(to, Role::Master, BOUND)?;
        self.lab.uncut(to, Link::Heartbeat)?;
        self.master = to;
        let first = self.writes("records at the new master")?;
        let lost = self.missing(to)?;
        let oldest_ms = lost.iter().map(|e| failed.saturating_sub(e.sent_ms)).max().unwrap_or(0);
        Ok(Outcome { fault, to, took_ms: first.saturating_sub(failed), lost: lost.len(), oldest_ms })
    }

    /// What was acknowledged up to now and is not in a node's database.
    fn missing(&mut self, node: Node) -> Result<Vec<Entry>, String> {
        // Noted before the question: what comes later need not be in its answer.
        self.book.note(&self.written.lines());
        let text = self.sql(node, "SELECT n FROM ledger")?;
        let present: BTreeSet<u64> = text.lines().filter_map(|l| l.parse().ok()).collect();
        Ok(self.book.compare(&present))
    }

    /// The failed node comes back, its database is made anew from the new master's, and it is rejoined. As an administrator does it.
    ///
    /// # Errors
    /// What did not come.
    pub fn rebuild(&mut self) -> Result<(), String> {
        let (master, back) = (self.master, self.master.other());
        self.lab.power_on(back)?;
        self.lab.wait_up(back)?;
        self.lab.wait_role(back, Role::Standby, BOUND)?;
        let copy = format!(
            "systemctl stop {UNIT}; rm -rf {DATA}; exec setpriv --reuid postgres --regid postgres --init-groups \
             pg_basebackup -h {} -U postgres -D {DATA} -c fast -X stream",
            master.address(Link::Heartbeat)
        );
        self.lab.run(back, &["sh", "-c", &copy])?;
        self.lab
            .run(back, &["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "touch", &format!("{DATA}/standby.signal")])?;
        // F4: for a minute after the last power command the master declines; until the copy follows this node refuses.
        let mut said = String::new();
        wait_for("rejoin", Duration::from_mins(2), || match self.lab.exec(back, &["/usr/sbin/twinguard", "rejoin"]) {
            Ok(done) if done.code == Some(0) => true,
            other => {
                said = format!("{other:?}");
                std::thread::sleep(Duration::from_millis(500));
                false
            }
        })
        .map_err(|e| format!("{e}: {said}\n{}", self.lab.last_words()))?;
        self.lab.wait_role(back, Role::Slave, BOUND)
    }

    /// Rows 34 and 61: the standby receives nothing until its copy is too old, then the master crashes. The takeover has to be refused, and to
    /// go on once a person accepts the loss; how many records that cost.
    ///
    /// # Errors
    /// What did not come, or came although it was refused.
    pub fn fail_stale(&mut self) -> Result<usize, String> {
        let (from, to) = (self.master, self.master.other());
        self.lab.cut(to, Link::Heartbeat)?;
        let g6 = |lab: &Lab| lab.status(to)?.gates.into_iter().find(|g| g.gate == "G6")?.refusal;
        wait_for("a copy that is too old", BOUND, || g6(&self.lab) == Some(Refusal::DataStale))
            .map_err(|e| format!("{e}\n{}", self.lab.last_words()))?;
        self.writes("records that the copy lacks")?;
        self.lab.crash(from)?;
        let refused = |lab: &Lab| lab.status(to).and_then(|s| s.refusal).map(|r| r.code);
        wait_for("the refusal", BOUND, || refused(&self.lab) == Some(Refusal::DataStale)).map_err(|e| format!("{e}\n{}", self.lab.last_words()))?;
        if self.lab.role(to) != Some(Role::Slave) || mains(&self.lab.site, from) != Mains::On {
            return Err(format!("a refused takeover did something\n{}", self.lab.last_words()));
        }
        self.lab.run(to, &["/usr/sbin/twinguard", "accept-data-loss", "--confirm", to.name()])?;
        self.lab.wait_role(to, Role::Master, BOUND)?;
        self.master = to;
        self.writes("records at the new master")?;
        self.missing(to).map(|missing| missing.len())
    }

    /// Who serves.
    pub fn master(&self) -> Node {
        self.master
    }

    /// Nothing was held twice from the founding on.
    ///
    /// # Errors
    /// What was held twice.
    pub fn audited(&mut self) -> Result<u64, String> {
        self.audit.take().map_or(Ok(0), Audit::verdict)
    }
}

/// Largest loss of the asynchronous ledger of `lab_ledger`.
const MAX_LOSS: Duration = Duration::from_secs(10);

/// `lab_ledger strict|async FAILOVERS SEED`: random failovers on one pair; the last line counts. The asynchronous ledger also lets the
/// standby fall behind before some of them.
///
/// # Errors
/// More was lost than the policy allows, or a failover did not come.
pub fn main(args: &[String]) -> Result<String, String> {
    let usage = "usage: lab_ledger strict|async FAILOVERS SEED";
    let [policy, count, seed] = args else { return Err(usage.into()) };
    let strict = match policy.as_str() {
        "strict" => true,
        "async" => false,
        _ => return Err(usage.into()),
    };
    let count: usize = count.parse().map_err(|_| usage)?;
    let seed: u64 = seed.parse().ok().filter(|s| *s > 0).ok_or(usage)?;
    let mut dice = Dice::new(seed);
    let mut ledger = Ledger::start(if strict { "0s" } else { "10s" })?;
    for number in 1..=count {
        let fault = Fault::ALL[usize::try_from(dice.below(4)).unwrap_or(0)];
        let behind = Duration::from_millis(if strict || fault == Fault::Graceful { 0 } else { dice.below(2_000) });
        let outcome = ledger.fail(fault, behind).map_err(|e| format!("{policy} failover {number} of {count}, seed {seed}, {fault:?}: {e}"))?;
        println!("{policy} {number}/{count}: {outcome}");
        let allowed = if strict { outcome.lost == 0 } else { outcome.oldest_ms <= u64::try_from(MAX_LOSS.as_millis()).unwrap_or(0) };
        if !allowed || (fault == Fault::Graceful && outcome.lost > 0) {
            return Err(format!("{policy} failover {number}, seed {seed}: lost more than the policy allows: {outcome}"));
        }
        if fault != Fault::Graceful && number < count {
            ledger.rebuild().map_err(|e| format!("{policy} failover {number}, seed {seed}: {e}"))?;
        }
    }
    ledger.audited()?;
    Ok(format!("{policy}: {count} failovers, {} acknowledged, {} lost, seed {seed}\n", ledger.book.acknowledged, ledger.book.lost))
}
