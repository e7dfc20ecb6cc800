//! `notify_mail`: see [`notify::args`].

fn main() -> std::process::ExitCode {
    notify::entry::main()
}
