//! `check_rsync`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::rsync::Rsync>()
}
