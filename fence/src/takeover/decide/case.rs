//! Cases: a reported failure that is being watched until the gates let an attempt begin, and what time does to both.

use super::{Action, DRAIN_MS, Draft, PAUSES_MS, REMIND_MS};
use crate::takeover::durable::{Attempt, Case, Durable, Stage, Why};
use crate::takeover::gates::{Call, Gate, Verdict};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::cluster::Trigger;
use plugin_core::contract::status::{Life, PeerRecord, Role};
use plugin_core::contract::{MailKind, Refusal};

/// An attempt is open that a lost peer does not change. One that waits for the word of a peer that is lost now is none.
pub fn is_busy(state: &Durable) -> bool {
    let waits = |a: &Attempt| match a.stage {
        Stage::Yielding => a.why != Why::Founding,
        Stage::Asking { .. } | Stage::Awaiting { .. } => a.why == Why::Asked,
        _ => false,
    };
    state.attempt.as_ref().is_some_and(|a| !waits(a))
}

impl Draft<'_> {
    /// Groups with a role here, in the configuration's order.
    pub(super) fn groups_that(&self, may: impl Fn(Role) -> bool) -> Vec<String> {
        let has = |name: &String| self.state.groups.get(name).is_some_and(|g| may(g.role));
        self.policy.groups.iter().map(|(name, _)| name.clone()).filter(has).collect()
    }

    /// Groups that this node may take: it is their SLAVE, gave them away and the peer never served them (row 67), or was
    /// already taking them when the peer was lost.
    pub(super) fn takeable(&self) -> Vec<String> {
        let open = self.state.attempt.is_some();
        self.groups_that(|role| matches!(role, Role::Slave | Role::Demoted) || (role == Role::Taking && open))
    }

    fn roles(&self) -> String {
        let roles: Vec<String> = self.state.groups.iter().map(|(n, g)| format!("{n} {}", g.role)).collect();
        format!("this node is {}", roles.join(", "))
    }

    /// G2: why this node may not take anything.
    fn role_refusal(&self) -> Option<(Refusal, String)> {
        if let Some(why) = &self.state.frozen {
            return Some((Refusal::Frozen, why.clone()));
        }
        if !self.takeable().is_empty() {
            return None;
        }
        let inert = self.state.groups.values().any(|g| g.role == Role::Inert);
        Some((if inert { Refusal::Inert } else { Refusal::Role }, self.roles()))
    }

    /// Why this node has nothing that it could give up.
    pub(super) fn serve_refusal(&self) -> Option<(Refusal, String)> {
        if let Some(why) = &self.state.frozen {
            return Some((Refusal::Frozen, why.clone()));
        }
        self.groups_that(|role| role == Role::Master).is_empty().then(|| (Refusal::Role, self.roles()))
    }

    pub(super) fn called(&mut self, call: Call, id: &str, service: String, uid: u32, now_ms: u64) {
        let answer = match call {
            Call::Refuse(code, text) => Err((code, text)),
            Call::Prime => {
                self.act(Action::Prime);
                Ok("primed; only a HARD state acts".to_owned())
            }
            Call::Accept(trigger) => self.open_case(trigger, id, service, uid, now_ms),
        };
        self.act(Action::Answer(answer));
    }

    fn open_case(&mut self, trigger: Trigger, id: &str, service: String, uid: u32, now_ms: u64) -> Result<String, (Refusal, String)> {
        if is_busy(&self.state) {
            return Err((Refusal::AttemptOpen, "an attempt is open".to_owned()));
        }
        match &self.state.case {
            // A peer that is lost is more than a peer whose network is lost.
            Some(open) if trigger == Trigger::PeerLost && open.trigger != Trigger::PeerLost => {}
            Some(_) => return Err((Refusal::AttemptOpen, "a case is open".to_owned())),
            None => {}
        }
        let refusal = match trigger {
            Trigger::PeerLost | Trigger::PeerLanLost => self.role_refusal(),
            Trigger::Itself => self.serve_refusal(),
        };
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        self.close_case("the peer is reported lost");
        self.journal(Record::Event { case: id.to_owned(), service: service.clone(), uid });
        match trigger {
            Trigger::PeerLost => self.act(Action::Prime),
            Trigger::Itself => self.act(Action::Recheck { service: service.clone() }),
            Trigger::PeerLanLost => {}
        }
        // A check that is being run again is not started a second time meanwhile.
        let next_ms = if trigger == Trigger::Itself { now_ms + pause(0) } else { now_ms };
        self.state.case = Some(Case { id: id.to_owned(), trigger, service, opened_ms: now_ms, next_ms, failures: 0, refused: None });
        Ok(format!("case {id} opened"))
    }

    /// An open case is looked at again.
    pub(super) fn looked(&mut self, gates: &[Gate], life: Life, now_ms: u64) {
        if is_busy(&self.state) {
            return;
        }
        let Some(case) = self.state.case.clone() else { return };
        match case.trigger {
            // While the peer is asked, or gives up, nothing else is begun.
            Trigger::PeerLanLost if self.state.attempt.is_some() => return,
            Trigger::PeerLanLost if life == Life::Silent => return self.close_case("the peer is silent on every link: that is another case"),
            Trigger::PeerLost | Trigger::PeerLanLost => {}
            Trigger::Itself => return self.run_again(now_ms),
        }
        let evidence = || gates.iter().map(|g| format!("{}: {}", g.name, g.evidence)).collect::<Vec<_>>();
        if let Some((code, text)) = self.role_refusal().or_else(|| gates.iter().find_map(Gate::refusal)) {
            self.case_refused(code, &text, &evidence(), now_ms);
            let over = match case.trigger {
                Trigger::PeerLanLost => code == Refusal::PeerAlive,
                Trigger::PeerLost | Trigger::Itself => life == Life::Alive,
            };
            if over {
                self.close_case("the peer answers");
            }
            return;
        }
        if now_ms < case.next_ms || gates.is_empty() || gates.iter().any(|g| g.verdict != Verdict::Pass) {
            return;
        }
        self.journal(Record::Gates { case: case.id.clone(), evidence: evidence() });
        if case.trigger == Trigger::PeerLanLost {
            return self.ask_to_demote(&case, now_ms);
        }
        let groups = self.takeable();
        self.journal(Record::Open { attempt: case.id.clone(), groups: groups.clone() });
        self.journal(Record::Intent { attempt: case.id.clone() });
        let failures = case.failures;
        self.state.attempt = Some(Attempt { failures, ..Attempt::new(case.id.clone(), Why::PeerLost, Stage::Intent, groups) });
        self.state.case = Some(Case { refused: None, ..case });
        self.state.peer.record = PeerRecord::FenceIntent;
        self.act(Action::StartFence);
    }

    /// The open case can't go on now: journaled and mailed when the reason changes, and now and then.
    pub(super) fn case_refused(&mut self, code: Refusal, text: &str, evidence: &[String], now_ms: u64) {
        let Some(mut case) = self.state.case.clone() else { return };
        if case.refused.as_ref().is_none_or(|(old, _, _)| *old != code) {
            case.refused = Some((code, text.to_owned(), now_ms));
        }
        // Boot time starts anew at a boot: a time ahead is an old one.
        self.state.mailed.retain(|(_, at)| *at <= now_ms && now_ms - at < REMIND_MS);
        if self.state.mailed.iter().all(|(old, _)| *old != code) {
            self.state.mailed.push((code, now_ms));
            if !evidence.is_empty() {
                self.journal(Record::Gates { case: case.id.clone(), evidence: evidence.to_owned() });
            }
            self.journal(Record::Refused { case: case.id.clone(), code, text: text.to_owned() });
            let what = match case.trigger {
                Trigger::PeerLost => format!("takeover of {}", self.policy.peer),
                Trigger::PeerLanLost => format!("takeover of {}, which has lost its clients' network,", self.policy.peer),
                Trigger::Itself => format!("move away from {}, which reports itself ({}),", self.policy.me, case.service),
            };
            self.mail(MailKind::Refused, &case.id, format!("{what} refused: {code}, {text}"), evidence.to_owned());
        }
        self.state.case = Some(case);
    }

    pub(super) fn close_case(&mut self, why: &str) {
        if let Some(case) = self.state.case.take() {
            self.journal(Record::Closed { attempt: case.id, why: why.to_owned() });
        }
    }

    pub(super) fn tick(&mut self, life: Life, now_ms: u64, wall_ms: i64) {
        self.remind(wall_ms);
        if self.state.rejoining {
            self.act(Action::Say(Message::Rejoin { cluster_id: self.state.cluster_id.clone() }));
        }
        let Some(attempt) = self.state.attempt.clone() else { return };
        match attempt.stage {
            Stage::Draining { until_ms, retry_ms } => {
                // A boot-time value from before a reboot can lie far ahead: never wait longer than a whole drain.
                let until_ms = until_ms.min(now_ms + DRAIN_MS);
                if life == Life::Alive && now_ms >= until_ms {
                    self.journal(Record::Ineffective { attempt: attempt.id.clone() });
                    let goes_on = self.agree_again(&attempt);
                    if !goes_on {
                        self.journal(Record::Closed { attempt: attempt.id.clone(), why: "the peer lives on".to_owned() });
                    }
                    self.mail(MailKind::FenceFailed, &attempt.id, format!("fencing {} had no effect: it lives on", self.policy.peer), Vec::new());
                    if !goes_on {
                        self.end_attempt(PeerRecord::Ok);
                    }
                } else if matches!(life, Life::Silent | Life::Mute) && now_ms >= retry_ms.min(now_ms + DRAIN_MS) {
                    self.stage(Stage::Sent);
                    self.act(Action::StartFence);
                }
            }
            Stage::Yielding => self.wait_for_word(&attempt, life),
            Stage::Asking { until_ms } if now_ms >= until_ms => self.not_moved("the peer did not answer"),
            Stage::Awaiting { until_ms } => self.wait_for_demotion(&attempt, until_ms, life, now_ms),
            // Nobody is there any more to take over: what still runs here is better than nothing.
            Stage::Stuck if life == Life::Silent => self.restore(&attempt),
            Stage::Asking { .. }
            | Stage::Demoting
            | Stage::Restoring
            | Stage::Stuck
            | Stage::Intent
            | Stage::Sent
            | Stage::Taking { .. }
            | Stage::Undoing { .. }
            | Stage::Abandoning { .. }
            | Stage::Held => {}
        }
    }
}

/// The pause after so many failures, ms.
pub(super) fn pause(failures: u32) -> u64 {
    PAUSES_MS.get(failures as usize).or(PAUSES_MS.last()).copied().unwrap_or(DRAIN_MS)
}
