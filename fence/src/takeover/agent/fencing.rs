//! The fence runs in a thread of its own; before every power command it asks the loop, which looks again and journals first.

use super::{Agent, Input};
use crate::power::{self, FenceFailure, Power, Times, Watch};
use crate::takeover::publish;
use plugin_core::Host;
use plugin_core::host::System;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// The fence's way to the loop.
struct Line {
    inbox: Sender<Input>,
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

impl Agent {
    /// Starts the fence.
    pub(super) fn start_fence(&mut self) {
        self.off_since = None;
        let (cluster, peer, me, inbox) = (Arc::clone(&self.cluster), self.policy.peer.clone(), self.policy.me.clone(), self.outbox.clone());
        thread::spawn(move || {
            let host = System::new(None);
            // The node that shoots later gives the other one the advantage (row 63).
            host.wait(cluster.fence.delay.get(&me).and_then(|d| d.0).unwrap_or(Duration::ZERO));
            let times = Times { off_gap: cluster.fence.off_gap.or_forever(), budget: cluster.fence.budget.or_forever() };
            let mut line = Line { inbox: inbox.clone() };
            let result = power::switches(&cluster, &peer, &host)
                .map_err(|e| FenceFailure::Failed(vec![e.to_string()]))
                .and_then(|levels| power::fence(&host, &peer, levels, times, &mut line));
            let _ = inbox.send(Input::FenceDone(result));
        });
    }
}
