#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use plugin_core::cluster::{CopyProof, Database, Engine, Span};

const BOOT: &str = "this boot";

fn database() -> Database {
    Database { engine: Engine::Postgresql, unit: "postgresql@15-main.service".into(), socket: None, port: None, directory: None }
}

fn data(max_loss: u64) -> Data {
    Data::Async { max_loss: Span::seconds(max_loss), proofs: vec![CopyProof::DbSync], database: Some(database()), folders: vec![] }
}

fn place(lsn: u64) -> Position {
    Position::Wal { system: "7".into(), timeline: 1, lsn }
}

fn word(stamp: u64, lsn: u64, strict: bool) -> Word {
    Word { echo: Some(Stamp { boot: BOOT.into(), ms: stamp }), at: Some(place(lsn)), strict }
}

fn code(copy: &Copy, data: &Data, end_ms: u64) -> Option<Refusal> {
    copy.judge(data, end_ms).err().map(|(code, _)| code)
}

#[test]
fn a_copy_is_as_fresh_as_the_stamp_that_the_master_repeated_before_it_looked() {
    let mut copy = Copy::default();
    assert_eq!(code(&copy, &data(10), 1_000), Some(Refusal::DataUnknown), "nothing was ever heard");
    copy.told(&word(1_000, 500, false), BOOT, 1_300);
    assert_eq!(code(&copy, &data(10), 1_400), Some(Refusal::DataUnknown), "told, not reached");
    copy.reached(Some(&place(499)), true, 1_500);
    assert_eq!(copy.database_ms, None, "one byte is missing");
    copy.reached(Some(&place(500)), true, 9_000);
    assert_eq!(copy.database_ms, Some(1_000), "the time of the stamp, not of the look");
    assert_eq!(code(&copy, &data(10), 11_000), None, "exactly max_loss");
    assert_eq!(code(&copy, &data(10), 11_001), Some(Refusal::DataStale));
}

/// Rows 34 and 61: the replication link is gone, the master writes on, its BEAT still comes over the other link.
#[test]
fn row_34_a_copy_that_no_longer_follows_proves_nothing() {
    let mut copy = Copy::default();
    copy.told(&word(1_000, 500, false), BOOT, 1_000);
    copy.reached(Some(&place(500)), true, 1_100);
    for second in 2..1_800 {
        let now = second * 1_000;
        // Idle or writing: a receiver that is not connected knows nothing of now.
        copy.told(&word(now, if second < 10 { 500 } else { 900 }, false), BOOT, now);
        copy.reached(Some(&place(500)), false, now);
    }
    assert_eq!((copy.database_ms, copy.link_lost_ms), (Some(1_000), Some(2_000)));
    assert_eq!(code(&copy, &data(300), 1_800_000), Some(Refusal::DataStale));
    // It follows again and has everything: fresh from the oldest place on that was waited for.
    copy.reached(Some(&place(900)), true, 1_800_000);
    assert!(copy.database_ms > Some(60_000), "{:?}", copy.database_ms);
    copy.told(&word(1_800_100, 900, false), BOOT, 1_800_200);
    copy.reached(Some(&place(900)), true, 1_800_300);
    assert_eq!(copy.database_ms, Some(1_800_100), "and then from the newest");
    assert_eq!(copy.link_lost_ms, None);
}

#[test]
fn stamps_of_another_boot_or_from_the_future_count_for_nothing() {
    let mut copy = Copy::default();
    copy.told(&Word { echo: Some(Stamp { boot: "an earlier boot".into(), ms: 10 }), ..word(10, 5, false) }, BOOT, 1_000);
    copy.told(&word(2_000, 5, false), BOOT, 1_000);
    copy.told(&Word { echo: None, ..word(10, 5, false) }, BOOT, 1_000);
    copy.reached(Some(&place(9)), true, 1_100);
    assert_eq!(copy.database_ms, None);
}

#[test]
fn strict_holds_only_once_everything_from_before_has_arrived_and_ends_with_the_masters_word() {
    let mut copy = Copy::default();
    copy.told(&word(1_000, 500, false), BOOT, 1_000);
    copy.reached(Some(&place(500)), true, 1_000);
    assert_eq!(code(&copy, &data(0), 1_001), Some(Refusal::DataUnknown), "fresh, but the master does not wait");
    copy.told(&word(2_000, 900, true), BOOT, 2_000);
    assert_eq!(code(&copy, &data(0), 2_001), Some(Refusal::DataUnknown), "what was acknowledged before has not arrived");
    copy.reached(Some(&place(900)), true, 2_500);
    assert_eq!(code(&copy, &data(0), 9_000_000), None, "the master freezes rather than acknowledge more: age does not matter");
    copy.told(&word(3_000, 900, false), BOOT, 3_000);
    assert_eq!(code(&copy, &data(0), 3_001), Some(Refusal::DataUnknown));
}

#[test]
fn with_two_proofs_the_older_one_counts() {
    let both = Data::Async { max_loss: Span::seconds(10), proofs: vec![], database: Some(database()), folders: vec!["/srv".into()] };
    let mut copy = Copy { database_ms: Some(9_000), ..Copy::default() };
    assert_eq!(code(&copy, &both, 9_000), Some(Refusal::DataUnknown), "the files were never proven");
    copy.files_ms = Some(4_000);
    assert_eq!(copy.in_sync_ms(&both), Some(4_000));
    assert_eq!(code(&copy, &both, 14_001), Some(Refusal::DataStale));
    copy.accepted = Some("alice".into());
    assert_eq!(code(&copy, &both, 14_001), None, "a person accepted the loss");
    copy.trouble = Some((Refusal::DataSplit, "split".into()));
    assert_eq!(code(&copy, &both, 14_001), Some(Refusal::DataSplit), "but nobody accepts a split brain that way");
}

/// A new master's first word may still be from before its promotion.
#[test]
fn a_place_in_a_history_that_has_ended_is_not_waited_for() {
    let mut copy = Copy::default();
    let other = Position::Wal { system: "7".into(), timeline: 2, lsn: 600 };
    copy.told(&word(1_000, 500, false), BOOT, 1_000);
    copy.reached(Some(&other), true, 1_100);
    assert_eq!(copy.database_ms, None);
    copy.told(&Word { echo: Some(Stamp { boot: BOOT.into(), ms: 2_000 }), at: Some(other.clone()), strict: false }, BOOT, 2_000);
    copy.reached(Some(&other), true, 2_100);
    assert_eq!(copy.database_ms, Some(2_000));
}

/// A copy that lags does not forget the places that it can prove next.
#[test]
fn a_long_lag_is_proven_as_it_is_caught_up() {
    let mut copy = Copy::default();
    for n in 1..=1_000 {
        copy.told(&word(n, n, false), BOOT, n);
    }
    copy.reached(Some(&place(10)), true, 1_000);
    assert_eq!(copy.database_ms, Some(10));
    copy.reached(Some(&place(1_000)), true, 1_000);
    assert_eq!(copy.database_ms, Some(1_000));
}
