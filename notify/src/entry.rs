//! What `notify_mail` does with its arguments, its exit codes, and its words on standard error. Refuses to connect
//! anywhere unless `--deliver` is given: Icinga's call returns once the notification is on disk.

use crate::args::{Args, Form};
use crate::deliver::compose::Composer;
use crate::deliver::{self, Log};
use crate::notification::Notification;
use crate::settings::Settings;
use crate::spool::{Folder, Spool};
use clap::Parser;
use plugin_core::contract::status::read_status;
use plugin_core::host::{Host, System, system::nodename};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// One delivery run ends before the timer's next minute.
const RUN: Duration = Duration::from_secs(55);
/// After a run that failed: events still lie in `incoming/`, so the path unit starts the next run at once, and a full disk
/// or a broken configuration would be asked a hundred times a second.
const PAUSE: Duration = Duration::from_secs(5);

/// `notify_mail`'s main function.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(3);
        }
    };
    let host = System::new(Some(RUN));
    let outcome = if args.deliver {
        deliver(&host, &args)
    } else if args.test {
        trial(&host, &args)
    } else if let Some(form) = args.preview {
        preview(&host, &args, form)
    } else {
        spool(&host, &args)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            say(Log::Error, &text);
            ExitCode::from(1)
        }
    }
}

fn spool(host: &dyn Host, args: &Args) -> Result<(), String> {
    let notification = event(host, args);
    let bytes = serde_json::to_vec(&notification).map_err(|e| format!("cannot write the notification down: {e}"))?;
    let name = format!("{}.json", notification.id);
    Spool::new(&args.spool).write(Folder::Incoming, &name, &bytes).map_err(|e| {
        format!("cannot spool the notification: {e}; the folder belongs to twinguard:nagios with mode 3730 (systemd-tmpfiles --create makes it) and needs free space")
    })?;
    if args.log.as_ref().is_some_and(|v| v == "true") {
        say(Log::Info, &format!("spooled {} for {}", notification.id, crate::clean::line(&notification.object(), 200)));
    }
    Ok(())
}

fn event(host: &dyn Host, args: &Args) -> Notification {
    let at_ms = host.wall_ms();
    Notification::new(args, id(at_ms), at_ms)
}

/// Unique; begins with the time.
fn id(at_ms: i64) -> String {
    // The standard library seeds this from the kernel's random numbers.
    let random = RandomState::new().build_hasher().finish();
    format!("{at_ms:013}-{random:016x}")
}

fn trial(host: &dyn Host, args: &Args) -> Result<(), String> {
    let (lines, good) = deliver::trial::run(host, args, &id(host.wall_ms()))?;
    io::stdout().write_all((lines.join("\n") + "\n").as_bytes()).map_err(|e| format!("cannot write to standard output: {e}"))?;
    if good { Ok(()) } else { Err("not every way took the message; the lines above say which and why".to_owned()) }
}

fn preview(host: &dyn Host, args: &Args, form: Form) -> Result<(), String> {
    let settings = Settings::read_public(host, &args.config)?;
    let (node, status) = (nodename(), read_status(host, &args.status).ok());
    let mail = Composer { settings: &settings, node: &node, status: status.as_ref() }.notification(&event(host, args), None, &mut say);
    let shown = match form {
        Form::Text => format!("Subject: {}\n\n{}", mail.subject, mail.text).into_bytes(),
        Form::Html => mail.html.into_bytes(),
        Form::Eml => mail.message()?,
    };
    io::stdout().write_all(&shown).map_err(|e| format!("cannot write to standard output: {e}"))
}

fn deliver(host: &dyn Host, args: &Args) -> Result<(), String> {
    let outcome = deliver::run(host, &Spool::new(&args.spool), args, &mut say);
    // systemd sets this for its units; a person at a terminal need not wait.
    if outcome.is_err() && std::env::var_os("INVOCATION_ID").is_some() {
        // A host of its own: the run's deadline may have passed.
        System::new(Some(PAUSE)).wait(PAUSE);
    }
    outcome
}

/// One line on standard error; in a unit with its priority in front, which the journal reads (sd-daemon(3)).
fn say(level: Log, text: &str) {
    let mark = if std::env::var_os("JOURNAL_STREAM").is_some() {
        match level {
            Log::Alarm => "<2>",
            Log::Error => "<3>",
            Log::Info => "<6>",
        }
    } else {
        ""
    };
    let _ = writeln!(io::stderr(), "{mark}notify_mail: {text}");
}
