//! Boots, graceful moves, and the operator's acts.

use super::*;

#[test]
fn row_5_a_master_that_rebooted_unnoticed_yields_to_the_slave() {
    let mut old = Node::new("n1", Role::Master, 4);
    old.on(Event::Started { booted: true, boot_id: "b".into() });
    let mut slave = Node::new("n2", Role::Slave, 4);
    slave.on(Event::PeerSaid { beat: said(Role::Inert, Role::Master, 4, PeerRecord::Ok) });
    let Some(Action::Say(Message::Prepare { attempt, founding: false, cluster_id, epochs })) = slave.actions.last().cloned() else {
        panic!("{:?}", slave.actions)
    };
    assert_eq!((slave.role(), epochs["web"]), (Role::Slave, 5), "nothing runs before the promise");
    old.on(Event::Prepare { attempt: attempt.clone(), founding: false, cluster_id, epochs, clean: Ok(()) });
    assert_eq!(old.did(), ["Promised", "Say"]);
    slave.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    finish(&mut slave);
    assert_eq!((slave.role(), slave.epoch()), (Role::Master, 5));
    old.on(beat(Role::Master, 5, PeerRecord::Ok));
    assert_eq!(old.role(), Role::Standby);
}

#[test]
fn row_31_after_a_site_loss_the_later_master_leads_and_a_tie_waits_for_a_person() {
    let inert = |was, epoch| {
        let mut node = Node::new("n2", was, epoch);
        node.state.groups.get_mut("web").unwrap().data_epoch = epoch;
        node.on(Event::Started { booted: true, boot_id: "b".into() });
        node
    };
    let asks = |node: &Node| matches!(node.actions.last(), Some(Action::Say(Message::Prepare { .. })));
    let mut later = inert(Role::Master, 5);
    later.on(Event::PeerSaid { beat: said(Role::Inert, Role::Master, 4, PeerRecord::Ok) });
    assert!(asks(&later), "epoch 5 leads over 4");
    let mut earlier = inert(Role::Master, 4);
    earlier.on(Event::PeerSaid { beat: said(Role::Inert, Role::Master, 5, PeerRecord::Ok) });
    assert!(!asks(&earlier));
    let mut tie = inert(Role::Master, 4);
    tie.on(Event::PeerSaid { beat: said(Role::Inert, Role::Master, 4, PeerRecord::Ok) });
    assert!(!asks(&tie));
    let mut slave = inert(Role::Slave, 4);
    slave.on(Event::PeerSaid { beat: said(Role::Inert, Role::Master, 4, PeerRecord::Ok) });
    assert!(!asks(&slave), "the master leads, not its slave");
    let mut forbidden = inert(Role::Master, 5);
    forbidden.on(Event::PeerSaid { beat: PeerSaid { may_act: false, ..said(Role::Inert, Role::Slave, 5, PeerRecord::Ok) } });
    assert!(!asks(&forbidden), "isolated, or not automatic");
    let mut aside = inert(Role::Master, 4);
    aside.on(Event::PeerSaid { beat: said(Role::Standby, Role::Standby, 4, PeerRecord::Ok) });
    assert!(asks(&aside), "the other one was put aside: it would never serve");
    // Row 25: a node that died while it was taking is not led over.
    let mut before = inert(Role::Master, 4);
    before.on(Event::PeerSaid { beat: said(Role::Inert, Role::Taking, 5, PeerRecord::Ok) });
    assert!(!asks(&before));
}

/// A master that was asked to move, with a slave that may take.
pub(super) fn moving(planned: bool) -> (Node, Node) {
    let (mut master, mut slave) = (Node::new("n1", Role::Master, 4), Node::new("n2", Role::Slave, 4));
    if planned {
        master.on(Event::Move { id: "m1".into(), who: "alice".into(), group: None, ready: Ok(()), now_ms: 0 });
    } else {
        master.on(Event::Called { call: Call::Accept(Trigger::Itself), id: "m1".into(), service: "raid".into(), uid: 0, now_ms: 0 });
        master.on(Event::Rechecked { service: "raid".into(), outcome: Recheck::Confirmed("dead".into()), ready: Ok(()), now_ms: 0 });
    }
    let Some(Action::Say(Message::MayTake { attempt, epochs, planned: said })) = master.actions.iter().find(|a| matches!(a, Action::Say(_))).cloned()
    else {
        panic!("{:?}", master.actions)
    };
    assert_eq!(said, planned);
    slave.on(Event::MayTake { attempt, epochs, planned, fit: Ok(()), now_ms: 0 });
    assert_eq!(slave.actions.last(), Some(&Action::Say(Message::CanTake { attempt: "m1".into() })));
    master.on(Event::CanTake { attempt: "m1".into() });
    assert_eq!(master.did(), ["Undo"]);
    (master, slave)
}

#[test]
fn rx10_a_graceful_move_swaps_the_roles() {
    for (planned, end) in [(true, Role::Slave), (false, Role::Standby)] {
        let (mut master, mut slave) = moving(planned);
        master.on(Event::Undone { clean: Ok(()) });
        assert_eq!((master.role(), master.did()), (Role::Demoted, vec!["Demoted".to_owned(), "Mail".to_owned()]));
        slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
        slave.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
        finish(&mut slave);
        assert_eq!((slave.role(), slave.epoch()), (Role::Master, 5));
        master.on(beat(Role::Master, 5, PeerRecord::Ok));
        assert_eq!((master.role(), master.state.handover.is_none()), (end, true));
    }
}

#[test]
fn row_65_a_master_does_not_demote_for_a_peer_that_may_not_take() {
    let mut master = Node::new("n1", Role::Master, 4);
    let ready = Err((Refusal::Unfit, "the peer does not speak over lan".into()));
    master.on(Event::Move { id: "m1".into(), who: "a".into(), group: None, ready, now_ms: 0 });
    assert!(matches!(&master.actions[..], [Action::Tell(Err(_))]));
    for slave_says in [Err("G7: no device".to_owned()), Ok(())] {
        let mut master = Node::new("n1", Role::Master, 4);
        master.on(Event::Move { id: "m1".into(), who: "a".into(), group: None, ready: Ok(()), now_ms: 0 });
        match slave_says {
            Err(text) => master.on(Event::Declined { attempt: "m1".into(), text }),
            Ok(()) => master.on(Event::Tick { life: Life::Silent, now_ms: 10_000, wall_ms: 0 }),
        };
        assert_eq!((master.role(), master.did()), (Role::Master, vec!["Closed".to_owned(), "Tell".to_owned()]));
        master.on(Event::CanTake { attempt: "m1".into() });
        assert!(master.actions.is_empty(), "a late word starts nothing");
    }
}

#[test]
fn row_55_there_is_no_way_back_after_demoted_but_the_peers_word() {
    let (mut master, _) = moving(true);
    master.on(Event::Undone { clean: Ok(()) });
    for event in [
        Event::Restored { result: Ok(()) },
        Event::Tick { life: Life::Silent, now_ms: 1 << 40, wall_ms: 0 },
        Event::Started { booted: false, boot_id: "b".into() },
        Event::Started { booted: true, boot_id: "b".into() },
        Event::Reclaim { released: Released { attempt: "another".into(), groups: vec!["web".into()] } },
        Event::Proven { by: ProofKind::Yielded, evidence: vec![] },
    ] {
        master.on(event.clone());
        assert_eq!(master.role(), Role::Demoted, "{event:?}");
        assert!(!master.actions.iter().any(|a| matches!(a, Action::Run { .. } | Action::Restore { .. })), "{event:?}");
    }
    master.on(Event::Reclaim { released: Released { attempt: "m1".into(), groups: vec!["web".into()] } });
    master.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    finish(&mut master);
    assert_eq!((master.role(), master.epoch()), (Role::Master, 6));
}

#[test]
fn a_slave_that_cannot_use_a_handover_releases_it() {
    let (mut master, mut slave) = moving(true);
    master.on(Event::Undone { clean: Ok(()) });
    slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
    slave.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    slave.on(Event::StepFailed { step: Step::FIRST, code: Refusal::Fsck, text: "bad".into(), wall_ms: 0 });
    assert!(slave.state.released.is_none(), "not before the roll-back is done");
    slave.on(Event::Undone { clean: Ok(()) });
    assert_eq!((slave.role(), slave.state.released.as_ref().map(|r| r.attempt.as_str())), (Role::Failed, Some("m1")));
    slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
    assert!(slave.state.attempt.is_none(), "what was released is not taken any more");
}

#[test]
fn row_67_a_demoted_node_may_take_again_by_fencing() {
    let (mut master, _) = moving(true);
    master.on(Event::Undone { clean: Ok(()) }).call(Call::Accept(Trigger::PeerLost), "c1").look(Verdict::Pass, Life::Silent, 5000);
    assert_eq!(master.stage(), Some(Stage::Intent));
    master.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    finish(&mut master);
    assert_eq!((master.role(), master.epoch()), (Role::Master, 6));
}

#[test]
fn a_stop_that_fails_starts_everything_again() {
    let (mut master, _) = moving(true);
    master.on(Event::Undone { clean: Err("umount: busy".into()) });
    assert!(master.actions.contains(&Action::Restore { groups: vec!["web".into()] }));
    master.on(Event::Restored { result: Ok(()) });
    assert_eq!((master.role(), master.stage(), master.epoch()), (Role::Master, None, 4));
}

#[test]
fn md19_a_standby_node_is_slave_again_only_when_the_master_agrees() {
    let mut node = Node::new("n1", Role::Standby, 5);
    node.on(Event::Rejoin { who: "alice".into(), ready: Err((Refusal::DeviceSilent, "bmc".into())) });
    assert!(matches!(&node.actions[..], [Action::Tell(Err(_))]));
    node.on(Event::Rejoin { who: "alice".into(), ready: Ok(()) });
    assert_eq!(node.did(), ["Operator", "Say"]);
    node.on(beat(Role::Master, 5, PeerRecord::Standby));
    assert_eq!(node.role(), Role::Standby, "the master has not agreed");
    let mut master = Node::new("n2", Role::Master, 5);
    (master.state.peer.record, master.state.drain_until_ms) = (PeerRecord::Standby, 60_000);
    master.on(Event::RejoinAsked { cluster_id: "pair".into(), now_ms: 59_999 });
    assert_eq!(master.state.peer.record, PeerRecord::Standby, "an off may still arrive (F4)");
    master.on(Event::RejoinAsked { cluster_id: "another".into(), now_ms: 60_000 });
    assert_eq!(master.state.peer.record, PeerRecord::Standby);
    master.on(Event::RejoinAsked { cluster_id: "pair".into(), now_ms: 60_000 });
    assert_eq!(master.state.peer.record, PeerRecord::Ok);
    node.on(beat(Role::Master, 5, PeerRecord::Ok));
    assert_eq!((node.role(), node.state.rejoining), (Role::Slave, false));
}

#[test]
fn row_1_an_attested_peer_is_taken_over_without_a_fence() {
    let mut node = Node::new("n2", Role::Slave, 4);
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Refuse(Refusal::DeviceSilent), Life::Silent, 1100);
    node.on(Event::Attest { id: "op".into(), who: "alice".into() });
    assert_eq!((node.did(), node.stage()), (vec!["Operator".to_owned(), "Open".to_owned()], Some(Stage::Yielding)));
    node.on(Event::Proven { by: ProofKind::Attested, evidence: vec![] });
    finish(&mut node);
    assert_eq!((node.role(), node.epoch(), node.state.peer.record), (Role::Master, 5, PeerRecord::Standby));
    let mut fencing = Node::fencing();
    fencing.on(Event::Attest { id: "op".into(), who: "alice".into() });
    assert_eq!(fencing.stage(), Some(Stage::Sent), "not beside a fence that still tries");
    let mut inert = Node::new("n2", Role::Inert, 4);
    inert.on(Event::Attest { id: "op".into(), who: "alice".into() });
    assert!(inert.state.attempt.is_none());
}

#[test]
fn row_33_assume_master_needs_a_silent_peer_and_its_power_off_and_shoots_nobody() {
    let mut node = Node::new("n2", Role::Inert, 4);
    node.on(Event::Assume { id: "s1".into(), who: "alice".into(), life: Life::Alive });
    assert!(node.state.attempt.is_none());
    node.on(Event::Assume { id: "s1".into(), who: "alice".into(), life: Life::Silent });
    assert_eq!(node.did(), ["Operator", "Open", "Intent", "StartFence"]);
    node.on(Event::MaySend { level: 1, device: "bmc".into(), verdict: Ok(()), now_ms: 0 });
    assert!(matches!(&node.actions[..], [Action::Permit(Err(_))]), "the peer reads ON: it is not shot");
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    finish(&mut node);
    assert_eq!((node.role(), node.epoch()), (Role::Master, 5));
}

#[test]
fn a_forgotten_maintenance_is_said_once_and_never_ends_by_itself() {
    let mut node = Node::new("n1", Role::Master, 4);
    let on = Maintenance { by: "alice".into(), since_ms: 0, until_ms: 1000, reminded: false };
    node.on(Event::Maintain { who: "alice".into(), on: Some(on) });
    for (wall_ms, mails) in [(999, 0), (1001, 1), (5000, 0)] {
        node.on(Event::Tick { life: Life::Alive, now_ms: 0, wall_ms });
        assert_eq!(node.actions.iter().filter(|a| matches!(a, Action::Mail { .. })).count(), mails, "at {wall_ms}");
    }
    assert!(node.state.maintenance.is_some());
}

#[test]
fn a_taking_that_waits_for_a_lost_peers_word_goes_the_fence_way() {
    let (mut master, mut slave) = moving(true);
    master.on(Event::Undone { clean: Ok(()) });
    slave.on(Event::Offered { handover: master.state.handover.clone().unwrap() });
    slave.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    slave.on(Event::Started { booted: false, boot_id: "b".into() });
    assert_eq!((slave.role(), slave.stage()), (Role::Taking, Some(Stage::Yielding)), "proven again before it goes on");
    slave.on(Event::Tick { life: Life::Silent, now_ms: 9000, wall_ms: 0 });
    assert_eq!(slave.stage(), Some(Stage::Yielding));
    slave.call(Call::Accept(Trigger::PeerLost), "c1").look(Verdict::Pass, Life::Silent, 9000);
    assert_eq!((slave.stage(), slave.did().last().cloned()), (Some(Stage::Intent), Some("StartFence".to_owned())));
}
