//! The write ledger's short run: what was acknowledged is there after a failover, by each policy. `tests/run ledger` is the long one.

use rig::lab::ledger::{Fault, Ledger, Outcome};
use rig::lab::{Node, table};
use std::time::Duration;

fn ledger(max_loss: &'static str) -> Ledger {
    Ledger::start(max_loss).unwrap_or_else(|e| panic!("{e}"))
}

fn fail(ledger: &mut Ledger, fault: Fault, behind: Duration) -> Outcome {
    ledger.fail(fault, behind).unwrap_or_else(|e| panic!("{fault:?}: {e}"))
}

/// I3, strict: a graceful move, and then the new master crashes; the old one is its standby already. Nothing that was acknowledged is lost.
#[test]
fn a_strict_pair_loses_no_acknowledged_record() {
    let mut ledger = ledger("0s");
    for fault in [Fault::Graceful, Fault::Crash] {
        let outcome = fail(&mut ledger, fault, Duration::ZERO);
        assert_eq!(outcome.lost, 0, "{outcome}");
        table::note(&format!("ledger strict: {outcome}"), &format!("{} acknowledged", ledger.book.acknowledged), None);
    }
    assert_eq!(ledger.master(), Node::N1, "moved away and taken back");
    ledger.audited().unwrap_or_else(|e| panic!("two masters: {e}"));
}

/// I3, bounded: the standby receives nothing for a second, then the master crashes. What is lost is not older than `max_loss`.
#[test]
fn an_asynchronous_pair_loses_no_more_than_it_may() {
    let mut ledger = ledger("10s");
    let outcome = fail(&mut ledger, Fault::Crash, Duration::from_secs(1));
    assert!(outcome.oldest_ms <= 10_000, "{outcome}");
    assert!(outcome.lost > 0, "a standby that received nothing for a second has to lack something: {outcome}");
    table::note(&format!("ledger async: {outcome}"), &format!("{} acknowledged", ledger.book.acknowledged), None);
    ledger.audited().unwrap_or_else(|e| panic!("two masters: {e}"));
}

/// Matrix rows 34 and 61: the link of the replication is lost, and much later the master. Only a person serves the old copy.
#[test]
fn a_copy_that_is_too_old_is_served_only_by_a_persons_word() {
    let mut ledger = ledger("4s");
    let lost = ledger.fail_stale().unwrap_or_else(|e| panic!("{e}"));
    assert!(lost > 0, "the copy lacked nothing: the refusal proved nothing");
    table::note("ledger: copy older than max_loss: DATA_STALE, then a person accepts the loss", &format!("lost {lost}"), None);
    ledger.audited().unwrap_or_else(|e| panic!("two masters: {e}"));
}
