//! One test for each latent defect: a healthy pair, one thing spoilt, one line more. `node` holds those of the machine itself.

mod node;

use super::*;
use crate::ready_made::status;
use crate::services::unit::Unit;
use plugin_core::contract::refusal::Refusal;
use plugin_core::contract::status::{DeviceStatus, Drill, GateStatus, Life, PeerRecord, RefusalStatus, Role};

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
    let mut status = status("pbx2", &[("pbx", Role::Slave)]);
    status.compared.takeover_ms = Some(1_000);
    Facts {
        me: "pbx2".into(),
        drill_age: Span::seconds(365 * 86_400),
        cluster,
        status: Ok(status),
        machine: Machine { wall_ms: 86_401_000, ..machine },
    }
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
    state(&mut facts).groups = status("pbx2", &[("pbx", Role::Master)]).groups;
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

/// What both agents say of each other, and how long ago this node last proved that it can.
#[test]
fn versions_clocks_and_drills() {
    let compared = |f: &mut Facts, own: &str, theirs: &str, skew: u64| {
        let compared = &mut state(f).compared;
        (compared.version, compared.peer_version, compared.skew_ms) = (Some(own.into()), Some(theirs.into()), Some(skew));
    };
    adds(|f| compared(f, "0.2.0", "0.1.0", 1000), "pbx1 runs twinguard 0.1.0, this node 0.2.0: install the same version on both nodes");
    adds(|f| compared(f, "0.2.0", "0.2.0", 1001), "the clocks of both nodes differ by 1001 ms (RX2): look at check_time");
    adds(|f| state(f).compared.takeover_ms = None, "pbx2 has never fenced pbx1 and taken over: make a drill while people watch");
    let year = 366 * 86_400_000 + 1_000;
    adds(|f| f.machine.wall_ms = year, "the last takeover of pbx2 is 366 days old: make a drill while people watch");
    let mut facts = healthy();
    (facts.drill_age, facts.machine.wall_ms) = (Span(None), year);
    assert!(first(&facts).starts_with("FAILOVER READY OK"), "nobody asks for a drill");
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
    // Row 27 of the failure matrix: the addresses crossed, so that "the peer's" device is our own.
    adds(
        |f| device(f, "pbx2", &|d| d.address = Some("198.51.100.11".into())),
        "pbx2 and pbx1 have the same fence device (address 198.51.100.11 port 0): one of them would switch itself off",
    );
    adds(
        |f| device(f, "pbx2", &|d| d.identity = "guid:A1234567-89AB-CDEF-A123-456789ABCDEF".into()),
        "pbx2 and pbx1 have the same fence device (identity guid:a123456789abcdefa123456789abcdef): one of them would switch itself off",
    );
    adds(
        |f| device(f, "pbx1", &|d| d.address = Some("198.51.100.31".into())),
        "two fence levels of pbx1 are one device (198.51.100.31): when it is silent, both are",
    );
    adds(|f| device(f, "pbx1", &|d| d.address = Some("192.0.2.11".into())), "the fence device of pbx1 has the address of a node: it dies with it");
}

#[test]
fn fence_devices_are_drilled() {
    let drilled = |days: i64, took_ms: u64| {
        let (target, device, by) = ("pbx1".into(), "ipmi 198.51.100.11 port 623".into(), "root".into());
        Some(Drill { target, level: 1, device, at_ms: 86_401_000 - days * 86_400_000, took_ms, by })
    };
    let with = |drill: Option<Drill>| {
        move |f: &mut Facts| state(f).devices = vec![DeviceStatus { level: 1, device: "ipmi 198.51.100.11 port 623".into(), drill }]
    };
    let place = "level 1 fence device of pbx1, ipmi 198.51.100.11 port 623,";
    adds(with(None), &format!("{place} was never drilled: twinguard drill fence pbx1 --level 1"));
    adds(with(drilled(366, 900)), &format!("{place} was drilled 366 days ago by root, OFF after 0.9 s: twinguard drill fence pbx1 --level 1"));
    adds(with(drilled(3, 10_001)), &format!("{place} needed 10.0 s until OFF: set HandlePowerKey=ignore in logind.conf of pbx1"));
    let mut facts = healthy();
    with(drilled(365, 10_000))(&mut facts);
    assert!(first(&facts).starts_with("FAILOVER READY OK"), "{}", first(&facts));
}

#[test]
fn the_rest_of_the_configuration() {
    adds(
        |f| f.me = "pbx1".into(),
        "eth1 has no address 192.168.250.1: cluster.toml says so for link heartbeat, eth0 has no address 192.0.2.11: cluster.toml says so for link lan, this node calls itself pbx1, its agent says pbx2: the host name was changed, or both nodes have the same (MD8)",
    );
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
fn blindness_is_unknown_and_never_ready() {
    let mut facts = healthy();
    facts.status = Err(Blind::Read { path: "/run/twinguard/status.json".into(), reason: "gone".into() });
    assert_eq!(first(&facts), "FAILOVER READY UNKNOWN - cannot read /run/twinguard/status.json: gone");
    let mut facts = healthy();
    facts.machine.blind = vec!["units not looked at: cannot run systemctl: no".into()];
    assert_eq!(first(&facts), "FAILOVER READY UNKNOWN - units not looked at: cannot run systemctl: no");
}
