//! The agent contract (`FenceAgentAPI.md`) where `fence_redfish` has options of its own; the rest is one code with `fence_ipmi`.

use super::{act, lines};
use crate::contract::is_valid_metadata;
use crate::run::{REDFISH, agent_by_flags, agent_by_stdin, start_agent};
use rig::redfish::{Mind, Redfish};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn what_the_field_writes_for_its_agent_works() {
    let service = Redfish::start(Mind::default());
    let (ip, port, ca) = (service.address().ip(), service.address().port(), service.ca());
    // Old names, dashes, quotes, ADDRESS:PORT, what the cluster adds.
    let input = format!(
        "# comment\nnodename=n1\nport=n1\nipaddr=\"{ip}:{port}\"\nlogin=admin\npasswd=wrong-password\npasswd=s3cr3t\nredfish-uri=/redfish/v1\n\
         systems-uri=/redfish/v1/Systems/1\nssl=1\nca-file={}\ngnutlscli_path=/nowhere\ndisable_timeout=true\ncrm_feature_set=3.16\naction=STATUS\n",
        ca.display()
    );
    agent_by_stdin(REDFISH, &input).is(0).says("Status: ON").quietly();
    act(&service, "status", "redfish_uri=/redfish/v1/").is(0).quietly();
    act(&service, "status", "redfish_uri=/nowhere").is(1).complains("GET /nowhere/");
}

#[test]
fn every_option_of_debians_agent_is_known() {
    let theirs = Command::new("/usr/sbin/fence_redfish").args(["-o", "metadata"]).output().expect("try: apt-get install fence-agents");
    let theirs = String::from_utf8(theirs.stdout).unwrap();
    let ours = agent_by_stdin(REDFISH, "action=metadata\n").is(0).quietly().out;
    let names = |text: &str| -> Vec<String> {
        text.split("<parameter name=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace('-', "_")).collect()
    };
    let known = names(&ours);
    assert!(names(&theirs).len() > 20, "{theirs}");
    for name in names(&theirs) {
        // These two are flags of the command line, no options of a device.
        assert!(known.contains(&name) || ["version", "help"].contains(&name.as_str()), "{name} is unknown to ours");
    }
}

#[test]
fn the_metadata_is_valid() {
    let text = agent_by_stdin(REDFISH, "action=metadata\n").is(0).quietly().out;
    assert_eq!(agent_by_flags(REDFISH, &["-o", "metadata"], &[]).is(0).quietly().out, text);
    is_valid_metadata(&text);
    for part in
        ["name=\"fence_redfish\"", "<action name=\"on\" on_target=\"0\" automatic=\"0\" />", "<parameter name=\"systems_uri\" ", "default=\"443\""]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn validate_all_needs_no_network() {
    let valid = "action=validate-all\nip=192.0.2.1\nusername=admin\npassword=s3cr3t\n";
    agent_by_stdin(REDFISH, &format!("{valid}ssl_insecure=1")).is(0).says("").quietly();
    for (wrong, says) in [
        ("ipport=99999", "ipport=99999"),
        ("systems_uri=Systems/1", "systems_uri=Systems/1"),
        ("pin=abc", "fingerprint"),
        ("username=a:b", "RFC 7617"),
        ("ip=a b", "no name and no address"),
        ("ip=host/path", "no name and no address"),
        ("ca_file=/etc/hostname", "no PEM certificate"),
        ("ssl_insecure=perhaps", "ssl_insecure=perhaps"),
    ] {
        agent_by_stdin(REDFISH, &format!("{valid}{wrong}\n")).is(1).says("").complains(says);
    }
    agent_by_stdin(REDFISH, "action=validate-all\nusername=admin").is(1).complains("ip= is missing");
    agent_by_stdin(REDFISH, "action=validate-all\nip=192.0.2.1").is(1).complains("username= is missing");
}

#[test]
fn flags_do_what_the_lines_do() {
    let service = Redfish::start(Mind::default());
    let (ip, port, ca) = (service.address().ip().to_string(), service.address().port().to_string(), service.ca());
    let common = ["-a", &ip, "-u", &port, "-l", "admin", "--ca-file", ca.to_str().unwrap(), "-z"];
    let password = ca.with_file_name("password");
    fs::write(&password, "s3cr3t\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let file = ["--password-file", password.to_str().unwrap()];
    agent_by_flags(REDFISH, &[&common[..], &file, &["-o", "off"]].concat(), &[]).is(0).says("Success: Powered OFF").quietly();
    let env = [("REDFISH_PASSWORD", "s3cr3t"), ("https_proxy", "http://127.0.0.1:9"), ("ALL_PROXY", "http://127.0.0.1:9")];
    agent_by_flags(REDFISH, &[&common[..], &["--action=status", "--systems-uri", "/redfish/v1/Systems/1"]].concat(), &env).is(2).says("Status: OFF");
    let help = agent_by_flags(REDFISH, &["--help"], &[]).is(0).quietly().out;
    for word in ["--systems-uri", "--ssl-insecure", "--pin", "validate-all", "Exit codes"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    agent_by_flags(REDFISH, &["-V"], &[]).is(0).says(&format!("fence_redfish {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_secret_stands_in_the_command_line() {
    let service = Redfish::start(Mind { hangs: true, ..Mind::default() });
    let mut child = start_agent(REDFISH, &lines(&service, "off", "login_timeout=60"));
    // Until it has been executed, its place in the table of processes shows the test.
    let until = Instant::now() + Duration::from_secs(30);
    let seen = loop {
        let seen = String::from_utf8(fs::read(format!("/proc/{}/cmdline", child.id())).unwrap()).unwrap();
        if seen.contains("fence_redfish") || Instant::now() > until {
            break seen;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen.contains("fence_redfish") && !seen.contains("s3cr3t"), "{seen}");
}
