//! `check_fs_sync`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::fs_sync::FsSync>()
}
