//! The checks by which a node reports itself, run by the agent: again before anything is stopped for one, and now and then, so
//! that a slave knows whether it should relieve a healthy master. Runs programs and reads their exit codes; judges nothing.

use super::agent::Input;
use super::decide::Recheck;
use plugin_core::Host;
use plugin_core::cluster::{Cluster, Trigger};
use plugin_core::host::{Command, System};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// A check may take this long.
const LIMIT: Duration = Duration::from_secs(30);
/// A node's own checks are run this often without a reason.
const LOOK: Duration = Duration::from_mins(1);

/// Runs the check behind a service of Icinga, as the agent (root): the exit code is its word.
pub fn run(host: &dyn Host, cluster: &Cluster, service: &str) -> Recheck {
    let argv = cluster.confirm.check_behind(service).unwrap_or_default();
    let Some((program, arguments)) = argv.split_first() else {
        return Recheck::Blind("[confirm] check names no command for it".to_owned());
    };
    match host.run(&Command::new(program).args(arguments)) {
        Err(blind) => Recheck::Blind(blind.to_string()),
        Ok(out) => {
            let line = out.stdout.lines().next().unwrap_or("it said nothing").to_owned();
            match out.code {
                Some(2) => Recheck::Confirmed(line),
                Some(0 | 1) => Recheck::Cleared(line),
                _ => Recheck::Blind(line),
            }
        }
    }
}

/// Runs this node's own checks again and again; ends when `inbox` is closed.
pub fn watch(cluster: &Arc<Cluster>, inbox: &Sender<Input>) {
    let own = || cluster.triggers.iter().filter(|(_, trigger)| **trigger == Trigger::Itself);
    loop {
        let fault =
            |service: &String| if let Recheck::Confirmed(line) = run(&System::new(Some(LIMIT)), cluster, service) { Some(line) } else { None };
        let faults = own().filter_map(|(service, _)| fault(service)).collect();
        if inbox.send(Input::Faults(faults)).is_err() {
            return;
        }
        System::new(None).wait(LOOK);
    }
}

/// Runs the check behind `service` once and tells the loop.
pub fn again(cluster: &Cluster, service: String, inbox: &Sender<Input>) {
    let outcome = run(&System::new(Some(LIMIT)), cluster, &service);
    let _ = inbox.send(Input::Rechecked { service, outcome });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_exit_code_2_confirms_a_fault() {
        let text = include_str!("../../../icinga-conf/clusters/pbx-mobydick/cluster.toml");
        let with = |code: u8| {
            let check = format!("[confirm]\ncheck = {{ twinguard-raid = [\"/bin/sh\", \"-c\", \"echo said; exit {code}\"] }}\n");
            let cluster = Cluster::parse(&text.replace("[confirm]\n", &check)).unwrap();
            run(&System::new(Some(LIMIT)), &cluster, "twinguard-raid")
        };
        assert_eq!(with(2), Recheck::Confirmed("said".to_owned()));
        assert_eq!((with(0), with(1)), (Recheck::Cleared("said".to_owned()), Recheck::Cleared("said".to_owned())));
        assert_eq!(with(3), Recheck::Blind("said".to_owned()));
        let cluster = Cluster::parse(&text.replace("[confirm]\n", "[confirm]\ncheck = { twinguard-raid = [\"/no/such/check\"] }\n")).unwrap();
        assert!(matches!(run(&System::new(Some(LIMIT)), &cluster, "twinguard-raid"), Recheck::Blind(_)));
    }
}
