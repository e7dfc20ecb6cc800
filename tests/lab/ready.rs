//! `check_failover_ready` on a pair that is ready: each latent defect is made for real, the check says its line, and when the
//! defect is undone the pair is ready again. One booted pair for all of them; each is a row of the closing table.

use super::{end, scene};
use rig::lab::scene::Scene;
use rig::lab::{Done, Link, Node, Plan, node, site, table, tool};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const CHECK: &str = "/usr/lib/nagios/plugins/check_failover_ready";
const CONFIG: &str = "etc/twinguard/cluster.toml";
/// An agent that was started anew has to meet its peer and ask the fence devices.
const BOUND: Duration = Duration::from_secs(60);

/// A pair and what the check said on each node at last.
struct Pair {
    scene: Scene,
    last: [String; 2],
    found: usize,
}

/// The first line without its performance data.
fn line(done: &Done) -> String {
    done.stdout.lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default().to_owned()
}

impl Pair {
    fn run(&self, on: Node, argv: &[&str]) -> String {
        self.scene.lab.run(on, argv).unwrap_or_else(|e| panic!("{e}"))
    }

    fn file(&self, on: Node, path: &str) -> PathBuf {
        node::root(&self.scene.lab.site, on).expect("the node runs").join(path)
    }

    fn read(&self, on: Node, path: &str) -> String {
        tool::read(self.file(on, path))
    }

    fn write(&self, on: Node, path: &str, text: &str) {
        tool::write(&self.file(on, path), text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Runs the check as Icinga does.
    fn check(&self, on: Node, more: &[&str]) -> Done {
        let argv = [&["runuser", "-u", "nagios", "--", CHECK][..], more].concat();
        let done = self.scene.lab.exec(on, &argv).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(done.stderr, "", "{}", done.stdout);
        done
    }

    /// Runs the check until its first line holds `says`.
    fn says(&mut self, name: &str, on: Node, more: &[&str], code: i32, says: &str) {
        let start = Instant::now();
        loop {
            let done = self.check(on, more);
            let said = line(&done);
            if done.code == Some(code) && said.contains(says) {
                self.last[usize::from(on.number()) - 1] = said;
                return;
            }
            assert!(start.elapsed() < BOUND, "{name}: the check on {} does not say \"{says}\": {said}\n{}", on.name(), self.scene.lab.last_words());
        }
    }

    fn ready(&mut self) {
        self.says("nothing", Node::N2, &QUIET, 0, "FAILOVER READY OK - no defect found; automatic takeover is armed");
        self.says("nothing", Node::N1, &QUIET, 0, "FAILOVER READY OK - no defect found; this node is master, the slave judges the takeover");
    }

    /// Makes a defect, wants it said where it was not said before, and undoes it.
    fn defect(&mut self, name: &str, on: Node, says: &str, make: impl FnOnce(&Pair), undo: impl FnOnce(&Pair)) {
        self.defect_seen(name, on, (&QUIET, 1), says, make, undo);
    }

    fn defect_seen(&mut self, name: &str, on: Node, (more, code): (&[&str], i32), says: &str, make: impl FnOnce(&Pair), undo: impl FnOnce(&Pair)) {
        let before = &self.last[usize::from(on.number()) - 1];
        assert!(!before.contains(says), "{name}: it was said before: {before}");
        make(self);
        self.says(name, on, more, code, says);
        undo(self);
        self.found += 1;
        table::note(&format!("latent defect: {name}"), says, None);
    }

    /// A defect that stands in the slave's `cluster.toml`.
    fn configured(&mut self, name: &str, from: &str, to: &str, says: &str) {
        let good = self.read(Node::N2, CONFIG);
        assert!(good.contains(from), "the lab's cluster.toml no longer says {from:?}");
        self.defect(name, Node::N2, says, |p| p.write(Node::N2, CONFIG, &good.replace(from, to)), |p| p.write(Node::N2, CONFIG, &good));
    }

    /// What the slave's agent publishes, with a change, in `/run/forged.json`.
    fn forged(&self, change: impl FnOnce(&mut plugin_core::contract::Status)) {
        let mut status = self.scene.lab.status(Node::N2).expect("a status");
        change(&mut status);
        self.write(Node::N2, "run/forged.json", &serde_json::to_string(&status).expect("json"));
    }
}

/// No drill is asked for: the only proof would be a takeover, and a node that was fenced is taken back after a minute only.
const QUIET: [&str; 2] = ["--drill-age", "never"];

#[test]
fn each_latent_defect_is_found_on_the_real_node() {
    let scene = scene(&Plan { sound: true, ..Plan::default() });
    let mut pair = Pair { scene, last: Default::default(), found: 0 };
    // The nodes share the clock of this machine, which may have no server of its own; check_time's tests look after clocks.
    for on in Node::BOTH {
        pair.run(on, &["systemctl", "mask", "--runtime", "--now", "systemd-timedated"]);
    }
    pair.ready();
    configuration(&mut pair);
    boot(&mut pair);
    storage(&mut pair);
    network(&mut pair);
    agents(&mut pair);
    pair.ready();
    assert!(pair.found >= 25, "{}", pair.found);
    end(pair.scene, "check_failover_ready: all defects undone", "n1 everything, n2 nothing", None);
}

fn configuration(pair: &mut Pair) {
    let witnesses = format!("[\"ping:{}\", \"ping:{}\"]", site::GATEWAY, site::WITNESS);
    pair.configured("no witness", &witnesses, "[]", "no witness is configured: a node can't know that it is not the isolated one");
    let (theirs, ours) = (Node::N1.bmc(), Node::N2.bmc());
    let said = format!("have the same fence device (address {ours} port 623): one of them would switch itself off");
    pair.configured(
        "the peer's IPMI is our own",
        &format!("address = \"{theirs}\"\nport = 623"),
        &format!("address = \"{ours}\"\nport = 623"),
        &said,
    );
    let said = format!("two fence levels of n1 are one device ({theirs}): when it is silent, both are");
    pair.configured("two levels, one device", &format!("address = \"{theirs}\"\nport = 624"), &format!("address = \"{theirs}\"\nport = 623"), &said);
    let relay = format!("smtp://{}:25", site::WITNESS);
    let said = "every mail relay is a failover address: the mail about a takeover waits for its end";
    pair.configured("mail needs what is taken over", &relay, &format!("smtp://{}:25", site::CLUSTER_IP), said);
    let said = "asterisk.service of group web is not installed on this node";
    pair.configured("a service is not installed", "[\"nginx.service\"]", "[\"nginx.service\", \"asterisk.service\"]", said);
    let said = "[limits] sets no limit: two failing nodes would take over from each other for ever";
    pair.configured("no limit of takeovers", "per_day = 3", "per_day = 0", said);
    pair.configured(
        "no trigger",
        "twinguard-master-alive = \"peer-lost\"",
        "twinguard-raid = \"self\"",
        "no service in [triggers] is peer-lost: nothing would ever start a takeover",
    );
}

fn boot(pair: &mut Pair) {
    let ctl = |verb: &'static str, unit: &'static str| move |p: &Pair| drop(p.run(Node::N2, &["systemctl", "--quiet", verb, unit]));
    let said = "nginx.service starts at boot by itself: only twinguard may start it (SX16); run: systemctl disable nginx.service";
    pair.defect("unit enabled at boot", Node::N2, said, ctl("enable", "nginx.service"), ctl("disable", "nginx.service"));
    let said = "icinga2.service does not start at boot: after the next reboot nobody guards the pair; run: systemctl enable icinga2.service";
    pair.defect("Icinga does not start at boot", Node::N2, said, ctl("disable", "icinga2.service"), ctl("enable", "icinga2.service"));
    let fstab = pair.read(Node::N2, "etc/fstab");
    let mounts = format!("{fstab}\nUUID=1 /srv/data ext4 defaults 0 2\n");
    let said = "fstab mounts /srv/data at boot: write noauto, or two nodes mount it at once";
    pair.defect("fstab mounts the data", Node::N2, said, |p| p.write(Node::N2, "etc/fstab", &mounts), |p| p.write(Node::N2, "etc/fstab", &fstab));
    let (file, text) = ("etc/network/interfaces", format!("iface eth0 inet static\n  address {}/24\n", site::CLUSTER_IP));
    let said = "/etc/network/interfaces brings the failover address 10.77.0.100 up at boot: remove it there";
    let remove = |path: &'static str| move |p: &Pair| std::fs::remove_file(p.file(Node::N2, path)).expect("remove");
    pair.defect("the failover IP comes up at boot", Node::N2, said, |p| p.write(Node::N2, file, &text), remove(file));
    let unit = "etc/systemd/system/keepalived.service";
    pair.write(Node::N2, unit, "[Service]\nExecStart=/bin/sleep infinity\n");
    pair.run(Node::N2, &["systemctl", "daemon-reload"]);
    let said = "keepalived.service manages resources here too: stop and disable it, or set the adapter in cluster.toml";
    pair.defect("another cluster manager", Node::N2, said, ctl("start", "keepalived.service"), ctl("stop", "keepalived.service"));
    remove(unit)(pair);
    pair.run(Node::N2, &["systemctl", "daemon-reload"]);
}

fn storage(pair: &mut Pair) {
    let drbd = "data = { kind = \"drbd\", resource = \"r0\", policy = \"strict\" }";
    let good = pair.read(Node::N2, CONFIG);
    assert!(good.contains("data = { kind = \"device\" }"));
    pair.write(Node::N2, CONFIG, &good.replace("data = { kind = \"device\" }", drbd));
    let policy = |text: &'static str| move |p: &Pair| p.write(Node::N2, "etc/drbd.d/r0.res", text);
    let said = "/etc/drbd.d/r0.res: auto-promote yes lets a mount make a node primary";
    let fine = "fencing resource-and-stonith;\n";
    pair.defect("DRBD promotes by itself", Node::N2, said, policy("fencing resource-and-stonith;\nauto-promote yes;\n"), policy(fine));
    let said = "/etc/drbd.d/r0.res: fencing dont-care loses writes after a split (write resource-and-stonith)";
    pair.defect("DRBD without fencing", Node::N2, said, policy("fencing dont-care;\n"), policy(fine));
    pair.write(Node::N2, CONFIG, &good);
    let data = "/srv/data";
    pair.defect(
        "the mount point is missing",
        Node::N2,
        "/srv/data is missing on this node: the mount would fail (SX8)",
        |p| drop(p.run(Node::N2, &["mv", data, "/srv/away"])),
        |p| drop(p.run(Node::N2, &["mv", "/srv/away", data])),
    );
    // A file system of another machine whose server is gone: the kernel has the mount, nobody answers for it.
    let script = "[ -e /dev/fuse ] || mknod /dev/fuse c 10 229; exec 5<>/dev/fuse; mount -i -t fuse.sshfs -o fd=5,rootmode=40000,user_id=0,group_id=0 far:/ /srv/data";
    pair.defect(
        "data on another machine's file system",
        Node::N2,
        "/srv/data lies on fuse.sshfs: it can't be fenced off (BM4)",
        |p| drop(p.run(Node::N2, &["sh", "-c", script])),
        |p| drop(p.run(Node::N2, &["umount", "--lazy", data])),
    );
    let spool = "/var/spool/twinguard";
    pair.defect(
        "the mail spool is full",
        Node::N2,
        "are left for the mails about a takeover",
        |p| drop(p.run(Node::N2, &["mount", "-t", "tmpfs", "-o", "size=16k", "spool", spool])),
        |p| drop(p.run(Node::N2, &["umount", spool])),
    );
}

fn network(pair: &mut Pair) {
    let gateway = |argv: &'static [&'static str]| move |p: &Pair| assert_eq!(p.scene.lab.at("gateway", argv).expect("ip").code, Some(0), "{argv:?}");
    let holder = pair.scene.lab.at("gateway", &["cat", "/sys/class/net/eth0/address"]);
    let third = pair.scene.lab.at("gateway", &["ip", "-br", "link", "show", "eth0"]).map(|d| d.stdout).unwrap_or_default();
    let mac = third.split_whitespace().nth(2).unwrap_or_else(|| panic!("{third:?} {holder:?}")).to_owned();
    pair.defect(
        "a third machine has the failover IP",
        Node::N2,
        &format!("{} is answered by {mac}, which is neither node", site::CLUSTER_IP),
        gateway(&["ip", "address", "add", "10.77.0.100/32", "dev", "eth0"]),
        gateway(&["ip", "address", "del", "10.77.0.100/32", "dev", "eth0"]),
    );
    let said = format!("witness ping:{} does not answer", site::GATEWAY);
    let (down, up) = (&["ip", "link", "set", "eth0", "down"], &["ip", "link", "set", "eth0", "up"]);
    pair.defect("a witness is away", Node::N2, &said, gateway(down), gateway(up));
    let (cut, uncut) = (|p: &Pair| p.scene.lab.cut(Node::N2, Link::Heartbeat), |p: &Pair| p.scene.lab.uncut(Node::N2, Link::Heartbeat));
    let said = "link heartbeat has no carrier here: one more failure would look like a dead peer";
    pair.defect("the heartbeat cable is out", Node::N2, said, |p| cut(p).expect("cut"), |p| uncut(p).expect("uncut"));
    // A mail server that listens at this node's own address only.
    let good = pair.read(Node::N2, CONFIG);
    let smtp = good.replace(&format!("http:{}:80", site::CLUSTER_IP), &format!("banner:{}:25", site::CLUSTER_IP));
    assert_ne!(good, smtp);
    pair.write(Node::N2, "etc/bound.conf", "pid /run/bound.pid;\nevents {}\nhttp { access_log off; server { listen 10.77.0.2:25; } }\n");
    // Under another name: the audit counts who runs the group's nginx.
    pair.run(Node::N2, &["cp", "/usr/sbin/nginx", "/run/smtpd"]);
    let start = ["systemd-run", "--quiet", "--unit=bound", "/run/smtpd", "-c", "/etc/bound.conf", "-g", "daemon off;"];
    pair.defect(
        "SMTP is bound to one address",
        Node::N2,
        "port 25 is bound to 10.77.0.2 only: nobody would answer at 10.77.0.100 (RX6)",
        |p| {
            p.write(Node::N2, CONFIG, &smtp);
            p.run(Node::N2, &start);
        },
        |p| {
            p.write(Node::N2, CONFIG, &good);
            p.run(Node::N2, &["systemctl", "stop", "bound"]);
        },
    );
    let named = |name: &'static str| {
        move |p: &Pair| {
            let init = node::init(&p.scene.lab.site, Node::N2).expect("init").to_string();
            tool::run("nsenter", &["--target", &init, "--uts", "hostname", name]).expect("hostname");
        }
    };
    let said = "this node calls itself n1, its agent says n2: the host name was changed, or both nodes have the same (MD8)";
    pair.defect("equal host names", Node::N2, said, named("n1"), named("n2"));
}

fn agents(pair: &mut Pair) {
    let restart = |p: &Pair| drop(p.run(Node::N2, &["systemctl", "restart", "twinguard"]));
    let good = pair.read(Node::N2, CONFIG);
    let other = good.replace("silence = \"2s\"", "silence = \"3s\"");
    assert_ne!(good, other);
    let put = |text: String| {
        move |p: &Pair| {
            p.write(Node::N2, CONFIG, &text);
            restart(p);
        }
    };
    let said = "automatic takeover would be refused now: CONFIG: cluster.toml differs between the nodes (copy the same cluster.toml to both nodes)";
    pair.defect("the nodes' cluster.toml differ", Node::N2, said, put(other), put(good.clone()));
    let (secret, password) = ("etc/twinguard/secret/bmc", pair.read(Node::N2, "etc/twinguard/secret/bmc"));
    let said = "automatic takeover would be refused now: DEVICE_DENIED: ";
    pair.defect(
        "wrong password of the peer's BMC",
        Node::N2,
        said,
        |p| {
            p.write(Node::N2, secret, "changed-by-somebody\n");
            restart(p);
        },
        |p| {
            p.write(Node::N2, secret, &password);
            restart(p);
        },
    );
    let said = "automatic takeover would be refused now: MAINTENANCE: somebody works on the peer, by its last message (end the maintenance if the takeover is wanted)";
    let maintenance = |word: &'static str| move |p: &Pair| drop(p.run(Node::N1, &["/usr/sbin/twinguard", "maintenance", word]));
    pair.defect("maintenance was forgotten", Node::N2, said, maintenance("on"), maintenance("off"));
    let (socket, away) = ("/run/twinguard/event.sock", "/run/twinguard/away.sock");
    pair.defect(
        "the handler's socket is missing",
        Node::N2,
        "the event handler's socket is missing: no check could start a takeover; run: systemctl start twinguard.socket",
        |p| drop(p.run(Node::N2, &["mv", socket, away])),
        |p| drop(p.run(Node::N2, &["mv", away, socket])),
    );
    pair.defect_seen("no drill yet", Node::N2, (&[], 1), "n2 has never fenced n1 and taken over: make a drill while people watch", |_| (), |_| ());
    let beside = |p: &mut Pair, name: &str, says: &str, change: &dyn Fn(&mut plugin_core::contract::status::Compared)| {
        p.defect_seen(name, Node::N2, (&["--status", "/run/forged.json"], 1), says, |p| p.forged(|s| change(&mut s.compared)), |_| ());
    };
    let old = i64::try_from(tool::now_ms()).expect("time") - 400 * 86_400_000;
    beside(pair, "the last drill is old", "the last takeover of n2 is 400 days old: make a drill while people watch", &|c| c.takeover_ms = Some(old));
    let own = env!("CARGO_PKG_VERSION");
    let said = format!("n1 runs twinguard 9.9.9, this node {own}: install the same version on both nodes");
    beside(pair, "versions differ", &said, &|c| c.peer_version = Some("9.9.9".to_owned()));
    beside(pair, "clocks differ", "the clocks of both nodes differ by 2500 ms (RX2): look at check_time", &|c| c.skew_ms = Some(2500));
    pair.defect_seen(
        "the agent is stopped",
        Node::N2,
        (&QUIET, 3),
        "FAILOVER READY UNKNOWN - cannot read /run/twinguard/status.json: the agent has not written it for ",
        // With its socket: an event of this node's own Icinga would start it again.
        |p| drop(p.run(Node::N2, &["systemctl", "stop", "twinguard.socket", "twinguard.service"])),
        |p| drop(p.run(Node::N2, &["systemctl", "start", "twinguard.socket", "twinguard.service"])),
    );
}
