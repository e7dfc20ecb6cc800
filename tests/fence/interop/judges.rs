//! Other people's clients judge the rig's BMC, so that it and the product do not share a mistake.

use rig::bmc::{Bmc, Mind};
use std::process::Command;

/// Runs one client; its output in one line.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env("IPMI_PASSWORD", "s3cr3t").output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}; try: apt-get install ipmitool freeipmi-tools"));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)).trim().to_owned()
}

/// `ipmitool` and `ipmipower` switch it with both suites.
///
/// # Panics
/// At the first answer that is not the right one.
pub fn all() -> Vec<String> {
    let mut lines = Vec::new();
    for suite in ["17", "3"] {
        let bmc = Bmc::start(Mind { suites: vec![suite.parse().unwrap()], ..Mind::default() });
        let port = bmc.address().port().to_string();
        let tool =
            |action: &str| said("ipmitool", &["-I", "lanplus", "-H", "127.0.0.1", "-p", &port, "-U", "admin", "-E", "-C", suite, "power", action]);
        let host = format!("127.0.0.1:{port}");
        let power = |action: &str| {
            let session = ["-D", "LAN_2_0", "-I", suite, "-h", &host, "-u", "admin", "-p", "s3cr3t", action];
            said("ipmipower", &session)
        };
        assert_eq!(
            [tool("status"), tool("off"), tool("status"), tool("on")],
            ["Chassis Power is on", "Chassis Power Control: Down/Off", "Chassis Power is off", "Chassis Power Control: Up/On"]
        );
        for (action, answer) in [("--stat", "on"), ("--off", "ok"), ("--stat", "off"), ("--on", "ok"), ("--stat", "on")] {
            let seen = power(action);
            assert_eq!(seen.rsplit(' ').next(), Some(answer), "ipmipower {action} with suite {suite}: {seen}");
        }
        assert_eq!((bmc.mind().controls, bmc.mind().inside.refused()), (vec![0, 1, 0, 1], 0));
        lines.push(format!("ipmitool -C {suite} and ipmipower -I {suite}: status, off, on"));
    }
    lines
}
