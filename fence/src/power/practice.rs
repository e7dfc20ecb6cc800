//! A fence on purpose: off, measured, and on again. What a drill does with the devices of one level.
//!
//! Makes no proof: whoever drills wants the node back. Refuses a device that shows somebody else's identity, and a node that is off.

use super::level::{LevelFailure, Pace, confirm_off, on_each};
use super::proof::identify;
use super::{Bounded, FenceFailure, Level, OPERATION, Power, Times, UNPROVEN, Watch};
use plugin_core::Host;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time for the devices to read ON again.
const ON_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at it.
const ON_PAUSE: Duration = Duration::from_millis(250);

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// From the first command to the moment at which every device read OFF, or why the node was not seen off.
    pub off: Result<Duration, String>,
    /// Every device reads ON again, or which does not; `None` = nothing was sent, so nothing was to be switched on.
    pub on: Option<Result<(), String>>,
}

/// Passes everything on, and keeps the times.
struct Timed<'a> {
    host: &'a dyn Host,
    watch: &'a mut dyn Watch,
    begun: Option<Duration>,
    /// First OFF of each device after its last ON.
    off: BTreeMap<String, Duration>,
}

impl Watch for Timed<'_> {
    fn may_send(&mut self, level: u8, device: &str) -> Result<(), String> {
        self.watch.may_send(level, device)?;
        self.begun.get_or_insert(self.host.now());
        Ok(())
    }

    fn accepted(&mut self, level: u8, device: &str) {
        self.watch.accepted(level, device);
    }

    fn read(&mut self, level: u8, device: &str, power: Power) {
        match power {
            Power::On => self.off.remove(device),
            Power::Off => Some(*self.off.entry(device.to_owned()).or_insert(self.host.now())),
        };
        self.watch.read(level, device, power);
    }

    fn note(&mut self, text: &str) {
        self.watch.note(text);
    }

    fn peer_answers(&mut self) -> bool {
        self.watch.peer_answers()
    }
}

/// Switches the node off through every device of the level, and on again. Devices whose identity only a drill can prove are used
/// unseen: the watch says whether the node fell silent.
pub fn practise(host: &dyn Host, target: &str, mut level: Level, times: Times, watch: &mut dyn Watch) -> Practice {
    let mut clocked = Timed { host, watch, begun: None, off: BTreeMap::new() };
    let mut sent = false;
    let off = switch_off(host, target, &mut level, times, &mut clocked, &mut sent);
    // Not only what was accepted: a command whose answer is lost may have switched.
    let on = clocked.begun.is_some().then(|| switch_on(host, &mut level));
    Practice { off, on }
}

fn switch_off(host: &dyn Host, target: &str, level: &mut Level, times: Times, watch: &mut Timed<'_>, sent: &mut bool) -> Result<Duration, String> {
    let number = level.level;
    let (unproven, mut known): (Vec<_>, Vec<_>) = level.devices.drain(..).partition(|(_, identity)| identity == UNPROVEN);
    let shown = identify(host, target, number, &mut known, watch.watch);
    level.devices = unproven.into_iter().chain(known).collect();
    match shown {
        Ok(None) => {}
        Ok(Some(lines)) => return Err(lines.join("; ")),
        Err(FenceFailure::Identity(text)) => return Err(text),
        Err(failure) => return Err(format!("{failure:?}")),
    }
    let readings = on_each(&mut level.devices, |_| true, |device| device.status(&Bounded::new(host, device.patience())));
    for (reading, (device, _)) in readings.into_iter().flatten().zip(&level.devices) {
        match reading {
            Ok(Power::On) => {}
            Ok(Power::Off) => return Err(format!("{} says OFF already: a drill needs a node that runs", device.name())),
            Err(error) => return Err(format!("cannot {error}")),
        }
    }
    let pace = Pace { times, operation: OPERATION, level: number, answered: true };
    match confirm_off(host, &mut level.devices, pace, watch, sent) {
        Err(LevelFailure::Forbidden(reason)) => return Err(reason),
        Err(LevelFailure::GivenUp(lines)) => return Err(lines.join("; ")),
        Ok(_) => {}
    }
    if watch.peer_answers() {
        return Err(format!("every device says OFF, and {target} answers: they do not switch it"));
    }
    let end = watch.off.values().max().copied().unwrap_or_else(|| host.now());
    Ok(end.saturating_sub(watch.begun.unwrap_or(end)))
}

fn switch_on(host: &dyn Host, level: &mut Level) -> Result<(), String> {
    let host = &Bounded::new(host, ON_LIMIT);
    let mut lines = Vec::new();
    for (device, _) in &mut level.devices {
        let name = device.name();
        // A busy device gets several chances: a node that is left off is the worst end of a drill.
        let mut last = format!("{name} was not asked");
        while !host.left().is_zero() {
            let operation = Bounded::new(host, device.patience() * 2);
            match device.status(&operation) {
                Ok(Power::On) => {
                    last.clear();
                    break;
                }
                Ok(Power::Off) => {
                    last = device.set(&operation, Power::On).map_or_else(|e| format!("cannot {e}"), |()| format!("{name} goes on saying OFF"));
                }
                Err(error) => last = format!("cannot {error}"),
            }
            host.wait(ON_PAUSE);
        }
        lines.extend((!last.is_empty()).then_some(last));
    }
    if lines.is_empty() { Ok(()) } else { Err(lines.join("; ")) }
}
