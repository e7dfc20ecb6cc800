#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
use super::*;
use crate::power::Power;
use crate::takeover::outlook::{LinkSeen, Round};

fn cluster() -> Cluster {
    Cluster::parse(include_str!("../../../../icinga-conf/clusters/pbx-mobydick/cluster.toml")).unwrap()
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn call() -> Request {
    Request {
        host: "pbx1".into(),
        service: "twinguard-master-alive".into(),
        state: "CRITICAL".into(),
        state_type: "HARD".into(),
        attempt: 1,
        downtime_depth: 0,
        host_downtime_depth: 0,
        flapping: false,
        last_check: Some(1000.0),
    }
}

fn judged(change: impl FnOnce(&mut Request)) -> Call {
    let mut request = call();
    change(&mut request);
    judge(&cluster(), &request, 1_000_500)
}

#[test]
fn row_19_and_i5_only_a_fresh_hard_critical_of_a_trigger_opens_a_case() {
    assert_eq!(judged(|_| ()), Call::Accept(Trigger::PeerLost));
    assert_eq!(judged(|r| r.state_type = "SOFT".into()), Call::Prime);
    let refused = |call: Call| if let Call::Refuse(code, _) = call { Some(code) } else { None };
    for state in ["OK", "WARNING", "UNKNOWN", "UP", ""] {
        assert_eq!(refused(judged(|r| r.state = state.into())), Some(Refusal::NotCritical), "{state}");
    }
    assert_eq!(refused(judged(|r| r.service = "twinguard-disk".into())), Some(Refusal::NotAllowed));
    assert_eq!(refused(judged(|r| r.service = String::new())), Some(Refusal::NotAllowed));
    assert_eq!(refused(judged(|r| r.downtime_depth = 1)), Some(Refusal::Downtime));
    assert_eq!(refused(judged(|r| r.host_downtime_depth = 2)), Some(Refusal::Downtime));
    assert_eq!(refused(judged(|r| r.flapping = true)), Some(Refusal::Downtime));
    assert_eq!(refused(judged(|r| r.last_check = Some(969.0))), Some(Refusal::StaleEvent));
    assert_eq!(refused(judged(|r| r.last_check = Some(1031.0))), Some(Refusal::StaleEvent), "from the future");
    assert_eq!(refused(judged(|r| r.last_check = None)), Some(Refusal::StaleEvent));
    assert_eq!(refused(judged(|r| r.state_type = "MAYBE".into())), Some(Refusal::Soft));
}

fn seen(round: impl Fn(u64) -> Round, at: &[u64]) -> Outlook {
    let mut outlook = Outlook::new(ms(0));
    outlook.heard("lan", ms(0));
    for at in at {
        outlook.round(round(*at));
    }
    outlook
}

fn round(at: u64, link: LinkSeen, serves: bool) -> Round {
    Round {
        planned: ms(at),
        started: ms(at),
        ended: ms(at + 200),
        full: true,
        links: [("lan".to_owned(), link)].into(),
        carriers: [("lan".to_owned(), true), ("heartbeat".to_owned(), true)].into(),
        witnesses: [("arp:192.0.2.1".to_owned(), true), ("tcp:192.0.2.25:25".to_owned(), false)].into(),
        serves,
    }
}

const DEAD: LinkSeen = LinkSeen { kernel: false, banner: false, ping: false };
const KERNEL: LinkSeen = LinkSeen { kernel: true, banner: false, ping: true };

#[test]
fn g3_silence_needs_its_time_and_its_rounds() {
    let cluster = cluster();
    let dead = |at| round(at, DEAD, false);
    let verdict = |outlook: &Outlook, now| peer_dead(&cluster, outlook, ms(now)).verdict;
    assert_eq!(verdict(&seen(dead, &[]), 500), Verdict::Refuse(Refusal::PeerAlive), "it spoke a moment ago");
    assert_eq!(verdict(&seen(dead, &[1000, 1500]), 1900), Verdict::Wait);
    assert_eq!(verdict(&seen(dead, &[1000, 1500, 1990]), 1999), Verdict::Wait, "2 s of silence are not over");
    assert_eq!(verdict(&seen(dead, &[1000, 1500, 2000]), 2300), Verdict::Pass);
    assert_eq!(verdict(&seen(|at| round(at, DEAD, true), &[1000, 1500, 2000]), 2300), Verdict::Refuse(Refusal::PeerServes));
}

#[test]
fn g3_a_mute_peer_is_hung_only_after_its_own_time() {
    let mut cluster = cluster();
    let mute = |at| round(at, KERNEL, false);
    let rounds: Vec<u64> = (2..32).map(|n| n * 500).collect();
    assert_eq!(peer_dead(&cluster, &seen(mute, &rounds), ms(14_900)).verdict, Verdict::Wait);
    assert_eq!(peer_dead(&cluster, &seen(mute, &rounds), ms(15_700)).verdict, Verdict::Pass);
    cluster.confirm.hung = plugin_core::cluster::Span(None);
    assert_eq!(peer_dead(&cluster, &seen(mute, &rounds), ms(15_700)).verdict, Verdict::Refuse(Refusal::PeerAlive), "hung = never");
}

#[test]
fn i6_g4_an_isolated_node_refuses() {
    let mut cluster = cluster();
    let with = |change: &dyn Fn(&mut Round)| {
        let mut outlook = Outlook::new(ms(0));
        let mut one = round(1000, DEAD, false);
        change(&mut one);
        outlook.round(one);
        outlook
    };
    let isolated = Verdict::Refuse(Refusal::Isolated);
    assert_eq!(not_isolated(&cluster, &with(&|_| ()), ms(1300)).verdict, Verdict::Pass);
    assert_eq!(not_isolated(&cluster, &with(&|r| r.witnesses.values_mut().for_each(|w| *w = false)), ms(1300)).verdict, isolated);
    let no_lan: &dyn Fn(&mut Round) = &|r| r.carriers.values_mut().for_each(|c| *c = false);
    assert_eq!(not_isolated(&cluster, &with(no_lan), ms(1300)).verdict, isolated);
    assert_eq!(not_isolated(&cluster, &with(&|_| ()), ms(9000)).verdict, Verdict::Wait, "an old round is no view of now");
    cluster.witness.need = Some(2);
    assert_eq!(not_isolated(&cluster, &with(&|_| ()), ms(1300)).verdict, isolated);
    cluster.witness.hosts.clear();
    assert_eq!(not_isolated(&cluster, &with(&|_| ()), ms(1300)).verdict, isolated);
}

#[test]
fn g7_a_device_that_needs_a_drill_spoils_its_own_level_only() {
    let needs = || Err((Refusal::Undrilled, "fence_pdu 3 needs a recorded drill: twinguard drill fence n1 --level 2".to_owned()));
    let good = || device(1, Ok(Power::On));
    let gate = stonith(&[good(), device(2, needs())], ms(2000));
    assert_eq!(gate.verdict, Verdict::Pass, "{gate:?}");
    assert!(gate.evidence.contains("needs a recorded drill") && !gate.evidence.contains("IDENTITY"), "{}", gate.evidence);
    // Two devices of one level: the OFF of one proves nothing.
    assert_eq!(stonith(&[good(), device(1, needs())], ms(2000)).verdict, Verdict::Refuse(Refusal::Undrilled));
    assert_eq!(stonith(&[device(1, needs())], ms(2000)).verdict, Verdict::Refuse(Refusal::Undrilled));
    let silent = device(1, Err((Refusal::DeviceSilent, "use it: timed out".to_owned())));
    assert_eq!(stonith(&[silent, device(2, needs())], ms(2000)).verdict, Verdict::Refuse(Refusal::DeviceSilent));
}

fn device(level: u8, outcome: Result<Power, (Refusal, String)>) -> DeviceView {
    DeviceView { level, name: "bmc".into(), drill: None, asked: ms(1000), answered: Some(ms(1100)), outcome }
}

#[test]
fn g7_one_whole_level_has_to_answer_as_the_peers() {
    let err = |code| Err((code, "x".to_owned()));
    assert_eq!(stonith(&[], ms(2000)).verdict, Verdict::Refuse(Refusal::NoStonith), "BM8");
    assert_eq!(stonith(&[device(1, Ok(Power::On))], ms(2000)).verdict, Verdict::Pass);
    assert_eq!(stonith(&[device(1, Ok(Power::On))], ms(70_000)).verdict, Verdict::Refuse(Refusal::DeviceSilent), "an old answer");
    assert_eq!(stonith(&[device(1, err(Refusal::DeviceSilent)), device(2, Ok(Power::On))], ms(2000)).verdict, Verdict::Pass, "row 2");
    let half = [device(1, Ok(Power::On)), device(1, err(Refusal::DeviceSilent))];
    assert_eq!(stonith(&half, ms(2000)).verdict, Verdict::Refuse(Refusal::DeviceSilent), "every feed of a level");
    let crossed = [device(1, err(Refusal::Identity)), device(2, Ok(Power::On))];
    assert_eq!(stonith(&crossed, ms(2000)).verdict, Verdict::Refuse(Refusal::Identity), "row 27");
    assert_eq!(stonith(&[device(1, err(Refusal::DeviceDenied))], ms(2000)).verdict, Verdict::Refuse(Refusal::DeviceDenied), "row 29");
    let asking = DeviceView { asked: ms(1900), ..device(1, Ok(Power::On)) };
    assert_eq!(stonith(&[asking], ms(2000)).verdict, Verdict::Wait);
}

#[test]
fn g9_g12_what_was_never_seen_is_refused() {
    assert_eq!(same_configuration("a", None).verdict, Verdict::Refuse(Refusal::Config));
    assert_eq!(same_configuration("a", Some("b")).verdict, Verdict::Refuse(Refusal::Config));
    assert_eq!(same_configuration("a", Some("a")).verdict, Verdict::Pass);
    let clean = Readiness::Seen { boot_starts: vec![], unfit: None };
    assert_eq!(boot_starts(&clean, Some(&[])).verdict, Verdict::Pass);
    assert_eq!(boot_starts(&clean, None).verdict, Verdict::Refuse(Refusal::BootStarts));
    assert_eq!(boot_starts(&Readiness::Unknown("x".into()), Some(&[])).verdict, Verdict::Wait);
    let peers = boot_starts(&clean, Some(&["nginx.service is enabled".into()]));
    assert_eq!((peers.verdict, peers.evidence.as_str()), (Verdict::Refuse(Refusal::BootStarts), "peer: nginx.service is enabled"));
}

#[test]
fn g1_row_41_maintenance_on_either_node_refuses() {
    let mut cluster = cluster();
    let works = Maintenance { by: "alice".into(), since_ms: 0, until_ms: 0, reminded: false };
    assert_eq!(allowed(&cluster, None, false).verdict, Verdict::Pass);
    assert_eq!(allowed(&cluster, Some(&works), false).verdict, Verdict::Refuse(Refusal::Maintenance));
    assert_eq!(allowed(&cluster, None, true).verdict, Verdict::Refuse(Refusal::Maintenance));
    cluster.automatic = false;
    assert_eq!(allowed(&cluster, None, false).verdict, Verdict::Refuse(Refusal::AutomaticOff));
}

#[test]
fn g6_data_that_cannot_be_proven_fresh_refuse() {
    let mut cluster = cluster();
    let verdict = |cluster: &Cluster, own, copies: &BTreeMap<String, Copy>| data(cluster.groups.iter().map(|g| (g, own)), copies, 600_000).verdict;
    let none = BTreeMap::new();
    assert_eq!(verdict(&cluster, false, &none), Verdict::Refuse(Refusal::DataUnknown), "the example's data are async");
    assert_eq!(verdict(&cluster, true, &none), Verdict::Pass, "served here last");
    let synced = |ms| {
        let mut copy = Copy::default();
        (copy.database_ms, copy.files_ms) = (Some(ms), Some(ms));
        [("pbx".to_owned(), copy)].into()
    };
    assert_eq!(verdict(&cluster, false, &synced(300_000)), Verdict::Pass, "max_loss is 5m");
    assert_eq!(verdict(&cluster, false, &synced(299_999)), Verdict::Refuse(Refusal::DataStale));
    cluster.groups[0].data = Data::Device;
    assert_eq!(verdict(&cluster, false, &none), Verdict::Pass);
}

#[test]
fn g8_row_52_takeovers_are_rare() {
    let limits = cluster().limits;
    let hour = 3_600_000;
    assert_eq!(rate(&limits, &[], 0).verdict, Verdict::Pass);
    assert_eq!(rate(&limits, &[0], 14 * 60_000).verdict, Verdict::Refuse(Refusal::RateLimit));
    assert_eq!(rate(&limits, &[0], 16 * 60_000).verdict, Verdict::Pass);
    assert_eq!(rate(&limits, &[0, hour, 2 * hour], 10 * hour).verdict, Verdict::Refuse(Refusal::RateLimit));
    assert_eq!(rate(&limits, &[0, hour, 2 * hour], 25 * hour).verdict, Verdict::Pass);
    assert_eq!(rate(&limits, &[50 * hour], 10 * hour).verdict, Verdict::Refuse(Refusal::RateLimit), "from the future: the clock jumped");
    let none = Limits { interval: plugin_core::cluster::Span::seconds(0), per_day: 0 };
    assert_eq!(rate(&none, &[10, 10, 10], 10).verdict, Verdict::Pass);
}

#[test]
fn g5_what_this_node_lacks_refuses() {
    let seen = |unfit| fit(&Readiness::Seen { boot_starts: vec![], unfit }).verdict;
    assert_eq!(seen(None), Verdict::Pass);
    assert_eq!(seen(Some((Refusal::ForeignManager, "pacemaker.service is active".into()))), Verdict::Refuse(Refusal::ForeignManager));
    assert_eq!(fit(&Readiness::Unknown("x".into())).verdict, Verdict::Wait);
}

#[test]
fn a_trigger_says_what_its_critical_means() {
    for (service, trigger) in [
        ("twinguard-master-alive", Trigger::PeerLost),
        ("twinguard-network-failover", Trigger::PeerLanLost),
        ("twinguard-cluster-status", Trigger::Itself),
        ("twinguard-raid", Trigger::Itself),
    ] {
        assert_eq!(judged(|r| r.service = service.into()), Call::Accept(trigger), "{service}");
    }
}

#[test]
fn row_9_only_the_masters_own_word_says_that_its_network_is_lost() {
    assert_eq!(network_lost(Life::Alive, Some(Some(false))).verdict, Verdict::Pass);
    assert_eq!(network_lost(Life::Alive, Some(Some(true))).verdict, Verdict::Refuse(Refusal::PeerAlive));
    for (life, word) in [(Life::Alive, None), (Life::Alive, Some(None)), (Life::Mute, Some(Some(false))), (Life::Unknown, Some(Some(false)))] {
        assert_eq!(network_lost(life, word).verdict, Verdict::Wait, "{life:?} {word:?}");
    }
}

#[test]
fn rows_8_and_48_a_master_is_shot_only_while_it_has_not_given_up() {
    let moving = |attempt: &str, stuck| Moving { attempt: attempt.into(), stuck };
    let verdict = |moving: Option<&Moving>, gave| still_holds("a", Some((moving, gave))).verdict;
    assert_eq!(verdict(Some(&moving("a", true)), None), Verdict::Pass);
    assert_eq!(verdict(Some(&moving("a", false)), None), Verdict::Pass, "its time is over");
    for (moving, gave) in [(None, None), (None, Some("a")), (Some(moving("b", true)), None)] {
        assert_eq!(verdict(moving.as_ref(), gave), Verdict::Refuse(Refusal::PeerAlive), "{moving:?} {gave:?}");
    }
    assert_eq!(still_holds("a", None).verdict, Verdict::Refuse(Refusal::PeerAlive), "it was never heard");
}

#[test]
fn g5_degraded_hardware_relieves_nobody() {
    assert_eq!(no_fault(&[]).verdict, Verdict::Pass);
    assert_eq!(no_fault(&["RAID CRITICAL".to_owned()]).verdict, Verdict::Refuse(Refusal::Unfit));
}
