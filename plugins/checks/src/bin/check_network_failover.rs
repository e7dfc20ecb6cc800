//! `check_network_failover`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::network_failover::NetworkFailover>()
}
