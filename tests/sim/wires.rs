//! The sessions between the two agents: dialled, noticed to be dead; and what their lines meet on the way.

use crate::pair::{Due, Pair};
use crate::world::{LINKS, NAMES};
use fence::takeover::agent::{Input, hello};
use fence::takeover::message::Message;
use fence::takeover::peer::Session;
use std::sync::mpsc::Receiver;

/// One session between the two.
pub struct Wire {
    pub id: u64,
    pub lines: [Receiver<String>; 2],
    /// Since when no frame gets through.
    pub dead_since: Option<u64>,
}

impl Pair {
    /// Sessions are dialled, and noticed to be dead.
    pub fn wires(&mut self) {
        for link in 0..2 {
            let world = self.shared.lock();
            let (through, both, now) = (world.path(link), world.alive(0) && world.alive(1), world.now);
            drop(world);
            let talk = through && both && self.brains.iter().all(Option::is_some);
            match &mut self.wires[link] {
                None if talk => {
                    self.next += 1;
                    let id = self.next;
                    let open = |me: usize| Session::open(id, &hello(&self.cluster, NAMES[me], LINKS[link]));
                    let (ends, lines): (Vec<Session>, Vec<Receiver<String>>) = (0..2).map(open).unzip();
                    for (node, session) in ends.into_iter().enumerate() {
                        let dialled = (node == 0).then(|| LINKS[link].to_owned());
                        self.with(node, |agent| agent.input(Input::SessionUp { link: dialled, session }));
                    }
                    let lines = lines.try_into().expect("two ends");
                    self.wires[link] = Some(Wire { id, lines, dead_since: None });
                }
                None => {}
                Some(wire) if talk => wire.dead_since = None,
                // Both sides notice after ServerAliveInterval times ServerAliveCountMax.
                Some(wire) if wire.dead_since.is_some_and(|at| now - at > 3000) => {
                    let id = wire.id;
                    self.wires[link] = None;
                    for node in 0..2 {
                        self.with(node, |agent| agent.input(Input::SessionDown(id)));
                    }
                }
                Some(wire) => wire.dead_since = wire.dead_since.or(Some(now)),
            }
        }
        for node in 0..2 {
            self.post(node);
        }
    }

    /// Takes the lines that `node` wrote, and sends what gets through.
    pub fn post(&mut self, node: usize) {
        for link in 0..2 {
            let Some(wire) = &self.wires[link] else { continue };
            let (id, lines) = (wire.id, wire.lines[node].try_iter().collect::<Vec<_>>());
            for line in lines {
                let mut world = self.shared.lock();
                let [lost, late, twice] = world.wire;
                if !world.path(link) || world.chance.percent(lost) {
                    continue;
                }
                let message: Message = serde_json::from_str(&line).expect("the product's own words");
                let mut times = vec![world.chance.between(1, 4)];
                if world.chance.percent(late) {
                    times = vec![world.chance.between(100, 4000)];
                }
                if world.chance.percent(twice) {
                    times.push(world.chance.between(1, 4000));
                }
                drop(world);
                for time in times {
                    self.soon(time, Due::Arrives(1 - node, id, Box::new(message.clone())));
                }
            }
        }
    }
}
