//! `check_ami`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::ami::Ami>()
}
