//! Moves that a failure of the master itself starts (TAKEOVER 3.4): it reports itself, or its peer sees that it has lost its
//! clients' network. Graceful first; the master is fenced only if it can't give its groups up (rows 7, 8, 9, 48).

use super::case::pause;
use super::operator::ASK_MS;
use super::{Action, Draft, PeerSaid, Recheck};
use crate::takeover::durable::{Attempt, Case, Stage, Why};
use crate::takeover::journal::Record;
use crate::takeover::message::Message;
use plugin_core::cluster::Trigger;
use plugin_core::contract::status::{Life, PeerRecord, Role};
use plugin_core::contract::{MailKind, Refusal};

impl Draft<'_> {
    /// The check behind the case is run again, in its pauses.
    pub(super) fn run_again(&mut self, now_ms: u64) {
        let Some(case) = self.state.case.as_mut().filter(|c| now_ms >= c.next_ms) else { return };
        case.failures += 1;
        case.next_ms = now_ms + pause(case.failures);
        let service = case.service.clone();
        self.act(Action::Recheck { service });
    }

    /// What the check says now decides, not what Icinga said.
    pub(super) fn rechecked(&mut self, service: &str, outcome: Recheck, ready: Result<(), (Refusal, String)>, now_ms: u64) {
        let Some(case) = self.state.case.clone().filter(|c| c.trigger == Trigger::Itself && c.service == service) else { return };
        if self.state.attempt.is_some() {
            return;
        }
        match outcome {
            Recheck::Cleared(line) => return self.close_case(&format!("{service}, run again, is not CRITICAL: {line}")),
            Recheck::Blind(text) => {
                return self.case_refused(Refusal::NotCritical, &format!("{service} could not be run again: {text}"), &[], now_ms);
            }
            Recheck::Confirmed(line) => self.journal(Record::Gates { case: case.id.clone(), evidence: vec![format!("{service}: {line}")] }),
        }
        match self.serve_refusal().or_else(|| ready.err()) {
            Some((Refusal::Role, text)) => self.close_case(&text),
            Some((code, text)) => self.case_refused(code, &text, &[], now_ms),
            None => self.begin_move(case.id, false, self.groups_that(|role| role == Role::Master), now_ms),
        }
    }

    /// The peer may take, or so this master asks it; nothing is stopped before it has answered (row 65).
    pub(super) fn begin_move(&mut self, id: String, planned: bool, groups: Vec<String>, now_ms: u64) {
        self.journal(Record::Open { attempt: id.clone(), groups: groups.clone() });
        let epochs = groups.iter().filter_map(|n| self.state.groups.get(n).map(|g| (n.clone(), g.epoch_seen))).collect();
        self.act(Action::Say(Message::MayTake { attempt: id.clone(), epochs, planned }));
        self.state.attempt = Some(Attempt::new(id, Why::Moving { planned }, Stage::Asking { until_ms: now_ms + ASK_MS }, groups));
    }

    /// The slave's side of a lost clients' network: the master is asked to give up.
    pub(super) fn ask_to_demote(&mut self, case: &Case, now_ms: u64) {
        let groups = self.groups_that(|role| role == Role::Slave);
        if groups.is_empty() {
            return;
        }
        self.journal(Record::Open { attempt: case.id.clone(), groups: groups.clone() });
        self.act(Action::Say(Message::Demote { attempt: case.id.clone() }));
        self.state.attempt = Some(Attempt::new(case.id.clone(), Why::Asked, Stage::Asking { until_ms: now_ms + ASK_MS }, groups));
        self.state.case =
            Some(Case { refused: case.refused.clone(), next_ms: now_ms + pause(case.failures), failures: case.failures + 1, ..case.clone() });
    }

    /// The master's side of it: only its own view of its own network counts.
    pub(super) fn demote_asked(&mut self, attempt: String, ready: Result<(), String>, now_ms: u64) {
        if self.state.attempt.as_ref().is_some_and(|a| a.id == attempt) {
            return; // Said over each link.
        }
        let open = self.state.attempt.as_ref().map(|a| format!("attempt {} is open", a.id));
        if let Some(text) = open.or_else(|| self.serve_refusal().map(|(_, text)| text)).or_else(|| ready.err()) {
            return self.act(Action::Say(Message::Declined { attempt, text }));
        }
        self.journal(Record::Gates {
            case: attempt.clone(),
            evidence: vec![format!("{} asks: the clients' network is lost here", self.policy.peer)],
        });
        self.begin_move(attempt, false, self.groups_that(|role| role == Role::Master), now_ms);
    }

    /// The master may begin to stop; from here it has a limited time.
    pub(super) fn await_demotion(&mut self, id: &str, groups: Vec<String>, now_ms: u64) {
        let stage = Stage::Awaiting { until_ms: now_ms + self.policy.demote_ms };
        if self.state.attempt.is_none() {
            self.journal(Record::Open { attempt: id.to_owned(), groups: groups.clone() });
        }
        self.state.attempt = Some(Attempt::new(id.to_owned(), Why::Asked, stage, groups));
    }

    pub(super) fn wait_for_demotion(&mut self, attempt: &Attempt, until_ms: u64, life: Life, now_ms: u64) {
        if matches!(life, Life::Silent | Life::Mute) {
            return self.no_longer_asked(attempt, "the peer is gone before it gave its groups up");
        }
        // A boot-time value from before a reboot can lie far ahead.
        if now_ms >= until_ms.min(now_ms + self.policy.demote_ms) {
            self.fence_stuck(attempt);
        }
    }

    /// What the master says of its own move.
    pub(super) fn master_moves(&mut self, beat: &PeerSaid) {
        let stuck = beat.moving.as_ref().filter(|m| m.stuck);
        match self.state.attempt.clone() {
            Some(open) if open.why == Why::Asked && matches!(open.stage, Stage::Awaiting { .. }) => {
                if beat.moving.as_ref().is_some_and(|m| m.attempt == open.id) {
                    // After a fence that failed its pause has to pass first.
                    if stuck.is_some() && open.failures == 0 {
                        self.fence_stuck(&open);
                    }
                } else if beat.gave.as_ref() != Some(&open.id) {
                    self.no_longer_asked(&open, "the peer does not give its groups up any more");
                }
            }
            None => {
                let open = self.state.frozen.is_none() && self.state.maintenance.is_none() && !beat.maintenance && beat.may_act;
                let groups = self.groups_that(|role| role == Role::Slave);
                if let Some(moving) = stuck.filter(|_| open && !groups.is_empty()) {
                    // Its move is older than this agent's memory of it, or a fence for it failed and was drained.
                    self.journal(Record::Open { attempt: moving.attempt.clone(), groups: groups.clone() });
                    let attempt = Attempt::new(moving.attempt.clone(), Why::Asked, Stage::Intent, groups);
                    self.fence_stuck(&attempt);
                }
            }
            Some(_) => {}
        }
    }

    /// The master could not stop what it has to give up: it is fenced, by its own word or after its time.
    fn fence_stuck(&mut self, attempt: &Attempt) {
        self.journal(Record::Intent { attempt: attempt.id.clone() });
        self.state.attempt = Some(Attempt { stage: Stage::Intent, ..attempt.clone() });
        self.state.peer.record = PeerRecord::FenceIntent;
        self.act(Action::StartFence);
    }

    /// The fence of a master that was asked to give up failed before anything was sent: it is waited for again.
    pub(super) fn await_again(&mut self, attempt: &Attempt, forbidden: bool, now_ms: u64) -> bool {
        if attempt.why != Why::Asked {
            return false;
        }
        let until_ms = if forbidden { now_ms } else { now_ms + pause(attempt.failures) };
        let failures = attempt.failures + u32::from(!forbidden);
        self.state.attempt = Some(Attempt { stage: Stage::Awaiting { until_ms }, failures, ..attempt.clone() });
        self.state.peer.record = PeerRecord::Ok;
        true
    }

    fn no_longer_asked(&mut self, attempt: &Attempt, why: &str) {
        self.journal(Record::Closed { attempt: attempt.id.clone(), why: why.to_owned() });
        self.state.attempt = None;
    }

    /// A move ends before anything was given away: this node is master, or slave, as before.
    pub(super) fn not_moved(&mut self, why: &str) {
        let Some(attempt) = self.state.attempt.take() else { return };
        // Only for the pause between two mails, so the time of the next try is good enough.
        let now_ms = self.state.case.as_ref().map_or(0, |c| c.next_ms);
        self.journal(Record::Closed { attempt: attempt.id, why: why.to_owned() });
        if matches!(attempt.why, Why::Moving { planned: false } | Why::Asked) {
            self.case_refused(Refusal::PeerUnfit, why, &[], now_ms);
        } else {
            self.act(Action::Tell(Err(why.to_owned())));
        }
    }

    /// Stopping failed. A planned move is taken back; a master that reported itself leaves it to its peer.
    pub(super) fn not_stopped(&mut self, attempt: &Attempt, planned: bool, text: &str) {
        let then = if planned { "they are started again" } else { "it stays as it is until the peer has fenced it" };
        let summary = format!("{} could not stop its groups: {text}; {then}", self.policy.me);
        self.mail(MailKind::Trouble, &attempt.id, summary, Vec::new());
        if planned {
            return self.restore(attempt);
        }
        self.journal(Record::Hold { attempt: attempt.id.clone(), group: attempt.groups.join(", "), code: Refusal::Service, text: text.to_owned() });
        self.stage(Stage::Stuck);
    }

    pub(super) fn restore(&mut self, attempt: &Attempt) {
        self.stage(Stage::Restoring);
        self.act(Action::Restore { groups: attempt.groups.clone() });
    }
}
