//! `check_fence` against BMCs: right and wrong credentials, the wrong machine, silence, and no power command ever.

use rig::bmc::{Bmc, Mind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PBX: &str = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml");
const IDENTITY: &str = "guid:a1234567-89ab-cdef-a123-456789abcdef";

/// A folder with the configuration, the secret and the memory.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("twinguard-check-fence-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let site = Self(folder);
        site.secret("operpass");
        site
    }

    fn secret(&self, text: &str) {
        let path = self.0.join("secret");
        std::fs::write(&path, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Devices of pbx1: address, port, user.
    fn devices(&self, devices: &[(&str, u16)]) {
        let (head, rest) = PBX.split_once("[[fence.device]]").unwrap();
        let tail = rest.split_once("[limits]").unwrap().1;
        let secret = self.0.join("secret").display().to_string();
        let device = |(level, (address, port)): (usize, &(&str, u16))| {
            format!(
                "[[fence.device]]\ntarget = \"pbx1\"\nlevel = {}\ndriver = \"ipmi\"\naddress = \"{address}\"\nport = {port}\nuser = \"oper\"\n\
                 secret = \"{secret}\"\nidentity = \"{IDENTITY}\"\n",
                level + 1
            )
        };
        let all: String = devices.iter().enumerate().map(device).collect();
        std::fs::write(self.0.join("cluster.toml"), format!("{head}{all}[limits]{tail}")).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_check_fence"));
        command.args(["--node", "pbx2", "--config"]).arg(self.0.join("cluster.toml")).arg("--state-dir").arg(&self.0).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Exit code and output; nothing on standard error, no secret anywhere.
    fn check(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(!text.contains("operpass") && !text.contains("wrong-password"), "a secret is printed: {text}");
        (output.status.code().unwrap(), text)
    }

    #[track_caller]
    fn says(&self, args: &[&str], code: i32, line: &str) {
        let (got, text) = self.check(args);
        assert_eq!((got, text.lines().next().unwrap().split(" | ").next().unwrap()), (code, line), "{text}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn two_good_levels_are_ok_and_the_power_is_read_not_changed() {
    let (one, two) = (Bmc::start(Mind::default()), Bmc::start_at("[::1]:0", Mind::default()));
    let (site, ports) = (Site::new("good"), [one.address().port(), two.address().port()]);
    site.devices(&[("127.0.0.1", ports[0]), ("::1", ports[1])]);
    let line = |power: &str| {
        format!(
            "level 1 of pbx1: ipmi 127.0.0.1 port {} answers, power {power}, level 2 of pbx1: ipmi ::1 port {} answers, power ON",
            ports[0], ports[1]
        )
    };
    site.says(&["--every", "0s"], 0, &format!("FENCE OK - {}", line("ON")));
    one.change(|mind| mind.on = false);
    let (code, text) = site.check(&["--every", "0s"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.starts_with(&format!("FENCE WARNING - level 1 of pbx1: ipmi 127.0.0.1 port {} answers, power OFF: who switched pbx1 off?", ports[0])),
        "{text}"
    );
    assert!(one.mind().controls.is_empty() && two.mind().controls.is_empty(), "a check never switches");
    assert_eq!((one.mind().open_sessions(), two.mind().open_sessions()), (0, 0), "every session is closed");
}

#[test]
fn a_device_is_asked_at_most_once_in_a_while() {
    let bmc = Bmc::start(Mind::default());
    let site = Site::new("rate");
    site.devices(&[("127.0.0.1", bmc.address().port())]);
    let asked = |args: &[&str]| {
        let before = bmc.mind().questions;
        let (code, text) = site.check(&[&["--single-level"], args].concat());
        assert_eq!(code, 0, "{text}");
        (bmc.mind().questions - before, text.contains("the devices were asked "))
    };
    assert_eq!(asked(&[]), (1, false));
    assert_eq!(asked(&[]), (0, true));
    assert_eq!(asked(&["--every", "1h"]), (0, true));
    assert_eq!(asked(&["--every", "0s"]), (1, false));
    // Another configuration is another question.
    let other = Bmc::start(Mind { guid: [0xb1; 16], ..Mind::default() });
    site.devices(&[("127.0.0.1", other.address().port())]);
    let (code, text) = site.check(&["--single-level"]);
    assert_eq!(code, 2, "{text}");
    let wrong = "shows guid:b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1, the configuration says guid:a1234567-89ab-cdef-a123-456789abcdef";
    assert!(text.contains(wrong), "{text}");
    for file in std::fs::read_dir(&site.0).unwrap().map(|f| f.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "json")) {
        assert!(!std::fs::read_to_string(&file).unwrap().contains("operpass"));
        std::fs::write(file, "rubbish").unwrap();
    }
    assert!(site.check(&["--single-level"]).1.contains("the state of earlier runs is lost"));
}

/// BM8, rows 1 and 29 of the failure matrix: found out before the disaster.
#[test]
fn what_would_fail_on_the_day_is_critical_today() {
    let bmc = Bmc::start(Mind::default());
    let (site, port) = (Site::new("faults"), bmc.address().port());
    site.devices(&[("127.0.0.1", port)]);
    let one = "FENCE WARNING - pbx1 has one fence level only: a device that loses its power together with the node proves nothing (--single-level accepts it)";
    site.says(&["--every", "0s"], 1, one);
    let fails = |part: &str| {
        let start = Instant::now();
        let (code, text) = site.check(&["--every", "0s", "--single-level", "--device-timeout", "500ms"]);
        assert_eq!(code, 2, "{part}: {text}");
        assert!(text.starts_with("FENCE CRITICAL - level 1 of pbx1: cannot ") && text.contains(part), "{part}: {text}");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    };
    site.secret("wrong-password");
    fails("password");
    site.secret("operpass");
    bmc.change(|mind| mind.mute = true);
    fails("127.0.0.1");
    bmc.change(|mind| mind.mute = false);
    bmc.change(|mind| mind.status = Some(vec![]));
    fails("127.0.0.1");
    bmc.change(|mind| mind.status = None);
    site.devices(&[("nosuch.invalid", port)]);
    fails("nosuch.invalid");
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    site.devices(&[("127.0.0.1", closed)]);
    fails("127.0.0.1");
    site.devices(&[]);
    site.says(&["--every", "0s"], 2, "FENCE CRITICAL - no fence device switches pbx1: automatic takeover is refused (BM8)");
    assert!(bmc.mind().controls.is_empty());
}

#[test]
fn what_nobody_could_ask_is_unknown() {
    let (bmc, site) = (Bmc::start(Mind::default()), Site::new("blind"));
    site.devices(&[("127.0.0.1", bmc.address().port())]);
    std::fs::set_permissions(site.0.join("secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, text) = site.check(&["--every", "0s", "--single-level"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("chmod 0600"), "{text}");
    let (code, text) = site.check(&["--target", "pbx9"]);
    assert_eq!((code, text.contains("--target pbx9 is none of [nodes]")), (3, true), "{text}");
    for args in [&["--help"][..], &["--version"], &["--no-such-option"], &["stray"], &["-t", "0"]] {
        assert_eq!(site.command(args).output().unwrap().status.code(), Some(3), "{args:?}");
    }
    std::fs::write(site.0.join("cluster.toml"), "garbage").unwrap();
    assert_eq!(site.check(&[]).0, 3);
    std::fs::remove_file(site.0.join("cluster.toml")).unwrap();
    assert!(site.check(&[]).1.starts_with("FENCE UNKNOWN - cannot read "));
}

#[test]
fn the_deadline_holds_and_no_secret_is_in_the_arguments() {
    let bmc = Bmc::start(Mind { mute: true, ..Mind::default() });
    let site = Site::new("deadline");
    site.devices(&[("127.0.0.1", bmc.address().port())]);
    let start = Instant::now();
    let child = site.command(&["-t", "1", "--every", "0s"]).spawn().unwrap();
    let line = std::fs::read(Path::new("/proc").join(child.id().to_string()).join("cmdline")).unwrap();
    assert!(!line.windows(8).any(|part| part == b"operpass"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("FENCE UNKNOWN - no result within 1 s, still asking ipmi 127.0.0.1 port "), "{text}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
