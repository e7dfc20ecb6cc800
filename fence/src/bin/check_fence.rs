//! `check_fence`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<fence::check_fence::Fence>()
}
