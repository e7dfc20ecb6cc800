//! `fence_redfish` against the rig's own service: what it does right, the table of faults, TLS, the agent contract.

mod agent;
mod contract;
mod emulator;
mod faults;
mod pair;
mod tls;

use crate::run::{Done, REDFISH, agent_by_stdin};
use rig::redfish::Redfish;
use std::io::Write;

/// The lines for an action, with further lines.
fn lines(service: &Redfish, action: &str, more: &str) -> String {
    let (ip, port, ca) = (service.address().ip(), service.address().port(), service.ca());
    format!("action={action}\nip={ip}\nipport={port}\nusername=admin\npassword=s3cr3t\nca_file={}\n{more}\n", ca.display())
}

/// An action with the service's own authority.
fn act(service: &Redfish, action: &str, more: &str) -> Done {
    agent_by_stdin(REDFISH, &lines(service, action, more))
}

/// "Off" was said after two honest readings, or not at all.
fn is_honest(service: &Redfish, off: &Done) {
    if off.code == 0 {
        let mind = service.mind();
        assert!(!mind.is_on(), "success, and the node is on: {off:?}");
        assert!(mind.shown.ends_with(&["\"Off\"".to_owned(), "\"Off\"".to_owned()]), "{:?}", mind.shown);
    }
}

/// One line of the closing table: the fault, the exit code of off, what was said. `tests/run fence` prints it.
fn row(fault: &str, service: &Redfish, off: &Done) {
    is_honest(service, off);
    let Ok(table) = std::env::var("TWINGUARD_REDFISH_TABLE") else { return };
    let said = if off.code == 0 { off.out.trim() } else { off.err.trim() };
    let said = said
        .replace(&format!("127.0.0.1 port {}", service.address().port()), "BMC")
        .replace("fence_redfish: ", "")
        .replace("off failed: redfish BMC ", "")
        .replace("cannot use redfish BMC: ", "");
    let state = if service.mind().is_on() { "on" } else { "off" };
    let line = format!("{fault}\t{}\t{state}\t{}\n", off.code, said.chars().take(110).collect::<String>());
    std::fs::OpenOptions::new().create(true).append(true).open(table).unwrap().write_all(line.as_bytes()).unwrap();
}

/// Rows that mostly wait do so together.
fn together<T: Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| run(case));
        }
    });
}
