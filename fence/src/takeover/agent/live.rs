//! The real surroundings of the loop: the kernel's clock, files that are fsynced, threads that fence and take.

use super::fencing::{Line, Rehearsal};
use super::{Input, News, Outside, Places};
use crate::power::{self, FenceFailure, Practice, Times};
use crate::takeover::data::{self, Board};
use crate::takeover::drills::Drills;
use crate::takeover::durable::{Durable, Store};
use crate::takeover::journal::{Journal, Record};
use crate::takeover::prober::Steering;
use crate::takeover::steps::{self, Promotion, Step};
use crate::takeover::{faults, machine, ms, publish};
use plugin_core::Host;
use plugin_core::cluster::{Cluster, Group};
use plugin_core::contract::MailEvent;
use plugin_core::contract::status::Status;
use plugin_core::host::System;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

/// Looking at this machine may take this long; who asked waits for it.
const LOOK: Duration = Duration::from_secs(3);
/// Stopping or starting again what a group has may take this long.
const RELEASE: Duration = Duration::from_mins(2);

/// What the loop of a running agent is surrounded by.
pub(super) struct Live {
    pub host: System,
    pub cluster: Arc<Cluster>,
    pub peer: String,
    pub store: Store,
    pub journal: Journal,
    pub status: PathBuf,
    pub drills: PathBuf,
    pub inbox: Sender<Input>,
    pub steering: Arc<Steering>,
    pub wake_prober: Sender<()>,
    pub wake_devices: Sender<()>,
    pub mails: Sender<MailEvent>,
    pub board: Arc<Board>,
}

impl Live {
    /// Does something with groups in a thread of its own, one after the other until the first failure.
    fn on_groups(
        &self,
        groups: Vec<String>,
        act: impl Fn(&System, &Cluster, &Group) -> Result<(), String> + Send + 'static,
        tell: fn(Result<(), String>) -> Input,
    ) {
        let (cluster, inbox) = (Arc::clone(&self.cluster), self.inbox.clone());
        thread::spawn(move || {
            let result = groups.iter().try_for_each(|name| match cluster.groups.iter().find(|g| g.name == *name) {
                Some(group) => act(&System::new(Some(RELEASE)), &cluster, group),
                None => Err(format!("group {name} is not in cluster.toml")),
            });
            let _ = inbox.send(tell(result));
        });
    }
}

impl Outside for Live {
    fn board(&self, _boot_id: &str) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    fn now(&self) -> Duration {
        self.host.now()
    }

    fn wall_ms(&self) -> i64 {
        self.host.wall_ms()
    }

    fn fresh_uuid(&self) -> Result<String, String> {
        fresh_uuid(&self.host)
    }

    fn append(&mut self, records: &[Record]) -> Result<(), String> {
        self.journal.append(ms(self.host.now()), self.host.wall_ms(), records)
    }

    fn save(&mut self, state: &Durable) -> Result<(), String> {
        self.store.save(state)
    }

    fn clean(&self, group: &Group) -> Result<(), String> {
        let host = System::new(Some(LOOK));
        machine::clean(&host, group).and_then(|()| data::clean(&host, group))
    }

    fn lacks(&self, group: &Group) -> Result<(), String> {
        let host = System::new(Some(LOOK));
        machine::lacks(&host, group).and_then(|()| data::lacks(&host, group))
    }

    fn probe(&mut self, until: Duration) {
        let before = self.steering.full_until_ms.fetch_max(ms(until), Ordering::Relaxed);
        if before < ms(self.host.now()) {
            let _ = self.wake_prober.send(());
        }
    }

    fn serving(&mut self, groups: BTreeSet<String>) {
        self.steering.serves(groups);
    }

    fn ask_devices(&mut self) {
        let _ = self.wake_devices.send(());
    }

    fn fence(&mut self, delay: Duration) {
        let (cluster, peer, inbox) = (Arc::clone(&self.cluster), self.peer.clone(), self.inbox.clone());
        let drills = self.drills.clone();
        thread::spawn(move || {
            let host = System::new(None);
            // The node that shoots later gives the other one the advantage (row 63).
            host.wait(delay);
            let times = Times { off_gap: cluster.fence.off_gap.or_forever(), budget: cluster.fence.budget.or_forever() };
            let mut line = Line { inbox: inbox.clone() };
            let result = power::switches(&cluster, &peer, &host).map_err(|e| FenceFailure::Failed(vec![e.to_string()])).and_then(|mut levels| {
                Drills::load(&host, &drills).prove(&peer, &mut levels);
                power::fence(&host, &peer, levels, times, &mut line)
            });
            let _ = inbox.send(Input::FenceDone(result));
        });
    }

    fn drill(&mut self, level: u8) {
        let (cluster, peer, inbox) = (Arc::clone(&self.cluster), self.peer.clone(), self.inbox.clone());
        thread::spawn(move || {
            let host = System::new(None);
            let times = Times { off_gap: cluster.fence.off_gap.or_forever(), budget: cluster.fence.budget.or_forever() };
            let none = |why: String| Practice { off: Err(why), on: None };
            let practice = match power::switches(&cluster, &peer, &host) {
                Err(error) => none(error.to_string()),
                Ok(levels) => match levels.into_iter().find(|l| l.level == level) {
                    None => none(format!("no fence device of level {level}")),
                    Some(level) => power::practise(&host, &peer, level, times, &mut Rehearsal { inbox: inbox.clone() }),
                },
            };
            let _ = inbox.send(Input::Drill(News::Done(practice)));
        });
    }

    fn drills(&self) -> Drills {
        Drills::load(&self.host, &self.drills)
    }

    fn keep_drills(&mut self, drills: &Drills) -> Result<(), String> {
        drills.save(&self.drills)
    }

    fn step(&mut self, promotion: Arc<Promotion>, group: String, step: Step, epoch: u64) {
        let inbox = self.inbox.clone();
        thread::spawn(move || {
            let result = promotion.run(|limit| System::new(Some(limit)), &group, step, epoch);
            let _ = inbox.send(Input::StepEnded { step, result });
        });
    }

    fn release(&mut self, groups: Vec<String>) {
        let (board, peer) = (Arc::clone(&self.board), self.peer.clone());
        let act = move |host: &System, cluster: &Cluster, group: &Group| {
            steps::release(host, cluster, group).and_then(|()| data::release(host, group, &board, &peer))
        };
        self.on_groups(groups, act, Input::Undone);
    }

    fn restore(&mut self, groups: Vec<String>) {
        let peer = self.peer.clone();
        let act = move |host: &System, cluster: &Cluster, group: &Group| {
            data::restore(host, group, &peer).and_then(|()| steps::restore(host, cluster, group))
        };
        self.on_groups(groups, act, Input::Restored);
    }

    fn recheck(&mut self, service: String) {
        let (cluster, inbox) = (Arc::clone(&self.cluster), self.inbox.clone());
        thread::spawn(move || faults::again(&cluster, service, &inbox));
    }

    fn mask(&mut self) {
        let (cluster, inbox) = (Arc::clone(&self.cluster), self.inbox.clone());
        thread::spawn(move || {
            let units = cluster.groups.iter().flat_map(|g| g.services.iter().chain(&g.master_only).chain(&g.slave_only));
            let _ = inbox.send(Input::Masked(machine::mask(&System::new(Some(RELEASE)), units)));
        });
    }

    fn mail(&mut self, event: MailEvent) {
        let _ = self.mails.send(event);
    }

    fn publish(&mut self, status: &Status) {
        if let Err(why) = publish::status(&self.status, status) {
            publish::log(&why);
        }
    }

    fn log(&self, text: &str) {
        publish::log(text);
    }
}

/// `(first start since boot, id of this boot)`: the marker lies in a folder that a boot empties.
pub(super) fn boot_marker(host: &System, places: &Places) -> Result<(bool, String), String> {
    let path = places.run.join("boot");
    if let Ok(id) = host.read(&path) {
        return Ok((false, id.trim().to_owned()));
    }
    let id = fresh_uuid(host)?;
    machine::write_durably(&path, &format!("{id}\n"))?;
    Ok((true, id))
}

fn fresh_uuid(host: &System) -> Result<String, String> {
    let id = host.read(Path::new("/proc/sys/kernel/random/uuid")).map_err(|b| format!("cannot {b}"))?;
    Ok(id.trim().to_owned())
}
