//! Blocking code in virtual time: the fence and the steps run as they are, each in a thread of its own, and exactly one thread of
//! a history runs at any moment. Waiting hands the turn back to the scheduler; a killed worker never gets it again.

use fence::takeover::agent::Input;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// Ends a thread whose process was killed; no panic message belongs to it.
pub struct Killed;

/// What a worker says when it gives the turn back.
pub enum Word {
    /// "Wake me at this time (ms)."
    Sleep(u64),
    /// "Tell my agent this, and wake me a moment later."
    Say(Input),
    /// "I am done; tell my agent this."
    Done(Option<Input>),
}

/// A worker's end of the line.
pub struct Turn {
    line: Mutex<(Receiver<()>, Sender<Word>)>,
}

impl Turn {
    /// Gives the turn away until the scheduler gives it back.
    fn give(&self, word: Word) {
        let line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let back = line.1.send(word).is_ok() && line.0.recv().is_ok();
        drop(line);
        if !back {
            resume_unwind(Box::new(Killed));
        }
    }

    pub fn sleep_until(&self, ms: u64) {
        self.give(Word::Sleep(ms));
    }

    pub fn say(&self, input: Input) {
        self.give(Word::Say(input));
    }

    /// Waits for the agent's answer.
    pub fn answer<T>(&self, reply: &Receiver<T>, now: impl Fn() -> u64) -> Option<T> {
        loop {
            match reply.try_recv() {
                Ok(answer) => return Some(answer),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => self.sleep_until(now() + 10),
            }
        }
    }
}

/// The scheduler's end.
pub struct Worker {
    pub node: usize,
    go: Option<Sender<()>>,
    words: Receiver<Word>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// A worker that has not run yet; `job` ends with what its agent is told.
    pub fn new(node: usize, job: impl FnOnce(&Turn) -> Option<Input> + Send + 'static) -> Self {
        let (go, turn) = channel();
        let (up, words) = channel();
        let thread = std::thread::spawn(move || {
            if turn.recv().is_err() {
                return;
            }
            let turn = Turn { line: Mutex::new((turn, up)) };
            match catch_unwind(AssertUnwindSafe(|| job(&turn))) {
                Ok(last) => {
                    let line = turn.line.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let _ = line.1.send(Word::Done(last));
                }
                Err(end) if end.is::<Killed>() => {}
                Err(end) => resume_unwind(end),
            }
        });
        Self { node, go: Some(go), words, thread: Some(thread) }
    }

    /// Gives it the turn until it gives it back.
    pub fn run(&self) -> Word {
        let gone = self.go.as_ref().is_none_or(|go| go.send(()).is_err());
        if gone { Word::Done(None) } else { self.words.recv().expect("a worker panicked; its message is above") }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.go = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
