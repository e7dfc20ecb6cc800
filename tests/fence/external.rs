//! The `external` driver: `fence_ipmilan`, our own `fence_ipmi`, and agents that misbehave.

use crate::scripted::Takeover;
use fence::external::External;
use fence::power::{Bounded, Level, PROVEN, Power, PowerError, PowerSwitch, Times, fence};
use plugin_core::host::System;
use plugin_core::secret::Secret;
use rig::bmc::{Bmc, IpmiSim, Mind};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

fn options(address: SocketAddr, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let base = [("ip", ip.as_str()), ("ipport", port.as_str()), ("username", "admin")];
    base.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn switch(agent: &str, options: BTreeMap<String, String>, secret: &str) -> External {
    External::new(agent, options, Some(Secret::new(secret))).unwrap()
}

/// A script that plays a fence agent.
fn script(name: &str, body: &str) -> String {
    let path = std::env::temp_dir().join(format!("fence_twinguard_{}_{name}", std::process::id()));
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn fence_ipmilan_and_fence_ipmi_are_driven_alike() {
    let (sim, host) = (IpmiSim::start(), System::new(None));
    let host = Bounded::new(&host, Duration::from_mins(1));
    let lanplus = [("lanplus", "1"), ("cipher", "3"), ("power_wait", "0")];
    for agent in ["fence_ipmilan", env!("CARGO_BIN_EXE_fence_ipmi")] {
        let mut switch = switch(agent, options(sim.address(), &lanplus), "s3cr3t");
        assert_eq!(switch.status(&host), Ok(Power::On), "{agent}; try: apt-get install fence-agents");
        assert_eq!(switch.set(&host, Power::Off), Ok(()));
        assert_eq!(switch.status(&host), Ok(Power::Off));
        assert!(!sim.is_on());
        assert_eq!(switch.set(&host, Power::On), Ok(()));
        assert_eq!(switch.identity(&host), Ok(None));
        assert!(switch.name().ends_with(" 127.0.0.1"), "{}", switch.name());
    }
}

/// Agents of the fence-agents package as the levels of one fence: the BMC is silent (`fence_ipmilan`), the two feeds of the power
/// switch (`fence_dummy`, whose outlet is a file) go off together.
#[test]
fn agents_of_the_field_are_levels() {
    let feeds = ["a", "b"].map(|feed| std::env::temp_dir().join(format!("twinguard-feed-{}-{feed}", std::process::id())));
    let feed = |path: &std::path::PathBuf| -> (Box<dyn PowerSwitch>, String) {
        fs::write(path, "on").unwrap();
        let options = [("status_file".to_owned(), path.display().to_string())].into();
        (Box::new(External::new("fence_dummy", options, None).unwrap()), PROVEN.to_owned())
    };
    let silent = Bmc::start(Mind { mute: true, ..Mind::default() });
    let ipmi: Box<dyn PowerSwitch> = Box::new(switch("fence_ipmilan", options(silent.address(), &[("lanplus", "1"), ("cipher", "3")]), "s3cr3t"));
    let levels = vec![Level { level: 1, devices: vec![(ipmi, PROVEN.to_owned())] }, Level { level: 2, devices: feeds.iter().map(feed).collect() }];
    let (host, mut watch) = (System::new(None), Takeover::default());
    let times = Times { off_gap: Duration::from_millis(500), budget: Duration::from_mins(1) };
    let proof = fence(&host, "n1", levels, times, &mut watch).expect("a proof; try: apt-get install fence-agents");
    assert_eq!((proof.level(), proof.evidence().len(), watch.asked), (2, 2, vec![2, 2]));
    for path in feeds {
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), "off");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_failing_agent_is_never_off_and_tells_why_without_the_secret() {
    let (bmc, host) = (Bmc::start(Mind::default()), System::new(Some(Duration::from_secs(20))));
    let mut wrong = switch(env!("CARGO_BIN_EXE_fence_ipmi"), options(bmc.address(), &[]), "wrong-password");
    assert!(matches!(wrong.status(&host), Err(PowerError::Silent(text)) if text.contains("RAKP 2") && !text.contains("wrong-password")));
    for code in [1, 3, 127] {
        let agent = script(&format!("fails{code}"), &format!("cat >&2\nexit {code}"));
        let mut failing = switch(&agent, BTreeMap::new(), "hunter2");
        let said = failing.status(&host).unwrap_err().to_string();
        assert!(said.contains(&format!("exit code {code}")) && said.contains("password=***") && !said.contains("hunter2"), "{said}");
        assert!(matches!(failing.set(&host, Power::Off), Err(PowerError::Refused(_))));
        fs::remove_file(agent).unwrap();
    }
    let mut missing = switch("fence_no_such_agent", BTreeMap::new(), "hunter2");
    assert!(matches!(missing.status(&host), Err(PowerError::Config(text)) if text.contains("fence_no_such_agent") && text.contains("install")));
}

#[test]
fn a_hanging_agent_is_killed_in_time() {
    let agent = script("hangs", "cat >/dev/null; exec sleep 60");
    let (mut hanging, host, start) = (switch(&agent, BTreeMap::new(), "hunter2"), System::new(None), Instant::now());
    assert!(matches!(hanging.status(&Bounded::new(&host, Duration::from_millis(300))), Err(PowerError::Silent(text)) if text.contains("timed out")));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    fs::remove_file(agent).unwrap();
}

#[test]
fn what_would_break_the_contract_is_refused() {
    let with = |agent: &str, key: &str, value: &str| External::new(agent, [(key.to_owned(), value.to_owned())].into(), None).map(|_| ());
    for agent in ["reboot", "/bin/sh", "../sbin/fence_x", "", "fence_x/../sh"] {
        assert!(with(agent, "ip", "x").is_err_and(|e| e.contains("fence agent")), "{agent}");
    }
    for (key, value) in [("action", "on"), ("ip", "x\naction=on"), ("a=b", "x"), ("x\naction", "on")] {
        assert!(with("fence_x", key, value).is_err_and(|e| e.contains("one line each")), "{key}");
    }
    assert!(External::new("fence_x", BTreeMap::new(), Some(Secret::new("two\nlines"))).is_err_and(|e| !e.contains("two")));
}
