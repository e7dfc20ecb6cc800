//! Deciding durably, then acting: records and state are on disk before anything is done (I10). What can't be written is not done.

use super::{Agent, PRIMED};
use crate::takeover::decide::{Action, Event, decide};
use crate::takeover::steps::Step;
use crate::takeover::{ms, publish};
use plugin_core::contract::mail::{MailEvent, MailKind};
use plugin_core::contract::request::Answer;
use plugin_core::contract::status::Role;
use plugin_core::contract::{Refusal, mail};
use std::time::Duration;

impl Agent {
    /// Decides, writes, acts.
    pub(super) fn apply(&mut self, event: Event) {
        let (next, actions) = decide(&self.policy, &self.state, event.clone());
        if let Some(why) = self.corrupt.clone() {
            return self.refuse_all(actions, Refusal::StateCorrupt, &why);
        }
        let records: Vec<_> = actions.iter().filter_map(|a| if let Action::Journal(r) = a { Some(r.clone()) } else { None }).collect();
        let written = if records.is_empty() { Ok(()) } else { self.outside.append(&records) };
        let written = written.and_then(|()| if next == self.state { Ok(()) } else { self.outside.save(&next) });
        if let Err(why) = written {
            self.outside.log(&format!("nothing is done: {why}"));
            if matches!(
                event,
                Event::Proven { .. }
                    | Event::FenceEnded { .. }
                    | Event::StepDone { .. }
                    | Event::StepFailed { .. }
                    | Event::Undone { .. }
                    | Event::Restored { .. }
                    | Event::Masked { .. }
            ) {
                self.stalled.push_back(event);
            }
            if self.unwritable.replace(why.clone()).is_none() {
                let incident = format!("state-{}", self.outside.wall_ms());
                self.mail(MailKind::Trouble, &incident, format!("{} can't write its state and does nothing", self.policy.me), vec![why.clone()]);
            }
            return self.refuse_all(actions, Refusal::StateUnwritable, &why);
        }
        if !records.is_empty() {
            self.unwritable = None;
        }
        for record in &records {
            self.outside.log(&serde_json::to_string(record).unwrap_or_default());
        }
        self.state = next;
        self.place_data();
        let held = self.state.groups.iter().filter(|(_, g)| matches!(g.role, Role::Master | Role::Taking)).map(|(name, _)| name.clone());
        let held = held.collect();
        self.outside.serving(held);
        for action in actions {
            self.perform(action);
        }
    }

    /// Who waits for an answer gets the refusal; nothing else happens.
    fn refuse_all(&mut self, actions: Vec<Action>, code: Refusal, why: &str) {
        for action in actions {
            match action {
                Action::Answer(_) => self.answer(Err((code, why.to_owned()))),
                Action::Permit(_) => self.permit(Err(format!("{code}: {why}"))),
                _ => {}
            }
        }
        self.tell(Err(format!("{code}: {why}")));
    }

    /// The keeper of the copies and the steps learn the roles before anything is done.
    pub(super) fn place_data(&self) {
        for (name, standing) in &self.state.groups {
            self.data.placed(name, standing.role, standing.data_owner.as_deref() == Some(self.policy.me.as_str()));
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Journal(_) => {} // Written before.
            Action::Answer(answer) => self.answer(answer),
            Action::Prime => {
                self.prime(PRIMED);
                self.outside.ask_devices();
            }
            Action::StartFence => {
                self.mark("fence begins");
                self.prime(Duration::from_mins(1));
                self.off_since = None;
                let delay = self.delay();
                self.outside.fence(delay);
            }
            Action::Permit(answer) => {
                self.mark("off sent");
                self.permit(answer);
            }
            Action::Run { group, step, epoch } => self.run_step(group, step, epoch),
            Action::Undo { groups } => self.outside.release(groups),
            Action::Restore { groups } => self.outside.restore(groups),
            Action::Recheck { service } => self.outside.recheck(service),
            Action::Mask => self.outside.mask(),
            Action::Say(message) => self.sessions.say(&message),
            Action::Tell(answer) => self.tell(answer),
            Action::Mail { kind, incident, summary, details } => self.mail(kind, &incident, summary, details),
            Action::DropProof => self.promotion = None,
        }
    }

    /// Full probe rounds for a while.
    pub(super) fn prime(&mut self, time: Duration) {
        self.outside.probe(self.outside.now() + time);
    }

    fn run_step(&mut self, group: String, step: Step, epoch: u64) {
        // No proof, no step (I2): `decide` asks for a step only after `Event::Proven`, which brings one.
        let Some(promotion) = self.promotion.clone() else {
            self.outside.log(&format!("{step} of {group} is not run: there is no proof"));
            return;
        };
        self.outside.step(promotion, group, step, epoch);
    }

    fn answer(&mut self, answer: Result<String, (Refusal, String)>) {
        let Some(reply) = self.handler.take() else { return };
        let answer = match answer {
            Ok(text) => Answer { accepted: true, refusal: None, text },
            Err((code, text)) => Answer { accepted: false, refusal: Some(code), text },
        };
        let _ = reply.send(answer);
    }

    fn permit(&mut self, answer: Result<(), String>) {
        if let Some(ask) = self.ask.take() {
            let _ = ask.reply.send(answer);
        }
    }

    pub(super) fn tell(&mut self, answer: Result<String, String>) {
        if let Some(reply) = self.operator.take() {
            let _ = reply.send(answer);
        }
    }

    /// A point of the measured timeline, in milliseconds since the last sign of life.
    pub(super) fn mark(&mut self, label: &str) {
        let now = self.outside.now();
        let silent = self.outlook.silent_for(now);
        // A new incident begins when the last one's end is long past.
        if self.timeline_start.is_none_or(|start| now.saturating_sub(start) > Duration::from_mins(5)) {
            self.timeline.clear();
            self.timeline_start = Some(now.saturating_sub(silent));
        }
        let at = ms(now.saturating_sub(self.timeline_start.unwrap_or(now)));
        if self.timeline.last().is_none_or(|(last, _)| last != label) && self.timeline.len() < 64 {
            self.timeline.push((label.to_owned(), at));
        }
    }

    pub(super) fn mail(&mut self, kind: MailKind, incident: &str, summary: String, mut details: Vec<String>) {
        let at_ms = self.outside.wall_ms();
        let status = self.status();
        let advice = status.refusal.as_ref().filter(|_| kind == MailKind::Refused).map(|r| r.code.advice());
        if let Some(promotion) = self.promotion.as_ref().filter(|_| kind == MailKind::Takeover) {
            details.extend(promotion.evidence());
        }
        let timeline = if kind == MailKind::Takeover { self.timeline.clone() } else { Vec::new() };
        let event = MailEvent {
            schema: 1,
            id: format!("{incident}.{}.{at_ms}", publish::word(kind)),
            incident: incident.to_owned(),
            kind,
            severity: if kind == MailKind::Takeover && summary.contains("degraded") { mail::Severity::Critical } else { publish::severity(kind) },
            cluster: self.cluster.name.clone(),
            node: self.policy.me.clone(),
            at_ms,
            summary,
            details,
            actions: publish::actions(kind, &self.policy.peer, advice),
            timeline,
            nodes: publish::rows(&status),
        };
        self.outside.mail(event);
    }
}
