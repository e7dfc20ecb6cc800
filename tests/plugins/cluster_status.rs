//! `check_cluster_status` on recorded clusters: each manager in each state (MD16, PM2, PM3, SX13), each way of being blind, and what a
//! failover service may say of it. Pacemaker's answers are recorded from a real pair.

mod table;

use crate::recorded::{Recorded, code_of, verdict};
use crate::status::publish;
use plugin_core::contract::status::{Life, Role, Status};
use rig::process::Done;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use table::CLUSTERS;

/// Manager and options with which its clusters are asked.
const MANAGERS: [(&str, &[&str]); 5] = [
    ("pacemaker", &["--node", "n1"]),
    ("rgmanager", &["--node", "nodea", "--mount", "mail1=/var/opt/scalix/m1"]),
    ("pmgcm", &["--nodes", "2", "--load", "5", "--memory", "95", "--disk", "90"]),
    ("keepalived", &[]),
    ("drbd", &[]),
];

/// DRBD's recorded machines serve `check_raid` too.
fn fixture(name: &str) -> String {
    if name.starts_with("drbd/") { format!("raid/{name}") } else { format!("cluster_status/{name}") }
}

fn check(machine: &Recorded, more: &[&str]) -> Done {
    machine.check("check_cluster_status", more)
}

fn failover(machine: &Recorded, more: &[&str]) -> Done {
    let status = publish(&machine.0, "pbx1", &[("pbx", Role::Master)], |_| {});
    check(machine, &[&["--failover", "--status", &status], more].concat())
}

#[test]
fn md16_every_recorded_cluster_has_its_line_and_its_answer_to_a_takeover() {
    for line in CLUSTERS.lines().filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_once(": ").unwrap();
        let (takeover, rest) = rest.split_once(": ").unwrap();
        let manager = name.split('/').next().unwrap();
        let options = MANAGERS.iter().find(|(known, _)| *known == manager).unwrap().1;
        let args = [&["--manager", manager], options].concat();
        let machine = Recorded::new(&fixture(name));
        let done = check(&machine, &args);
        let expected = format!("CLUSTER STATUS {rest}");
        assert_eq!((verdict(&done), done.code), (expected.clone(), code_of(&expected)), "{name}");
        let code = ["stays", "MOVES", "blind"].iter().position(|word| *word == takeover).map(|at| [0, 2, 3][at]);
        let asked = failover(&machine, &args);
        assert_eq!(asked.code, code, "{name} --failover: {}", asked.stdout);
    }
}

#[test]
fn every_recorded_cluster_is_in_the_table() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let names = |folder: &str, path: PathBuf| -> Vec<String> {
        let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
        files.map(|file| format!("{folder}/{}", file.file_stem().unwrap().to_str().unwrap())).collect()
    };
    let recorded: BTreeSet<String> =
        MANAGERS.iter().flat_map(|(name, _)| names(name, top.join(fixture(&format!("{name}/x"))).parent().unwrap().to_owned())).collect();
    let table: BTreeSet<String> = CLUSTERS.lines().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect();
    assert_eq!(recorded, table);
}

#[test]
fn a_resource_that_has_failed_elsewhere_is_not_cured_by_leaving_this_node() {
    let machine = Recorded::new("cluster_status/pacemaker/resource-failed-for-good");
    for (node, code) in [("n1", 2), ("n2", 0)] {
        let done = failover(&machine, &["--manager", "pacemaker", "--node", node]);
        assert_eq!(done.code, Some(code), "{node}: {}", done.stdout);
    }
    let twin = check(&machine, &["--manager", "pacemaker", "--node", "n2"]);
    let text = "pacemaker: failed: web_monitor_10000 on n1: not running";
    assert!(twin.code == Some(2) && twin.stdout.lines().any(|line| line == text), "{}", twin.stdout);
}

#[test]
fn what_is_there_is_found() {
    let nothing = Recorded::from_text("");
    let gone = ["--status", "/nonexistent/status.json"];
    assert_eq!(check(&nothing, &gone).stdout, "CLUSTER STATUS UNKNOWN - no cluster manager was found; name it by --manager\n");
    for (name, said) in [
        ("cluster_status/pacemaker/healthy", "pacemaker: 2 of 2 nodes online"),
        ("cluster_status/rgmanager/both-started", "rgmanager: quorate"),
        ("cluster_status/pmgcm/master-and-node", "pmgcm: master pmg5, 2 nodes in sync"),
        ("cluster_status/keepalived/master", "keepalived: VI_1 is MASTER"),
        ("raid/drbd/v9-in-sync", "drbd: r0 is Primary"),
    ] {
        let done = check(&Recorded::new(name), &gone);
        assert!(done.code == Some(0) && done.stdout.starts_with(&format!("CLUSTER STATUS OK - {said}")), "{name}: {}", done.stdout);
    }
    for (manager, _) in MANAGERS {
        let done = check(&nothing, &["--manager", manager]);
        assert!(done.code == Some(3) && done.stdout.starts_with(&format!("CLUSTER STATUS UNKNOWN - {manager}: cannot ")), "{}", done.stdout);
    }
}

#[test]
fn the_numbers_are_exported() {
    let pmg = check(&Recorded::new("cluster_status/pmgcm/master-and-node"), &["--manager", "pmgcm", "--disk", "90"]);
    let metrics = " | 'pmg5 load'=0.3;;;; 'pmg5 memory'=80%;;;0;100 'pmg5 disk'=41%;90;;0;100 'pmg6 load'=0.05;;;; 'pmg6 memory'=35%;;;0;100 'pmg6 disk'=38%;90;;0;100\n";
    assert!(pmg.stdout.ends_with(metrics), "{}", pmg.stdout);
    let pacemaker = check(&Recorded::new("cluster_status/pacemaker/n1-offline"), &["--manager", "pacemaker"]);
    assert!(pacemaker.stdout.ends_with(" | 'nodes_online'=1;;;0;2 'resources'=4;;;;\n"), "{}", pacemaker.stdout);
    let drbd = check(&Recorded::new("raid/drbd/v9-peer-lost"), &["--manager", "drbd"]);
    assert!(drbd.stdout.ends_with(" | 'r0 behind'=2097152B;;;0;\n"), "{}", drbd.stdout);
}

/// What the agent publishes, changed, and what is said of it: code and first line, of the notify twin and of the failover service.
fn native(role: Role, peer: Role, change: impl Fn(&mut Status)) -> [(Option<i32>, String); 2] {
    let machine = Recorded::from_text("");
    let status = publish(&machine.0, "pbx1", &[("pbx", role)], |status| {
        status.peer.node = "pbx2".into();
        status.peer.roles.insert("pbx".into(), peer);
        change(status);
    });
    [&[][..], &["--failover"]].map(|more| {
        let done = check(&machine, &[&["--manager", "native", "--status", &status], more].concat());
        (done.code, verdict(&done))
    })
}

fn line(code: i32, text: &str) -> (Option<i32>, String) {
    (Some(code), format!("CLUSTER STATUS {text}"))
}

#[test]
fn md16_the_agents_own_view() {
    let fine = line(0, "OK - native: pbx: pbx1 MASTER, pbx2 SLAVE, epoch 7");
    assert_eq!(native(Role::Master, Role::Slave, |_| {}), [fine.clone(), fine]);
    let two = "native: two masters of pbx: pbx1 MASTER, pbx2 MASTER, epoch 7";
    let [twin, failover] = native(Role::Master, Role::Master, |_| {});
    assert_eq!((twin, failover), (line(2, &format!("CRITICAL - {two}")), line(0, &format!("OK - {two} (no reason to move)"))));
    let broken = "CRITICAL - native: pbx is degraded here: asterisk.service did not start";
    let sick = native(Role::Master, Role::Slave, |s| s.groups[0].degraded = Some("asterisk.service did not start".into()));
    assert_eq!(sick, [line(2, broken), line(2, broken)]);
    let [twin, failover] = native(Role::Master, Role::Slave, |s| s.frozen = Some("two masters".into()));
    assert_eq!((twin.0, failover.0), (Some(2), Some(0)), "{failover:?}");
    let [twin, failover] = native(Role::Master, Role::Slave, |s| s.peer.life = Life::Silent);
    assert_eq!((twin.0, failover.0), (Some(1), Some(0)), "a lost peer takes nothing over: {failover:?}");
}

#[test]
fn md16_it_belongs_on_the_master_and_without_the_role_it_is_blind() {
    let [twin, failover] = native(Role::Slave, Role::Master, |s| s.groups[0].degraded = Some("x".into()));
    assert_eq!(twin.0, Some(2));
    assert_eq!(failover, line(0, "OK - this node is not the master, checked there"));
    for blind in [native(Role::Master, Role::Slave, |s| s.boottime_ms -= 11_000), native(Role::Master, Role::Slave, |s| s.schema = 99)] {
        assert_eq!(blind.clone().map(|(code, _)| code), [Some(3), Some(3)], "{blind:?}");
    }
    let machine = Recorded::new("cluster_status/pacemaker/resource-failed-for-good");
    let done = check(&machine, &["--failover", "--manager", "pacemaker", "--node", "n1", "--status", "/nonexistent/status.json"]);
    assert_eq!(done.code, Some(3), "whoever does not know its role moves nothing: {}", done.stdout);
}

#[test]
fn every_blind_path_of_every_tool_ends_unknown() {
    for (manager, tool) in [
        ("pacemaker", "/usr/sbin/crm_mon"),
        ("rgmanager", "/usr/sbin/clustat"),
        ("pmgcm", "/usr/bin/pmgcm"),
        ("keepalived", "/usr/sbin/ip"),
        ("drbd", "/usr/sbin/drbdsetup"),
    ] {
        let machine = Recorded::from_text("@ /proc/drbd\nversion: 9.2.4 (api:2/proto:86-122)\n@ /etc/keepalived/keepalived.conf\ngarbage\n");
        for (what, script) in [
            ("garbage", "head -c 3000 /dev/urandom | tr -d '\\000'"),
            ("an error page", "echo '<html>502</html>'"),
            ("silence", "exit 0"),
            ("a silent failure", "exit 1"),
            ("a signal", "kill -9 $$"),
            ("no right", "echo 'Permission denied' >&2; exit 1"),
        ] {
            machine.tool(tool, &format!("#!/bin/sh\n{script}\n"));
            let done = failover(&machine, &["--manager", manager]);
            assert_eq!(done.code, Some(3), "{tool} with {what}: {}", done.stdout);
            assert!(done.stdout.starts_with(&format!("CLUSTER STATUS UNKNOWN - {manager}: cannot ")), "{tool} with {what}: {}", done.stdout);
        }
        machine.tool(tool, "#!/bin/sh\nsleep 60\n");
        assert_eq!(failover(&machine, &["--manager", manager, "-t", "0.4"]).code, Some(3), "{tool} hangs");
    }
}
