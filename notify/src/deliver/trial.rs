//! `notify_mail --test`: one mail over each relay to each default recipient and one message to each channel, past the spool, so that
//! the answer is about the ways and about nothing else. Refuses to call a way good that did not take it.

use super::channel;
use super::compose::Composer;
use super::line::{Letter, Line};
use crate::args::Args;
use crate::settings::Settings;
use plugin_core::host::{Host, system::nodename};
use std::sync::Arc;
use std::time::Duration;

/// Runs the trial: one line for each way, and whether all were good.
///
/// # Errors
/// One sentence, if the configuration can't be used.
pub fn run(host: &dyn Host, args: &Args, id: &str) -> Result<(Vec<String>, bool), String> {
    let settings = Settings::read(host, &args.config)?;
    let timeout = Duration::from_secs(args.timeout);
    let mut line = Line::new(host, &settings, timeout)?;
    let node = nodename();
    let mail = Composer { settings: &settings, node: &node, status: None }.trial(id, host.wall_ms());
    let message = String::from_utf8(mail.message()?).map_err(|_| "the message is not ASCII".to_owned())?;
    let (mut lines, mut good) = (Vec::new(), true);
    let mut report = |way: &str, outcome: Result<(), String>| {
        good &= outcome.is_ok();
        lines.push(match outcome {
            Ok(()) => format!("good    {way}"),
            Err(why) => format!("FAILED  {way}: {why}"),
        });
    };
    for to in &mail.to {
        let letter = Arc::new(Letter { from: mail.from.email.to_string(), to: to.email.to_string(), message: message.clone() });
        for (relay, outcome) in line.hand_to_each(host, &letter) {
            report(&format!("{relay} for {}", letter.to), outcome);
        }
    }
    for argv in &settings.channels {
        report(&argv.join(" "), channel::run(argv, &mail.plain(), timeout.min(host.left())));
    }
    line.hang_up(host);
    Ok((lines, good))
}
