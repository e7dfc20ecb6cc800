//! Every move that is possible in a world, each with its words for the story. What a runtime would do with a decision's actions is
//! done here in the same way as the agent does it.

use crate::world::{GROUPS, Mutant, NAMES, Node, Work, World, bits, number};
use fence::power::FenceFailure;
use fence::takeover::decide::{Action, DRAIN_MS, Event, PeerSaid, Policy, ProofKind, Recheck, decide, is_busy};
use fence::takeover::durable::{Stage, Why};
use fence::takeover::gates::{Call, Gate, Verdict};
use fence::takeover::message::{GroupBeat, Message, Moving};
use fence::takeover::steps::Step;
use plugin_core::cluster::Trigger;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{Life, Role};

/// A world under change: what was broken on the way is kept.
pub struct Change {
    pub world: World,
    pub mutant: Mutant,
    pub broken: Option<&'static str>,
}

/// Long past every pause and drain.
const LATE_MS: u64 = 2 * DRAIN_MS;

fn policy(me: usize, groups: &[&str]) -> Policy {
    let groups = groups.iter().zip(NAMES).map(|(group, home)| ((*group).into(), home.into())).collect();
    Policy { me: NAMES[me].into(), peer: NAMES[1 - me].into(), groups, demote_ms: DRAIN_MS }
}

impl Change {
    fn breaks(&mut self, why: &'static str) {
        self.broken.get_or_insert(why);
    }

    fn node(&mut self, me: usize) -> &mut Node {
        &mut self.world.node[me]
    }

    fn id(&self, me: usize) -> String {
        let epochs: u64 = (0..self.world.groups().len()).map(|group| self.world.epoch(me, group)).sum();
        format!("{}{epochs}", NAMES[me])
    }

    /// One decision, and what follows from it.
    fn on(&mut self, me: usize, event: Event) {
        let before = self.world.node[me].state.clone();
        let booted = matches!(event, Event::Started { booted: true, .. });
        let shot = before.attempt.as_ref().is_some_and(|a| matches!(a.stage, Stage::Sent | Stage::Draining { .. }));
        let (mut state, actions) = decide(&policy(me, self.world.groups()), &before, event);
        // Numbers that only steer pauses and mails would make the world infinite.
        state.takeovers.clear();
        state.mailed.clear();
        if let Some(case) = &mut state.case {
            (case.failures, case.refused) = (0, None);
        }
        if let Some(attempt) = &mut state.attempt {
            attempt.failures = 0;
        }
        // The handler calls again and again: a case that led to nothing now is opened anew at any later moment.
        if state.attempt.is_none() {
            state.case = None;
        }
        if state.groups.iter().any(|(name, group)| group.epoch_seen < before.groups[name].epoch_seen) {
            self.breaks("I8: an epoch decreased");
        }
        if shot && state.attempt.is_none() && self.world.off[1 - me] && !booted {
            self.breaks("I7: an attempt was abandoned while its shot was on its way");
        }
        self.node(me).state = state;
        for action in actions {
            self.act(me, action);
        }
    }

    fn act(&mut self, me: usize, action: Action) {
        match action {
            Action::StartFence => self.node(me).work = Work::Fence { sent: false, off: 0 },
            Action::Permit(Ok(())) => {
                if !self.world.lan[me] {
                    self.breaks("I6: an isolated node shoots");
                }
                self.world.off[1 - me] = true;
                self.node(me).work = Work::Fence { sent: true, off: 0 };
            }
            Action::Permit(Err(reason)) => {
                let sent = self.world.node[me].work == Work::Fence { sent: true, off: 0 };
                self.node(me).work = Work::Idle;
                self.on(me, Event::FenceEnded { failure: FenceFailure::Forbidden { reason, sent }, now_ms: 0 });
            }
            Action::Run { group, step, .. } => {
                if self.world.node[me].proof {
                    self.node(me).work = Work::Step(number(&group), step);
                } else {
                    self.breaks("I2: a step without a proof");
                }
            }
            Action::Undo { groups } => self.node(me).work = Work::Release(bits(&groups)),
            Action::Restore { groups } => self.node(me).work = Work::Restore(bits(&groups)),
            Action::Mask => {
                self.on(me, Event::Masked { result: Ok(()) });
                if self.mutant == Mutant::RetiredForgets {
                    let state = &mut self.node(me).state;
                    state.groups.values_mut().for_each(|g| g.role = Role::Slave);
                }
            }
            Action::Say(message) => self.world.mail[1 - me] = Some(message),
            Action::DropProof => self.node(me).proof = false,
            Action::Journal(_) | Action::Answer(_) | Action::Prime | Action::Tell(_) | Action::Mail { .. } | Action::Recheck { .. } => {}
        }
    }

    fn prove(&mut self, me: usize, by: ProofKind) {
        if !self.world.stage(me).is_some_and(|s| matches!(s, Stage::Intent | Stage::Sent | Stage::Yielding)) {
            return;
        }
        self.node(me).proof = true;
        self.on(me, Event::Proven { by, evidence: vec![] });
    }

    /// A call of the handler, and the look that follows it.
    fn called(&mut self, me: usize, trigger: Trigger, id: String, then: impl Fn(&Self) -> Event) {
        if is_busy(&self.world.node[me].state) {
            return;
        }
        let before = self.world.node[me].state.case.take();
        let (state, _) = {
            let called = Event::Called { call: Call::Accept(trigger), id, service: String::new(), uid: 0, now_ms: 0 };
            decide(&policy(me, self.world.groups()), &self.world.node[me].state, called)
        };
        if state.case.is_none() {
            self.node(me).state.case = before;
            return;
        }
        self.node(me).state = state;
        let event = then(self);
        self.on(me, event);
    }

    /// G3, G4 and G7 as the world is.
    fn gates(&self, me: usize) -> Vec<Gate> {
        let gate = |name, code: Option<Refusal>| Gate { name, verdict: code.map_or(Verdict::Pass, Verdict::Refuse), evidence: String::new() };
        let alive = (self.world.life(me) == Life::Alive).then_some(Refusal::PeerAlive);
        let isolated = (!self.world.lan[me] && self.mutant != Mutant::NoWitness).then_some(Refusal::Isolated);
        let silent = (!self.world.bmc[1 - me]).then_some(Refusal::DeviceSilent);
        vec![gate("G3", alive), gate("G4", isolated), gate("G7", silent)]
    }

    fn lose_power(&mut self, me: usize) {
        let node = self.node(me);
        (node.power, node.hung, node.agent, node.marker, node.holds, node.proof, node.work) = (false, false, false, false, 0, false, Work::Idle);
        self.end_sessions();
    }

    /// What was on its way in a session ends with it.
    fn end_sessions(&mut self) {
        self.world.mail = [None, None];
    }

    fn start_agent(&mut self, me: usize) {
        let booted = !self.world.node[me].marker;
        let was: Vec<usize> = (0..self.world.groups().len()).filter(|group| self.world.role(me, *group) == Role::Master).collect();
        (self.node(me).agent, self.node(me).marker) = (true, true);
        self.on(me, Event::Started { booted, boot_id: String::new() });
        let alone = self.world.life(me) == Life::Silent;
        let starts = match self.mutant {
            Mutant::StartsAtBoot => true,
            Mutant::BootsAloneAsMaster => alone,
            _ => false,
        };
        for group in was.into_iter().filter(|_| booted && starts) {
            self.node(me).holds |= 1 << group;
            self.node(me).state.groups.get_mut(GROUPS[group]).unwrap().role = Role::Master;
        }
    }

    /// What the other agent says of itself, heard now.
    fn hear_beat(&mut self, me: usize) {
        let theirs = self.world.node[1 - me].state.clone();
        let groups = theirs.groups.iter().map(|(name, g)| {
            let beat = GroupBeat { role: g.role, was: g.was, epoch: g.epoch_seen, data_epoch: g.data_epoch, owner: g.data_owner.clone() };
            (name.clone(), beat)
        });
        let beat = PeerSaid {
            cluster_id: theirs.cluster_id.clone(),
            config_hash: String::new(),
            groups: groups.collect(),
            record: theirs.peer.record,
            boot_starts: vec![],
            maintenance: false,
            may_act: self.world.lan[me],
            id: format!("agreed-{}", self.id(me)),
            moving: moving(&self.world.node[1 - me]),
            gave: theirs.handover.as_ref().map(|h| h.attempt.clone()),
        };
        self.on(me, Event::PeerSaid { beat });
        if let Some(handover) = theirs.handover.clone() {
            self.on(me, Event::Offered { handover });
        }
        if let Some(released) = theirs.released.clone() {
            self.on(me, Event::Reclaim { released });
        }
        let given = |why| matches!(why, Why::Handover | Why::Asked);
        let waits = self.world.node[me].state.attempt.as_ref().filter(|a| a.stage == Stage::Yielding && given(a.why)).map(|a| a.id.clone());
        let word =
            |id: &String| theirs.handover.as_ref().is_some_and(|h| h.attempt == *id) || theirs.released.as_ref().is_some_and(|r| r.attempt == *id);
        if waits.as_ref().is_some_and(word) {
            self.prove(me, ProofKind::Yielded);
        }
    }

    fn hear_message(&mut self, me: usize) {
        let Some(message) = self.world.mail[me].take() else { return };
        match message {
            Message::Prepare { attempt, founding, cluster_id, epochs } => {
                let asked: Vec<String> = epochs.keys().cloned().collect();
                let clean = if self.world.node[me].holds & bits(&asked) != 0 { Err("holds".to_owned()) } else { Ok(()) };
                self.on(me, Event::Prepare { attempt, founding, cluster_id, epochs, clean });
            }
            Message::Yielded { attempt } => {
                let open = self.world.node[me].state.attempt.as_ref();
                if open.is_some_and(|a| a.id == attempt && a.stage == Stage::Yielding) {
                    self.prove(me, ProofKind::Yielded);
                }
            }
            Message::Declined { attempt, text } => self.on(me, Event::Declined { attempt, text }),
            Message::MayTake { attempt, epochs, planned } => {
                let fit = if self.world.lan[me] && self.world.bmc[1 - me] { Ok(()) } else { Err("unfit".to_owned()) };
                self.on(me, Event::MayTake { attempt, epochs, planned, fit, now_ms: 0 });
            }
            Message::Demote { attempt } => {
                let ready = if self.world.lan[me] { Err("it sees its clients".to_owned()) } else { Ok(()) };
                self.on(me, Event::DemoteAsked { attempt, ready, now_ms: 0 });
            }
            Message::Retire { attempt, cluster_id } => {
                let fit = if self.world.node[me].holds == 0 { Ok(()) } else { Err("holds".to_owned()) };
                self.on(me, Event::Retire { attempt, cluster_id, fit });
            }
            Message::Retired { attempt } => self.on(me, Event::PeerRetired { attempt }),
            Message::CanTake { attempt } => self.on(me, Event::CanTake { attempt }),
            // A shot that is on its way keeps the master from agreeing (the drain time).
            Message::Rejoin { cluster_id } => {
                let now_ms = if self.world.off[1 - me] { 0 } else { LATE_MS };
                self.on(me, Event::RejoinAsked { cluster_id, now_ms });
            }
            Message::Hello { .. } | Message::Beat(_) => {}
        }
    }

    /// The fence of `me`: asks, or reads once.
    fn fence(&mut self, me: usize, sent: bool, off: u8) {
        let other = 1 - me;
        if self.mutant == Mutant::AcceptedIsFenced && sent {
            return self.prove(me, ProofKind::Fenced);
        }
        if self.world.node[other].power {
            // A master that was asked to give up may be shot by its own word, also by one that is older than its last act.
            let asked = self.world.node[me].state.attempt.as_ref().is_some_and(|a| a.why == Why::Asked);
            let counts = |g: &Gate| g.name == "G4" || (g.name == "G3" && !asked);
            let refusal = self.gates(me).into_iter().filter(counts).find_map(|g| g.refusal());
            let verdict = refusal.map_or(Ok(()), Err);
            return self.on(me, Event::MaySend { level: 1, device: "bmc".into(), verdict, now_ms: 0 });
        }
        if off == 0 {
            self.node(me).work = Work::Fence { sent, off: off + 1 };
        } else if self.world.life(me) == Life::Silent {
            self.node(me).work = Work::Idle;
            self.prove(me, ProofKind::Fenced);
        }
    }

    fn work(&mut self, me: usize, fails: bool) {
        match self.world.node[me].work {
            Work::Step(group, step) if fails || (step == Step::Check && self.world.data_newer(me, group)) => {
                self.node(me).work = Work::Idle;
                self.on(me, Event::StepFailed { step, code: Refusal::Mount, text: String::new(), wall_ms: 0 });
            }
            Work::Step(group, step) => {
                if step >= Step::Mount {
                    self.node(me).holds |= 1 << group;
                }
                if step == Step::Mark {
                    self.world.data[group] = (self.world.epoch(me, group), me);
                }
                self.node(me).work = Work::StepDone(group, step);
            }
            Work::StepDone(_, step) => {
                self.node(me).work = Work::Idle;
                self.on(me, Event::StepDone { step, evidence: String::new(), wall_ms: 0 });
            }
            Work::Release(_) if fails => {
                self.node(me).work = Work::Idle;
                self.on(me, Event::Undone { clean: Err(String::new()) });
            }
            // One group after the other.
            Work::Release(groups) => {
                let first = groups & groups.wrapping_neg();
                self.node(me).holds &= !first;
                self.node(me).work = if groups == first { Work::Released } else { Work::Release(groups & !first) };
            }
            Work::Released => {
                let gave = self.rolls_back_after_demoted(me);
                self.node(me).work = Work::Idle;
                self.on(me, Event::Undone { clean: Ok(()) });
                if gave != 0 && self.world.is(me, Role::Demoted) {
                    self.node(me).work = Work::Restore(gave);
                }
            }
            Work::Restore(groups) => {
                (self.node(me).holds, self.node(me).work) = (self.world.node[me].holds | groups, Work::Idle);
                if self.mutant == Mutant::RollBackAfterDemoted {
                    let state = &mut self.node(me).state;
                    state.groups.values_mut().filter(|g| g.role == Role::Demoted).for_each(|g| g.role = Role::Master);
                }
                self.on(me, Event::Restored { result: Ok(()) });
            }
            Work::Idle | Work::Fence { .. } => {}
        }
    }

    /// What the mutant starts again: the groups that are being given away.
    fn rolls_back_after_demoted(&self, me: usize) -> u8 {
        let attempt = self.world.node[me].state.attempt.as_ref().filter(|_| self.mutant == Mutant::RollBackAfterDemoted);
        attempt.filter(|a| a.stage == Stage::Demoting).map_or(0, |a| bits(&a.groups))
    }
}

/// What a node's beat says of a move that it makes by itself.
fn moving(node: &Node) -> Option<Moving> {
    let attempt = node.state.attempt.as_ref().filter(|a| a.why == Why::Moving { planned: false })?;
    Some(Moving { attempt: attempt.id.clone(), stuck: attempt.stage == Stage::Stuck })
}

/// One possible move: its words, and the world after it.
pub type Move = (String, Change);

/// Every move from `world`.
pub fn all(world: &World, mutant: Mutant) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut add = |words: String, change: &dyn Fn(&mut Change)| {
        let mut next = Change { world: world.clone(), mutant, broken: None };
        change(&mut next);
        moves.push((words, next));
    };
    for me in 0..2 {
        let (name, other) = (NAMES[me], 1 - me);
        let node = &world.node[me];
        if world.runs(me) {
            add(format!("Icinga of {name} reports a lost peer, HARD"), &|c| {
                let id = c.id(me);
                c.called(me, Trigger::PeerLost, id, |c| {
                    let (gates, life) = (c.gates(me), c.world.life(me));
                    Event::Looked { gates, life, now_ms: LATE_MS }
                });
            });
            if !world.lan[other] && world.speak() {
                add(format!("Icinga of {name} reports that {} has lost its clients' network, HARD", NAMES[other]), &|c| {
                    let id = format!("lan-{}", c.id(me));
                    c.called(me, Trigger::PeerLanLost, id, |c| {
                        let gates = c.gates(me).into_iter().filter(|g| g.name != "G3").collect();
                        Event::Looked { gates, life: Life::Alive, now_ms: LATE_MS }
                    });
                });
            }
            if world.left.faults > 0 && world.is(me, Role::Master) {
                add(format!("{name} reports itself, HARD and run again"), &|c| {
                    c.world.left.faults -= 1;
                    let id = format!("self-{}", c.id(me));
                    c.called(me, Trigger::Itself, id, |c| {
                        let ready = if c.world.speak() { Ok(()) } else { Err((Refusal::PeerUnfit, String::new())) };
                        Event::Rechecked { service: String::new(), outcome: Recheck::Confirmed(String::new()), ready, now_ms: 0 }
                    });
                });
            }
            if let Work::Fence { sent, off } = node.work {
                if world.bmc[other] {
                    add(format!("{name}'s fence goes on"), &|c| c.fence(me, sent, off));
                }
                add(format!("{name}'s fence runs out"), &|c| {
                    c.node(me).work = Work::Idle;
                    if c.mutant == Mutant::AbandonAfterSent && c.world.node[me].state.attempt.is_some() {
                        if c.world.off[other] {
                            c.breaks("I7: an attempt was abandoned while its shot was on its way");
                        }
                        (c.node(me).state.attempt, c.node(me).state.case) = (None, None);
                        return;
                    }
                    c.on(me, Event::FenceEnded { failure: FenceFailure::Failed(vec![]), now_ms: 0 });
                });
            } else if node.work != Work::Idle {
                add(format!("{name} works on: {:?}", node.work), &|c| c.work(me, false));
                if world.left.faults > 0 && matches!(node.work, Work::Step(..) | Work::Release(_)) {
                    add(format!("{name} fails at {:?}", node.work), &|c| {
                        c.world.left.faults -= 1;
                        c.work(me, true);
                    });
                }
            }
            // Time passes: the drain time only once nothing is on its way any more.
            if node.state.attempt.is_some() || node.state.rejoining {
                let now_ms = if world.off[other] { 0 } else { LATE_MS };
                add(format!("time passes on {name}"), &|c| {
                    let life = c.world.life(me);
                    c.on(me, Event::Tick { life, now_ms, wall_ms: 0 });
                });
            }
            if world.left.crashes > 0 {
                add(format!("the agent of {name} is killed"), &|c| {
                    c.world.left.crashes -= 1;
                    (c.node(me).agent, c.node(me).proof, c.node(me).work) = (false, false, Work::Idle);
                    c.end_sessions();
                });
            }
        }
        if world.speak() {
            add(format!("{name} hears the other's beat"), &|c| c.hear_beat(me));
            if world.mail[me].is_some() {
                add(format!("{name} gets {:?}", world.mail[me].as_ref().unwrap()), &|c| c.hear_message(me));
            }
        }
        if node.power && !node.hung && !node.agent {
            add(format!("the agent of {name} starts"), &|c| c.start_agent(me));
        }
        if world.off[me] {
            add(format!("the off takes effect on {name}"), &|c| {
                c.world.off[me] = false;
                c.lose_power(me);
            });
        }
        if world.left.faults > 0 {
            if node.power {
                add(format!("{name} loses power"), &|c| {
                    c.world.left.faults -= 1;
                    c.lose_power(me);
                });
                if !node.hung {
                    add(format!("{name} hangs"), &|c| {
                        c.world.left.faults -= 1;
                        c.node(me).hung = true;
                    });
                }
            }
            if world.lan[me] {
                add(format!("the clients' link of {name} is cut"), &|c| {
                    c.world.left.faults -= 1;
                    c.world.lan[me] = false;
                });
            }
            if world.bmc[me] {
                add(format!("the BMC of {name} can't be reached"), &|c| {
                    c.world.left.faults -= 1;
                    c.world.bmc[me] = false;
                });
            }
        }
        if world.left.repairs > 0 {
            let repair = |c: &mut Change| c.world.left.repairs -= u8::from(c.world.left.repairs != u8::MAX);
            if !node.power {
                add(format!("{name} is switched on"), &|c| {
                    repair(c);
                    c.node(me).power = true;
                });
            } else if node.hung {
                add(format!("{name} thaws"), &|c| {
                    repair(c);
                    c.node(me).hung = false;
                });
            }
            if !world.lan[me] {
                add(format!("the clients' link of {name} is repaired"), &|c| {
                    repair(c);
                    c.world.lan[me] = true;
                });
            }
            if !world.bmc[me] {
                add(format!("the BMC of {name} answers again"), &|c| {
                    repair(c);
                    c.world.bmc[me] = true;
                });
            }
        }
        if world.runs(me) && world.left.acts > 0 {
            operator(world, me, &mut add);
        }
    }
    if world.heartbeat && world.left.faults > 0 {
        add("the heartbeat link is cut".into(), &|c| {
            c.world.left.faults -= 1;
            c.world.heartbeat = false;
        });
    }
    if !world.heartbeat && world.left.repairs > 0 {
        add("the heartbeat link is repaired".into(), &|c| {
            c.world.left.repairs -= u8::from(c.world.left.repairs != u8::MAX);
            c.world.heartbeat = true;
        });
    }
    moves
}

/// What an operator can do on a node. He attests only what is true: I1 rests on his word then.
fn operator(world: &World, me: usize, add: &mut dyn FnMut(String, &dyn Fn(&mut Change))) {
    let (name, other) = (NAMES[me], 1 - me);
    let act = |c: &mut Change| c.world.left.acts -= u8::from(c.world.left.acts != u8::MAX);
    let who = || "op".to_owned();
    add(format!("operator: migrate on {name}"), &|c| {
        act(c);
        let ready = if c.world.speak() && c.world.heartbeat && c.world.lan == [true; 2] { Ok(()) } else { Err((Refusal::Unfit, String::new())) };
        let id = format!("move-{}", c.id(me));
        c.on(me, Event::Move { id, who: who(), group: None, ready, now_ms: LATE_MS });
    });
    if world.groups().len() > 1 && (0..2).all(|group| world.role(me, group) == Role::Master) {
        add(format!("operator: migrate {} on {name}", GROUPS[other]), &|c| {
            act(c);
            let ready = if c.world.speak() { Ok(()) } else { Err((Refusal::Unfit, String::new())) };
            let id = format!("move-{}", c.id(me));
            c.on(me, Event::Move { id, who: who(), group: Some(GROUPS[other].into()), ready, now_ms: LATE_MS });
        });
    }
    for (group, group_name) in world.groups().iter().enumerate() {
        let open = |stage| matches!(stage, Stage::Held | Stage::Stuck);
        if world.role(me, group) != Role::Failed && !world.stage(me).is_some_and(open) {
            continue;
        }
        add(format!("operator: retry {group_name} on {name}"), &|c| {
            act(c);
            let holds = c.world.role(me, group) == Role::Failed && c.world.node[me].holds & 1 << group != 0;
            let ready = if holds { Err((Refusal::Unfit, String::new())) } else { Ok(()) };
            let (id, life) = (format!("retry-{}", c.id(me)), c.world.life(me));
            c.on(me, Event::Retry { id, who: who(), group: (*group_name).into(), ready, life });
        });
        add(format!("operator: abandon {group_name} on {name}"), &|c| {
            act(c);
            let id = format!("abandon-{}", c.id(me));
            c.on(me, Event::Abandon { id, who: who(), group: (*group_name).into() });
        });
    }
    if world.is(me, Role::Master) {
        add(format!("operator: dissolve on {name}"), &|c| {
            act(c);
            let ready = if c.world.speak() { Ok(()) } else { Err((Refusal::PeerUnfit, String::new())) };
            c.on(me, Event::Dissolve { id: format!("dissolve-{}", c.id(me)), who: who(), survivor: NAMES[me].into(), ready, now_ms: 0 });
        });
    }
    add(format!("operator: rejoin on {name}"), &|c| {
        act(c);
        let serves = c.world.is(other, Role::Master);
        let mine = |group: usize| c.world.node[me].holds & 1 << group == 0 || c.world.role(me, group) == Role::Master;
        let clean = (0..c.world.groups().len()).all(mine);
        let ready = if c.world.speak() && serves && clean { Ok(()) } else { Err((Refusal::Unfit, String::new())) };
        c.on(me, Event::Rejoin { who: who(), ready });
    });
    add(format!("operator: standby on {name}"), &|c| {
        act(c);
        c.on(me, Event::SetAside { who: who(), group: None });
    });
    add(format!("operator: assume-master on {name}"), &|c| {
        act(c);
        let (life, id) = (c.world.life(me), format!("assume-{}", c.id(me)));
        c.on(me, Event::Assume { id, who: who(), life });
        if c.mutant == Mutant::ForceWithoutOff && matches!(c.world.node[me].work, Work::Fence { .. }) {
            c.node(me).work = Work::Idle;
            c.prove(me, ProofKind::Fenced);
        }
    });
    if !world.node[other].power && !world.off[other] {
        add(format!("operator: confirm-fenced {} on {name}", NAMES[other]), &|c| {
            act(c);
            let id = format!("attest-{}", c.id(me));
            c.on(me, Event::Attest { id, who: who() });
            let word = |n: &Node| n.state.attempt.as_ref().is_some_and(|a| a.stage == Stage::Yielding && a.why == Why::PeerLost);
            if word(&c.world.node[me]) {
                c.prove(me, ProofKind::Attested);
            }
        });
    }
}
