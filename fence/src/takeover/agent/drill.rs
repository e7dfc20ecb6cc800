//! `twinguard drill fence`: the peer is fenced on purpose, so that the day of the disaster is not the first time.
//!
//! Only while the peer serves nobody, or in an announced maintenance. Opens no attempt and takes nothing over; while it runs, and for
//! the drain time after one whose off may still arrive, nothing else that an operator could start is begun (F4).

use super::Agent;
use crate::power::{Power, Practice};
use crate::takeover::decide::DRAIN_MS;
use crate::takeover::journal::Record;
use plugin_core::contract::Refusal;
use plugin_core::contract::mail::MailKind;
use plugin_core::contract::status::{Drill, Life, Role, SLOW_DRILL};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Longest time between the decision and the end: probes run in full meanwhile.
const WATCHED: Duration = Duration::from_mins(2);

/// What the drill's thread tells and asks.
pub enum News {
    /// May it send?
    MaySend {
        /// Level.
        level: u8,
        /// Device.
        device: String,
        /// Where the answer goes.
        reply: Sender<Result<(), String>>,
    },
    /// A power state was read.
    Read(Power),
    /// Does the peer answer, although its devices say OFF?
    PeerAnswers(Sender<bool>),
    /// It is over.
    Done(Practice),
}

/// A drill that runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    id: String,
    who: String,
    level: u8,
}

impl Agent {
    /// Why an operator's act that starts something has to wait.
    pub(super) fn drill_blocks(&self, now: Duration) -> Option<(Refusal, String)> {
        match &self.drilling {
            Some(running) => Some((Refusal::AttemptOpen, format!("drill {} runs", running.id))),
            None if now < self.drill_drains => Some((Refusal::Draining, "a drill ended without OFF, and its command may still arrive".to_owned())),
            None => None,
        }
    }

    /// An operator wants the peer fenced through one level.
    pub(super) fn drill(&mut self, node: &str, level: u8, id: String, who: String) {
        if let Some(refusal) = self.drill_refusal(node, level) {
            return self.refuse(refusal);
        }
        let what = format!("drill fence {node} --level {level}");
        let mut drills = self.outside.drills();
        drills.run(Some((who.clone(), node.to_owned(), level)));
        let written = self.outside.append(&[Record::Operator { who: who.clone(), what }]).and_then(|()| self.outside.keep_drills(&drills));
        if let Err(why) = written {
            return self.refuse((Refusal::StateUnwritable, why));
        }
        self.outside.log(&format!("drill {id}: {who} fences {node} on purpose, level {level}"));
        self.drilling = Some(Running { id, who, level });
        self.off_since = None;
        self.prime(WATCHED);
        self.outside.drill(level);
    }

    fn drill_refusal(&self, node: &str, level: u8) -> Option<(Refusal, String)> {
        let (peer, now) = (&self.policy.peer, self.outside.now());
        if node == self.policy.me {
            return Some((Refusal::WrongNode, format!("{node} never fences itself: run it on {peer}")));
        }
        if node != peer {
            return Some((Refusal::NameMismatch, format!("\"{node}\" is not the peer, {peer}")));
        }
        if let Some(why) = self.corrupt.as_ref().or(self.state.frozen.as_ref()) {
            return Some((Refusal::Frozen, why.clone()));
        }
        if let Some(attempt) = &self.state.attempt {
            return Some((Refusal::AttemptOpen, format!("attempt {} is open", attempt.id)));
        }
        if !self.devices.iter().any(|device| device.level == level) {
            return Some((Refusal::NoStonith, format!("no [[fence.device]] of level {level} targets {peer}")));
        }
        // Only a node that answers can be seen to fall silent.
        if self.outlook.life(now) != Life::Alive || !self.cluster.links.keys().any(|link| self.outlook.channel(link, now)) {
            return Some((Refusal::Unfit, format!("{peer} does not answer: a drill needs a node that runs")));
        }
        if self.maintained() {
            return None;
        }
        if let Some(group) = self.peer_serves() {
            let text = format!("{peer} serves {group}: move it away first, or announce the outage by twinguard maintenance on");
            return Some((Refusal::PeerServes, text));
        }
        if !self.state.groups.values().any(|group| group.role == Role::Master) {
            return Some((Refusal::Role, "this node serves nothing either: drill a healthy pair, or in a maintenance".to_owned()));
        }
        self.both_links(now).err()
    }

    fn maintained(&self) -> bool {
        self.state.maintenance.is_some() || self.state.peer.maintenance
    }

    /// A group that the peer serves or is about to, by its last word.
    fn peer_serves(&self) -> Option<String> {
        let Some(beat) = &self.last_beat else { return Some("nobody knows what".to_owned()) };
        beat.groups.iter().find(|(_, group)| matches!(group.role, Role::Master | Role::Taking)).map(|(name, _)| name.clone())
    }

    /// What the drill's thread says.
    pub(super) fn drill_news(&mut self, news: News) {
        let Some(running) = self.drilling.clone() else { return };
        match news {
            News::MaySend { level, device, reply } => {
                let serves = self.peer_serves().filter(|_| !self.maintained());
                let answer = match serves {
                    Some(group) => Err(format!("PEER_SERVES: {} serves {group} meanwhile", self.policy.peer)),
                    None => self.outside.append(&[Record::Sent { attempt: running.id, level, device }]),
                };
                let _ = reply.send(answer);
            }
            News::Read(Power::On) => self.off_since = None,
            News::Read(Power::Off) => {
                self.off_since.get_or_insert(self.outside.now());
            }
            News::PeerAnswers(reply) => self.off_ask = Some(reply),
            News::Done(practice) => self.drill_ended(running, &practice),
        }
    }

    fn drill_ended(&mut self, running: Running, practice: &Practice) {
        self.drilling = None;
        let (peer, level) = (self.policy.peer.clone(), running.level);
        let mut drills = self.outside.drills();
        drills.run(None);
        let mut lines = Vec::new();
        match &practice.off {
            Ok(took) => {
                let took_ms = crate::takeover::ms(*took);
                let at_ms = self.outside.wall_ms();
                for view in self.devices.iter_mut().filter(|view| view.level == level) {
                    let drill = Drill { target: peer.clone(), level, device: view.name.clone(), at_ms, took_ms, by: running.who.clone() };
                    drills.record(drill.clone());
                    view.drill = Some(drill);
                }
                lines.push(format!("{peer} was off {:.1} s after the command (level {level})", took.as_secs_f64()));
                if *took > SLOW_DRILL {
                    lines.push(
                        "that is long: its BMC asks the system for an orderly shutdown; set HandlePowerKey=ignore in logind.conf there".to_owned(),
                    );
                }
            }
            Err(why) => {
                lines.push(format!("{peer} was not fenced: {why}"));
                if practice.on.is_some() {
                    self.drill_drains = self.outside.now() + Duration::from_millis(DRAIN_MS);
                }
            }
        }
        match &practice.on {
            Some(Ok(())) => lines.push("its power is on again".to_owned()),
            Some(Err(why)) => lines.push(format!("it could NOT be switched on again: {why}")),
            None => lines.push("no command was sent".to_owned()),
        }
        let good = practice.off.is_ok() && practice.on == Some(Ok(()));
        let record = Record::Drilled { drill: running.id.clone(), who: running.who, target: peer, level, good, text: lines.join("; ") };
        let kept = self.outside.append(&[record]).and_then(|()| self.outside.keep_drills(&drills));
        if let Err(why) = &kept {
            lines.push(format!("it is NOT recorded: {why}"));
        }
        let text = lines.join("; ");
        self.outside.log(&format!("drill {}: {text}", running.id));
        if !good || kept.is_err() {
            self.drill_mail(&running.id, &text);
        }
        self.outside.ask_devices();
        self.tell(if good && kept.is_ok() { Ok(text) } else { Err(format!("{}: {text}", Refusal::FenceFailed)) });
    }

    /// At the start: a drill that the agent's end has interrupted may have left the peer off.
    pub(super) fn drill_interrupted(&mut self) {
        let mut drills = self.outside.drills();
        let Some((who, node, level)) = drills.run(None) else { return };
        let text = format!("the agent ended during the drill of {node} (level {level}) by {who}: look at the power of {node}");
        self.outside.log(&text);
        let id = self.fresh_id();
        self.drill_mail(&id, &text);
        if let Err(why) = self.outside.keep_drills(&drills) {
            self.outside.log(&why);
        }
    }

    fn drill_mail(&mut self, id: &str, text: &str) {
        self.mail(MailKind::Trouble, &format!("drill-{id}"), text.to_owned(), Vec::new());
    }
}
