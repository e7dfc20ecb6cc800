//! The proof that a node is off, and its only maker.
//!
//! Refuses to send anything to a device that does not show the peer's identity, and to believe an OFF while the peer answers.

use super::level::{Device, LevelFailure, Pace, confirm_off, on_each};
use super::{Bounded, FenceFailure, Level, OPERATION, PROVEN, Power, Times, UNPROVEN, Watch};
use plugin_core::Host;
use std::time::Duration;

/// Time in which the devices of earlier levels may object to an OFF.
const OBJECTION: Duration = Duration::from_secs(1);

/// A node was seen off, twice, through a device that proved to be its own. True at [`Fenced::at`], not forever: ask again before
/// the first side effect and after each restart (TAKEOVER.md 3.6, F5).
#[derive(Debug)]
#[must_use = "a proof is there to be used up by a takeover"]
pub struct Fenced {
    target: String,
    level: u8,
    evidence: Vec<String>,
    at: Duration,
}

impl Fenced {
    /// The node that is off.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The level that proved it.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// What each device said, one line each.
    pub fn evidence(&self) -> &[String] {
        &self.evidence
    }

    /// CLOCK_BOOTTIME of the confirmation.
    pub const fn at(&self) -> Duration {
        self.at
    }
}

/// Switches `target` off and proves it, level by level (TAKEOVER.md section 1, Fence, and 3.6).
///
/// A node that is off already gets no command, but two readings all the same.
///
/// # Errors
/// See [`FenceFailure`].
pub fn fence(host: &dyn Host, target: &str, mut levels: Vec<Level>, times: Times, watch: &mut dyn Watch) -> Result<Fenced, FenceFailure> {
    levels.sort_by_key(|level| level.level);
    let mut failed = Vec::new();
    let mut sent = false;
    for at in 0..levels.len() {
        let (earlier, rest) = levels.split_at_mut(at);
        let Some(Level { level, devices }) = rest.first_mut() else { break };
        let ended = match identify(host, target, *level, devices, watch)? {
            Some(lines) => Err(LevelFailure::GivenUp(lines)),
            None => confirm_off(host, devices, Pace { times, operation: OPERATION, level: *level, answered: true }, watch, &mut sent),
        };
        match ended {
            Ok(evidence) => {
                let evidence = on_level(*level, evidence);
                if watch.peer_answers() {
                    return Err(FenceFailure::OffButAlive(format!("{target} answers although {}", evidence.join("; "))));
                }
                if let Some(objection) = says_on(host, earlier) {
                    return Err(FenceFailure::OffButAlive(format!("{objection} although {}", evidence.join("; "))));
                }
                return Ok(Fenced { target: target.to_owned(), level: *level, evidence, at: host.now() });
            }
            Err(LevelFailure::Forbidden(reason)) => return Err(FenceFailure::Forbidden { reason, sent }),
            Err(LevelFailure::GivenUp(lines)) => {
                let lines = on_level(*level, lines);
                for line in &lines {
                    watch.note(&format!("{line}; level {level} is given up"));
                }
                failed.extend(lines);
            }
        }
    }
    if failed.is_empty() {
        failed.push(format!("no fence device is configured for {target}"));
    }
    Err(FenceFailure::Failed(failed))
}

/// Every device of the level shows the identity that the configuration names. `Ok(Some(lines))`: one of them can't be asked, or
/// nobody knows yet whose it is.
pub(super) fn identify(
    host: &dyn Host,
    target: &str,
    level: u8,
    devices: &mut [Device],
    watch: &mut dyn Watch,
) -> Result<Option<Vec<String>>, FenceFailure> {
    let proven: Vec<bool> = devices.iter().map(|(_, wanted)| wanted == PROVEN).collect();
    let must_show = |at: usize| proven.get(at) == Some(&false);
    let mut lines: Vec<String> =
        devices.iter().filter(|(_, wanted)| wanted == UNPROVEN).map(|(device, _)| needs_drill(&device.name(), target, level)).collect();
    if !lines.is_empty() {
        return Ok(Some(lines));
    }
    let shown = on_each(devices, must_show, |device| device.identity(&Bounded::new(host, device.patience())));
    for (shown, (device, wanted)) in shown.into_iter().zip(devices.iter()) {
        let Some(shown) = shown else { continue };
        match shown {
            Ok(Some(shown)) if is_same_identity(&shown, wanted) => watch.note(&format!("level {level}: {} shows {shown}", device.name())),
            Ok(shown) => {
                let shown = shown.unwrap_or_else(|| "no identity".into());
                return Err(FenceFailure::Identity(format!("level {level}: {} shows {shown}, the configuration says {wanted}", device.name())));
            }
            Err(error) => lines.push(format!("cannot {error}")),
        }
    }
    Ok((!lines.is_empty()).then_some(lines))
}

/// What to do about a device that can't show whose it is.
pub fn needs_drill(device: &str, target: &str, level: u8) -> String {
    format!("{device} needs a recorded drill: twinguard drill fence {target} --level {level}")
}

fn on_level(level: u8, lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("level {level}: {line}")).collect()
}

/// Same kind, same 32 digits; dashes and case do not count. An id of zeros belongs to nobody.
pub fn is_same_identity(shown: &str, wanted: &str) -> bool {
    let plain = |id: &str| id.to_ascii_lowercase().replace('-', "");
    let (shown, wanted) = (plain(shown), plain(wanted));
    let digits = shown.split_once(':').map_or("", |(_, digits)| digits);
    shown == wanted && digits.len() == 32 && digits.bytes().any(|digit| digit != b'0')
}

/// A device of an earlier, given-up level that can be reached and says ON contradicts the OFF.
fn says_on(host: &dyn Host, earlier: &mut [Level]) -> Option<String> {
    let host = Bounded::new(host, OBJECTION);
    for Level { level, devices } in earlier {
        let readings = on_each(devices, |_| true, |device| device.status(&host));
        for (reading, (device, _)) in readings.into_iter().flatten().zip(devices.iter()) {
            if reading == Ok(Power::On) {
                return Some(format!("level {level}: {} says ON", device.name()));
            }
        }
    }
    None
}
