//! Devices that follow a script, and a takeover that watches them: for the law of `power::fence` alone.

use fence::power::{FenceFailure, Fenced, Level, Power, PowerError, PowerSwitch, Times, Watch, fence};
use plugin_core::Host;
use plugin_core::host::System;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const GUID: &str = "guid:a123456789abcdefa123456789abcdef";
pub const TIMES: Times = Times { off_gap: Duration::from_millis(60), budget: Duration::from_millis(1500) };

/// What a scripted device does.
#[derive(Clone)]
pub struct Script {
    pub guid: Result<Option<String>, PowerError>,
    /// Next readings; the last one stays. Before an accepted off, if `obeys`, it reads ON.
    pub readings: VecDeque<Result<Power, PowerError>>,
    pub set: Result<(), PowerError>,
    /// An accepted command makes every later reading what it wanted.
    pub obeys: bool,
    pub hangs: bool,
}

#[derive(Clone)]
pub struct Device {
    pub script: Arc<Mutex<Script>>,
    pub sent: Arc<Mutex<Vec<Power>>>,
    pub asked: Arc<Mutex<Vec<Duration>>>,
}

pub fn silent<T>() -> Result<T, PowerError> {
    Err(PowerError::Silent("use it: timed out".into()))
}

impl Device {
    pub fn new(readings: &[Result<Power, PowerError>]) -> Self {
        let script = Script { guid: Ok(Some(GUID.into())), readings: readings.to_vec().into(), set: Ok(()), obeys: false, hangs: false };
        Device { script: Arc::new(Mutex::new(script)), sent: Arc::default(), asked: Arc::default() }
    }

    pub fn obedient() -> Self {
        Self::new(&[Ok(Power::On)]).with(|s| s.obeys = true)
    }

    pub fn with(self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.script.lock().unwrap());
        self
    }

    pub fn sent(&self) -> usize {
        let sent = self.sent.lock().unwrap();
        assert!(sent.iter().all(|power| *power == Power::Off), "a fence only ever sends off");
        sent.len()
    }
}

impl PowerSwitch for Device {
    fn name(&self) -> String {
        "device".into()
    }

    fn identity(&mut self, _: &dyn Host) -> Result<Option<String>, PowerError> {
        self.script.lock().unwrap().guid.clone()
    }

    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError> {
        self.asked.lock().unwrap().push(host.now());
        let mut script = self.script.lock().unwrap();
        if script.hangs {
            host.wait(host.left());
            return silent();
        }
        if script.readings.len() > 1 { script.readings.pop_front().unwrap() } else { script.readings[0].clone() }
    }

    fn set(&mut self, _: &dyn Host, want: Power) -> Result<(), PowerError> {
        self.sent.lock().unwrap().push(want);
        let mut script = self.script.lock().unwrap();
        if script.obeys && script.set.is_ok() {
            script.readings = [Ok(want)].into();
        }
        script.set.clone()
    }
}

#[derive(Default)]
pub struct Takeover {
    pub allowed: Option<u32>,
    pub asked: Vec<u8>,
    pub accepted: u32,
    pub read: Vec<Power>,
    pub notes: Vec<String>,
    pub peer_answers: bool,
}

impl Watch for Takeover {
    fn may_send(&mut self, level: u8, _: &str) -> Result<(), String> {
        self.asked.push(level);
        let asked = u32::try_from(self.asked.len()).unwrap();
        if self.allowed.is_some_and(|most| asked > most) { Err("the peer is back".into()) } else { Ok(()) }
    }

    fn accepted(&mut self, _: u8, _: &str) {
        self.accepted += 1;
    }

    fn read(&mut self, _: u8, _: &str, power: Power) {
        self.read.push(power);
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn peer_answers(&mut self) -> bool {
        self.peer_answers
    }
}

pub fn level(level: u8, devices: &[&Device]) -> Level {
    let devices = devices.iter().map(|d| (Box::new((*d).clone()) as Box<dyn PowerSwitch>, GUID.to_owned())).collect();
    Level { level, devices }
}

pub fn shoot(levels: Vec<Level>, watch: &mut Takeover) -> Result<Fenced, FenceFailure> {
    fence(&System::new(None), "n1", levels, TIMES, watch)
}
