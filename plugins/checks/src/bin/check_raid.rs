//! `check_raid`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::raid::Raid>()
}
