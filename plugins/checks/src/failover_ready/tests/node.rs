//! Defects of this node that no gate shows.

use super::super::machine::{self, Answers};
use super::super::*;
use super::{adds, first, healthy, rewrite};
use crate::services::listen::Socket;
use crate::services::unit::Unit;

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
    let answers = |holders: &[machine::Mac]| {
        vec![Answers { address: "192.0.2.10".parse().unwrap(), holders: holders.to_vec(), peer: Some([2, 0, 0, 0, 0, 1]) }]
    };
    adds(
        |f| f.machine.answers = answers(&[[2, 0, 0, 0, 0, 1], [0xde, 0xad, 0, 0, 0, 9]]),
        "192.0.2.10 is answered by de:ad:00:00:00:09, which is neither node",
    );
    for fine in [&[][..], &[[2, 0, 0, 0, 0, 1]]] {
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
    adds(|f| f.machine.spool = Some(Ok(0.0)), "only 0 B are left for the mails about a takeover");
    adds(|f| f.machine.spool = Some(Err("/var/spool/x is read-only".into())), "no mail could be kept until it is sent: /var/spool/x is read-only");
    adds(
        |f| f.machine.event_socket = false,
        "the event handler's socket is missing: no check could start a takeover; run: systemctl start twinguard.socket",
    );
    adds(|f| f.machine.synchronised = Some(false), "nobody sets this node's clock: configure chrony or timesyncd (RX2)");
}
