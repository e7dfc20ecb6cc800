//! Two groups with mutual failover (SX1): roles are by group, fencing by node.

use super::*;
use crate::takeover::durable::Handover;

/// A node of a pair with `web` at home on n1 and `mail` on n2.
fn pair(me: &str, web: Role, mail: Role) -> Node {
    let mut node = Node::new(me, web, 4);
    node.policy.groups = vec![("web".into(), "n1".into()), ("mail".into(), "n2".into())];
    let blank = Durable::blank(me, ["mail"]);
    node.state.groups.extend(blank.groups);
    let group = node.state.groups.get_mut("mail").unwrap();
    (group.role, group.epoch_seen, group.data_epoch) = (mail, 7, 7);
    node
}

fn roles(node: &Node) -> (Role, Role) {
    (node.state.groups["web"].role, node.state.groups["mail"].role)
}

fn runs(node: &Node) -> Vec<(String, Step)> {
    node.actions.iter().filter_map(|a| if let Action::Run { group, step, .. } = a { Some((group.clone(), *step)) } else { None }).collect()
}

/// A slave of both groups, with the proof.
fn taking() -> Node {
    let mut node = pair("n2", Role::Slave, Role::Slave);
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Pass, Life::Silent, 1100);
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    node
}

#[test]
fn row_46_only_the_peers_group_is_taken_over() {
    let mut node = pair("n2", Role::Slave, Role::Master);
    let before = node.state.groups["mail"].clone();
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Pass, Life::Silent, 1100);
    assert_eq!(node.state.attempt.as_ref().unwrap().groups, ["web"]);
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    node.on(Event::StepFailed { step: Step::FIRST, code: Refusal::Fsck, text: "bad".into(), wall_ms: 1 });
    assert!(node.actions.contains(&Action::Undo { groups: vec!["web".into()] }));
    node.on(Event::Undone { clean: Ok(()) });
    assert_eq!((roles(&node), node.state.groups["mail"] == before), ((Role::Failed, Role::Master), true));
}

#[test]
fn one_attempt_carries_all_groups_of_the_peer_and_counts_once() {
    let mut node = taking();
    assert_eq!(runs(&node), [("web".to_owned(), Step::FIRST)]);
    finish(&mut node);
    assert_eq!((roles(&node), runs(&node)), ((Role::Master, Role::Taking), vec![("mail".to_owned(), Step::FIRST)]));
    finish(&mut node);
    assert_eq!((roles(&node), node.state.takeovers.len()), ((Role::Master, Role::Master), 1));
    assert!(node.actions.iter().any(|a| matches!(a, Action::Mail { summary, .. } if summary == "n2 took web, mail over from n1")));
}

#[test]
fn row_46_a_group_that_fails_does_not_keep_the_next_one_from_being_taken() {
    let mut node = taking();
    node.on(Event::StepFailed { step: Step::FIRST, code: Refusal::Fsck, text: "bad".into(), wall_ms: 1 });
    node.on(Event::Undone { clean: Ok(()) });
    assert_eq!((roles(&node), runs(&node)), ((Role::Failed, Role::Taking), vec![("mail".to_owned(), Step::FIRST)]));
    finish(&mut node);
    assert_eq!((roles(&node), node.stage()), ((Role::Failed, Role::Master), None));

    let mut node = taking();
    for step in [Step::Data, Step::Check, Step::Mount, Step::Mark] {
        node.on(Event::StepDone { step, evidence: "ok".into(), wall_ms: 1 });
    }
    node.on(Event::StepFailed { step: Step::Address, code: Refusal::VipConflict, text: "02:00 answers".into(), wall_ms: 1 });
    finish(&mut node);
    assert_eq!((roles(&node), node.stage()), ((Role::Taking, Role::Master), Some(Stage::Held)));
    assert_eq!(node.state.attempt.as_ref().unwrap().groups, ["web"], "only what is held is still open");
}

#[test]
fn one_group_moves_and_the_other_stays() {
    let mut master = pair("n1", Role::Master, Role::Master);
    let order = |group: &str| Event::Move { id: "m1".into(), who: "alice".into(), group: Some(group.into()), ready: Ok(()), now_ms: 0 };
    master.on(order("nothing"));
    assert!(matches!(&master.actions[..], [Action::Tell(Err(text))] if text.contains("WRONG_NODE")));
    master.on(order("mail")).on(Event::CanTake { attempt: "m1".into() });
    assert!(master.actions.contains(&Action::Undo { groups: vec!["mail".into()] }));
    master.on(Event::Undone { clean: Ok(()) });
    assert_eq!(roles(&master), (Role::Master, Role::Demoted));
    let handover = master.state.handover.clone().unwrap();
    assert_eq!(handover.epochs, [("mail".to_owned(), 8)].into());
    let mut slave = pair("n2", Role::Slave, Role::Slave);
    slave.on(Event::Offered { handover }).on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    finish(&mut slave);
    assert_eq!(roles(&slave), (Role::Slave, Role::Master));
}

#[test]
fn one_group_is_put_aside() {
    let mut node = pair("n2", Role::Slave, Role::Slave);
    node.on(Event::SetAside { who: "alice".into(), group: Some("mail".into()) });
    assert_eq!(roles(&node), (Role::Slave, Role::Standby));
    node.on(Event::SetAside { who: "alice".into(), group: None });
    assert_eq!(roles(&node), (Role::Standby, Role::Standby));
}

#[test]
fn what_could_not_be_used_of_a_handover_goes_back_and_the_rest_stays() {
    let mut giver = pair("n1", Role::Demoted, Role::Demoted);
    let handover = Handover { attempt: "m1".into(), planned: true, epochs: [("web".to_owned(), 5), ("mail".to_owned(), 8)].into() };
    for (name, epoch) in &handover.epochs {
        giver.state.groups.get_mut(name).unwrap().epoch_seen = *epoch;
    }
    giver.state.handover = Some(handover.clone());
    let mut slave = pair("n2", Role::Slave, Role::Slave);
    slave.on(Event::Offered { handover }).on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    // A handover lists its groups by name: mail, web.
    finish(&mut slave);
    slave.on(Event::StepFailed { step: Step::FIRST, code: Refusal::Fsck, text: "bad".into(), wall_ms: 1 }).on(Event::Undone { clean: Ok(()) });
    let released = slave.state.released.clone().unwrap();
    assert_eq!((roles(&slave), &released.groups[..]), ((Role::Failed, Role::Master), &["web".to_owned()][..]));
    let group = |role, epoch| GroupBeat { role, was: role, epoch, data_epoch: epoch, owner: None };
    let groups = [("web".to_owned(), group(Role::Failed, 5)), ("mail".to_owned(), group(Role::Master, 8))].into();
    giver.on(Event::PeerSaid { beat: PeerSaid { groups, ..said(Role::Failed, Role::Failed, 5, PeerRecord::Ok) } });
    assert_eq!((roles(&giver), giver.state.handover.as_ref().unwrap().epochs.len()), ((Role::Demoted, Role::Slave), 1));
    giver.on(Event::Reclaim { released }).on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    finish(&mut giver);
    assert_eq!((roles(&giver), giver.state.handover.is_none()), ((Role::Master, Role::Slave), true));
    assert_eq!(giver.state.groups["web"].epoch_seen, 6);
}
