//! Held and failed takeovers, and the person who ends them (rows 37, 38).

use super::*;

/// A slave that fenced its master, whose takeover failed at `step` for good.
fn failed_at(step: Step) -> Node {
    let mut node = Node::fencing();
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    let mut now = Step::FIRST;
    while now != step {
        node.on(Event::StepDone { step: now, evidence: "ok".into(), wall_ms: 1 });
        now = now.next().unwrap();
    }
    node.on(Event::StepFailed { step, code: Refusal::VipConflict, text: "02:00 answers".into(), wall_ms: 1 });
    if step.can_roll_back() {
        node.on(Event::Undone { clean: Ok(()) });
    }
    node
}

fn retry(node: &mut Node, ready: Result<(), (Refusal, String)>, life: Life) {
    node.on(Event::Retry { id: "r1".into(), who: "alice".into(), group: "web".into(), ready, life });
}

fn abandon(node: &mut Node) {
    node.on(Event::Abandon { id: "r1".into(), who: "alice".into(), group: "web".into() });
}

#[test]
fn rows_37_and_38_a_person_lets_it_go_on_and_the_peer_is_proven_off_again() {
    for step in [Step::Mount, Step::Address] {
        let mut node = failed_at(step);
        retry(&mut node, Err((Refusal::Unfit, "/srv is mounted".into())), Life::Silent);
        assert!(matches!(&node.actions[..], [Action::Tell(Err(_))]), "the machine is looked at first");
        retry(&mut node, Ok(()), Life::Silent);
        assert_eq!(node.did(), ["Operator", "Open", "Intent", "StartFence"], "{step}");
        assert!(!node.actions.iter().any(|a| matches!(a, Action::Run { .. })), "what was proven then is not proven now (F5)");
        node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
        finish(&mut node);
        assert_eq!((node.role(), node.stage(), node.state.groups["web"].degraded.as_deref()), (Role::Master, None, None), "{step}");
        assert_eq!(node.epoch(), if step == Step::Address { 5 } else { 6 }, "{step}: what holds data keeps their epoch");
    }
}

#[test]
fn a_held_takeover_whose_peer_is_back_goes_on_by_its_promise() {
    let mut node = failed_at(Step::Address);
    retry(&mut node, Ok(()), Life::Alive);
    let Some(Action::Say(Message::Prepare { attempt, epochs, .. })) = node.actions.last().cloned() else { panic!("{:?}", node.actions) };
    assert_eq!(epochs["web"], 5);
    let mut back = Node::new("n1", Role::Inert, 4);
    back.on(Event::Prepare { attempt, founding: false, cluster_id: "pair".into(), epochs, clean: Ok(()) });
    assert_eq!(back.did(), ["Promised", "Say"]);
    node.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    finish(&mut node);
    assert_eq!(node.role(), Role::Master);
    back.on(beat(Role::Master, 5, PeerRecord::Ok));
    assert_eq!(back.role(), Role::Standby);
}

/// Found by the model checker: the giver must not hold two rights, the word of the release and that of its own promise.
#[test]
fn a_group_that_was_released_and_is_wanted_again_is_not_taken_back_as_well() {
    let (mut giver, mut taker) = super::agreement::moving(true);
    giver.on(Event::Undone { clean: Ok(()) });
    taker.on(Event::Offered { handover: giver.state.handover.clone().unwrap() }).on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    taker.on(Event::StepFailed { step: Step::FIRST, code: Refusal::Fsck, text: "bad".into(), wall_ms: 0 }).on(Event::Undone { clean: Ok(()) });
    let released = taker.state.released.clone().unwrap();
    retry(&mut taker, Ok(()), Life::Alive);
    assert!(taker.state.released.is_none());
    let Some(Action::Say(Message::Prepare { attempt, epochs, .. })) = taker.actions.last().cloned() else { panic!("{:?}", taker.actions) };
    giver.on(Event::Prepare { attempt, founding: false, cluster_id: "pair".into(), epochs, clean: Ok(()) });
    assert_eq!(giver.did(), ["Promised", "Say"]);
    // A beat from before, over the other link.
    giver.on(Event::Reclaim { released });
    assert_eq!((giver.stage(), giver.actions.len()), (None, 0));
}

#[test]
fn a_retry_that_cannot_be_proven_holds_again() {
    let mut node = failed_at(Step::Address);
    retry(&mut node, Ok(()), Life::Silent);
    node.on(Event::FenceEnded { failure: FenceFailure::Failed(vec!["silent".into()]), now_ms: 0 });
    assert_eq!((node.role(), node.stage()), (Role::Taking, Some(Stage::Held)));
    retry(&mut node, Ok(()), Life::Silent);
    node.on(Event::Started { booted: false, boot_id: "b".into() });
    assert_eq!((node.role(), node.stage()), (Role::Taking, Some(Stage::Held)));
    // A person may attest instead.
    node.on(Event::Attest { id: "op".into(), who: "alice".into() }).on(Event::Proven { by: ProofKind::Attested, evidence: vec![] });
    finish(&mut node);
    assert_eq!(node.role(), Role::Master);
}

#[test]
fn a_person_gives_up_what_runs_and_the_node_is_standby() {
    for step in [Step::Mount, Step::Address] {
        let mut node = failed_at(step);
        abandon(&mut node);
        assert!(node.actions.contains(&Action::Undo { groups: vec!["web".into()] }), "{step}");
        node.on(Event::Started { booted: false, boot_id: "b".into() });
        assert!(node.actions.contains(&Action::Undo { groups: vec!["web".into()] }), "{step}: after a restart again");
        node.on(Event::Undone { clean: Ok(()) });
        assert_eq!((node.role(), node.stage()), (Role::Standby, None), "{step}");
    }
    let mut node = failed_at(Step::Address);
    abandon(&mut node);
    node.on(Event::Undone { clean: Err("umount: busy".into()) });
    assert_eq!((node.role(), node.stage()), (Role::Failed, None), "it still holds something");
    abandon(&mut node);
    node.on(Event::Undone { clean: Ok(()) });
    assert_eq!(node.role(), Role::Standby);
}

#[test]
fn what_is_neither_held_nor_failed_is_not_touched() {
    for role in [Role::Master, Role::Slave, Role::Standby, Role::Inert] {
        let mut node = Node::new("n2", role, 4);
        let before = node.state.clone();
        retry(&mut node, Ok(()), Life::Silent);
        assert!(matches!(&node.actions[..], [Action::Tell(Err(_))]), "{role}");
        abandon(&mut node);
        assert!(matches!(&node.actions[..], [Action::Tell(Err(_))]), "{role}");
        assert_eq!(node.state, before);
    }
}
