//! `check_disk`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::disk::Disk>()
}
