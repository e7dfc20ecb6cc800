//! `check_db_query`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::db_query::DbQuery>()
}
