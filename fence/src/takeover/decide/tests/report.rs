//! A master that reports itself, and one that is asked to give up (TAKEOVER 3.4).

use super::agreement::moving;
use super::*;
use crate::takeover::message::Moving;

fn report(node: &mut Node) {
    node.on(Event::Called { call: Call::Accept(Trigger::Itself), id: "s1".into(), service: "raid".into(), uid: 0, now_ms: 0 });
}

fn rechecked(node: &mut Node, outcome: Recheck, ready: Result<(), (Refusal, String)>) {
    node.on(Event::Rechecked { service: "raid".into(), outcome, ready, now_ms: 1000 });
}

fn dead() -> Recheck {
    Recheck::Confirmed("RAID CRITICAL - dead".into())
}

/// What the master's beat says of its move.
fn moves(attempt: &str, stuck: bool) -> Event {
    let moving = Some(Moving { attempt: attempt.into(), stuck });
    Event::PeerSaid { beat: PeerSaid { moving, ..said(Role::Master, Role::Master, 4, PeerRecord::Ok) } }
}

#[test]
fn row_7_a_master_acts_on_what_the_check_says_when_it_runs_it_again() {
    let mut master = Node::new("n1", Role::Master, 4);
    report(&mut master);
    assert_eq!(master.did(), ["Event", "Recheck", "Answer"]);
    assert!(master.state.attempt.is_none(), "Icinga's word alone stops nothing");
    rechecked(&mut master, Recheck::Cleared("RAID OK".into()), Ok(()));
    assert_eq!((master.did(), master.state.case.is_none()), (vec!["Closed".to_owned()], true));
    report(&mut master);
    rechecked(&mut master, dead(), Ok(()));
    assert_eq!((master.did(), master.role()), (vec!["Gates".to_owned(), "Open".into(), "Say".into()], Role::Master));
}

#[test]
fn a_check_that_could_not_look_is_no_reason_and_is_run_again_later() {
    let mut master = Node::new("n1", Role::Master, 4);
    report(&mut master);
    rechecked(&mut master, Recheck::Blind("no answer".into()), Ok(()));
    assert_eq!((master.did(), master.stage()), (vec!["Refused".to_owned(), "Mail".into()], None));
    master.look(Verdict::Pass, Life::Alive, 5_000);
    assert!(master.actions.is_empty(), "not at once");
    master.look(Verdict::Pass, Life::Alive, 10_000);
    assert_eq!(master.did(), ["Recheck"]);
}

#[test]
fn row_65_a_master_whose_peer_may_not_take_goes_on_and_tries_again() {
    for outcome in 0..3 {
        let mut master = Node::new("n1", Role::Master, 4);
        report(&mut master);
        rechecked(&mut master, dead(), if outcome == 0 { Err((Refusal::PeerUnfit, "it is silent".into())) } else { Ok(()) });
        match outcome {
            1 => _ = master.on(Event::Declined { attempt: "s1".into(), text: "G7".into() }),
            2 => _ = master.on(Event::Tick { life: Life::Silent, now_ms: 10_000, wall_ms: 0 }),
            _ => {}
        }
        assert_eq!((master.role(), master.stage()), (Role::Master, None), "outcome {outcome}");
        assert!(master.did().contains(&"Refused".to_owned()) && master.did().contains(&"Mail".to_owned()), "{:?}", master.did());
        assert!(!master.actions.iter().any(|a| matches!(a, Action::Undo { .. })), "nothing was stopped");
        master.look(Verdict::Pass, Life::Alive, 10_000);
        assert_eq!(master.did(), ["Recheck"], "the fault is still there");
    }
}

#[test]
fn only_a_master_reports_itself() {
    for role in [Role::Slave, Role::Standby, Role::Inert, Role::Failed, Role::Demoted] {
        let mut node = Node::new("n1", role, 4);
        report(&mut node);
        assert!(matches!(&node.actions[..], [Action::Answer(Err((Refusal::Role, _)))]), "{role}: {:?}", node.actions);
    }
}

#[test]
fn rows_8_and_48_a_master_that_cannot_stop_is_fenced_by_its_own_word() {
    let (mut master, mut slave) = moving(false);
    assert!(matches!(slave.stage(), Some(Stage::Awaiting { until_ms: 120_000 })));
    master.on(Event::Undone { clean: Err("umount hangs".into()) });
    assert_eq!((master.role(), master.stage()), (Role::Master, Some(Stage::Stuck)));
    assert!(!master.actions.iter().any(|a| matches!(a, Action::Restore { .. })), "it waits for its fence");
    slave.on(moves("m1", false));
    assert!(slave.actions.is_empty(), "it is still stopping");
    slave.on(moves("m1", true));
    assert_eq!((slave.did(), slave.stage()), (vec!["Intent".to_owned(), "StartFence".into()], Some(Stage::Intent)));
    slave.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    finish(&mut slave);
    assert_eq!((slave.role(), slave.epoch(), slave.state.peer.record), (Role::Master, 5, PeerRecord::Standby));
    assert_eq!(slave.state.takeovers, [99], "it counts for the rate (G8)");
    master.on(Event::Started { booted: true, boot_id: "b".into() }).on(beat(Role::Master, 5, PeerRecord::Standby));
    assert_eq!(master.role(), Role::Standby);
}

#[test]
fn row_8_a_master_that_does_not_stop_in_its_time_is_fenced() {
    let (_, mut slave) = moving(false);
    slave.on(Event::Tick { life: Life::Alive, now_ms: 119_999, wall_ms: 0 });
    assert!(slave.actions.is_empty());
    slave.on(Event::Tick { life: Life::Alive, now_ms: 120_000, wall_ms: 0 });
    assert_eq!(slave.stage(), Some(Stage::Intent));
    // Its BMC is silent: asked for again later, and nothing is taken.
    slave.on(Event::FenceEnded { failure: FenceFailure::Failed(vec!["silent".into()]), now_ms: 130_000 });
    assert_eq!((slave.role(), slave.stage()), (Role::Slave, Some(Stage::Awaiting { until_ms: 140_000 })));
    slave.on(moves("m1", true));
    assert!(slave.actions.is_empty(), "the pause is kept");
    // It could stop after all: nobody is shot.
    slave.on(Event::PeerSaid { beat: said(Role::Master, Role::Master, 4, PeerRecord::Ok) });
    assert_eq!((slave.did(), slave.stage()), (vec!["Closed".to_owned()], None));
}

#[test]
fn a_stuck_master_whose_peer_dies_serves_on() {
    let (mut master, _) = moving(false);
    master.on(Event::Undone { clean: Err("umount hangs".into()) }).on(Event::Tick { life: Life::Alive, now_ms: 9, wall_ms: 0 });
    assert_eq!(master.stage(), Some(Stage::Stuck));
    master.on(Event::Tick { life: Life::Silent, now_ms: 10, wall_ms: 0 });
    assert_eq!((master.did(), master.stage()), (vec!["Restore".to_owned()], Some(Stage::Restoring)));
    master.on(Event::Restored { result: Ok(()) });
    assert_eq!((master.role(), master.stage()), (Role::Master, None));
}

#[test]
fn row_9_a_master_without_its_clients_network_is_asked_and_gives_up() {
    let (mut master, mut slave) = (Node::new("n1", Role::Master, 4), Node::new("n2", Role::Slave, 4));
    slave.call(Call::Accept(Trigger::PeerLanLost), "l1").look(Verdict::Pass, Life::Alive, 1100);
    assert_eq!(slave.did(), ["Gates", "Open", "Say"]);
    assert!(slave.actions.contains(&Action::Say(Message::Demote { attempt: "l1".into() })));
    master.on(Event::DemoteAsked { attempt: "l1".into(), ready: Ok(()), now_ms: 0 });
    let asked = Message::MayTake { attempt: "l1".into(), epochs: [("web".to_owned(), 4)].into(), planned: false };
    assert_eq!(master.actions.last(), Some(&Action::Say(asked)), "it asks back before it stops anything");
    master.on(Event::DemoteAsked { attempt: "l1".into(), ready: Ok(()), now_ms: 0 });
    assert!(master.actions.is_empty(), "said over each link");
    for _ in 0..2 {
        slave.on(Event::MayTake { attempt: "l1".into(), epochs: [("web".to_owned(), 4)].into(), planned: false, fit: Ok(()), now_ms: 0 });
        assert_eq!(slave.actions.last(), Some(&Action::Say(Message::CanTake { attempt: "l1".into() })));
    }
    master.on(Event::CanTake { attempt: "l1".into() }).on(Event::Undone { clean: Ok(()) });
    slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
    slave.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    assert_eq!(slave.epoch(), 5, "the epoch that was granted");
    finish(&mut slave);
    master.on(beat(Role::Master, 5, PeerRecord::Standby));
    assert_eq!((slave.role(), master.role(), slave.state.attempt.is_none()), (Role::Master, Role::Standby, true));
}

#[test]
fn rows_10_and_12_a_master_that_sees_its_clients_or_a_blind_slave_changes_nothing() {
    let mut master = Node::new("n1", Role::Master, 4);
    master.on(Event::DemoteAsked { attempt: "l1".into(), ready: Err("it sees its clients' network".into()), now_ms: 0 });
    assert!(matches!(&master.actions[..], [Action::Say(Message::Declined { .. })]));
    for (code, open) in [(Refusal::Isolated, true), (Refusal::PeerAlive, false)] {
        let mut slave = Node::new("n2", Role::Slave, 4);
        slave.call(Call::Accept(Trigger::PeerLanLost), "l1").look(Verdict::Refuse(code), Life::Alive, 1100);
        assert_eq!((slave.stage(), slave.state.case.is_some()), (None, open), "{code}");
        assert!(!slave.actions.iter().any(|a| matches!(a, Action::Say(_) | Action::StartFence)));
    }
    let mut slave = Node::new("n2", Role::Slave, 4);
    slave.call(Call::Accept(Trigger::PeerLanLost), "l1").look(Verdict::Pass, Life::Alive, 1100);
    slave.on(Event::Declined { attempt: "l1".into(), text: "it sees its clients".into() });
    assert_eq!((slave.stage(), slave.did()), (None, vec!["Closed".to_owned(), "Refused".into(), "Mail".into()]));
}

#[test]
fn a_peer_that_is_lost_altogether_goes_the_fence_way_whatever_it_was_asked_before() {
    let (_, mut slave) = moving(false);
    slave.call(Call::Accept(Trigger::PeerLost), "c1").look(Verdict::Pass, Life::Silent, 5000);
    assert_eq!((slave.stage(), slave.state.attempt.as_ref().unwrap().why), (Some(Stage::Intent), Why::PeerLost));
    let mut asked = Node::new("n2", Role::Slave, 4);
    asked.call(Call::Accept(Trigger::PeerLanLost), "l1").call(Call::Accept(Trigger::PeerLost), "c1");
    assert_eq!(asked.state.case.as_ref().unwrap().id, "c1");
}

#[test]
fn a_restart_in_the_middle_of_it_proves_what_was_proven() {
    for (by, stage) in [(ProofKind::Yielded, Stage::Yielding), (ProofKind::Fenced, Stage::Sent)] {
        let (mut master, mut slave) = moving(false);
        if by == ProofKind::Yielded {
            master.on(Event::Undone { clean: Ok(()) });
            slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
        } else {
            slave.on(moves("m1", true));
        }
        slave.on(Event::Proven { by, evidence: vec![] }).on(Event::Started { booted: false, boot_id: "b".into() });
        assert_eq!((slave.role(), slave.stage()), (Role::Taking, Some(stage)), "{by:?}");
    }
}
