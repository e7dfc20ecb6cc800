//! `check_failover_ready`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::failover_ready::FailoverReady>()
}
