//! `check_master_alive`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::master_alive::MasterAlive>()
}
