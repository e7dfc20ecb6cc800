//! The fence agent `fence_ipmi`.

fn main() -> std::process::ExitCode {
    fence::agent_api::main(&fence::ipmi::FENCE_IPMI)
}
