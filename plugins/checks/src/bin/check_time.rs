//! `check_time`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::time::Time>()
}
