#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
use super::*;
use crate::takeover::durable::Why;
use crate::takeover::gates::Verdict;
use plugin_core::cluster::Trigger;
use plugin_core::contract::status::Role;

mod agreement;
mod dissolved;
mod groups;
mod held;
mod report;

fn policy(me: &str) -> Policy {
    let peer = if me == "n1" { "n2" } else { "n1" };
    Policy { me: me.into(), peer: peer.into(), groups: vec![("web".into(), "n1".into())], demote_ms: 120_000 }
}

/// A node under test: its state, and what the last event made it do.
struct Node {
    policy: Policy,
    state: Durable,
    actions: Vec<Action>,
}

impl Node {
    fn new(me: &str, role: Role, epoch: u64) -> Self {
        let policy = policy(me);
        let mut state = Durable::blank(me, ["web"]);
        state.cluster_id = "pair".into();
        let web = state.groups.get_mut("web").unwrap();
        (web.role, web.epoch_seen, web.data_epoch) = (role, epoch, epoch);
        Self { policy, state, actions: Vec::new() }
    }

    fn on(&mut self, event: Event) -> &mut Self {
        (self.state, self.actions) = decide(&self.policy, &self.state, event);
        self
    }

    fn call(&mut self, call: Call, id: &str) -> &mut Self {
        self.on(Event::Called { call, id: id.into(), service: "alive".into(), uid: 0, now_ms: 1000 })
    }

    fn look(&mut self, verdict: Verdict, life: Life, now_ms: u64) -> &mut Self {
        self.on(Event::Looked { gates: vec![Gate { name: "G3", verdict, evidence: "seen".into() }], life, now_ms })
    }

    fn role(&self) -> Role {
        self.state.groups["web"].role
    }

    fn epoch(&self) -> u64 {
        self.state.groups["web"].epoch_seen
    }

    fn stage(&self) -> Option<Stage> {
        self.state.attempt.as_ref().map(|a| a.stage)
    }

    /// Names of the actions, journal records by their name.
    fn did(&self) -> Vec<String> {
        let name = |text: String| text.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
        self.actions.iter().map(|a| if let Action::Journal(r) = a { name(format!("{r:?}")) } else { name(format!("{a:?}")) }).collect()
    }

    /// A slave whose fence was permitted.
    fn fencing() -> Self {
        let mut node = Node::new("n2", Role::Slave, 4);
        node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Pass, Life::Silent, 1100);
        node.on(Event::MaySend { level: 1, device: "bmc".into(), verdict: Ok(()), now_ms: 1000 });
        node
    }
}

fn said(role: Role, was: Role, epoch: u64, record: PeerRecord) -> PeerSaid {
    let group = GroupBeat { role, was, epoch, data_epoch: epoch, owner: None };
    PeerSaid {
        cluster_id: "pair".into(),
        config_hash: "h".into(),
        groups: [("web".to_owned(), group)].into(),
        record,
        boot_starts: vec![],
        maintenance: false,
        may_act: true,
        id: "agreed".into(),
        moving: None,
        gave: None,
    }
}

fn beat(role: Role, epoch: u64, record: PeerRecord) -> Event {
    Event::PeerSaid { beat: said(role, role, epoch, record) }
}

fn finish(node: &mut Node) {
    let mut step = Some(Step::FIRST);
    while let Some(now) = step {
        node.on(Event::StepDone { step: now, evidence: "ok".into(), wall_ms: 99 });
        step = now.next();
    }
}

#[test]
fn a_lost_master_is_fenced_before_anything_is_started() {
    let mut node = Node::new("n2", Role::Slave, 4);
    node.call(Call::Accept(Trigger::PeerLost), "a1");
    assert_eq!(node.did(), ["Event", "Prime", "Answer"]);
    node.look(Verdict::Wait, Life::Unknown, 1050);
    assert!(node.actions.is_empty(), "a gate that waits neither acts nor alarms");
    node.look(Verdict::Pass, Life::Silent, 1100);
    assert_eq!(node.did(), ["Gates", "Open", "Intent", "StartFence"]);
    node.on(Event::MaySend { level: 1, device: "bmc".into(), verdict: Ok(()), now_ms: 1000 });
    assert_eq!(node.did(), ["Sent", "Mail", "Permit"]);
    assert_eq!((node.role(), node.stage()), (Role::Slave, Some(Stage::Sent)), "sent is not fenced");
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec!["OFF twice".into()] });
    assert_eq!(node.did(), ["OffConfirmed", "Mail", "Epoch", "Begin", "Run"]);
    assert_eq!((node.role(), node.epoch()), (Role::Taking, 5));
    finish(&mut node);
    assert_eq!(node.role(), Role::Master);
    assert_eq!((node.state.peer.record, node.state.attempt.is_none(), node.state.case.is_none()), (PeerRecord::Standby, true, true));
    assert_eq!(node.did(), ["Done", "Master", "Mail", "Tell", "Closed", "DropProof"]);
}

#[test]
fn row_18_fifty_calls_open_one_case() {
    let mut node = Node::new("n2", Role::Slave, 1);
    for n in 0..50 {
        node.call(Call::Accept(Trigger::PeerLost), &format!("a{n}"));
        let opened = matches!(node.actions.last(), Some(Action::Answer(Ok(_))));
        assert_eq!(opened, n == 0, "call {n}");
    }
    assert_eq!(node.state.case.as_ref().unwrap().id, "a0");
    node.look(Verdict::Pass, Life::Silent, 1100).call(Call::Accept(Trigger::PeerLost), "late");
    assert!(matches!(&node.actions[..], [Action::Answer(Err((Refusal::AttemptOpen, _)))]));
}

#[test]
fn row_19_what_is_no_hard_critical_changes_nothing() {
    let before = Node::new("n2", Role::Slave, 1);
    for call in [Call::Refuse(Refusal::NotCritical, "OK".into()), Call::Refuse(Refusal::Downtime, "d".into()), Call::Prime] {
        let mut node = Node::new("n2", Role::Slave, 1);
        node.call(call.clone(), "x");
        assert_eq!(node.state, before.state, "{call:?}");
        assert!(node.actions.iter().all(|a| matches!(a, Action::Answer(_) | Action::Prime)), "{call:?}");
    }
}

#[test]
fn only_a_slave_takes_over() {
    for (role, code) in [
        (Role::Inert, Refusal::Inert),
        (Role::Standby, Refusal::Role),
        (Role::Master, Refusal::Role),
        (Role::Failed, Refusal::Role),
        (Role::Taking, Refusal::Role),
    ] {
        let mut node = Node::new("n2", role, 1);
        node.call(Call::Accept(Trigger::PeerLost), "x");
        assert!(matches!(&node.actions[..], [Action::Answer(Err((c, _)))] if *c == code), "{role}: {:?}", node.actions);
        assert!(node.state.case.is_none());
    }
}

#[test]
fn i11_a_refusal_journals_and_mails_and_does_nothing_else() {
    let mut node = Node::new("n2", Role::Slave, 1);
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Refuse(Refusal::NoStonith), Life::Silent, 1100);
    assert_eq!(node.did(), ["Gates", "Refused", "Mail"]);
    assert!(node.state.attempt.is_none());
    node.look(Verdict::Refuse(Refusal::NoStonith), Life::Silent, 2000);
    assert!(node.actions.is_empty(), "the same refusal is not mailed again at once");
    node.look(Verdict::Refuse(Refusal::NoStonith), Life::Silent, 1100 + REMIND_MS);
    assert_eq!(node.did(), ["Gates", "Refused", "Mail"]);
    node.look(Verdict::Pass, Life::Silent, 1200 + REMIND_MS);
    assert_eq!(node.stage(), Some(Stage::Intent), "a refusal that is cured goes on by itself");
}

#[test]
fn a_peer_that_answers_again_closes_the_case() {
    let mut node = Node::new("n2", Role::Slave, 1);
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Refuse(Refusal::PeerAlive), Life::Alive, 1100);
    assert!(node.state.case.is_none());
    assert_eq!(node.did(), ["Gates", "Refused", "Mail", "Closed"]);
}

#[test]
fn row_66_before_the_first_command_a_peer_that_is_back_ends_the_attempt() {
    let mut node = Node::new("n2", Role::Slave, 1);
    node.call(Call::Accept(Trigger::PeerLost), "a1").look(Verdict::Pass, Life::Silent, 1100);
    node.on(Event::MaySend { level: 1, device: "bmc".into(), verdict: Err((Refusal::PeerAlive, "ping".into())), now_ms: 1000 });
    assert!(matches!(&node.actions[..], [Action::Permit(Err(_))]));
    node.on(Event::FenceEnded { failure: FenceFailure::Forbidden { reason: "back".into(), sent: false }, now_ms: 1200 });
    assert!(node.state.attempt.is_none());
    assert_eq!(node.role(), Role::Slave);
}

#[test]
fn f4_after_a_command_the_attempt_is_not_abandoned() {
    let mut node = Node::fencing();
    node.on(Event::FenceEnded { failure: FenceFailure::Forbidden { reason: "back".into(), sent: true }, now_ms: 2000 });
    assert!(matches!(node.stage(), Some(Stage::Draining { .. })));
    node.on(Event::Tick { life: Life::Alive, now_ms: 2000 + DRAIN_MS - 1, wall_ms: 0 });
    assert!(node.state.attempt.is_some(), "an accepted off may still arrive");
    // Row 4: the off arrives, the peer falls silent: it is fenced to the end.
    // So is a hung one; what it may be sent is still decided by the gates.
    for life in [Life::Silent, Life::Mute] {
        let mut silent = Node { policy: node.policy.clone(), state: node.state.clone(), actions: vec![] };
        silent.on(Event::Tick { life, now_ms: 12_000, wall_ms: 0 });
        assert_eq!((silent.stage(), silent.did()), (Some(Stage::Sent), vec!["StartFence".to_owned()]), "{life:?}");
    }
    node.on(Event::Tick { life: Life::Alive, now_ms: 2000 + DRAIN_MS, wall_ms: 0 });
    assert_eq!(node.did(), ["Ineffective", "Closed", "Mail", "DropProof"]);
    assert_eq!((node.role(), node.state.peer.record), (Role::Slave, PeerRecord::Ok));
}

#[test]
fn a_fence_that_fails_before_any_command_waits_longer_each_time() {
    let mut node = Node::new("n2", Role::Slave, 1);
    node.call(Call::Accept(Trigger::PeerLost), "a1");
    let mut now = 1100;
    for pause in [10_000, 20_000, 40_000, 60_000, 60_000, 60_000] {
        node.look(Verdict::Pass, Life::Silent, now);
        assert_eq!(node.stage(), Some(Stage::Intent), "at {now}");
        node.on(Event::FenceEnded { failure: FenceFailure::Failed(vec!["silent".into()]), now_ms: now });
        assert_eq!(node.did(), ["FenceFailed", "Mail", "Closed", "Tell"]);
        node.look(Verdict::Pass, Life::Silent, now + pause - 1);
        assert_eq!(node.stage(), None, "not before {pause}");
        now += pause;
    }
    assert_eq!(node.role(), Role::Slave);
}

#[test]
fn f5_a_restart_proves_again_what_was_proven() {
    for progress in 0..3 {
        let mut node = Node::fencing();
        if progress > 0 {
            node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
        }
        if progress > 1 {
            for step in [Step::Data, Step::Check] {
                node.on(Event::StepDone { step, evidence: "ok".into(), wall_ms: 1 });
            }
        }
        node.on(Event::Started { booted: false, boot_id: "b".into() });
        assert_eq!((node.stage(), node.did()), (Some(Stage::Sent), vec!["Boot".to_owned(), "StartFence".to_owned()]), "progress {progress}");
        node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
        assert_eq!(node.epoch(), 5, "the epoch is burnt once");
        finish(&mut node);
        assert_eq!(node.role(), Role::Master);
    }
}

#[test]
fn i9_a_node_that_booted_is_inert_and_learns_its_role_from_the_master() {
    let mut old = Node::new("n1", Role::Master, 4);
    old.on(Event::Started { booted: true, boot_id: "b".into() });
    assert_eq!(old.role(), Role::Inert);
    old.on(beat(Role::Master, 5, PeerRecord::Standby));
    assert_eq!((old.role(), old.epoch()), (Role::Standby, 5));
    assert_eq!(old.did(), ["Rejoined", "Mail"]);
    assert!(!old.actions.iter().any(|a| matches!(a, Action::Run { .. })));

    let mut slave = Node::new("n2", Role::Slave, 4);
    slave.on(Event::Started { booted: true, boot_id: "b".into() }).on(beat(Role::Master, 4, PeerRecord::Ok));
    assert_eq!(slave.role(), Role::Slave, "a slave that merely rebooted stays one");
    let mut fenced = Node::new("n2", Role::Slave, 4);
    fenced.on(Event::Started { booted: true, boot_id: "b".into() }).on(beat(Role::Master, 4, PeerRecord::Standby));
    assert_eq!(fenced.role(), Role::Standby, "a fenced one does not");
}

#[test]
fn row_32_a_stale_master_that_boots_alone_stays_inert() {
    let mut node = Node::new("n1", Role::Master, 4);
    node.on(Event::Started { booted: true, boot_id: "b".into() });
    for now in 0..100 {
        node.on(Event::Tick { life: Life::Silent, now_ms: now * 60_000, wall_ms: 0 }).call(Call::Accept(Trigger::PeerLost), "x");
    }
    assert_eq!(node.role(), Role::Inert);
}

#[test]
fn row_45_two_masters_of_one_epoch_freeze_and_nobody_stops_or_shoots() {
    let mut node = Node::new("n1", Role::Master, 4);
    node.on(beat(Role::Master, 4, PeerRecord::Ok));
    assert_eq!(node.did(), ["Frozen", "Mail"]);
    assert_eq!(node.role(), Role::Master);
    node.on(beat(Role::Master, 4, PeerRecord::Ok));
    assert!(node.actions.is_empty(), "said once");
}

#[test]
fn a_master_of_a_lower_epoch_gives_up() {
    let mut node = Node::new("n1", Role::Master, 4);
    node.on(beat(Role::Master, 5, PeerRecord::Ok));
    assert_eq!(node.role(), Role::Standby);
    assert!(node.actions.contains(&Action::Undo { groups: vec!["web".into()] }));
}

#[test]
fn another_pairs_messages_mean_nothing() {
    let mut node = Node::new("n1", Role::Master, 4);
    node.state.cluster_id = "mine".into();
    node.on(beat(Role::Master, 9, PeerRecord::Ok));
    assert_eq!((node.role(), node.epoch()), (Role::Master, 4));
}

#[test]
fn founding_needs_the_peers_promise_and_makes_it_slave() {
    let mut home = Node::new("n1", Role::Inert, 0);
    home.state.cluster_id.clear();
    home.on(Event::Found { id: "f1".into(), cluster_id: "new".into(), peer_alive: false });
    assert!(matches!(&home.actions[..], [Action::Tell(Err(_))]));
    home.on(Event::Found { id: "f1".into(), cluster_id: "new".into(), peer_alive: true });
    let Some(Action::Say(Message::Prepare { attempt, founding: true, cluster_id, epochs })) = home.actions.last().cloned() else {
        panic!("{:?}", home.actions)
    };
    assert_eq!(epochs["web"], 1);

    let mut other = Node::new("n2", Role::Inert, 0);
    other.state.cluster_id.clear();
    let ask = |clean| Event::Prepare { attempt: attempt.clone(), founding: true, cluster_id: cluster_id.clone(), epochs: epochs.clone(), clean };
    other.on(ask(Err("nginx.service is active here".into())));
    assert!(matches!(&other.actions[..], [Action::Say(Message::Declined { .. })]));
    assert!(other.state.promise.is_none());
    other.on(ask(Ok(())));
    assert_eq!(other.did(), ["Promised", "Say"]);
    other.on(ask(Ok(())));
    assert_eq!(other.did(), ["Say"], "asked again, the same promise");

    home.on(Event::Proven { by: ProofKind::Yielded, evidence: vec![] });
    assert_eq!(home.did(), ["Yielded", "Founded", "Epoch", "Begin", "Run"]);
    finish(&mut home);
    assert_eq!((home.role(), home.epoch(), home.state.peer.record), (Role::Master, 1, PeerRecord::Ok));
    let master = PeerSaid { cluster_id: "new".into(), ..said(Role::Master, Role::Master, 1, PeerRecord::Ok) };
    other.on(Event::PeerSaid { beat: master });
    assert_eq!(other.role(), Role::Slave);
}

#[test]
fn nobody_promises_what_he_holds() {
    for role in [Role::Master, Role::Taking, Role::Failed] {
        let mut node = Node::new("n2", role, 1);
        let epochs = [("web".to_owned(), 2)].into();
        node.on(Event::Prepare { attempt: "x".into(), founding: false, cluster_id: "pair".into(), epochs, clean: Ok(()) });
        assert!(matches!(&node.actions[..], [Action::Say(Message::Declined { .. })]), "{role}");
    }
}

#[test]
fn row_37_a_failed_mount_is_rolled_back() {
    let mut node = Node::fencing();
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    for step in [Step::Data, Step::Check] {
        node.on(Event::StepDone { step, evidence: "ok".into(), wall_ms: 1 });
    }
    node.on(Event::StepFailed { step: Step::Mount, code: Refusal::Mount, text: "bad superblock".into(), wall_ms: 1 });
    assert_eq!(node.did(), ["Undo", "Mail", "Undo", "Tell"]);
    node.on(Event::Undone { clean: Ok(()) });
    assert_eq!((node.role(), node.stage()), (Role::Failed, None));
}

#[test]
fn row_38_a_foreign_address_holds_the_takeover() {
    let mut node = Node::fencing();
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    for step in [Step::Data, Step::Check, Step::Mount, Step::Mark] {
        node.on(Event::StepDone { step, evidence: "ok".into(), wall_ms: 1 });
    }
    node.on(Event::StepFailed { step: Step::Address, code: Refusal::VipConflict, text: "02:00 answers".into(), wall_ms: 1 });
    assert_eq!((node.role(), node.stage()), (Role::Taking, Some(Stage::Held)));
    assert!(!node.actions.iter().any(|a| matches!(a, Action::Undo { .. } | Action::Run { .. })));
}

#[test]
fn row_39_a_service_that_does_not_start_leaves_a_degraded_master() {
    let mut node = Node::fencing();
    node.on(Event::Proven { by: ProofKind::Fenced, evidence: vec![] });
    for step in [Step::Data, Step::Check, Step::Mount, Step::Mark, Step::Address] {
        node.on(Event::StepDone { step, evidence: "ok".into(), wall_ms: 1 });
    }
    node.on(Event::StepFailed { step: Step::Services, code: Refusal::Service, text: "nginx.service is failed".into(), wall_ms: 7 });
    node.on(Event::StepDone { step: Step::Verify, evidence: "ok".into(), wall_ms: 7 });
    assert_eq!(node.role(), Role::Master);
    assert_eq!(node.state.groups["web"].degraded.as_deref(), Some("nginx.service is failed"));
    assert_eq!(node.state.takeovers, [7]);
}

#[test]
fn events_that_do_not_fit_change_nothing() {
    for role in [Role::Inert, Role::Slave, Role::Standby, Role::Master, Role::Failed] {
        let before = Node::new("n2", role, 3).state;
        for event in [
            Event::Proven { by: ProofKind::Fenced, evidence: vec![] },
            Event::StepDone { step: Step::Verify, evidence: String::new(), wall_ms: 0 },
            Event::StepFailed { step: Step::Mount, code: Refusal::Mount, text: String::new(), wall_ms: 0 },
            Event::MaySend { level: 1, device: "bmc".into(), verdict: Ok(()), now_ms: 1000 },
            Event::FenceEnded { failure: FenceFailure::Failed(vec![]), now_ms: 0 },
            Event::Tick { life: Life::Silent, now_ms: 0, wall_ms: 0 },
            Event::Undone { clean: Ok(()) },
            Event::Looked { gates: vec![], life: Life::Silent, now_ms: 0 },
        ] {
            let mut node = Node::new("n2", role, 3);
            node.on(event.clone());
            assert_eq!(node.state, before, "{role}: {event:?}");
            assert!(!node.actions.iter().any(|a| matches!(a, Action::Run { .. } | Action::StartFence | Action::Permit(Ok(())))), "{role}: {event:?}");
        }
    }
}
