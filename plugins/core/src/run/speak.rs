//! The one write to stdout, and the exit code that follows from it. Also what a panic says.

use crate::State;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whoever speaks first is heard; nobody speaks twice.
static SPOKEN: AtomicBool = AtomicBool::new(false);

/// Writes everything at once. A verdict that nobody could read is none: UNKNOWN.
pub(super) fn speak(text: &str, state: State) -> ExitCode {
    if SPOKEN.swap(true, Ordering::SeqCst) {
        wait_for_the_end();
    }
    let heard = write(text).is_ok();
    ExitCode::from(if heard { state.exit_code() } else { State::Unknown.exit_code() })
}

/// A panic ends in the usual one line and in 3, also with `panic = "abort"`, which would end in 134 after the hook.
pub(super) fn answer_panics(title: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        if SPOKEN.swap(true, Ordering::SeqCst) {
            wait_for_the_end();
        }
        let _ = write(&panicked(title, info));
        exit();
    }));
}

/// Another thread has spoken and is ending the process.
fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "this file ends a check; a panic can't be returned from")]
fn exit() -> ! {
    std::process::exit(i32::from(State::Unknown.exit_code()))
}

/// Where, not what: the message of a panic may quote data.
fn panicked(title: &str, info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), |l| format!("{}:{}", l.file().rsplit('/').next().unwrap_or_default(), l.line()));
    format!("{title} UNKNOWN - internal error at {place}; please report it\n")
}

fn write(text: &str) -> std::io::Result<()> {
    let stdout = std::io::stdout();
    if was_closed(&stdout) {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    }
    let mut stdout = stdout.lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Before `main`, Rust opens `/dev/null` for reading and writing in place of a closed stdout. A shell's `> /dev/null` is
/// open for writing only, so the two can be told apart.
fn was_closed(stdout: &std::io::Stdout) -> bool {
    let null = fstat(stdout).is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::CharacterDevice && s.st_rdev == rustix::fs::makedev(1, 3));
    null && fcntl_getfl(stdout).is_ok_and(|flags| flags.contains(OFlags::RDWR))
}
