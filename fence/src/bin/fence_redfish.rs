//! The fence agent `fence_redfish`.

fn main() -> std::process::ExitCode {
    fence::agent_api::main(&fence::redfish::FENCE_REDFISH)
}
