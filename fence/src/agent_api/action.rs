//! The actions. `off` means *seen* off, twice; an unreachable device is never "off".

use super::{Agent, Values, World};
use crate::power::{Bounded, LevelFailure, Pace, Power, PowerError, PowerSwitch, Times, Watch, confirm_off, is_same_identity};
use plugin_core::Host;
use std::time::Duration;

/// Between the two OFF readings.
const OFF_GAP: Duration = Duration::from_millis(500);
/// Between two looks while the power comes up.
const ON_PAUSE: Duration = Duration::from_millis(100);

/// What an agent can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Off, verified.
    Off,
    /// On, verified.
    On,
    /// Off verified, then on.
    Reboot,
    /// Tells the power state by exit code.
    Status,
    /// Does the device answer?
    Monitor,
    /// Prints the metadata.
    Metadata,
    /// Checks the options without the network.
    ValidateAll,
    /// Prints who the device says it is; for people who fill in `identity`.
    Identity,
}

impl Action {
    /// Reads an action in any case.
    ///
    /// # Errors
    /// Pacemaker knows the words "Unrecognised action".
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(Action::Off),
            "on" => Ok(Action::On),
            "reboot" => Ok(Action::Reboot),
            "status" => Ok(Action::Status),
            "monitor" => Ok(Action::Monitor),
            "metadata" | "meta-data" => Ok(Action::Metadata),
            "validate-all" => Ok(Action::ValidateAll),
            "identity" => Ok(Action::Identity),
            _ => Err(format!("Unrecognised action \"{text}\": use off, on, reboot, status, monitor, validate-all or metadata")),
        }
    }
}

/// Allows everything, and remembers whether anything was done.
struct Waiting<'a> {
    host: &'a dyn Host,
    power_wait: Duration,
    accepted: bool,
    notes: Vec<String>,
}

impl Watch for Waiting<'_> {
    fn may_send(&mut self, _: u8, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn accepted(&mut self, _: u8, _: &str) {
        self.accepted = true;
        self.host.wait(self.power_wait);
    }

    fn read(&mut self, _: u8, device: &str, power: Power) {
        self.notes.push(format!("{device} says {power:?}"));
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn peer_answers(&mut self) -> bool {
        // An agent knows no peer; whoever calls it does.
        false
    }
}

/// Does what is asked; the exit code.
///
/// # Errors
/// A sentence for standard error; the exit code is 1 then.
pub fn act(agent: &Agent, action: Action, values: &Values, world: &mut World<'_>) -> Result<u8, String> {
    let mut switch = (agent.build)(values, world.host)?;
    let identity = values.text("identity").unwrap_or_default().to_owned();
    if matches!(action, Action::ValidateAll) {
        return Ok(0);
    }
    if matches!(action, Action::Off | Action::Reboot) {
        world.host.wait(values.seconds("delay"));
    }
    let operation = values.seconds("login-timeout") + values.seconds("shell-timeout");
    let budget = operation + values.seconds("power-wait") + values.seconds("power-timeout");
    let host = &Bounded::new(world.host, budget.saturating_mul(if action == Action::Reboot { 2 } else { 1 }));
    if matches!(action, Action::Off | Action::On | Action::Reboot) && !identity.is_empty() {
        let shown = switch.identity(host).map_err(|e| format!("cannot {e}"))?.unwrap_or_else(|| "no identity".into());
        if !is_same_identity(&shown, &identity) {
            return Err(format!("nothing sent: {} shows {shown}, identity={identity} is wanted", switch.name()));
        }
    }
    let mut watch = Waiting { host, power_wait: values.seconds("power-wait"), accepted: false, notes: Vec::new() };
    let pace = Pace { times: Times { off_gap: OFF_GAP, budget }, operation, level: 1, answered: false };
    let (said, code) = match action {
        Action::Off => (off(host, switch, identity, pace, &mut watch)?.0, 0),
        Action::On => (on(host, switch.as_mut(), values)?, 0),
        Action::Reboot => {
            let (_, mut switch) = off(host, switch, identity, pace, &mut watch)?;
            if let Err(error) = on(host, switch.as_mut(), values) {
                // The node is surely off, which is what fencing is for; that it stays off is worth a line.
                let _ = writeln!(world.err, "{}: off is confirmed, but on failed: {error}", agent.name);
            }
            ("Success: Rebooted".into(), 0)
        }
        Action::Status => match switch.status(host).map_err(|e| format!("cannot {e}"))? {
            Power::On => ("Status: ON".into(), 0),
            Power::Off => ("Status: OFF".into(), 2),
        },
        Action::Identity => (switch.identity(host).map_err(|e| format!("cannot {e}"))?.ok_or("the device shows no identity")?, 0),
        // It answers: enough, also when the node is off.
        Action::Monitor => match switch.status(host) {
            Ok(_) | Err(PowerError::Changing(_)) => (String::new(), 0),
            Err(error) => return Err(format!("cannot {error}")),
        },
        Action::Metadata | Action::ValidateAll => (String::new(), 0),
    };
    if values.is_set("verbose") {
        for note in watch.notes {
            let _ = writeln!(world.err, "{}: {note}", agent.name);
        }
    }
    if !said.is_empty() && !values.is_set("quiet") {
        // The deed counts, not the word about it.
        let _ = writeln!(world.out, "{said}");
    }
    Ok(code)
}

type Switch = Box<dyn PowerSwitch>;

fn off(host: &dyn Host, switch: Switch, identity: String, pace: Pace, watch: &mut Waiting<'_>) -> Result<(String, Switch), String> {
    let mut devices = vec![(switch, identity)];
    let ended = confirm_off(host, &mut devices, pace, watch, &mut false);
    match (ended, devices.pop()) {
        (Ok(_), Some((switch, _))) => Ok((if watch.accepted { "Success: Powered OFF" } else { "Success: Already OFF" }.into(), switch)),
        (Err(LevelFailure::GivenUp(lines)), _) => Err(format!("off failed: {}", lines.join("; "))),
        (Err(LevelFailure::Forbidden(reason)), _) => Err(reason),
        (Ok(_), None) => Err("off failed: there is no device".into()),
    }
}

fn on(host: &dyn Host, switch: &mut dyn PowerSwitch, values: &Values) -> Result<String, String> {
    let failed = |e: PowerError| format!("cannot {e}");
    let mut last = switch.status(host);
    match &last {
        Ok(Power::On) => return Ok("Success: Already ON".into()),
        Ok(Power::Off) | Err(PowerError::Changing(_)) => {}
        Err(error) => return Err(failed(error.clone())),
    }
    for _ in 0..values.number("retry-on").unwrap_or(1).max(1) {
        switch.set(host, Power::On).map_err(failed)?;
        host.wait(values.seconds("power-wait"));
        let host = Bounded::new(host, values.seconds("power-timeout"));
        while !host.left().is_zero() {
            last = switch.status(&host);
            match &last {
                Ok(Power::On) => return Ok("Success: Powered ON".into()),
                Ok(Power::Off) | Err(PowerError::Changing(_)) => host.wait(ON_PAUSE),
                Err(error) => return Err(failed(error.clone())),
            }
        }
    }
    Err(match last {
        Err(error) => format!("on failed: timed out: cannot {error}"),
        Ok(_) => format!("on failed: {} goes on saying OFF: timed out", switch.name()),
    })
}
