//! `ipmitool` judges the rig's BMC, so that our client and our BMC do not agree on a mistake.

use rig::bmc::{Bmc, Mind};
use std::process::Command;

fn ipmitool(bmc: &Bmc, args: &[&str]) -> (bool, String) {
    let port = bmc.address().port().to_string();
    let output = Command::new("ipmitool")
        .args(["-I", "lanplus", "-H", "127.0.0.1", "-p", &port, "-U", "admin", "-E"])
        .args(args)
        .env("IPMI_PASSWORD", "s3cr3t")
        .output()
        .expect("ipmitool; try: apt-get install ipmitool");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn ipmitool_switches_the_rigs_bmc_with_both_suites() {
    let bmc = Bmc::start(Mind::default());
    for suite in ["17", "3"] {
        assert_eq!(ipmitool(&bmc, &["-C", suite, "power", "status"]), (true, "Chassis Power is on".into()));
        assert_eq!(ipmitool(&bmc, &["-C", suite, "power", "off"]), (true, "Chassis Power Control: Down/Off".into()));
        assert_eq!(ipmitool(&bmc, &["-C", suite, "power", "status"]), (true, "Chassis Power is off".into()));
        assert_eq!(ipmitool(&bmc, &["-C", suite, "power", "on"]), (true, "Chassis Power Control: Up/On".into()));
    }
    assert_eq!(bmc.mind().controls, [0, 1, 0, 1]);
    assert_eq!(bmc.mind().open_sessions(), 0, "ipmitool closes what it opens, and the BMC understands it");
}

#[test]
fn the_rigs_bmc_keeps_ipmitool_out_when_it_should() {
    let bmc = Bmc::start(Mind { kg: Some(b"kg-of-this-bmc".to_vec()), suites: vec![17], ..Mind::default() });
    assert!(!ipmitool(&bmc, &["-C", "17", "power", "off"]).0, "without the Kg");
    assert!(!ipmitool(&bmc, &["-C", "3", "-k", "kg-of-this-bmc", "power", "off"]).0, "with a suite that it does not offer");
    assert_eq!(ipmitool(&bmc, &["-C", "17", "-k", "kg-of-this-bmc", "power", "status"]), (true, "Chassis Power is on".into()));
    assert!(bmc.mind().controls.is_empty());
}
