//! Rows of the failure matrix in which a master gives its groups up by itself, a person ends a takeover that is held, or the
//! pair itself.

use crate::pair::Pair;
use crate::rows::Row;
use crate::world::LAN;

/// The node's own check is CRITICAL, and Icinga says so.
fn reports_itself(node: usize) -> impl Fn(&mut Pair) {
    move |pair| {
        pair.change(|w| w.machines[node].broken.fault = true);
        pair.report(node, "twinguard-raid", "CRITICAL", "HARD");
    }
}

#[test]
fn row_07_a_master_reports_itself() {
    let mut row = Row::new(7, "RAID severe on the master");
    row.then(20_000, reports_itself(0));
    assert!(!row.shot(), "nobody is shot\n{}", row.story());
    row.ends("n1 STANDBY, n2 MASTER");
}

#[test]
fn row_07_icingas_word_alone_moves_nothing() {
    let mut row = Row::new(7, "Icinga says CRITICAL, the check run again does not");
    row.then(20_000, |p| p.report(0, "twinguard-raid", "CRITICAL", "HARD"));
    row.untouched();
    row.ends("n1 MASTER, n2 SLAVE");
}

#[test]
fn row_08_it_can_not_stop_and_is_fenced() {
    let mut row = Row::new(8, "as 7, but the service does not stop");
    row.pair.change(|w| w.machines[0].broken.stop = true);
    row.then(60_000, reports_itself(0));
    row.ends("n1 off, n2 MASTER");
}

#[test]
fn row_09_the_masters_network_is_dead() {
    let mut row = Row::new(9, "the master's clients' network is dead, the heartbeat lives");
    row.pair.change(|w| w.machines[0].cables[LAN] = false);
    row.then(5000, |_| {});
    row.then(30_000, |p| p.report(1, "twinguard-network-failover", "CRITICAL", "HARD"));
    assert!(!row.shot(), "nobody is shot\n{}", row.story());
    row.ends("n1 STANDBY, n2 MASTER");
}

#[test]
fn row_09_a_master_that_sees_its_clients_gives_nothing_up() {
    let mut row = Row::new(9, "the slave's check errs: the master sees its clients");
    row.then(30_000, |p| p.report(1, "twinguard-network-failover", "CRITICAL", "HARD"));
    row.untouched();
    row.ends("n1 MASTER, n2 SLAVE");
}

#[test]
fn row_48_the_master_loses_its_storage() {
    let mut row = Row::new(48, "I/O errors: what is mounted can't be unmounted");
    row.pair.change(|w| w.machines[0].broken.umount = true);
    row.then(60_000, reports_itself(0));
    row.ends("n1 off, n2 MASTER");
}

#[test]
fn row_47_one_group_is_relocated_and_a_stop_that_fails_is_taken_back() {
    let mut row = Row::mutual(47, "mutual groups: one is moved by hand");
    row.then(20_000, |p| p.order(0, "{\"migrate\":{\"group\":\"web\"}}"));
    assert_eq!(row.seen(), "n1 SLAVE+SLAVE, n2 MASTER+MASTER", "{}", row.story());
    row.then(20_000, |p| p.order(1, "{\"migrate\":{\"group\":\"web\"}}"));
    assert_eq!(row.seen(), "n1 SLAVE+MASTER, n2 MASTER+SLAVE", "{}", row.story());
    row.pair.change(|w| w.machines[0].broken.umount = true);
    row.then(60_000, |p| p.order(0, "{\"migrate\":{\"group\":\"web\"}}"));
    assert!(!row.shot(), "a planned move fences nobody\n{}", row.story());
    row.ends("n1 SLAVE+MASTER, n2 MASTER+SLAVE");
}

#[test]
fn row_65_a_dead_peer_is_no_reason_to_give_up() {
    let mut row = Row::new(65, "the slave dies, the master's own check goes CRITICAL");
    row.then(10_000, |p| p.power_off(1));
    row.mark();
    row.then(60_000, reports_itself(0));
    row.untouched();
    assert!(row.journal_has(0, "PEER_UNFIT"), "{}", row.story());
    row.ends("n1 MASTER, n2 off");
}

#[test]
fn row_37_a_person_repairs_and_lets_it_go_on() {
    let mut row = Row::new(37, "fsck ends with 4, a person repairs it");
    row.then(40_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.fsck) = (true, true)));
    assert_eq!(row.seen(), "n1 off, n2 FAILED", "{}", row.story());
    row.pair.change(|w| w.machines[1].broken.fsck = false);
    row.then(20_000, |p| p.order(1, "{\"retry\":{\"group\":\"web\"}}"));
    row.ends("n1 off, n2 MASTER");
}

#[test]
fn row_38_a_person_removes_the_stranger_and_lets_it_go_on() {
    let mut row = Row::new(38, "a foreign MAC answers, a person removes it");
    row.then(40_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.stranger) = (true, true)));
    assert_eq!(row.seen(), "n1 off, n2 TAKING", "{}", row.story());
    row.then(20_000, |p| p.order(1, "{\"retry\":{\"group\":\"web\"}}"));
    assert_eq!(row.seen(), "n1 off, n2 TAKING", "it is still there\n{}", row.story());
    row.pair.change(|w| w.machines[1].broken.stranger = false);
    row.then(20_000, |p| p.order(1, "{\"retry\":{\"group\":\"web\"}}"));
    row.ends("n1 off, n2 MASTER");
}

#[test]
fn row_38_a_person_gives_it_up_and_the_old_master_leads() {
    let mut row = Row::new(38, "a held takeover is abandoned, the old master comes back");
    row.then(40_000, |p| p.change(|w| (w.machines[0].frozen, w.machines[1].broken.stranger) = (true, true)));
    row.then(20_000, |p| p.order(1, "{\"abandon\":{\"group\":\"web\"}}"));
    assert_eq!(row.seen(), "n1 off, n2 STANDBY", "{}", row.story());
    row.then(60_000, |p| {
        p.change(|w| w.machines[0].frozen = false);
        p.power_on(0);
    });
    row.ends("n1 MASTER, n2 STANDBY");
}

#[test]
fn row_50_a_retired_node_stays_retired() {
    let mut row = Row::new(50, "the pair is dissolved, the retired node boots");
    row.then(5000, |p| p.order(1, "{\"dissolve\":{\"survivor\":\"n2\"}}"));
    assert_eq!(row.seen(), "n1 MASTER, n2 SLAVE", "the survivor has to serve\n{}", row.story());
    row.then(10_000, |p| p.order(0, "{\"dissolve\":{\"survivor\":\"n1\"}}"));
    assert_eq!(row.seen(), "n1 MASTER, n2 RETIRED", "{}", row.story());
    row.then(1000, |p| p.power_off(1));
    row.then(60_000, |p| p.power_on(1));
    row.then(60_000, |p| p.power_off(0));
    let held = row.pair.shared.lock().machines[1].held[0];
    assert!(!held.any(), "{held:?}\n{}", row.story());
    row.ends("n1 off, n2 RETIRED");
}
