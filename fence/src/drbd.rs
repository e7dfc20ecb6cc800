//! DRBD's handlers and the repair of a split brain, as programs that an administrator or the kernel starts. The only place that knows
//! `--discard-my-data`: it is reached from a terminal with a typed survivor, never from the agent (I4).

use crate::takeover::agent::Act;
use crate::takeover::data;
use crate::takeover::machine::{self, Programs, must};
use plugin_core::Host;
use plugin_core::cluster::{Cluster, Data};
use plugin_core::host::{Command, System};
use std::time::Duration;

/// A handler may take this long: DRBD's I/O may stand still meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// The agent is asked this often.
const EVERY: Duration = Duration::from_millis(200);
/// Until what the victim served has stopped.
const STOPPED: Duration = Duration::from_mins(2);

/// The exit code of DRBD's `fence-peer` (drbd.conf(5)): 3 = the peer's copy was worse already, 4 = it is outdated now, 5 = the peer could
/// not be reached, 6 = it is Primary, 7 = it is off. `ask` puts a question to the agent.
pub fn fence_peer(host: &dyn Host, resource: &str, ask: &dyn Fn(Act) -> Result<String, String>) -> u8 {
    let end = host.now() + PATIENCE;
    loop {
        let word = ask(Act::FencePeer { resource: resource.to_owned() }).unwrap_or_default();
        match word.trim() {
            "off" => return 7,
            "Primary" => return 6,
            "Outdated" => return 4,
            "Inconsistent" | "Failed" | "Diskless" => return 3,
            _ if host.now() >= end => return 5,
            _ => host.wait(EVERY),
        }
    }
}

/// Repairs a split brain towards `survivor`, this node's part of it. First on the victim, then on the survivor.
///
/// # Errors
/// What forbids it, or what could not be done.
pub fn repair(cluster: &Cluster, survivor: &str, saved: bool, ask: &dyn Fn(Act) -> Result<String, String>) -> Result<String, String> {
    let me = machine::nodename();
    let host = System::new(Some(STOPPED));
    let mirrors = mirrors(cluster);
    if me != survivor && !mirrors.is_empty() && !saved {
        return Err(
            "the data of this node will be thrown away: make a snapshot of the backing device first (lvcreate --snapshot), then repeat with \
                    --saved; or repeat with --saved if they are not worth one"
                .to_owned(),
        );
    }
    let mut said = vec![ask(Act::Repair { survivor: survivor.to_owned() })?];
    if me != survivor {
        wait_clean(&host, cluster)?;
    }
    for resource in mirrors {
        for command in commands(resource, me == survivor) {
            must(&host, &command).map_err(|b| format!("cannot {b}"))?;
            said.push(command.printable());
        }
    }
    if me != survivor && cluster.groups.iter().any(|g| g.data.database().is_some()) {
        said.push("rebuild this node's database from the survivor's (pg_rewind, pg_basebackup, or MariaDB's copy)".to_owned());
    }
    said.push(if me == survivor {
        format!("then on {}: twinguard rejoin, once its copy is complete", cluster.peer_of(&me).unwrap_or("the other node"))
    } else {
        format!("now on {survivor}: twinguard repair --survivor {survivor}")
    });
    Ok(said.join("\n"))
}

fn mirrors(cluster: &Cluster) -> Vec<&str> {
    cluster.groups.iter().filter_map(|g| if let Data::Drbd { resource, .. } = &g.data { Some(resource.as_str()) } else { None }).collect()
}

/// What was served here is proven to have stopped: nothing of it may write while its data are thrown away.
fn wait_clean(host: &System, cluster: &Cluster) -> Result<(), String> {
    loop {
        let held = cluster.groups.iter().try_for_each(|g| machine::clean(host, g).and_then(|()| data::clean(host, g)));
        match held {
            Ok(()) => return Ok(()),
            Err(text) if host.left().is_zero() => return Err(format!("nothing was thrown away: {text}")),
            Err(_) => host.wait(EVERY),
        }
    }
}

/// The user's guide's manual split brain recovery.
fn commands(resource: &str, survives: bool) -> Vec<Command> {
    let drbdadm = || Command::new(Programs::DRBDADM);
    if survives {
        return vec![drbdadm().args(["connect", resource])];
    }
    vec![
        drbdadm().args(["disconnect", resource]),
        drbdadm().args(["secondary", resource]),
        drbdadm().args(["connect", "--discard-my-data", resource]),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn code(answers: &[&str]) -> u8 {
        let left = RefCell::new(answers.to_vec());
        let ask = |act: Act| {
            assert!(matches!(act, Act::FencePeer { resource } if resource == "r0"));
            let mut left = left.borrow_mut();
            // The last answer stays.
            let word = if left.len() > 1 { left.remove(0) } else { left.first().copied().unwrap() };
            if word == "gone" { Err("the agent does not answer".to_owned()) } else { Ok(word.to_owned()) }
        };
        // Its clock has run out at once, so that waiting for good costs no time.
        let host = Hasty(System::new(None), std::sync::atomic::AtomicU64::new(0));
        fence_peer(&host, "r0", &ask)
    }

    /// A host on which each wait takes no time, and the clock goes on by it.
    struct Hasty(System, std::sync::atomic::AtomicU64);

    impl Host for Hasty {
        fn now(&self) -> Duration {
            Duration::from_millis(self.1.load(std::sync::atomic::Ordering::Relaxed))
        }
        fn wall_ms(&self) -> i64 {
            0
        }
        fn left(&self) -> Duration {
            Duration::MAX
        }
        fn wait(&self, time: Duration) {
            self.1.fetch_add(u64::try_from(time.as_millis()).unwrap(), std::sync::atomic::Ordering::Relaxed);
        }
        fn read(&self, path: &std::path::Path) -> Result<String, plugin_core::Blind> {
            self.0.read(path)
        }
        fn run(&self, command: &Command) -> Result<plugin_core::host::Output, plugin_core::Blind> {
            self.0.run(command)
        }
    }

    #[test]
    fn the_exit_codes_are_those_of_drbd() {
        assert_eq!(code(&["Inconsistent"]), 3);
        assert_eq!(code(&["wait", "wait", "Outdated"]), 4, "row 11: over the other link");
        assert_eq!(code(&["wait"]), 5, "nobody answers: the kernel keeps its I/O frozen");
        assert_eq!(code(&["gone"]), 5, "without the agent nothing is known");
        assert_eq!(code(&["Primary"]), 6);
        assert_eq!(code(&["wait", "off"]), 7);
        assert_eq!(code(&["UpToDate"]), 5, "a copy that is still good was not outdated");
    }

    #[test]
    fn i4_only_the_victim_throws_its_data_away() {
        let printed = |survives| commands("r0", survives).iter().map(Command::printable).collect::<Vec<_>>();
        assert_eq!(printed(true), ["/usr/sbin/drbdadm connect r0"]);
        let victim = ["/usr/sbin/drbdadm disconnect r0", "/usr/sbin/drbdadm secondary r0", "/usr/sbin/drbdadm connect --discard-my-data r0"];
        assert_eq!(printed(false), victim);
    }
}
