//! `check_db_sync`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::db_sync::DbSync>()
}
