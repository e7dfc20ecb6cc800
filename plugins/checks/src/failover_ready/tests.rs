//! One test for each latent defect: a healthy pair, one thing spoilt, one line more.

use super::machine::Answers;
use super::*;
use crate::ready_made::status;
use crate::services::listen::Socket;
use crate::services::unit::Unit;
use plugin_core::contract::refusal::Refusal;
use plugin_core::contract::status::{GateStatus, Life, PeerRecord, RefusalStatus, Role};

const PBX: &str = include_str!("../../../../icinga-conf/clusters/pbx-mobydick/cluster.toml");

fn unit(id: &str, file: &str, active: &str) -> Unit {
    Unit { id: id.into(), load: "loaded".into(), file: file.into(), active: active.into(), ..Unit::default() }
}

/// Two levels for both nodes, both proven by an identity.
fn sound(text: &str) -> String {
    let level = |node: &str, octet: u8, id: u8| {
        format!(
            "[[fence.device]]\ntarget = \"{node}\"\nlevel = 2\ndriver = \"ipmi\"\naddress = \"198.51.100.{octet}\"\nuser = \"f\"\nsecret = \"/s\"\n\
             identity = \"guid:{id}0000000000000000000000000000001\"\n"
        )
    };
    let (head, tail) = text.split_once("[[fence.device]]            # level 2").map_or((text, ""), |(h, t)| (h, t));
    let tail = tail.split_once("[[fence.device]]").map_or("", |(_, t)| t);
    let whole = if tail.is_empty() { head.to_owned() } else { format!("{head}[[fence.device]]{tail}") };
    whole.replacen("[limits]", &format!("{}{}[limits]", level("pbx1", 31, 3), level("pbx2", 32, 4)), 1)
}

fn healthy() -> Facts {
    let cluster = Cluster::parse(&sound(PBX)).unwrap();
    let managed = ["mariadb-writable", "asterisk", "lsyncd", "rsync"].map(|name| unit(&format!("{name}.service"), "disabled", "inactive"));
    let ours = machine::OURS.map(|name| unit(name, "enabled", "active"));
    let foreign = machine::FOREIGN.map(|name| Unit { load: "not-found".into(), ..unit(name, "", "inactive") });
    let machine = Machine {
        units: [managed.to_vec(), ours.to_vec(), foreign.to_vec()].concat(),
        addresses: vec![("eth0".into(), "192.0.2.12".parse().unwrap()), ("eth1".into(), "192.168.250.2".parse().unwrap())],
        synchronised: Some(true),
        event_socket: true,
        state: Some(Ok(1e9)),
        ..Machine::default()
    };
    Facts { me: "pbx2".into(), cluster, status: Ok(status("pbx2", &[("pbx", Role::Slave)])), machine }
}

fn first(facts: &Facts) -> String {
    let mut report = Report::default();
    judge(facts, &mut report);
    report.render("FAILOVER READY", 0).lines().next().unwrap().split(" | ").next().unwrap().to_owned()
}

/// The one line that a change adds.
#[track_caller]
fn adds(change: impl FnOnce(&mut Facts), line: &str) {
    let mut facts = healthy();
    change(&mut facts);
    assert_eq!(first(&facts), format!("FAILOVER READY WARNING - {line}"));
}

fn state(facts: &mut Facts) -> &mut Status {
    facts.status.as_mut().unwrap()
}

fn gate(facts: &mut Facts, name: &str, code: Refusal, evidence: &str) {
    state(facts).gates.push(GateStatus { gate: name.into(), refusal: Some(code), evidence: evidence.into() });
}

/// Replaces text of the sound configuration.
fn rewrite(facts: &mut Facts, from: &str, to: &str) {
    let text = sound(PBX);
    assert!(text.contains(from), "the example no longer says {from:?}");
    facts.cluster = Cluster::parse(&text.replace(from, to)).unwrap();
}

#[test]
fn a_healthy_pair_is_ready() {
    assert_eq!(first(&healthy()), "FAILOVER READY OK - no defect found; automatic takeover is armed");
    let mut facts = healthy();
    *state(&mut facts) = status("pbx2", &[("pbx", Role::Master)]);
    gate(&mut facts, "G2", Refusal::Role, "master");
    assert_eq!(first(&facts), "FAILOVER READY OK - no defect found; this node is master, the slave judges the takeover");
}

#[test]
fn every_gate_that_refuses_is_told_with_its_code_and_advice() {
    for code in Refusal::ALL {
        adds(|f| gate(f, "G7", *code, "seen"), &format!("automatic takeover would be refused now: {code}: seen ({})", code.advice()));
    }
    let mut facts = healthy();
    gate(&mut facts, "G3", Refusal::PeerAlive, "it lives, as it should");
    assert!(first(&facts).starts_with("FAILOVER READY OK"));
}

#[test]
fn the_state_of_the_agent() {
    adds(|f| state(f).frozen = Some("two masters".into()), "automatic takeover would be refused now: FROZEN: two masters");
    adds(
        |f| state(f).automatic = false,
        "automatic takeover would be refused now: AUTOMATIC_OFF: set automatic = true in cluster.toml on both nodes",
    );
    for (role, word) in [(Role::Inert, "INERT"), (Role::Standby, "STANDBY"), (Role::Failed, "FAILED"), (Role::Demoted, "DEMOTED")] {
        let line = format!("automatic takeover would be refused now: group pbx is {word} here, only a SLAVE may take over");
        adds(|f| state(f).groups.iter_mut().for_each(|g| g.role = role), &line);
    }
    adds(|f| state(f).peer.life = Life::Mute, "pbx1 is hung: only its kernel answers");
    adds(|f| state(f).peer.record = PeerRecord::Standby, "pbx1 is STANDBY and can't take over: run twinguard rejoin there once its fault is cured");
    let refusal = RefusalStatus { code: Refusal::Isolated, text: "no gateway".into(), since_ms: 1 };
    adds(|f| state(f).refusal = Some(refusal), "a takeover was asked for and refused: ISOLATED (no gateway)");
    adds(|f| state(f).groups.iter_mut().for_each(|g| g.degraded = Some("asterisk is down".into())), "group pbx is degraded: asterisk is down");
}

#[test]
fn a_link_that_is_half_dead() {
    let heartbeat = |f: &mut Facts, carrier, ping, channel| {
        let link = state(f).peer.links.iter_mut().find(|l| l.name == "heartbeat").unwrap();
        (link.carrier, link.ping, link.channel) = (carrier, ping, channel);
    };
    let tail = "one more failure would look like a dead peer";
    adds(|f| heartbeat(f, false, false, false), &format!("link heartbeat has no carrier here: {tail}"));
    adds(|f| heartbeat(f, true, false, false), &format!("link heartbeat does not reach the peer: {tail}"));
    adds(|f| heartbeat(f, true, true, false), &format!("link heartbeat reaches the peer, but its agent does not speak over it: {tail}"));
}

#[test]
fn witnesses() {
    adds(|f| *state(f).witnesses.get_mut("arp:192.0.2.1").unwrap() = false, "witness arp:192.0.2.1 does not answer");
    let hosts = "hosts = [\"arp:192.0.2.1\", \"tcp:192.0.2.25:25\"]";
    adds(|f| rewrite(f, hosts, "hosts = []"), "no witness is configured: a node can't know that it is not the isolated one");
    adds(|f| rewrite(f, hosts, "hosts = [\"ping:192.0.2.1\"]"), "ping:192.0.2.1 is the only witness: while it is away no takeover is possible");
    adds(|f| rewrite(f, hosts, "hosts = [\"ping:192.0.2.1\", \"ping:192.0.2.11\"]"), "witness ping:192.0.2.11 is pbx1 itself: it dies with the node");
    adds(
        |f| rewrite(f, hosts, "hosts = [\"ping:192.0.2.1\", \"ping:192.0.2.10\"]"),
        "witness ping:192.0.2.10 is a failover address: it is silent exactly when it is needed",
    );
}

#[test]
fn bm8_fence_devices() {
    let without = |f: &mut Facts, node: &str| f.cluster.fence.device.retain(|d| d.target != node);
    adds(|f| without(f, "pbx1"), "no fence device switches pbx1: automatic takeover from it is refused (BM8)");
    adds(
        |f| f.cluster.fence.device.retain(|d| d.target != "pbx2" || d.level == 1),
        "pbx2 has one fence level only: a device that loses its power together with the node proves nothing",
    );
    let device = |f: &mut Facts, node: &str, change: &dyn Fn(&mut plugin_core::cluster::Device)| {
        change(f.cluster.fence.device.iter_mut().find(|d| d.target == node && d.level == 1).unwrap());
    };
    adds(
        |f| device(f, "pbx1", &|d| d.identity = "drill".into()),
        "level 1 of pbx1 has identity = \"drill\" and no recorded drill: it does not count",
    );
    // Row 27 of the failure matrix: the addresses crossed, so that "the peer's" device is our own.
    adds(
        |f| device(f, "pbx2", &|d| d.address = Some("198.51.100.11".into())),
        "pbx2 and pbx1 have the same fence device (address 198.51.100.11 port 0): one of them would switch itself off",
    );
    adds(
        |f| device(f, "pbx2", &|d| d.identity = "guid:A1234567-89AB-CDEF-A123-456789ABCDEF".into()),
        "pbx2 and pbx1 have the same fence device (identity guid:a123456789abcdefa123456789abcdef): one of them would switch itself off",
    );
    adds(|f| device(f, "pbx1", &|d| d.address = Some("192.0.2.11".into())), "the fence device of pbx1 has the address of a node: it dies with it");
}

#[test]
fn the_rest_of_the_configuration() {
    adds(|f| f.me = "localhost".into(), "this node calls itself localhost, cluster.toml knows pbx1 and pbx2 only (MD8)");
    adds(
        |f| f.cluster.triggers.retain(|_, t| *t != plugin_core::cluster::Trigger::PeerLost),
        "no service in [triggers] is peer-lost: nothing would ever start a takeover",
    );
    adds(|f| f.cluster.limits.per_day = 0, "[limits] sets no limit: two failing nodes would take over from each other for ever");
    adds(
        |f| f.cluster.notify.relays = vec!["smtp://192.0.2.10:25".into()],
        "every mail relay is a failover address: the mail about a takeover waits for its end",
    );
    adds(
        |f| {
            f.cluster.links.remove("heartbeat");
        },
        "there is one link only: its failure looks like a dead peer (MD5)",
    );
    let group = |f: &mut Facts, change: &dyn Fn(&mut plugin_core::cluster::Group)| f.cluster.groups.iter_mut().for_each(change);
    adds(|f| group(f, &|g| g.verify.clear()), "group pbx has no verify: a service that hangs counts as taken over");
    adds(|f| group(f, &|g| g.ip.clear()), "group pbx has no failover address: clients stay with the dead node");
}

#[test]
fn sx16_units() {
    let change = |f: &mut Facts, name: &str, change: &dyn Fn(&mut Unit)| change(f.machine.units.iter_mut().find(|u| u.id == name).unwrap());
    adds(
        |f| change(f, "asterisk.service", &|u| u.file = "enabled".into()),
        "asterisk.service starts at boot by itself: only twinguard may start it (SX16); run: systemctl disable asterisk.service",
    );
    adds(|f| change(f, "asterisk.service", &|u| u.load = "not-found".into()), "asterisk.service of group pbx is not installed on this node");
    adds(|f| change(f, "rsync.service", &|u| u.load = "masked".into()), "rsync.service of group pbx is masked on this node");
    adds(
        |f| change(f, "twinguard.service", &|u| u.file = "disabled".into()),
        "twinguard.service does not start at boot: after the next reboot nobody guards the pair; run: systemctl enable twinguard.service",
    );
    adds(
        |f| change(f, "pacemaker.service", &|u| (u.load, u.active) = ("loaded".into(), "active".into())),
        "pacemaker.service manages resources here too: stop and disable it, or set the adapter in cluster.toml",
    );
}

#[test]
fn bm4_sx8_storage() {
    let mount = "mounts = [{ device = \"/dev/vg/mail\", path = \"/srv/mail\", fs = \"ext4\" }]";
    adds(
        |f| {
            rewrite(f, "mounts = []", mount);
            f.machine.fstab = "# /dev/vg/mail /srv/mail ext4 defaults 0 2\nUUID=1 /srv/mail ext4 defaults 0 2\n".into();
        },
        "fstab mounts /srv/mail at boot: write noauto, or two nodes mount it at once",
    );
    let mut noauto = healthy();
    rewrite(&mut noauto, "mounts = []", mount);
    noauto.machine.fstab = "/dev/vg/mail /srv/mail ext4 noauto,noatime 0 2\n".into();
    assert!(first(&noauto).starts_with("FAILOVER READY OK"));
    adds(|f| f.machine.missing = vec!["/srv/mail".into()], "/srv/mail is missing on this node: the mount would fail (SX8)");
    adds(
        |f| {
            rewrite(f, "mounts = []", mount);
            let table = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv rw - nfs4 nas:/srv rw\n";
            f.machine.mounts = crate::disk::mounts::parse(table).unwrap();
        },
        "/srv/mail lies on nfs4: it can't be fenced off (BM4)",
    );
}

#[test]
fn rx9_the_failover_address() {
    let file = |text: &str| [(PathBuf::from("/etc/network/interfaces"), text.to_owned())].into();
    adds(
        |f| f.machine.network = file("iface eth0 inet static\n  address 192.0.2.10/24\n"),
        "/etc/network/interfaces brings the failover address 192.0.2.10 up at boot: remove it there",
    );
    let mut near = healthy();
    near.machine.network = file("# address 192.0.2.10\n address 192.0.2.100/24\n address 1192.0.2.10\n");
    assert!(first(&near).starts_with("FAILOVER READY OK"));
    let answers = |holder| vec![Answers { address: "192.0.2.10".parse().unwrap(), holder, peer: Some([2, 0, 0, 0, 0, 1]) }];
    adds(|f| f.machine.answers = answers(Some([0xde, 0xad, 0, 0, 0, 9])), "192.0.2.10 is answered by de:ad:00:00:00:09, which is neither node");
    for fine in [None, Some([2, 0, 0, 0, 0, 1])] {
        let mut facts = healthy();
        facts.machine.answers = answers(fine);
        assert!(first(&facts).starts_with("FAILOVER READY OK"), "{fine:?}");
    }
    adds(
        |f| f.machine.addresses.retain(|(interface, _)| interface == "eth0"),
        "eth1 has no address 192.168.250.2: cluster.toml says so for link heartbeat",
    );
}

#[test]
fn rx6_a_server_that_is_bound_to_one_address() {
    let bound = |local: &[&str]| local.iter().map(|l| Socket::new(true, 5060, l)).collect::<Vec<_>>();
    adds(
        |f| f.machine.sockets = bound(&["192.0.2.12", "127.0.0.1"]),
        "port 5060 is bound to 192.0.2.12 only: nobody would answer at 192.0.2.10 (RX6)",
    );
    for fine in [&["0.0.0.0"][..], &["*"], &["192.0.2.10", "192.0.2.12"], &["127.0.0.1"], &[]] {
        let mut facts = healthy();
        facts.machine.sockets = bound(fine);
        assert!(first(&facts).starts_with("FAILOVER READY OK"), "{fine:?}");
    }
}

#[test]
fn drbd_that_promotes_by_itself() {
    let drbd = |text: &str| [(PathBuf::from("/etc/drbd.d/r0.res"), text.to_owned())].into();
    let fine = "resource r0 {\n net { fencing resource-and-stonith; }\n  fencing resource-and-stonith;\n  auto-promote no;\n}\n";
    let mut facts = healthy();
    facts.machine.drbd = drbd(fine);
    assert!(first(&facts).starts_with("FAILOVER READY OK"));
    adds(
        |f| f.machine.drbd = drbd(&fine.replace("auto-promote no", "auto-promote yes")),
        "/etc/drbd.d/r0.res: auto-promote yes lets a mount make a node primary",
    );
    adds(
        |f| f.machine.drbd = drbd("fencing dont-care;\n"),
        "/etc/drbd.d/r0.res: fencing dont-care loses writes after a split (write resource-and-stonith)",
    );
    adds(|f| f.machine.drbd = drbd("resource r0 {\n}\n"), "DRBD has no fencing policy: its default is dont-care");
    adds(|f| f.machine.drbd = drbd("fencing resource-only;\nallow-two-primaries yes;\n"), "/etc/drbd.d/r0.res: two primaries are allowed");
}

#[test]
fn state_socket_and_clock() {
    adds(
        |f| f.machine.state = Some(Err("/var/lib/twinguard is read-only".into())),
        "the agent's state can't be written: /var/lib/twinguard is read-only; every takeover would be refused",
    );
    adds(|f| f.machine.state = Some(Ok(4096.0)), "only 4.0 KiB are left for the agent's journal");
    adds(
        |f| f.machine.event_socket = false,
        "the event handler's socket is missing: no check could start a takeover; run: systemctl start twinguard.socket",
    );
    adds(|f| f.machine.synchronised = Some(false), "nobody sets this node's clock: configure chrony or timesyncd (RX2)");
}

#[test]
fn blindness_is_unknown_and_never_ready() {
    let mut facts = healthy();
    facts.status = Err(Blind::Read { path: "/run/twinguard/status.json".into(), reason: "gone".into() });
    assert_eq!(first(&facts), "FAILOVER READY UNKNOWN - cannot read /run/twinguard/status.json: gone");
    let mut facts = healthy();
    facts.machine.blind = vec!["units not looked at: cannot run systemctl: no".into()];
    assert_eq!(first(&facts), "FAILOVER READY UNKNOWN - units not looked at: cannot run systemctl: no");
}
