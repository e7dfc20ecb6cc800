#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

/// As drbd-utils 9.22 print the state of the 8.4 module.
const V84: &str = "r0 role:Secondary suspended:no\n    write-ordering:flush\n  volume:0 minor:0 disk:UpToDate\n\
    \x20 peer connection:Connected role:Primary congested:no\n    volume:0 replication:Established peer-disk:UpToDate resync-suspended:no\n";
const SHOW: &str = "resource r0 {\n    options {\n    }\n    net {\n        fencing             resource-and-stonith;\n    }\n}\n";
const V9: &str = r#"[{"name":"r0","node-id":1,"role":"Secondary","suspended":false,"devices":[{"volume":0,"minor":0,"disk-state":"UpToDate"}],
    "connections":[{"peer-node-id":0,"name":"n1","connection-state":"Connected","peer-role":"Primary",
    "peer_devices":[{"volume":0,"replication-state":"Established","peer-disk-state":"UpToDate"}]}]}]"#;

fn v84(changes: &[(&str, &str)]) -> Mirror {
    let text = changes.iter().fold(V84.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    Mirror { fencing: state::fencing(SHOW), ..state::text(&text).unwrap() }
}

fn code(mirror: Mirror, policy: DrbdPolicy) -> Option<Refusal> {
    judge(&Ok(mirror), policy).err().map(|(code, _)| code)
}

#[test]
fn both_versions_say_the_same() {
    assert_eq!(state::json(V9, "r0").unwrap(), Mirror { fencing: None, ..v84(&[]) });
    assert!(state::json(V9, "r1").unwrap_err().contains("r1"));
    assert!(state::text("# No currently configured DRBD found.\n").is_err());
}

#[test]
fn in_sync_is_connected_established_and_up_to_date() {
    let seen = |changes: &[(&str, &str)]| judge(&Ok(v84(changes)), DrbdPolicy::Strict).unwrap();
    assert!(seen(&[]).in_sync);
    let lost = seen(&[
        ("connection:Connected role:Primary", "connection:Connecting role:Unknown"),
        ("replication:Established peer-disk:UpToDate", "replication:Off peer-disk:DUnknown"),
    ]);
    assert!(!lost.in_sync, "{}", lost.text);
    assert_eq!(lost.text, "DRBD is Secondary, UpToDate here, DUnknown there, not connected");
}

#[test]
fn row_34_35_36_what_must_not_be_served() {
    let strict = |changes: &[(&str, &str)]| code(v84(changes), DrbdPolicy::Strict);
    assert_eq!(strict(&[("0 disk:UpToDate", "0 disk:Outdated")]), Some(Refusal::DataStale), "row 34");
    let target = [("0 disk:UpToDate", "0 disk:Inconsistent"), ("replication:Established", "replication:SyncTarget")];
    assert_eq!(strict(&target), Some(Refusal::DataStale), "row 35");
    assert_eq!(strict(&[("connection:Connected", "connection:StandAlone")]), Some(Refusal::DataSplit), "row 36");
    assert_eq!(strict(&[("0 disk:UpToDate", "0 disk:Consistent")]), Some(Refusal::DataUnknown));
    assert_eq!(strict(&[("0 disk:UpToDate", "0 disk:Diskless")]), Some(Refusal::DataUnknown));
    let blind = Err(Blind::Read { path: "/proc/drbd".into(), reason: "no such file".into() });
    assert_eq!(judge(&blind, DrbdPolicy::Strict).unwrap_err().0, Refusal::DataUnknown);
}

#[test]
fn without_its_policy_nothing_outdates_a_stale_copy() {
    let with = |fencing: Option<&str>, policy| code(Mirror { fencing: fencing.map(str::to_owned), ..v84(&[]) }, policy);
    assert_eq!(with(None, DrbdPolicy::Bounded), Some(Refusal::DataUnknown));
    assert_eq!(with(Some("resource-only"), DrbdPolicy::Strict), Some(Refusal::DataUnknown));
    assert_eq!(with(Some("resource-only"), DrbdPolicy::Bounded), None);
    assert_eq!(with(Some("resource-and-stonith"), DrbdPolicy::Bounded), None, "stricter than asked for");
}

#[test]
fn the_worst_volume_counts() {
    let two = V84.replace("  peer connection", "  volume:1 minor:1 disk:Inconsistent\n  peer connection");
    assert_eq!(state::text(&two).unwrap().disk, "Inconsistent");
}

#[test]
fn the_time_of_the_last_look_that_saw_it_in_sync_is_kept() {
    let mut copy = Copy::default();
    note(&mut copy, judge(&Ok(v84(&[])), DrbdPolicy::Bounded), 1_000);
    note(&mut copy, judge(&Ok(v84(&[("connection:Connected", "connection:Connecting")])), DrbdPolicy::Bounded), 2_000);
    assert_eq!((copy.device_ms, copy.link_lost_ms), (Some(1_000), Some(2_000)));
    note(&mut copy, judge(&Ok(v84(&[("0 disk:UpToDate", "0 disk:Outdated")])), DrbdPolicy::Bounded), 3_000);
    assert_eq!(copy.trouble.as_ref().map(|t| t.0), Some(Refusal::DataStale));
    note(&mut copy, judge(&Ok(v84(&[])), DrbdPolicy::Bounded), 4_000);
    assert_eq!((copy.device_ms, copy.link_lost_ms, copy.trouble), (Some(4_000), None, None));
}
