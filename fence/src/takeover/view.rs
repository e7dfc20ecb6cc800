//! What the agent looks at beside the peer itself: the peer's fence devices, and this machine's readiness. Each is looked at
//! by a thread of its own, so that a slow device never delays a decision.

use super::agent::Input;
use super::drills::Drills;
use super::prober::Steering;
use super::{fitness, machine};
use crate::power::{self, PROVEN, Power, PowerError, PowerSwitch, UNPROVEN};
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Drill;
use plugin_core::host::System;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// A device's answer counts for this long (section 1, Steps).
const GOOD_FOR: Duration = Duration::from_mins(1);
/// Devices are asked this often without a reason.
const POLL: Duration = Duration::from_secs(25);
/// Not asked again within this time, however many calls prime the agent.
const POLL_LEAST: Duration = Duration::from_secs(5);
/// One device may take this long.
const DEVICE_LIMIT: Duration = Duration::from_secs(6);
/// This machine is looked at this often.
const LOOK: Duration = Duration::from_secs(20);

/// One fence device of the peer, as last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// Its level.
    pub level: u8,
    /// Printable name.
    pub name: String,
    /// Its last drill from this node.
    pub drill: Option<Drill>,
    /// When it was asked last.
    pub asked: Duration,
    /// When it answered last; before `asked` = the answer is still awaited.
    pub answered: Option<Duration>,
    /// The answer.
    pub outcome: Result<Power, (Refusal, String)>,
}

impl DeviceView {
    /// It answered lately, with the right identity.
    pub fn good(&self, now: Duration) -> bool {
        !self.pending(now) && self.outcome.is_ok() && self.answered.is_some_and(|at| now.saturating_sub(at) <= GOOD_FOR)
    }

    /// An answer is awaited.
    pub fn pending(&self, now: Duration) -> bool {
        self.answered.is_none_or(|at| at < self.asked) && now.saturating_sub(self.asked) <= DEVICE_LIMIT * 2
    }

    /// Why it can't be used.
    pub fn refusal(&self) -> Option<Refusal> {
        self.outcome.as_ref().err().map(|(code, _)| *code)
    }

    /// For people.
    pub fn describe(&self, now: Duration) -> String {
        let said = match &self.outcome {
            Ok(Power::On) => "ON".to_owned(),
            Ok(Power::Off) => "OFF".to_owned(),
            Err((Refusal::Undrilled, text)) => text.clone(),
            Err((code, text)) => format!("{code}, cannot {text}"),
        };
        match self.answered {
            Some(_) if self.refusal() == Some(Refusal::Undrilled) => said,
            Some(at) => format!("{said} ({} s ago)", now.saturating_sub(at).as_secs()),
            None => "not asked yet".to_owned(),
        }
    }
}

/// What was seen of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not looked at yet, or it could not be seen; why.
    Unknown(String),
    /// Looked at.
    Seen {
        /// What would start managed resources at boot.
        boot_starts: Vec<String>,
        /// Why this node can't run the groups (G5, G10, G11).
        unfit: Option<(Refusal, String)>,
    },
}

fn ask(host: &dyn Host, device: &mut Box<dyn PowerSwitch>, identity: &str, place: (&str, u8)) -> Result<Power, (Refusal, String)> {
    let coded = |e: PowerError| {
        let code = match &e {
            PowerError::Denied(_) => Refusal::DeviceDenied,
            PowerError::Silent(_) | PowerError::Refused(_) | PowerError::Garbled(_) | PowerError::Changing(_) => Refusal::DeviceSilent,
            PowerError::Config(_) => Refusal::Config,
        };
        (code, e.to_string())
    };
    match identity {
        UNPROVEN => return Err((Refusal::Undrilled, power::needs_drill(&device.name(), place.0, place.1))),
        PROVEN => return device.status(host).map_err(coded),
        _ => {}
    }
    let said = device.identity(host).map_err(coded)?;
    if !said.as_deref().is_some_and(|s| power::is_same_identity(s, identity)) {
        let said = said.unwrap_or("nothing".to_owned());
        return Err((Refusal::Identity, format!("believe {}: it says {said}, cluster.toml says {identity}", device.name())));
    }
    match device.status(host) {
        // The device works, and between on and off is not off.
        Err(PowerError::Changing(_)) => Ok(Power::On),
        said => said.map_err(coded),
    }
}

/// Asks the peer's fence devices at once, every half minute, and whenever `wake` says so; ends when `inbox` is closed.
pub fn watch_devices(cluster: &Arc<Cluster>, peer: &str, drills: &Path, wake: &Receiver<()>, inbox: &Sender<Input>) {
    let clock = System::new(None);
    let mut last: Option<Duration> = None;
    let mut good = true;
    loop {
        if last.is_none_or(|at| clock.now().saturating_sub(at) >= POLL_LEAST) {
            last = Some(clock.now());
            if inbox.send(Input::DevicesAsked(clock.now())).is_err() {
                return;
            }
            let views = look(cluster, peer, &Drills::load(&clock, drills), &clock);
            good = views.iter().all(|d| d.outcome.is_ok());
            if inbox.send(Input::Devices(views)).is_err() {
                return;
            }
        }
        // A device that fails is asked more often: the gate must not stay shut after it was repaired.
        match wake.recv_timeout(if good { POLL } else { POLL_LEAST }) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn look(cluster: &Cluster, peer: &str, drills: &Drills, clock: &System) -> Vec<DeviceView> {
    let asked = clock.now();
    let mut levels = match power::switches(cluster, peer, clock) {
        Ok(levels) => levels,
        Err(error) => {
            let outcome = Err((Refusal::Config, error.to_string()));
            return vec![DeviceView { level: 1, name: "fence devices".to_owned(), drill: None, asked, answered: Some(clock.now()), outcome }];
        }
    };
    drills.prove(peer, &mut levels);
    let mut views = Vec::new();
    for level in levels {
        for (mut device, identity) in level.devices {
            let host = System::new(Some(DEVICE_LIMIT.max(device.patience())));
            let asked = clock.now();
            let outcome = ask(&host, &mut device, &identity, (peer, level.level));
            let (name, drill) = (device.name(), drills.of(peer, level.level, &device.name()).cloned());
            views.push(DeviceView { level: level.level, name, drill, asked, answered: Some(clock.now()), outcome });
        }
    }
    views
}

/// Looks at this machine every 20 s; ends when `inbox` is closed.
pub fn watch_machine(cluster: &Arc<Cluster>, steering: &Arc<Steering>, inbox: &Sender<Input>) {
    loop {
        let host = System::new(Some(LOOK));
        let looked = machine::boot_starts(&host, cluster).and_then(|starts| Ok((starts, fitness::unfit(&host, cluster, &steering.served())?)));
        let seen = match looked {
            Ok((boot_starts, unfit)) => Readiness::Seen { boot_starts, unfit },
            Err(blind) => Readiness::Unknown(format!("cannot {blind}")),
        };
        if inbox.send(Input::Ready(seen)).is_err() {
            return;
        }
        System::new(None).wait(LOOK);
    }
}
