//! The power command: the hard form, checked against what the service says it takes. Refuses every orderly shutdown.

use super::Trouble;
use super::http::{Answer, Ask};
use super::line::Line;
use super::resource::{self, Reset, Task};
use crate::power::{Bounded, Power};
use plugin_core::Host;
use serde_json::json;
use std::time::Duration;

/// A service that does its work as a task may tell in this time that it failed; the power state is watched in any case.
const TASK: Duration = Duration::from_secs(1);
const TASK_PAUSE: Duration = Duration::from_millis(200);

/// Sends it. `Ok`: the service has accepted it, which proves nothing.
pub fn send(line: &mut Line, host: &dyn Host, reset: &Reset, etag: Option<&str>, want: Power) -> Result<(), Trouble> {
    // Never GracefulShutdown or PushPowerButton: a hung node obeys neither.
    let words: &[&str] = match want {
        Power::Off => &["ForceOff"],
        Power::On => &["On", "ForceOn"],
    };
    let listed = match (&reset.allowed, &reset.info) {
        (Some(list), _) => Some(list.clone()),
        (None, Some(info)) => line.get(host, info).ok().and_then(|answer| resource::action_info(&answer.body)),
        (None, None) => None,
    };
    // A service that lists nothing is asked for the usual word.
    let word = match &listed {
        Some(list) => words.iter().find(|word| list.iter().any(|l| l == *word)),
        None => words.first(),
    };
    let Some(word) = word else {
        let list = listed.unwrap_or_default().join(", ").chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        return Err(Trouble::Config(format!("the service offers no {} (it offers: {list}); use another fence device", words.join(" or "))));
    };
    let mut ask = Ask::post(&line.path(&reset.target)?, &json!({"ResetType": word}));
    let mut answer = line.ask(host, &ask)?;
    if matches!(answer.status, 412 | 428) {
        // Few services want to be told which state of the system is meant; any is.
        ask.etag = Some(etag.filter(|_| answer.status == 428).unwrap_or("*").to_owned());
        answer = line.ask(host, &ask)?;
    }
    match answer.status {
        202 => follow(line, host, &answer),
        200 | 201 | 204 => Ok(()),
        _ => Err(line.refused(&ask, &answer)),
    }
}

/// The command has become a task: a failure that shows at once is told.
fn follow(line: &mut Line, host: &dyn Host, accepted: &Answer) -> Result<(), Trouble> {
    let body = || resource::read::<resource::Reference>(&accepted.body).ok().map(|task| task.path);
    let Some(monitor) = accepted.made().map(str::to_owned).or_else(body) else { return Ok(()) };
    let Ok(monitor) = line.path(&monitor) else { return Ok(()) };
    let (host, ask) = (Bounded::new(host, TASK), Ask::get(&monitor));
    while !host.left().is_zero() {
        // The power state decides; a monitor that is silent, gone or unreadable proves nothing.
        let Ok(answer) = line.ask(&host, &ask) else { return Ok(()) };
        let failed = match answer.status {
            200..=299 => resource::task(&answer.body) == Task::Failed,
            404 | 410 => false,
            _ => true,
        };
        if failed {
            return Err(Trouble::Garbled(format!("it accepted the command, but its task failed: {}", line.refused(&ask, &answer))));
        }
        if answer.status != 202 && resource::task(&answer.body) != Task::Running {
            return Ok(());
        }
        host.wait(TASK_PAUSE);
    }
    Ok(())
}
