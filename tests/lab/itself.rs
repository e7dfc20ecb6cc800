//! The lab itself: if a crash, a hang or a power cut were not what they claim to be, every scenario above them would be worthless.

use rig::lab::power::{Mains, mains};
use rig::lab::{Lab, Link, Node, Plan, audit, bmc, cgroup, disk, image, net, node, probe, product, registry, site, tool, wait_for};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);

fn lab(plan: &Plan) -> Lab {
    Lab::start(plan).unwrap_or_else(|e| panic!("{e}"))
}

/// What the master does, by hand.
fn serve(lab: &Lab, node: Node) {
    let cidr = format!("{}/24", site::CLUSTER_IP);
    for argv in [
        &["mount", "-t", "ext4", disk::DEVICE, "/srv/data"][..],
        &["ip", "address", "add", &cidr, "dev", "eth0"],
        &["systemctl", "start", "nginx.service"],
    ] {
        lab.run(node, argv).unwrap_or_else(|e| panic!("{e}"));
    }
}

fn power_status(lab: &Lab, from: Node, of: Node) -> String {
    bmc::chassis(&lab.site, from.name(), of, &["power", "status"]).expect("ipmitool").stdout.trim().to_owned()
}

#[test]
fn nodes_boot_and_see_each_other_on_both_links() {
    let lab = lab(&Plan::default());
    for node in Node::BOTH {
        for link in [Link::Lan, Link::Heartbeat] {
            let key = lab.run(node, &["ssh-keyscan", "-T", "5", "-t", "ed25519", &node.other().address(link)]).expect("sshd answers");
            let known = lab.run(node, &["cat", "/etc/twinguard/known_hosts"]).expect("known_hosts");
            let key = key.split_whitespace().nth(2).expect("a host key");
            assert!(known.contains(&format!("{} ssh-ed25519 {key}", node.other().name())), "{key} is not in {known}");
        }
        for address in [site::GATEWAY, site::WITNESS, &node.other().bmc()] {
            assert!(lab.pings(node.name(), address), "{} does not reach {address}", node.name());
        }
        assert!(!lab.pings("client", &node.bmc()), "a client reaches a BMC");
        assert_eq!(lab.run(node, &["systemctl", "is-active", "icinga2"]).expect("icinga2 runs").trim(), "active");
        assert_eq!(audit::holds(&lab.site, node), audit::Holds::default());
    }
}

#[test]
fn a_crash_leaves_power_on_and_off_kills_what_is_left() {
    let lab = lab(&Plan::default());
    serve(&lab, Node::N1);
    assert_eq!(audit::holds(&lab.site, Node::N1), audit::Holds::EVERYTHING);
    lab.crash(Node::N1).expect("crash");
    assert_eq!(audit::holds(&lab.site, Node::N1), audit::Holds::default());
    assert!(!lab.pings("n2", &Node::N1.address(Link::Lan)), "a crashed machine answers");
    assert_eq!(power_status(&lab, Node::N2, Node::N1), "Chassis Power is on");
    let off = bmc::chassis(&lab.site, "n2", Node::N1, &["power", "off"]).expect("ipmitool");
    assert_eq!(off.code, Some(0), "{}", off.stderr);
    wait_for("OFF at the BMC", SOON, || power_status(&lab, Node::N2, Node::N1) == "Chassis Power is off").expect("off");
}

#[test]
fn off_at_the_bmc_ends_a_serving_node_and_its_data_survive() {
    let lab = lab(&Plan::default());
    serve(&lab, Node::N1);
    lab.run(Node::N1, &["sh", "-c", "echo durable > /srv/data/kept && sync && echo lost > /srv/data/unsynced"]).expect("written");
    bmc::chassis(&lab.site, "n2", Node::N1, &["power", "off"]).expect("ipmitool");
    assert_eq!(mains(&lab.site, Node::N1), Mains::Off);
    assert_eq!(power_status(&lab, Node::N2, Node::N1), "Chassis Power is off");
    assert!(node::init(&lab.site, Node::N1).is_none(), "a process survives");
    assert!(!Path::new("/run/netns").join(lab.site.netns("n1")).exists(), "the network namespace survives");
    assert!(!disk::mounted(&lab.site.loops[0]), "the disk is still mounted");
    let fsck = lab.exec(Node::N2, &["fsck.ext4", "-p", disk::DEVICE]).expect("fsck");
    assert!(fsck.code.is_some_and(|c| c < 2), "fsck: {:?} {}", fsck.code, fsck.stdout);
    serve(&lab, Node::N2);
    assert_eq!(lab.run(Node::N2, &["cat", "/srv/data/kept"]).expect("kept").trim(), "durable");
    let unsynced = lab.exec(Node::N2, &["cat", "/srv/data/unsynced"]).expect("cat");
    assert_ne!(unsynced.stdout.trim(), "lost", "the dead node's write reached the disk: that was no power loss");
    lab.power_on(Node::N1).expect("power on");
    lab.wait_up(Node::N1).expect("boots again");
}

#[test]
fn a_hung_node_answers_pings_and_nothing_else() {
    let lab = lab(&Plan::default());
    let banner =
        || lab.at("n2", &["timeout", "2", "ssh-keyscan", "-T", "1", "-t", "ed25519", &Node::N1.address(Link::Lan)]).expect("ssh-keyscan").stdout;
    assert!(!banner().is_empty(), "sshd does not answer");
    lab.hang(Node::N1).expect("freeze");
    assert!(lab.pings("n2", &Node::N1.address(Link::Lan)), "the kernel of a hung machine answers");
    assert_eq!(banner(), "", "sshd answers though it is frozen");
    lab.thaw(Node::N1).expect("thaw");
    wait_for("sshd after the thaw", SOON, || !banner().is_empty()).expect("thawed");
}

#[test]
fn a_cut_cable_takes_the_carrier_of_one_link_only() {
    let lab = lab(&Plan::default());
    lab.cut(Node::N1, Link::Heartbeat).expect("cut");
    let carrier = |link: Link| lab.run(Node::N1, &["cat", &format!("/sys/class/net/{}/carrier", link.interface())]).expect("carrier");
    assert_eq!((carrier(Link::Lan).trim(), carrier(Link::Heartbeat).trim()), ("1", "0"));
    assert!(!lab.pings("n2", &Node::N1.address(Link::Heartbeat)));
    assert!(lab.pings("n2", &Node::N1.address(Link::Lan)));
    lab.uncut(Node::N1, Link::Heartbeat).expect("uncut");
    wait_for("the repaired link", SOON, || lab.pings("n2", &Node::N1.address(Link::Heartbeat))).expect("repaired");
}

#[test]
fn a_bmc_can_be_unreachable_or_stuck() {
    let lab = lab(&Plan::default());
    bmc::reachable(&lab.site, Node::N1, false).expect("cut");
    assert_eq!(power_status(&lab, Node::N2, Node::N1), "");
    assert_eq!(power_status(&lab, Node::N1, Node::N2), "Chassis Power is on");
    bmc::reachable(&lab.site, Node::N1, true).expect("repair");
    wait_for("the BMC", SOON, || power_status(&lab, Node::N2, Node::N1) == "Chassis Power is on").expect("reachable again");
    bmc::stuck(&lab.site, Node::N1, true).expect("stuck");
    let off = bmc::chassis(&lab.site, "n2", Node::N1, &["power", "off"]).expect("ipmitool");
    assert_eq!((off.code, power_status(&lab, Node::N2, Node::N1).as_str()), (Some(0), "Chassis Power is on"));
}

#[test]
fn the_client_sees_service_and_its_end_and_the_audit_sees_two_masters() {
    let lab = lab(&Plan::default());
    let file = lab.start_client().expect("client");
    let audit = audit::Audit::start(&lab.site);
    serve(&lab, Node::N1);
    wait_for("an answer from n1", SOON, || probe::samples(&file).iter().any(|s| s.answer.as_deref() == Ok("n1"))).expect("served");
    assert!(audit.verdict().is_ok());
    let audit = audit::Audit::start(&lab.site);
    serve(&lab, Node::N2);
    assert_eq!(audit::holds(&lab.site, Node::N2), audit::Holds::EVERYTHING);
    let held = Instant::now();
    wait_for("a look", SOON, || held.elapsed() > Duration::from_millis(200)).expect("time");
    let verdict = audit.verdict().expect_err("two masters are seen");
    assert!(verdict.contains("mounted") && verdict.contains("failover IP") && verdict.contains("nginx"), "{verdict}");
    let crash = tool::now_ms();
    Node::BOTH.into_iter().for_each(|n| lab.crash(n).expect("crash"));
    wait_for("silence", SOON, || probe::samples(&file).iter().any(|s| s.start_ms > crash && s.answer.is_err())).expect("silent");
    assert!(!probe::samples(&file).iter().any(|s| s.start_ms > crash + 50 && s.answer.is_ok()), "somebody answered after the crash");
}

#[test]
fn nothing_is_left_behind() {
    let lab = lab(&Plan::default());
    serve(&lab, Node::N1);
    let id = lab.site.id.clone();
    drop(lab);
    assert_gone(&id);
}

fn assert_gone(id: &str) {
    assert_eq!(net::namespaces(id), Vec::<String>::new());
    for folder in [Path::new("/run/twinguard-lab").join(id), image::cache().join("labs").join(id)] {
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
    let attached = tool::run("losetup", &["--list", "--noheadings", "--output", "NAME,BACK-FILE"]).expect("losetup");
    assert!(!attached.contains(id), "{attached}");
    assert!(!tool::read("/proc/self/mountinfo").contains(id), "something is still mounted");
    let processes = tool::run("ps", &["-eo", "pid,stat,args"]).expect("ps");
    let left: Vec<&str> = processes.lines().filter(|l| l.contains(id) && !l.contains(" Z")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!cgroup::Cgroup::at(id).expect("cgroups").exists(), "a control group is still there");
}

/// A killed test can't clean up: the next lab does it.
#[test]
fn a_killed_lab_is_swept_by_the_next_one() {
    let program = product::binary("lab_up").expect("lab_up");
    let mut owner = Command::new(program).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lab_up");
    let said = BufReader::new(owner.stderr.take().expect("stderr")).lines().map_while(Result::ok).find(|l| l.starts_with("lab "));
    let id = said.as_deref().and_then(|l| l.split(' ').nth(1)).expect("a lab").to_owned();
    assert!(net::namespaces(&id).len() >= 8 && cgroup::Cgroup::at(&id).expect("cgroups").exists());
    owner.kill().expect("kill");
    owner.wait().expect("wait");
    registry::clean().expect("sweep");
    assert_gone(&id);
}
