//! Switching off through the devices of one level, until every one of them has read OFF twice.
//!
//! Refuses to count an accepted command, a single OFF, or the OFFs of some devices only.

use super::{Bounded, OPERATION, Power, PowerError, PowerSwitch, Times, Watch};
use plugin_core::Host;
use std::time::Duration;

/// Silent questions in a row after which a device is given up.
const SILENCES: u32 = 2;
/// Commands that one device may refuse before it is given up.
const REFUSALS: u32 = 3;
/// Pause between two rounds of readings while something is still ON: doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A device and the identity that it has to show.
pub type Device = (Box<dyn PowerSwitch>, String);

/// Why a level did not end with OFF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelFailure {
    /// `Watch::may_send` said no.
    Forbidden(String),
    /// What each device did, one line each.
    GivenUp(Vec<String>),
}

/// What is known about one device in this attempt.
#[derive(Clone, Debug, Default)]
struct Known {
    last: Option<Result<Power, PowerError>>,
    /// Boot time at which the command was accepted.
    accepted: Option<Duration>,
    silences: u32,
    refusals: u32,
    /// The device will not do it: no second try.
    certain: bool,
}

impl Known {
    fn is_off(&self) -> bool {
        matches!(self.last, Some(Ok(Power::Off)))
    }

    /// A command would tell it something new, and there is a chance that it hears it.
    fn wants_off(&self) -> bool {
        let heard = !self.is_off() && !matches!(self.last, Some(Err(PowerError::Silent(_) | PowerError::Denied(_) | PowerError::Config(_))));
        heard && self.accepted.is_none()
    }

    fn is_lost(&self) -> bool {
        self.certain || self.silences >= SILENCES || self.refusals >= REFUSALS
    }

    fn failed(&mut self, error: &PowerError) {
        match error {
            PowerError::Silent(_) => self.silences += 1,
            PowerError::Denied(_) | PowerError::Config(_) => self.certain = true,
            PowerError::Refused(_) | PowerError::Garbled(_) => {}
        }
    }

    fn verdict(&self, now: Duration) -> String {
        match (&self.last, self.accepted) {
            (Some(Ok(Power::On)), Some(at)) => format!("goes on saying ON, {:.1} s after it accepted off", now.saturating_sub(at).as_secs_f64()),
            (Some(Ok(Power::On)), None) => "says ON and accepted no command".into(),
            (Some(Ok(Power::Off)), _) => "said OFF, but not twice in a row together with its level".into(),
            (Some(Err(error)), _) => format!("cannot {error}"),
            (None, _) => "was not asked".into(),
        }
    }
}

/// Sends off (never cycle, reset or an orderly shutdown) and polls until two rounds of readings, at least `off_gap` apart,
/// show OFF at every device. `sent` becomes true when a command was, or may have been, accepted.
/// Ends inside `times.budget` and never asks a device for longer than [`OPERATION`] at once.
///
/// # Errors
/// See [`LevelFailure`].
pub fn confirm_off(
    host: &dyn Host,
    level: u8,
    devices: &mut [Device],
    times: Times,
    watch: &mut dyn Watch,
    sent: &mut bool,
) -> Result<Vec<String>, LevelFailure> {
    let host = &Bounded::new(host, times.budget);
    let mut known = vec![Known::default(); devices.len()];
    let mut first_off: Option<Duration> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let began = host.now();
        read_all(host, level, devices, &mut known, watch);
        let lines = |host: &dyn Host, devices: &[Device], known: &[Known]| -> Vec<String> {
            devices.iter().zip(known).map(|((device, _), known)| format!("level {level}: {} {}", device.name(), known.verdict(host.now()))).collect()
        };
        if devices.is_empty() || known.iter().any(Known::is_lost) {
            return Err(LevelFailure::GivenUp(lines(host, devices, &known)));
        }
        if known.iter().all(Known::is_off) {
            match first_off {
                Some(first) if began.saturating_sub(first) >= times.off_gap => return Ok(evidence(level, devices, first, began)),
                // Only the end of the first round proves that all were off together; the second starts a gap later.
                None => first_off = Some(host.now()),
                Some(_) => {}
            }
            host.wait(first_off.unwrap_or(began).saturating_add(times.off_gap).saturating_sub(host.now()));
        } else {
            first_off = None;
            let news = send_off(host, level, devices, &mut known, watch, sent).map_err(LevelFailure::Forbidden)?;
            if !news {
                host.wait(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        if host.left().is_zero() {
            return Err(LevelFailure::GivenUp(lines(host, devices, &known)));
        }
    }
}

fn evidence(level: u8, devices: &[Device], first: Duration, second: Duration) -> Vec<String> {
    let times = format!("OFF at {:.3} s and from {:.3} s on (boot time)", first.as_secs_f64(), second.as_secs_f64());
    devices.iter().map(|(device, identity)| format!("level {level}: {} ({identity}) read {times}", device.name())).collect()
}

fn read_all(host: &dyn Host, level: u8, devices: &mut [Device], known: &mut [Known], watch: &mut dyn Watch) {
    let readings = on_each(devices, |_| true, |device| device.status(&Bounded::new(host, OPERATION)));
    for ((reading, known), (device, _)) in readings.into_iter().flatten().zip(known).zip(devices) {
        match &reading {
            Ok(power) => {
                known.silences = 0;
                watch.read(level, &device.name(), *power);
            }
            Err(error) => {
                known.failed(error);
                watch.note(&format!("level {level}: cannot {error}"));
            }
        }
        known.last = Some(reading);
    }
}

/// `Ok(true)`: something was accepted, so look at once.
fn send_off(host: &dyn Host, level: u8, devices: &mut [Device], known: &mut [Known], watch: &mut dyn Watch, sent: &mut bool) -> Result<bool, String> {
    let mut picked = Vec::new();
    for ((device, _), known) in devices.iter().zip(known.iter()) {
        picked.push(known.wants_off());
        if known.wants_off() {
            watch.may_send(level, &device.name())?;
        }
    }
    let answers = on_each(devices, |at| picked.get(at) == Some(&true), |device| device.set(&Bounded::new(host, OPERATION), Power::Off));
    let mut news = false;
    for ((answer, known), (device, _)) in answers.into_iter().zip(known).zip(devices) {
        match answer {
            None => {}
            Some(Ok(())) => {
                (*sent, news, known.accepted) = (true, true, Some(host.now()));
                watch.accepted(level, &device.name());
            }
            Some(Err(error)) => {
                *sent |= matches!(error, PowerError::Silent(_) | PowerError::Garbled(_));
                known.failed(&error);
                known.refusals += 1;
                watch.note(&format!("level {level}: off not accepted: cannot {error}"));
            }
        }
    }
    Ok(news)
}

/// Asks the picked devices at the same time, so that a hanging one costs the others nothing.
pub(super) fn on_each<R: Send>(
    devices: &mut [Device],
    picked: impl Fn(usize) -> bool,
    ask: impl Fn(&mut dyn PowerSwitch) -> Result<R, PowerError> + Sync,
) -> Vec<Option<Result<R, PowerError>>> {
    if let [(device, _)] = devices {
        return vec![picked(0).then(|| ask(device.as_mut()))];
    }
    let ask = &ask;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            devices.iter_mut().enumerate().map(|(at, (device, _))| picked(at).then(|| scope.spawn(move || ask(device.as_mut())))).collect();
        let broken = || Err(PowerError::Garbled("use the driver: it panicked".into()));
        threads.into_iter().map(|thread| thread.map(|t| t.join().unwrap_or_else(|_| broken()))).collect()
    })
}
