//! The fence runs in a thread of its own; before every power command it asks the loop, which looks again and journals first.

use super::Input;
use crate::power::{Power, Watch};
use crate::takeover::publish;
use std::sync::mpsc::{Sender, channel};

/// The fence's way to the loop.
pub(super) struct Line {
    pub inbox: Sender<Input>,
}

impl Line {
    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Input) -> Option<T> {
        let (reply, answer) = channel();
        self.inbox.send(question(reply)).ok()?;
        answer.recv().ok()
    }
}

impl Watch for Line {
    fn may_send(&mut self, level: u8, device: &str) -> Result<(), String> {
        self.ask(|reply| Input::MaySend { level, device: device.to_owned(), reply }).unwrap_or_else(|| Err("the agent stops".to_owned()))
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
        self.ask(|reply| Input::PeerAnswers { reply }).unwrap_or(true)
    }
}
