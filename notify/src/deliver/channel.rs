//! Further channels: an SMS gateway, a chat. A program gets one message on standard input; exit code 0 means that it has it. Has a
//! queue file of its own beside the mail's, so that neither waits for the other. Refuses to look into what the program does.

use crate::clean::line;
use plugin_core::host::{Blind, Command, Host, System};
use std::time::Duration;

/// How a channel is written as a recipient; no mail address begins like this.
const MARK: char = '|';

/// The recipient that stands for a channel.
pub(super) fn recipient(argv: &[String]) -> String {
    format!("{MARK}{}", serde_json::Value::from(argv.to_vec()))
}

/// Whether a queue file is a channel's, by its name.
pub(super) fn is_way(name: &str) -> bool {
    name.contains(".way")
}

/// Whether a recipient is a channel.
pub(super) fn is_channel(recipient: &str) -> bool {
    recipient.starts_with(MARK)
}

/// Runs the program with the message; the error says why it does not have it.
pub(super) fn run(argv: &[String], text: &str, timeout: Duration) -> Result<(), String> {
    let (program, words) = argv.split_first().ok_or("it names no program")?;
    let mut command = Command::new(program).args(words);
    command.stdin = Some(text.as_bytes().to_vec());
    match System::new(Some(timeout)).run(&command) {
        Ok(output) if output.success() => Ok(()),
        Ok(output) => {
            let code = output.code.map_or("ended by a signal".to_owned(), |code| format!("exit code {code}"));
            Err(format!("{program}: {code}: {}", line(&output.stderr, 300)))
        }
        Err(Blind::Deadline { .. }) => Err(format!("{program}: no end within {} s", timeout.as_secs())),
        Err(blind) => Err(format!("cannot {blind}")),
    }
}
