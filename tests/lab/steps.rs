//! The master is proven off, and then a step of the takeover fails: a person is told, and nothing is made worse.

use super::{end, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::audit::holds;
use rig::lab::scene::Scene;
use rig::lab::watch::Sign;
use rig::lab::{Node, Plan, site, tool};
use std::time::Duration;

fn record(scene: &mut Scene, since: u64, kind: &str, code: &str) {
    wait(scene, &format!("{kind} {code}"), since, |m| m.text.starts_with(&format!("n2's agent: {kind} {code}")));
}

/// Matrix row 37: a file system that needs a person is not mounted.
#[test]
fn a_broken_file_system_is_not_mounted() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    let image = scene.lab.site.loop_of(Node::N2).expect("disk").to_owned();
    // The inode table of the first group, root folder included: `fsck -p` gives up (exit code 4).
    let table = tool::run("dumpe2fs", &[&image]).expect("dumpe2fs");
    let first = table.lines().find_map(|l| l.trim().strip_prefix("Inode table at ")).expect("an inode table");
    let block = first.split(['-', ' ']).next().expect("a block").to_owned();
    let size = table.lines().find_map(|l| l.strip_prefix("Block size:")).expect("block size").trim().to_owned();
    tool::run("dd", &["if=/dev/urandom", &format!("of={image}"), &format!("bs={size}"), &format!("seek={block}"), "count=4", "conv=notrunc,fsync"])
        .expect("dd");
    record(&mut scene, crash, "UNDO", "FSCK");
    wait(&mut scene, "a mail", crash, |m| m.sign == Sign::Mail && m.text.contains("CRITICAL") && m.text.contains("FSCK"));
    assert!(!holds(&scene.lab.site, Node::N2).mount);
    end(scene, "row 37: the data need a person: FSCK", "n1 nothing, n2 nothing", None);
}

/// Matrix row 38: whoever answers for the cluster IP is not pushed aside; the data stay mounted.
#[test]
fn a_stranger_on_the_cluster_ip_stops_the_takeover() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    tool::ip(&scene.lab.site.netns("gateway"), &[format!("address add {}/24 dev eth0", site::CLUSTER_IP)]).expect("address");
    record(&mut scene, crash, "HOLD", "VIP_CONFLICT");
    wait(&mut scene, "a mail", crash, |m| m.sign == Sign::Mail && m.text.contains("CRITICAL") && m.text.contains("VIP_CONFLICT"));
    let held = holds(&scene.lab.site, Node::N2);
    assert!(held.mount && !held.address && !held.service, "{held:?}");
    end(scene, "row 38: a stranger answers for the cluster IP: VIP_CONFLICT", &format!("n1 nothing, n2 {held:?}"), None);
}

/// Matrix row 39: a degraded master; what runs keeps running.
#[test]
fn a_service_that_does_not_start_is_told() {
    let mut scene = scene(&Plan::default());
    scene.lab.run(Node::N2, &["sh", "-c", "echo nonsense > /etc/nginx/conf.d/broken.conf"]).expect("broken");
    let crash = scene.crash_master().expect("crash");
    wait(&mut scene, "n2 master", crash, |m| m.sign == Sign::Master && m.node == Some(Node::N2));
    wait(&mut scene, "the mail of a degraded takeover", crash, |m| {
        m.sign == Sign::Mail && m.text.contains("CRITICAL") && m.text.contains("degraded")
    });
    scene.lab.wait_role(Node::N2, Role::Master, Duration::from_secs(5)).expect("master");
    let group = scene.lab.status(Node::N2).expect("status").groups.remove(0);
    assert!(group.degraded.is_some(), "{group:?}");
    let held = holds(&scene.lab.site, Node::N2);
    assert!(held.mount && held.address && !held.service, "{held:?}");
    end(scene, "row 39: the service does not start: degraded master", &format!("n1 nothing, n2 {held:?}"), None);
}
