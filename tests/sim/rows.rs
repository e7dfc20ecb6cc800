//! Rows of the failure matrix (TAKEOVER 3.13 and section 1), each a story with the end that the law requires. ⛔ rows are audited
//! for side effects: nothing ran, nothing was switched (I11).

use crate::config::configuration;
use crate::machine::boottime;
use crate::pair::Pair;
use crate::world::{Bmc, HEARTBEAT, LAN, Manner, NAMES};
use plugin_core::contract::Refusal;
use plugin_core::contract::request::Request;
use plugin_core::contract::status::Role;
use std::io::Write;

/// The end in words: role and power of both nodes.
pub fn seen(pair: &Pair) -> String {
    let groups = pair.shared.lock().groups;
    let one = |node: usize| {
        let power = pair.shared.lock().machines[node].power;
        let roles = pair.state(node).map(|s| s.groups.values().map(|g| g.role.to_string()).collect::<Vec<_>>().join("+"));
        let frozen = pair.state(node).is_some_and(|s| s.frozen.is_some());
        let word = if power { roles.unwrap_or_else(|| "no agent".to_owned()) } else { "off".to_owned() };
        format!("{} {word}{}", NAMES[node], if frozen { " frozen" } else { "" })
    };
    assert!(groups > 0);
    format!("{}, {}", one(0), one(1))
}

/// Into the table of the run, if there is one.
fn note(row: u8, what: &str, end: &str) {
    if let Some(path) = std::env::var_os("TWINGUARD_MATRIX") {
        let mut file = std::fs::File::options().create(true).append(true).open(path).expect("the table");
        writeln!(file, "{row}\tsimulator\t{what}\t{end}").expect("the table");
    }
}

pub struct Row {
    number: u8,
    what: &'static str,
    pub pair: Pair,
    /// Of each node: changes, power commands when the trouble began.
    before: (Vec<usize>, u32),
}

impl Row {
    /// A founded pair, n1 master.
    pub fn new(number: u8, what: &'static str) -> Self {
        Self::of(number, what, Pair::founded(u64::from(number), 1, true))
    }

    /// Two groups, each on its own home.
    pub fn mutual(number: u8, what: &'static str) -> Self {
        Self::of(number, what, Pair::founded(u64::from(number), 2, true))
    }

    /// One group whose data are a copy on the slave.
    pub fn copied(number: u8, what: &'static str, data: &str) -> Self {
        let text = configuration(1).replace("data = { kind = \"device\" }", data);
        Self::of(number, what, Pair::founded(u64::from(number), 1, true).under(&text))
    }

    fn of(number: u8, what: &'static str, mut pair: Pair) -> Self {
        pair.run_for(6000);
        let mut row = Self { number, what, pair, before: (Vec::new(), 0) };
        row.mark();
        row
    }

    /// From here on a refusal must change nothing.
    pub fn mark(&mut self) {
        self.before = self.changes();
    }

    fn changes(&self) -> (Vec<usize>, u32) {
        let world = self.pair.shared.lock();
        let told = world.machines.iter().map(|m| m.bmc.told + m.pdu.as_ref().map_or(0, |p| p.told)).sum();
        (world.machines.iter().map(|m| m.touched.len()).collect(), told)
    }

    /// Bad luck, and its time.
    pub fn then(&mut self, ms: u64, what: impl FnOnce(&mut Pair)) {
        what(&mut self.pair);
        self.pair.run_for(ms);
    }

    /// Waits for a record in the journal of `node`.
    pub fn until_journal(&mut self, node: usize, record: &str) {
        let word = format!("\"{record}\"");
        let from = self.pair.shared.lock().machines[node].journal.len();
        let came = self.pair.run_until(60_000, |p| p.shared.lock().machines[node].journal.iter().skip(from).any(|l| l.contains(&word)));
        assert!(came, "no {record} on {}\n{}", NAMES[node], self.story());
    }

    pub fn journal_has(&self, node: usize, text: &str) -> bool {
        self.pair.shared.lock().machines[node].journal.iter().any(|l| l.contains(text))
    }

    pub fn story(&self) -> String {
        self.pair.shared.lock().trace.clone().unwrap_or_default().join("\n")
    }

    /// The refusal that the journal of `node` names, with its mail.
    pub fn refused(&self, node: usize, code: Refusal) {
        let code = format!("\"code\":\"{code}\"");
        assert!(self.journal_has(node, &code), "row {}: no {code}\n{}", self.number, self.story());
        let mailed = self.pair.shared.lock().machines[node]
            .mails
            .iter()
            .any(|(kind, _)| format!("{kind:?}").contains("Refused") || format!("{kind:?}").contains("FenceFailed"));
        assert!(mailed, "row {}: no mail\n{}", self.number, self.story());
    }

    /// ⛔: nothing was changed since the mark.
    pub fn untouched(&self) {
        assert_eq!(self.changes(), self.before, "row {}: a refusal has no side effect\n{}", self.number, self.story());
    }

    /// Role and power of both nodes now.
    pub fn seen(&self) -> String {
        seen(&self.pair)
    }

    /// A power command was given since the mark.
    pub fn shot(&self) -> bool {
        self.changes().1 != self.before.1
    }

    /// The end is as required, and no law was broken on the way.
    pub fn ends(self, required: &str) {
        let world = self.pair.shared.lock();
        assert_eq!(world.violation, None, "row {}\n{}", self.number, world.trace.clone().unwrap_or_default().join("\n"));
        drop(world);
        let end = seen(&self.pair);
        assert_eq!(end, required, "row {}\n{}", self.number, self.story());
        note(self.number, self.what, &end);
    }
}

const SERVES: &str = "n1 MASTER, n2 SLAVE";
const TAKEN: &str = "n1 off, n2 MASTER";

fn cut(node: usize, links: &'static [usize]) -> impl Fn(&mut Pair) {
    move |pair| pair.change(|w| links.iter().for_each(|l| w.machines[node].cables[*l] = false))
}

#[test]
fn row_01_bmc_dies_with_the_master() {
    let mut row = Row::new(1, "power and BMC of the master lost together");
    row.then(60_000, |p| {
        p.change(|w| w.machines[0].bmc.net = false);
        p.power_off(0);
    });
    row.refused(1, Refusal::DeviceSilent);
    row.untouched();
    row.then(10_000, |p| p.order(1, "{\"confirm-fenced\":{\"node\":\"n1\"}}"));
    row.ends(TAKEN);
}

#[test]
fn row_02_the_second_level_confirms() {
    let mut row = Row::new(2, "BMC dead, level 2 answers");
    row.then(90_000, |p| {
        p.change(|w| {
            let pdu = Bmc { ..w.machines[0].bmc.clone() };
            w.machines[0].pdu = Some(pdu);
            w.machines[0].bmc.net = false;
            w.machines[0].frozen = true;
        });
    });
    row.ends(TAKEN);
}

#[test]
fn row_03_a_hung_kernel() {
    let mut row = Row::new(3, "kernel hangs");
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.ends(TAKEN);
}

#[test]
fn row_04_it_thaws_between_sent_and_off() {
    let mut row = Row::new(4, "thaws after the command was accepted");
    row.pair.change(|w| (w.machines[0].bmc.off_after, w.machines[0].frozen) = (4000, true));
    row.until_journal(1, "ACCEPTED");
    row.then(60_000, |p| p.change(|w| w.machines[0].frozen = false));
    row.ends(TAKEN);
}

#[test]
fn row_05_a_reboot_that_nobody_missed() {
    let mut row = Row::new(5, "the master reboots, nobody asks for a takeover");
    row.pair.icinga = false;
    row.then(100, |p| p.power_off(0));
    row.then(30_000, |p| p.power_on(0));
    row.ends("n1 STANDBY, n2 MASTER");
}

#[test]
fn row_06_a_notify_check_never_triggers() {
    let mut row = Row::new(6, "one service fails on the master");
    let call = Request {
        host: "n1".to_owned(),
        service: "twinguard-sip".to_owned(),
        state: "CRITICAL".to_owned(),
        state_type: "HARD".to_owned(),
        attempt: 1,
        downtime_depth: 0,
        host_downtime_depth: 0,
        flapping: false,
        last_check: None,
    };
    row.then(10_000, |p| {
        p.change(|w| w.machines[0].held[0].unit = false);
        p.request(1, call);
    });
    assert_eq!(row.pair.heard.handler.last().map(|(_, a)| a.refusal), Some(Some(Refusal::NotAllowed)));
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_10_the_slaves_network_is_dead() {
    let mut row = Row::new(10, "the slave's clients' link is dead");
    row.then(5000, cut(1, &[LAN]));
    row.then(20_000, |p| p.call(1, "CRITICAL", "HARD"));
    row.refused(1, Refusal::PeerAlive);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_11_only_the_heartbeat_is_dead() {
    let mut row = Row::new(11, "heartbeat dead (shared device)");
    row.then(5000, cut(0, &[HEARTBEAT]));
    row.then(20_000, |p| p.call(1, "CRITICAL", "HARD"));
    row.refused(1, Refusal::PeerAlive);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_12_the_switch_is_dead() {
    let mut row = Row::new(12, "clients' switch dead for both");
    row.then(5000, |p| p.change(|w| w.switch = false));
    row.then(20_000, |p| p.call(1, "CRITICAL", "HARD"));
    row.refused(1, Refusal::PeerAlive);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_13_the_master_is_isolated() {
    let mut row = Row::new(13, "master isolated, its BMC reachable");
    row.then(20_000, cut(0, &[LAN, HEARTBEAT]));
    row.ends(TAKEN);
}

#[test]
fn row_14_the_slave_is_isolated() {
    let mut row = Row::new(14, "slave isolated");
    row.then(5000, cut(1, &[LAN, HEARTBEAT]));
    row.then(30_000, |p| p.call(1, "CRITICAL", "HARD"));
    row.refused(1, Refusal::Isolated);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_15_a_split_between_the_switches() {
    let mut row = Row::new(15, "both see their gateway, not each other");
    row.then(30_000, |p| p.change(|w| w.between = false));
    row.ends(TAKEN);
}

#[test]
fn row_16_everything_is_cut() {
    let mut row = Row::new(16, "master isolated, its BMC too");
    row.then(60_000, |p| {
        p.change(|w| w.machines[0].bmc.net = false);
        cut(0, &[LAN, HEARTBEAT])(p);
    });
    row.refused(1, Refusal::DeviceSilent);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_17_both_shoot() {
    let mut row = Row::mutual(17, "both nodes fire");
    row.then(60_000, |p| p.change(|w| w.between = false));
    row.ends("n1 MASTER+MASTER, n2 off");
}

#[test]
fn row_18_fifty_calls() {
    let mut row = Row::new(18, "fifty calls at once");
    row.pair.icinga = false;
    row.then(2500, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(20_000, |p| (0..50).for_each(|_| p.call(1, "CRITICAL", "HARD")));
    let opened = row.story().matches("\"OPEN\"").count() - 1; // The founding opened one.
    assert_eq!(opened, 1, "{}", row.story());
    let busy = row.pair.heard.handler.iter().filter(|(_, a)| a.refusal == Some(Refusal::AttemptOpen)).count();
    assert_eq!(busy, 49);
    row.ends(TAKEN);
}

#[test]
fn row_19_what_is_no_hard_critical() {
    let mut row = Row::new(19, "SOFT, OK, UNKNOWN, downtime, flapping, old");
    row.pair.icinga = false;
    row.then(3000, |p| p.change(|w| w.machines[0].frozen = true));
    let good = |pair: &Pair| Request {
        host: "n1".to_owned(),
        service: "twinguard-master-alive".to_owned(),
        state: "CRITICAL".to_owned(),
        state_type: "HARD".to_owned(),
        attempt: 1,
        downtime_depth: 0,
        host_downtime_depth: 0,
        flapping: false,
        last_check: Some(crate::machine::wall_ms(&pair.shared.lock(), 1) as f64 / 1000.0),
    };
    type Change = fn(&mut Request);
    let calls: [(Change, Refusal); 6] = [
        (|c| c.state = "OK".to_owned(), Refusal::NotCritical),
        (|c| c.state = "UNKNOWN".to_owned(), Refusal::NotCritical),
        (|c| c.downtime_depth = 1, Refusal::Downtime),
        (|c| c.host_downtime_depth = 1, Refusal::Downtime),
        (|c| c.flapping = true, Refusal::Downtime),
        (|c| c.last_check = c.last_check.map(|t| t - 31.0), Refusal::StaleEvent),
    ];
    for (change, code) in calls {
        let mut call = good(&row.pair);
        change(&mut call);
        row.then(500, |p| p.request(1, call));
        assert_eq!(row.pair.heard.handler.last().map(|(_, a)| a.refusal), Some(Some(code)));
    }
    row.then(10_000, |p| p.call(1, "CRITICAL", "SOFT"));
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_20_icinga_is_gone_in_the_middle() {
    let mut row = Row::new(20, "Icinga stops during the takeover");
    row.pair.change(|w| w.machines[0].frozen = true);
    row.until_journal(1, "INTENT");
    row.pair.icinga = false;
    row.then(30_000, |_| {});
    row.ends(TAKEN);
}

#[test]
fn row_21_killed_before_anything_was_sent() {
    let mut row = Row::new(21, "agent killed after INTENT, the master is back");
    row.pair.change(|w| w.machines[0].frozen = true);
    row.until_journal(1, "INTENT");
    row.pair.icinga = false;
    row.then(20_000, |p| {
        p.kill_agent(1);
        p.change(|w| w.machines[0].frozen = false);
    });
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_22_killed_after_sent() {
    let mut row = Row::new(22, "agent killed after SENT");
    row.pair.change(|w| (w.machines[0].frozen, w.machines[0].bmc.off_after) = (true, 3000));
    row.until_journal(1, "SENT");
    row.then(40_000, |p| p.kill_agent(1));
    row.ends(TAKEN);
}

#[test]
fn row_23_the_master_is_switched_on_after_the_proof() {
    let mut row = Row::new(23, "agent killed after OFF_CONFIRMED, an operator powers the master on");
    row.pair.change(|w| w.machines[0].frozen = true);
    row.until_journal(1, "OFF_CONFIRMED");
    row.then(60_000, |p| {
        p.kill_agent(1);
        p.power_on(0);
    });
    assert_eq!(row.pair.masters(0).len(), 1, "{}", row.story());
    let end = seen(&row.pair);
    row.ends(if end == TAKEN { TAKEN } else { "n1 STANDBY, n2 MASTER" });
}

#[test]
fn row_25_the_slave_dies_while_it_takes() {
    let mut row = Row::new(25, "the slave loses power in the middle; both boot");
    row.pair.change(|w| w.machines[0].frozen = true);
    row.until_journal(1, "OFF_CONFIRMED");
    row.then(1000, |p| p.power_off(1));
    row.then(60_000, |p| (0..2).for_each(|n| p.power_on(n)));
    row.ends("n1 INERT, n2 INERT");
}

#[test]
fn row_26_a_lying_bmc() {
    let mut row = Row::new(26, "the BMC says done, the power stays on");
    row.then(50_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[0].bmc.manner) = (true, Manner::Lies)));
    row.refused(1, Refusal::FenceFailed);
    assert_eq!(row.changes().0, row.before.0, "nothing was started\n{}", row.story());
    row.ends(SERVES);
}

#[test]
fn row_27_crossed_bmcs() {
    let mut row = Row::new(27, "the peer's BMC is our own");
    row.then(50_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[0].bmc.manner) = (true, Manner::Crossed)));
    row.refused(1, Refusal::Identity);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_28_a_slow_off() {
    let mut row = Row::new(28, "off takes 35 s");
    row.then(120_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[0].bmc.off_after) = (true, 35_000)));
    row.ends(TAKEN);
}

#[test]
fn row_29_the_password_was_changed() {
    let mut row = Row::new(29, "BMC password changed");
    row.then(40_000, |p| p.change(|w| w.machines[0].bmc.manner = Manner::Denies));
    let early = row.pair.status(1).expect("a status");
    assert!(!early.armed, "the slave says beforehand that it could not");
    row.then(40_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::DeviceDenied);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_30_the_old_master_comes_back() {
    let mut row = Row::new(30, "the fenced node is switched on");
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(30_000, |p| p.power_on(0));
    row.ends("n1 STANDBY, n2 MASTER");
}

#[test]
fn row_31_site_loss_the_later_master_leads() {
    let mut row = Row::new(31, "both lose power, n2 had been master");
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(1000, |p| p.power_off(1));
    row.then(40_000, |p| (0..2).for_each(|n| p.power_on(n)));
    row.ends("n1 STANDBY, n2 MASTER");
}

#[test]
fn row_32_only_the_stale_master_boots() {
    let mut row = Row::new(32, "site loss, only the stale master boots");
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(1000, |p| p.power_off(1));
    row.mark();
    row.then(120_000, |p| p.power_on(0));
    row.untouched();
    row.ends("n1 INERT, n2 off");
}

#[test]
fn row_33_only_the_last_master_boots() {
    let mut row = Row::new(33, "site loss, only the last master boots; a person decides");
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(1000, |p| p.power_off(1));
    row.mark();
    row.then(60_000, |p| p.power_on(1));
    row.untouched();
    row.then(10_000, |p| p.order(1, "assume-master"));
    row.ends(TAKEN);
}

const MIRROR: &str = "data = { kind = \"drbd\", resource = \"r0\", policy = \"bounded\", max_loss = \"10s\" }";

/// The mirror on n2 is complete now.
fn in_sync(pair: &Pair) {
    let now = boottime(&pair.shared.lock(), 1);
    pair.board(1).copy("web", |c| c.device_ms = u64::try_from(now.as_millis()).ok());
}

#[test]
fn row_34_stale_data() {
    let mut row = Row::copied(34, "the replication's link was lost long before the master", MIRROR);
    in_sync(&row.pair);
    row.then(60_000, cut(0, &[HEARTBEAT]));
    row.mark();
    row.then(40_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::DataStale);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_35_a_copy_that_is_not_complete() {
    let mut row = Row::copied(35, "the master dies while the slave is a SyncTarget", MIRROR);
    row.then(40_000, |p| {
        p.board(1).copy("web", |c| c.trouble = Some((Refusal::DataStale, "r0 is Inconsistent".to_owned())));
        p.change(|w| w.machines[0].frozen = true);
    });
    row.refused(1, Refusal::DataStale);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_36_split_brain_of_a_mirror() {
    let mut row = Row::copied(36, "the mirror is split when the master dies", MIRROR);
    row.then(40_000, |p| {
        p.board(1).copy("web", |c| c.trouble = Some((Refusal::DataSplit, "r0 is StandAlone".to_owned())));
        p.change(|w| w.machines[0].frozen = true);
    });
    row.refused(1, Refusal::DataSplit);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_40_a_volume_group_of_the_other_node() {
    let mut row = Row::copied(40, "the volume group is in use elsewhere", "data = { kind = \"vg\", vg = \"data\", exclusive = \"system_id\" }");
    row.then(40_000, |p| {
        p.board(1).copy("web", |c| c.trouble = Some((Refusal::DataOwned, "volume group data belongs to another host".to_owned())));
        p.change(|w| w.machines[0].frozen = true);
    });
    row.refused(1, Refusal::DataOwned);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_61_the_slave_was_isolated_for_long() {
    let mut row = Row::copied(61, "both links of the slave lost, then the master dies, then they return", MIRROR);
    in_sync(&row.pair);
    row.then(60_000, cut(1, &[LAN, HEARTBEAT]));
    row.mark();
    row.then(5000, |p| p.change(|w| w.machines[0].frozen = true));
    row.then(40_000, |p| p.change(|w| w.machines[1].cables = [true; 2]));
    row.refused(1, Refusal::DataStale);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_37_the_file_system_needs_a_person() {
    let mut row = Row::new(37, "fsck ends with 4");
    row.then(40_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.fsck) = (true, true)));
    assert!(row.journal_has(1, "\"FSCK\""), "{}", row.story());
    row.ends("n1 off, n2 FAILED");
}

#[test]
fn row_38_a_stranger_has_the_address() {
    let mut row = Row::new(38, "a foreign MAC answers for the failover address");
    row.then(40_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.stranger) = (true, true)));
    let held = row.pair.shared.lock().machines[1].held[0];
    assert!(held.mount && !held.address && !held.unit, "{held:?}");
    row.ends("n1 off, n2 TAKING");
}

#[test]
fn row_39_a_service_does_not_start() {
    let mut row = Row::new(39, "a service does not start on the slave");
    row.then(60_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.start[0]) = (true, true)));
    assert!(row.pair.state(1).is_some_and(|s| s.groups["web"].degraded.is_some()), "{}", row.story());
    row.ends(TAKEN);
}

#[test]
fn row_41_maintenance() {
    let mut row = Row::new(41, "maintenance on, the master dies; then it is ended");
    row.then(2000, |p| p.order(1, "{\"maintenance\":{\"minutes\":60}}"));
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::Maintenance);
    row.untouched();
    row.then(30_000, |p| p.order(1, "{\"maintenance\":{\"minutes\":null}}"));
    row.ends(TAKEN);
}

#[test]
fn row_42_the_configurations_differ() {
    let mut row = Row::new(42, "an update is half done");
    row.then(5000, |p| {
        p.change(|w| w.machines[1].hash = "other".to_owned());
        p.kill_agent(1);
    });
    row.then(20_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::Config);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_43_clocks_jump() {
    let mut row = Row::new(43, "a clock jumps by an hour, both ways");
    for jump in [3_600_000, -7_200_000] {
        for node in 0..2 {
            row.then(10_000, |p| p.change(|w| w.machines[node].skew += jump));
        }
    }
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_44_the_state_can_not_be_written() {
    let mut row = Row::new(44, "the state's file system is full");
    row.then(30_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.disk_full) = (true, true)));
    assert!(row.pair.heard.handler.iter().any(|(_, a)| a.refusal == Some(Refusal::StateUnwritable)), "{:?}", row.pair.heard.handler);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_45_two_claims_freeze() {
    let mut row = Row::new(45, "both claim MASTER with one epoch");
    row.pair.change(|w| {
        let state = w.machines[1].state.as_mut().expect("a state");
        let group = state.groups.get_mut("web").expect("web");
        group.role = Role::Master;
    });
    row.then(10_000, |p| p.kill_agent(1));
    row.untouched();
    row.ends("n1 MASTER frozen, n2 MASTER frozen");
}

#[test]
fn row_46_mutual_failover() {
    let mut row = Row::mutual(46, "two groups: one node dies");
    row.then(40_000, |p| p.change(|w| w.machines[0].frozen = true));
    let touched = row.pair.shared.lock().machines[1].touched.clone();
    let since: Vec<_> = touched.iter().skip(row.before.0[1]).filter(|t| t.contains("mail")).collect();
    assert!(since.is_empty(), "the other group was disturbed: {since:?}");
    row.ends("n1 off, n2 MASTER+MASTER");
}

#[test]
fn row_49_another_cluster_manager() {
    let mut row = Row::new(49, "Pacemaker is active");
    row.then(10_000, |p| p.change(|w| w.machines[1].unfit = Some(Refusal::ForeignManager)));
    row.then(30_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::ForeignManager);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_52_a_flapping_link() {
    let mut row = Row::new(52, "both links go up and down ten times");
    for _ in 0..10 {
        row.then(1200, cut(0, &[LAN, HEARTBEAT]));
        row.then(10_000, |p| p.change(|w| w.machines[0].cables = [true; 2]));
    }
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_55_no_way_back_after_demoted() {
    let mut row = Row::new(55, "DEMOTED is heard, then the wires die one way");
    row.pair.icinga = false;
    row.pair.order(0, "{\"migrate\":{}}");
    row.until_journal(0, "DEMOTED");
    row.then(60_000, |p| p.change(|w| w.between = false));
    let masters = row.pair.masters(0);
    assert!(masters.len() <= 1 && !masters.contains(&0), "{}", row.story());
    row.then(30_000, |p| p.change(|w| w.between = true));
    row.ends("n1 SLAVE, n2 MASTER");
}

#[test]
fn row_56_something_starts_at_boot() {
    let mut row = Row::new(56, "the master has the address in its boot configuration");
    row.then(10_000, |p| p.change(|w| w.machines[0].boot_starts = vec!["192.0.2.10 is set in interfaces".to_owned()]));
    assert!(!row.pair.status(1).expect("a status").armed, "found beforehand");
    row.then(30_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::BootStarts);
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_57_a_corrupt_state_goes_on_serving() {
    let mut row = Row::new(57, "both agents restart, the master's state is corrupt");
    row.pair.change(|w| w.machines[0].corrupt = true);
    row.then(30_000, |p| (0..2).for_each(|n| p.kill_agent(n)));
    assert!(row.pair.shared.lock().machines[0].held[0].all(), "it goes on serving");
    row.untouched();
    row.ends("n1 INERT frozen, n2 SLAVE");
}

#[test]
fn row_58_a_feed_is_missing() {
    let mut row = Row::new(58, "the device reads OFF, the node runs");
    row.pair.change(|w| (w.machines[0].frozen, w.machines[0].bmc.manner) = (true, Manner::Lies));
    row.until_journal(1, "SENT");
    // The PDU switched one of two feeds; then the node answers again.
    row.pair.change(|w| w.machines[0].bmc.blind = true);
    row.then(300, |_| {});
    row.then(90_000, |p| p.change(|w| w.machines[0].frozen = false));
    assert_eq!(row.changes().0, row.before.0, "nothing was started\n{}", row.story());
    row.ends(SERVES);
}

#[test]
fn row_59_a_suspended_node_is_no_dead_one() {
    let mut row = Row::new(59, "suspend is not masked");
    row.then(10_000, |p| p.change(|w| w.machines[0].boot_starts = vec!["suspend.target is not masked".to_owned()]));
    row.then(30_000, |p| p.change(|w| w.machines[0].frozen = true));
    row.refused(1, Refusal::BootStarts);
    row.then(30_000, |p| p.change(|w| w.machines[0].frozen = false));
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_60_a_living_node_is_not_confirmed() {
    let mut row = Row::new(60, "an operator confirms a living node");
    row.then(5000, |p| p.order(1, "{\"confirm-fenced\":{\"node\":\"n1\"}}"));
    let said = row.pair.heard.operator.last().cloned();
    assert!(said.as_ref().is_some_and(|s| s.as_ref().is_err_and(|t| t.starts_with("PEER_ALIVE"))), "{said:?}");
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_63_unequal_delays_leave_one() {
    let mut row = Row::mutual(63, "mutual groups see their witnesses, not each other");
    row.then(60_000, |p| p.change(|w| w.between = false));
    row.ends("n1 MASTER+MASTER, n2 off");
}

#[test]
fn row_64_a_stunned_slave() {
    let mut row = Row::new(64, "the slave is stunned for 5 s");
    row.then(5000, |p| p.change(|w| w.machines[1].frozen = true));
    row.then(30_000, |p| p.change(|w| w.machines[1].frozen = false));
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_66_the_next_level_does_not_shoot_who_is_back() {
    let mut row = Row::new(66, "level 1 unreachable, the master returns, level 2 would shoot");
    row.pair.change(|w| {
        let pdu = Bmc { latency: 1500, ..w.machines[0].bmc.clone() };
        w.machines[0].pdu = Some(pdu);
    });
    row.then(30_000, |_| {});
    row.pair.change(|w| (w.machines[0].bmc.net, w.machines[0].frozen) = (false, true));
    row.until_journal(1, "INTENT");
    row.then(90_000, |p| p.change(|w| w.machines[0].frozen = false));
    row.untouched();
    row.ends(SERVES);
}

#[test]
fn row_67_the_receiver_dies() {
    let mut row = Row::new(67, "the slave dies after the master's DEMOTED");
    row.pair.order(0, "{\"migrate\":{}}");
    row.until_journal(0, "DEMOTED");
    row.then(60_000, |p| p.power_off(1));
    row.ends("n1 MASTER, n2 off");
}

#[test]
fn row_68_hung_but_it_answers_pings() {
    let mut row = Row::new(68, "answers ping, nothing else");
    row.then(60_000, |p| {
        p.change(|w| w.machines[0].mute = true);
        p.call(1, "CRITICAL", "HARD");
        p.run_for(12_000);
        p.call(1, "CRITICAL", "HARD");
    });
    row.ends(TAKEN);
}
