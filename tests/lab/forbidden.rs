//! Rows of the failure matrix in which a takeover must not happen (⛔), on real machines. A refusal has no side effect (I11): no
//! power command, no resource moved, no file written outside the state folder.

use super::{handler, scene, wait};
use plugin_core::contract::status::Role;
use rig::lab::footprint::Footprint;
use rig::lab::scene::Scene;
use rig::lab::tool::now_ms;
use rig::lab::watch::Sign;
use rig::lab::{Link, Node, Plan, power, table, wait_for};
use std::time::Duration;

/// A scene that is left alone until a refusal is due.
struct Forbidden {
    scene: Scene,
    before: Footprint,
}

impl Forbidden {
    /// From here on nothing may be touched.
    fn from_here(scene: Scene) -> Self {
        let before = Footprint::of(&scene.lab.site);
        Self { scene, before }
    }

    /// Waits for the refusal and its mail.
    fn refused(&mut self, since: u64, code: &str) {
        let expected = Sign::Refused(code.to_owned());
        wait(&mut self.scene, &format!("refusal {code}"), since, |m| m.sign == expected && m.node == Some(Node::N2));
        wait(&mut self.scene, "its mail", since, |m| m.sign == Sign::Mail && m.text.contains("CRITICAL") && m.text.contains(code));
    }

    /// Looks for a while: who holds what does not change; then the audit.
    fn ends(mut self, row: u8, what: &str, held: &str, time: Duration) {
        let wanted = held.to_owned();
        self.scene.stays(&format!("row {row}: {held}"), time, |s| s.held() == wanted).unwrap_or_else(|e| panic!("{e}"));
        self.scene.audited().unwrap_or_else(|e| panic!("row {row}: {e}"));
        let touched = Footprint::of(&self.scene.lab.site).since(&self.before);
        assert!(touched.is_empty(), "row {row}: a refusal has no side effect: {touched:?}");
        let role = self.scene.lab.role(Node::N2);
        table::note(&format!("⛔ row {row}: {what}"), &format!("{held}; n2 {}", role.map_or("off".to_owned(), |r| r.to_string())), None);
    }
}

const SERVED: &str = "n1 everything, n2 nothing";
const NOBODY: &str = "n1 nothing, n2 nothing";

#[test]
fn row_6_a_notify_check_never_triggers() {
    let mut ground = Forbidden::from_here(scene(&Plan::default()));
    let start = now_ms();
    handler::call(&ground.scene, &[("--service", "twinguard-sip")]);
    ground.scene.watch.look(&ground.scene.lab);
    assert!(ground.scene.watch.first(start, |m| m.sign == Sign::Opened).is_none(), "an attempt was opened");
    ground.ends(6, "a notify check calls the handler", SERVED, Duration::from_secs(4));
}

#[test]
fn row_10_the_slaves_clients_link_is_dead() {
    let ground = Forbidden::from_here(scene(&Plan::default()));
    ground.scene.lab.cut(Node::N2, Link::Lan).expect("cut");
    let unarmed = || ground.scene.lab.status(Node::N2).is_some_and(|s| !s.armed);
    wait_for("n2 says that it could not", Duration::from_secs(20), unarmed).expect("not armed");
    ground.ends(10, "the slave's clients' link is dead", SERVED, Duration::from_secs(8));
}

#[test]
fn row_27_the_peers_bmc_is_our_own() {
    let scene = scene(&Plan { crossed: true, ..Plan::default() });
    let early = || scene.lab.status(Node::N2).is_some_and(|s| s.gates.iter().any(|g| g.refusal.is_some_and(|r| r.to_string() == "IDENTITY")));
    wait_for("the warning beforehand", Duration::from_secs(30), early).expect("IDENTITY");
    let mut ground = Forbidden::from_here(scene);
    let crash = ground.scene.crash_master().expect("crash");
    ground.refused(crash, "IDENTITY");
    assert_eq!(power::mains(&ground.scene.lab.site, Node::N2), power::Mains::On, "it shot itself");
    ground.ends(27, "BMC addresses crossed", NOBODY, Duration::from_secs(5));
}

#[test]
fn row_29_the_bmcs_password_was_changed() {
    let scene = scene(&Plan::default());
    scene.lab.run(Node::N2, &["sh", "-c", "printf 'of-last-year' > /etc/twinguard/secret/bmc"]).expect("secret");
    // The device is asked every 25 s.
    let early = || scene.lab.status(Node::N2).is_some_and(|s| !s.armed);
    wait_for("the warning beforehand", Duration::from_secs(60), early).expect("not armed");
    let mut ground = Forbidden::from_here(scene);
    let crash = ground.scene.crash_master().expect("crash");
    ground.refused(crash, "DEVICE_DENIED");
    ground.ends(29, "the BMC's password was changed", NOBODY, Duration::from_secs(5));
}

#[test]
fn row_32_only_the_stale_master_boots() {
    let mut scene = scene(&Plan::default());
    let crash = scene.crash_master().expect("crash");
    super::n2_takes_over(&mut scene, crash);
    scene.lab.plug(Node::N2).expect("plug");
    scene.lab.power_on(Node::N1).expect("power on");
    scene.lab.wait_up(Node::N1).expect("n1 boots");
    scene.lab.wait_role(Node::N1, Role::Inert, Duration::from_secs(20)).expect("inert");
    let ground = Forbidden::from_here(scene);
    ground.ends(32, "site loss, only the stale master boots", NOBODY, Duration::from_secs(8));
}

#[test]
fn row_42_the_configurations_differ() {
    let scene = scene(&Plan::default());
    scene.lab.run(Node::N2, &["sh", "-c", "echo '# half of an update' >> /etc/twinguard/cluster.toml"]).expect("update");
    scene.lab.run(Node::N2, &["systemctl", "restart", "twinguard.service"]).expect("restart");
    let early = || scene.lab.status(Node::N2).is_some_and(|s| s.gates.iter().any(|g| g.gate == "G9" && g.refusal.is_some()));
    wait_for("the warning beforehand", Duration::from_secs(20), early).expect("G9");
    let mut ground = Forbidden::from_here(scene);
    let crash = ground.scene.crash_master().expect("crash");
    ground.refused(crash, "CONFIG");
    ground.ends(42, "an update is half done", NOBODY, Duration::from_secs(5));
}

#[test]
fn row_44_the_state_can_not_be_written() {
    let scene = scene(&Plan::default());
    let fill = "systemctl stop twinguard.service && mkdir /tmp/kept && cp -a /var/lib/twinguard/. /tmp/kept/ \
                && mount -t tmpfs -o size=256k tmpfs /var/lib/twinguard && cp -a /tmp/kept/. /var/lib/twinguard/ \
                && systemctl start twinguard.service";
    scene.lab.run(Node::N2, &["sh", "-c", fill]).expect("a small file system");
    let armed = || scene.lab.status(Node::N2).is_some_and(|s| s.armed);
    wait_for("n2 armed again", Duration::from_secs(30), armed).expect("armed");
    scene.lab.exec(Node::N2, &["dd", "if=/dev/zero", "of=/var/lib/twinguard/rubbish", "bs=1k"]).expect("fill");
    let mut ground = Forbidden::from_here(scene);
    let crash = ground.scene.crash_master().expect("crash");
    wait(&mut ground.scene, "a mail", crash, |m| m.sign == Sign::Mail && m.text.contains("can't write its state"));
    let said = || ground.scene.lab.status(Node::N2).is_some_and(|s| s.refusal.is_some_and(|r| r.code.to_string() == "STATE_UNWRITABLE"));
    wait_for("STATE_UNWRITABLE", Duration::from_secs(20), said).expect("said");
    ground.ends(44, "the state's file system is full", NOBODY, Duration::from_secs(5));
}
