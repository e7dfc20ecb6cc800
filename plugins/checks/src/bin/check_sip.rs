//! `check_sip`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::sip::Sip>()
}
