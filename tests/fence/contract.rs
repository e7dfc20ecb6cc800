//! The agent contract (`FenceAgentAPI.md`), point by point.

use crate::run::{admin, by_flags, by_stdin, lines, start};
use rig::bmc::{Bmc, Mind};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn file(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("twinguard-fence-{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn standard_input_is_read_as_clusters_write_it() {
    let bmc = Bmc::start(Mind::default());
    let (ip, port) = (bmc.address().ip(), bmc.address().port());
    // Order is random, names old and new, dashes and underscores, quotes, comments; the last of two wins; strangers are ignored.
    let input = format!(
        "# comment\n\nnodename=n1\nplug=n1\npasswd=wrong-password\n  ipport = {port}  \nipaddr=\"{ip}\"\nlogin=admin\npassword=s3cr3t\n\
         lanplus=1\nauth=md5\npower-wait=0\nipmitool_path=/nowhere\ncrm_feature_set=3.16\ndisable_timeout=true\naction=STATUS\n"
    );
    by_stdin(&input).is(0).says("Status: ON").quietly();
    admin(bmc.address(), "status", "colour=blue\nnonsense").is(0).complains("\"colour\"");
    admin(bmc.address(), "status", "port_as_ip=1\nip=192.0.2.1\nplug=127.0.0.1").is(0).says("Status: ON");
}

#[test]
fn a_password_arrives_as_it_is_written() {
    let odd = "p w\"x=$1'\\";
    let mind = Mind { users: vec![rig::bmc::User { name: "admin", password: odd, privilege: 4 }], ..Mind::default() };
    let bmc = Bmc::start(mind);
    admin(bmc.address(), "status", &format!("password={odd}")).is(0).says("Status: ON");
}

#[test]
fn the_default_action_is_reboot() {
    let bmc = Bmc::start(Mind::default());
    by_stdin(&lines(bmc.address(), "", "")).is(0).says("Success: Rebooted");
    assert_eq!(bmc.mind().controls, [0, 1]);
}

#[test]
fn every_mistake_is_exit_code_1() {
    let bmc = Bmc::start(Mind::default());
    admin(bmc.address(), "explode", "").is(1).complains("Unrecognised action");
    admin(bmc.address(), "off", "method=cycle").is(1).complains("can't be verified");
    admin(bmc.address(), "off", "target=0x82").is(1).complains("another machine");
    admin(bmc.address(), "off", "power_timeout=soon").is(1).complains("power_timeout=soon");
    admin(bmc.address(), "off", "privlvl=root").is(1).complains("privlvl=root");
    admin(bmc.address(), "off", "ipport=99999").is(1).complains("ipport=99999");
    admin(bmc.address(), "off", "port_as_ip=perhaps").is(1).complains("port_as_ip=perhaps");
    by_stdin("action=off\nusername=admin\n").is(1).complains("ip= is missing");
    by_stdin("").is(1).complains("ip= is missing");
    by_flags(&["--no-such-flag"], &[]).is(1).complains("--no-such-flag");
    assert_eq!((bmc.mind().controls.len(), bmc.mind().questions), (0, 0));
}

#[test]
fn flags_do_what_the_lines_do_and_standard_input_is_left_alone() {
    let bmc = Bmc::start(Mind::default());
    let (ip, port) = (bmc.address().ip().to_string(), bmc.address().port().to_string());
    let password = file("password", "s3cr3t\n", 0o600);
    let common = ["-a", &ip, "-u", &port, "-l", "admin"];
    let file_flag = ["--password-file", password.to_str().unwrap()];
    by_flags(&[&common[..], &file_flag, &["-o", "off", "-P", "-C", "3", "-L", "operator"]].concat(), &[])
        .is(0)
        .says("Success: Powered OFF")
        .quietly();
    by_flags(&[&common[..], &["--action=status"]].concat(), &[("IPMI_PASSWORD", "s3cr3t")]).is(2).says("Status: OFF");
    by_flags(&[&common[..], &["--password", "s3cr3t", "-o", "on", "-v"]].concat(), &[]).is(0).says("Success: Powered ON");
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    by_flags(&[&common[..], &file_flag, &["-o", "status"]].concat(), &[]).is(1).complains("chmod 0600");
    fs::remove_file(&password).unwrap();
    let script = file("script", "#!/bin/sh\necho s3cr3t\n", 0o700);
    by_flags(&[&common[..], &["-S", script.to_str().unwrap(), "-o", "status"]].concat(), &[]).is(0).says("Status: ON");
    fs::remove_file(&script).unwrap();
}

#[test]
fn help_and_version_are_for_people() {
    let help = by_flags(&["--help"], &[]).is(0).quietly().out;
    for word in ["--password-file", "every user can see it", "--ipaddr", "validate-all", "Exit codes"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    by_flags(&["--version"], &[]).is(0).says(&format!("fence_ipmi {}", env!("CARGO_PKG_VERSION")));
    by_flags(&["-V"], &[]).is(0);
}

#[test]
fn validate_all_needs_no_network() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    admin(nobody, "validate-all", "").is(0).says("").quietly();
    admin(nobody, "validate-all", "cipher=0").is(1);
    by_stdin("action=validate-all\nusername=admin").is(1).complains("ip= is missing");
    by_stdin("action=validate-all\nip=127.0.0.1\npassword_file=/no/such/file").is(1).complains("/no/such/file");
}

/// Debian's schema accepts it.
pub fn is_valid_metadata(text: &str) {
    let schema = "/usr/share/cluster/relaxng/metadata.rng";
    assert!(PathBuf::from(schema).exists(), "{schema} is missing; try: apt-get install fence-agents");
    let mut lint = Command::new("xmllint")
        .args(["--noout", "--relaxng", schema, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint; try: apt-get install libxml2-utils");
    std::io::Write::write_all(&mut lint.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let lint = lint.wait_with_output().unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stderr));
}

#[test]
fn the_metadata_is_valid_and_needs_nothing_but_its_name() {
    let by_lines = by_stdin("action=metadata\n").is(0).quietly();
    let by_words = by_flags(&["-o", "meta-data"], &[]).is(0).quietly();
    assert_eq!(by_lines.out, by_words.out);
    assert!(by_lines.took < Duration::from_secs(10));
    is_valid_metadata(&by_lines.out);
    // A power agent must never be asked to unfence a node that joins.
    assert!(by_lines.out.contains("<action name=\"on\" on_target=\"0\" automatic=\"0\" />"), "{}", by_lines.out);
    for name in ["ip", "ipaddr", "username", "login", "password", "passwd", "plug", "port", "privlvl", "cipher", "power_timeout", "hexadecimal_kg"] {
        assert!(by_lines.out.contains(&format!("<parameter name=\"{name}\" ")), "{name}");
    }
}

#[test]
fn no_secret_stands_in_any_command_line() {
    let bmc = Bmc::start(Mind { mute: true, ..Mind::default() });
    let mut child = start(&lines(bmc.address(), "off", "login_timeout=2\nshell_timeout=0"));
    let until = Instant::now() + Duration::from_millis(500);
    let mut looked = 0;
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            // Processes come and go while we look.
            let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
            let ours = line.windows(10).any(|w| w == b"fence_ipmi") && entry.file_name().to_string_lossy() == child.id().to_string();
            assert!(!ours || !line.windows(6).any(|w| w == b"s3cr3t"), "{}", String::from_utf8_lossy(&line));
            looked += u32::from(ours);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(looked > 0, "the agent was not seen running");
}
