//! The fence runs in a thread of its own; before every power command it asks the loop, which looks again and journals first.

use super::{Input, News};
use crate::power::{Power, Watch};
use crate::takeover::publish;
use std::sync::mpsc::{Sender, channel};

/// The fence's way to the loop.
pub(super) struct Line {
    pub inbox: Sender<Input>,
}

/// The drill's way to the loop.
pub(super) struct Rehearsal {
    pub inbox: Sender<Input>,
}

fn ask<T>(inbox: &Sender<Input>, question: impl FnOnce(Sender<T>) -> Input) -> Option<T> {
    let (reply, answer) = channel();
    inbox.send(question(reply)).ok()?;
    answer.recv().ok()
}

const STOPS: &str = "the agent stops";

impl Watch for Line {
    fn may_send(&mut self, level: u8, device: &str) -> Result<(), String> {
        ask(&self.inbox, |reply| Input::MaySend { level, device: device.to_owned(), reply }).unwrap_or_else(|| Err(STOPS.to_owned()))
    }

    fn accepted(&mut self, level: u8, device: &str) {
        let _ = self.inbox.send(Input::Accepted { level, device: device.to_owned() });
    }

    fn read(&mut self, level: u8, device: &str, power: Power) {
        let _ = self.inbox.send(Input::Read { level, device: device.to_owned(), power });
    }

    fn note(&mut self, text: &str) {
        publish::log(text);
    }

    fn peer_answers(&mut self) -> bool {
        // Nobody to ask = not sure that it is silent.
        ask(&self.inbox, |reply| Input::PeerAnswers { reply }).unwrap_or(true)
    }
}

impl Watch for Rehearsal {
    fn may_send(&mut self, level: u8, device: &str) -> Result<(), String> {
        let question = |reply| Input::Drill(News::MaySend { level, device: device.to_owned(), reply });
        ask(&self.inbox, question).unwrap_or_else(|| Err(STOPS.to_owned()))
    }

    fn accepted(&mut self, _: u8, _: &str) {}

    fn read(&mut self, _: u8, _: &str, power: Power) {
        let _ = self.inbox.send(Input::Drill(News::Read(power)));
    }

    fn note(&mut self, text: &str) {
        publish::log(text);
    }

    fn peer_answers(&mut self) -> bool {
        ask(&self.inbox, |reply| Input::Drill(News::PeerAnswers(reply))).unwrap_or(true)
    }
}
