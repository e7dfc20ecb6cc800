//! Switching off through the devices of one level, until every one of them has read OFF twice.
//!
//! Refuses to count an accepted command, a single OFF, or the OFFs of some devices only.

use super::{Bounded, Power, PowerError, PowerSwitch, Times, Watch};
use plugin_core::Host;
use std::time::Duration;

/// Silent questions in a row after which a device is given up …
const SILENCES: u32 = 2;
/// … but not before this time if it has answered in this attempt: a BMC may restart its network when the power goes.
const ABSENCE: Duration = Duration::from_secs(8);
/// Commands that one device may refuse before it is given up.
const REFUSALS: u32 = 3;
/// A device may take this many times as long for a command as for a question: agents verify what they do.
const COMMAND_TIME: u32 = 4;
/// Least time between two commands to one device: a busy BMC gets time to breathe.
const RESEND: Duration = Duration::from_secs(1);
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

/// How one level is worked through.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Gap and budget.
    pub times: Times,
    /// Longest time for one question to one device.
    pub operation: Duration,
    /// Number of the level, for the [`Watch`].
    pub level: u8,
    /// The devices have just shown their identity: one that falls silent may come back.
    pub answered: bool,
}

/// What is known about one device in this attempt.
#[derive(Clone, Debug, Default)]
struct Known {
    last: Option<Result<Power, PowerError>>,
    /// Boot time at which the command was accepted.
    accepted: Option<Duration>,
    /// Boot time of the last command.
    tried: Option<Duration>,
    /// Why the last command was not accepted.
    refusal: Option<PowerError>,
    /// Boot time of the last answer.
    heard: Option<Duration>,
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
    fn wants_off(&self, now: Duration) -> bool {
        let rested = self.tried.is_none_or(|tried| now.saturating_sub(tried) >= RESEND);
        let heard = !self.is_off() && !matches!(self.last, Some(Err(PowerError::Silent(_) | PowerError::Denied(_) | PowerError::Config(_))));
        heard && rested && self.accepted.is_none()
    }

    fn is_lost(&self, now: Duration) -> bool {
        let gone = self.silences >= SILENCES && self.heard.is_none_or(|heard| now.saturating_sub(heard) >= ABSENCE);
        self.certain || gone || (self.refusals >= REFUSALS && !self.is_off())
    }

    fn failed(&mut self, error: &PowerError) {
        match error {
            PowerError::Silent(_) => self.silences += 1,
            PowerError::Denied(_) | PowerError::Config(_) => self.certain = true,
            PowerError::Refused(_) | PowerError::Garbled(_) | PowerError::Changing(_) => self.silences = 0,
        }
    }

    fn verdict(&self, now: Duration) -> String {
        match (&self.last, self.accepted) {
            (Some(Ok(Power::On)), Some(at)) => {
                format!("goes on saying ON, {:.1} s after it accepted off: timed out", now.saturating_sub(at).as_secs_f64())
            }
            (Some(Ok(Power::On)), None) => match &self.refusal {
                Some(error) => format!("says ON; off was not accepted: cannot {error}"),
                None => "says ON and was sent no command".into(),
            },
            (Some(Ok(Power::Off)), _) => "said OFF, but not twice in a row together with its level".into(),
            (Some(Err(error)), _) => format!("cannot {error}"),
            (None, _) => "was not asked".into(),
        }
    }
}

/// Sends off (never cycle, reset or an orderly shutdown) and polls until two rounds of readings, at least `off_gap` apart,
/// show OFF at every device. `sent` becomes true when a command was, or may have been, accepted.
/// Ends inside the budget. The result is the evidence, one line per device.
///
/// # Errors
/// See [`LevelFailure`].
pub fn confirm_off(host: &dyn Host, devices: &mut [Device], pace: Pace, watch: &mut dyn Watch, sent: &mut bool) -> Result<Vec<String>, LevelFailure> {
    let host = &Bounded::new(host, pace.times.budget);
    let gap = pace.times.off_gap;
    let mut known = vec![Known { heard: pace.answered.then(|| host.now()), ..Known::default() }; devices.len()];
    let mut first_off: Option<Duration> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let began = host.now();
        read_all(host, pace, devices, &mut known, watch);
        let lines = |host: &dyn Host, devices: &[Device], known: &[Known]| -> Vec<String> {
            devices.iter().zip(known).map(|((device, _), known)| format!("{} {}", device.name(), known.verdict(host.now()))).collect()
        };
        if devices.is_empty() || known.iter().any(|k| k.is_lost(host.now())) {
            return Err(LevelFailure::GivenUp(lines(host, devices, &known)));
        }
        if known.iter().all(Known::is_off) {
            match first_off {
                Some(first) if began.saturating_sub(first) >= gap => return Ok(evidence(devices, first, began)),
                // Only the end of the first round proves that all were off together; the second starts a gap later.
                None => first_off = Some(host.now()),
                Some(_) => {}
            }
            host.wait(first_off.unwrap_or(began).saturating_add(gap).saturating_sub(host.now()));
        } else {
            first_off = None;
            let news = send_off(host, pace, devices, &mut known, watch, sent).map_err(LevelFailure::Forbidden)?;
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

fn evidence(devices: &[Device], first: Duration, second: Duration) -> Vec<String> {
    let times = format!("OFF at {:.3} s and from {:.3} s on (boot time)", first.as_secs_f64(), second.as_secs_f64());
    devices.iter().map(|(device, identity)| format!("{} ({identity}) read {times}", device.name())).collect()
}

fn read_all(host: &dyn Host, pace: Pace, devices: &mut [Device], known: &mut [Known], watch: &mut dyn Watch) {
    let readings = on_each(devices, |_| true, |device| device.status(&Bounded::new(host, pace.operation.max(device.patience()))));
    for ((reading, known), (device, _)) in readings.into_iter().flatten().zip(known).zip(devices) {
        match &reading {
            Ok(power) => {
                (known.silences, known.heard) = (0, Some(host.now()));
                watch.read(pace.level, &device.name(), *power);
            }
            Err(error) => {
                known.failed(error);
                watch.note(&format!("level {}: cannot {error}", pace.level));
            }
        }
        known.last = Some(reading);
    }
}

/// `Ok(true)`: something was accepted, so look at once.
fn send_off(
    host: &dyn Host,
    pace: Pace,
    devices: &mut [Device],
    known: &mut [Known],
    watch: &mut dyn Watch,
    sent: &mut bool,
) -> Result<bool, String> {
    let mut picked = Vec::new();
    for ((device, _), known) in devices.iter().zip(known.iter()) {
        let picks = known.wants_off(host.now());
        picked.push(picks);
        if picks {
            watch.may_send(pace.level, &device.name())?;
        }
    }
    let answers = on_each(
        devices,
        |at| picked.get(at) == Some(&true),
        |device| {
            let time = pace.operation.max(device.patience()) * COMMAND_TIME;
            device.set(&Bounded::new(host, time), Power::Off)
        },
    );
    let mut news = false;
    for ((answer, known), (device, _)) in answers.into_iter().zip(known).zip(devices) {
        if answer.is_some() {
            known.tried = Some(host.now());
        }
        match answer {
            None => {}
            Some(Ok(())) => {
                (*sent, news, known.accepted) = (true, true, Some(host.now()));
                watch.accepted(pace.level, &device.name());
            }
            Some(Err(error)) => {
                *sent |= matches!(error, PowerError::Silent(_) | PowerError::Garbled(_));
                known.failed(&error);
                known.refusals += 1;
                watch.note(&format!("level {}: off not accepted: cannot {error}", pace.level));
                known.refusal = Some(error);
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
