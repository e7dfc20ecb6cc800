//! A node's BMC by Redfish, in the lab.
use std::process::ExitCode;

fn main() -> ExitCode {
    rig::lab::finish(rig::lab::redfish::serve(&rig::lab::arguments()))
}
