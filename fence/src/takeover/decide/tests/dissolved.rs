//! The end of a pair (RX12 to RX14, row 50).

use super::*;

fn order(survivor: &str) -> Event {
    Event::Dissolve { id: "d1".into(), who: "alice".into(), survivor: survivor.into(), ready: Ok(()), now_ms: 0 }
}

fn retire(fit: Result<(), String>) -> Event {
    Event::Retire { attempt: "d1".into(), cluster_id: "pair".into(), fit }
}

#[test]
fn rx13_the_twin_retires_durably_before_the_survivor_is_told() {
    let (mut master, mut twin) = (Node::new("n1", Role::Master, 4), Node::new("n2", Role::Slave, 4));
    master.on(order("n1"));
    assert_eq!(master.did(), ["Operator", "Open", "Say"]);
    twin.on(retire(Err("nginx.service is active here".into())));
    assert_eq!((twin.role(), twin.did()), (Role::Slave, vec!["Say".to_owned()]), "declined");
    twin.on(retire(Ok(())));
    assert_eq!((twin.role(), twin.did()), (Role::Retired, vec!["Retired".to_owned(), "Mask".into()]));
    twin.on(retire(Ok(())));
    assert!(twin.actions.is_empty(), "said over each link");
    twin.on(Event::Masked { result: Ok(()) });
    assert_eq!(twin.actions, [Action::Say(Message::Retired { attempt: "d1".into() })]);
    master.on(Event::PeerRetired { attempt: "d1".into() });
    assert_eq!((master.role(), master.state.peer.record, master.stage()), (Role::Master, PeerRecord::Retired, None));
}

#[test]
fn rx12_and_rx16_only_a_named_survivor_that_serves_everything() {
    for (me, role, survivor, code) in [
        ("n1", Role::Master, "n2", "WRONG_NODE"),
        ("n1", Role::Master, "n3", "NAME_MISMATCH"),
        ("n2", Role::Slave, "n2", "ROLE"),
        ("n2", Role::Standby, "n2", "ROLE"),
    ] {
        let mut node = Node::new(me, role, 4);
        node.on(order(survivor));
        assert!(matches!(&node.actions[..], [Action::Tell(Err(text))] if text.starts_with(code)), "{me} {role} {survivor}: {:?}", node.actions);
    }
    let mut master = Node::new("n1", Role::Master, 4);
    master.on(order("n1")).on(Event::Tick { life: Life::Alive, now_ms: 120_000, wall_ms: 0 });
    assert_eq!((master.role(), master.did()), (Role::Master, vec!["Closed".to_owned(), "Tell".into()]), "the twin does not answer");
}

#[test]
fn row_50_a_retired_node_never_starts_anything_again() {
    let mut twin = Node::new("n2", Role::Slave, 4);
    twin.on(retire(Ok(())));
    for event in [
        Event::Started { booted: true, boot_id: "b".into() },
        Event::Called { call: Call::Accept(Trigger::PeerLost), id: "x".into(), service: String::new(), uid: 0, now_ms: 0 },
        Event::Called { call: Call::Accept(Trigger::Itself), id: "x".into(), service: String::new(), uid: 0, now_ms: 0 },
        Event::Assume { id: "x".into(), who: "a".into(), life: Life::Silent },
        Event::Attest { id: "x".into(), who: "a".into() },
        Event::Retry { id: "x".into(), who: "a".into(), group: "web".into(), ready: Ok(()), life: Life::Silent },
        Event::Rejoin { who: "a".into(), ready: Ok(()) },
        Event::MayTake { attempt: "x".into(), epochs: [("web".to_owned(), 4)].into(), planned: true, fit: Ok(()), now_ms: 0 },
        Event::Found { id: "x".into(), cluster_id: "new".into(), peer_alive: true },
        Event::PeerSaid { beat: said(Role::Inert, Role::Master, 4, PeerRecord::Ok) },
        beat(Role::Master, 9, PeerRecord::Ok),
    ] {
        twin.on(event.clone());
        assert_eq!((twin.role(), twin.stage()), (Role::Retired, None), "{event:?}");
        assert!(!twin.actions.iter().any(|a| matches!(a, Action::Run { .. } | Action::StartFence | Action::Restore { .. })), "{event:?}");
    }
    twin.on(Event::Started { booted: true, boot_id: "b".into() });
    assert!(twin.actions.contains(&Action::Mask), "masked again: it may have been interrupted");
}
