//! `check_cluster_status`.
fn main() -> std::process::ExitCode {
    plugin_core::main::<checks::cluster_status::ClusterStatus>()
}
