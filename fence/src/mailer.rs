//! `twinguard notify test`: lets the mailer try its ways. Refuses to link it: it is a program of its own, so that no fault of mail
//! can reach the agent.

use plugin_core::host::{Command, Host, System};
use std::path::Path;
use std::time::Duration;

/// Where the package installs the mailer.
const MAILER: &str = "/usr/lib/twinguard/notify_mail";

/// What the mailer says of each relay and each channel.
///
/// # Errors
/// The same, if one of them did not take the message; or why the mailer can't be run.
pub fn try_ways(config: &Path) -> Result<String, String> {
    let command = Command::new(MAILER).arg("--test").arg("--config").arg(config);
    let output = System::new(Some(Duration::from_mins(1))).run(&command).map_err(|blind| format!("cannot {blind}"))?;
    if output.success() { Ok(output.stdout) } else { Err(format!("\n{}{}", output.stdout, output.stderr).trim_end().to_owned()) }
}
