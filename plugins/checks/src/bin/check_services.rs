//! `check_services`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::services::Services>()
}
