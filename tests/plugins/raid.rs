//! `check_raid` on recorded machines: every back end in every state that its tool documents, every way of being blind, and what may
//! start a takeover (MD16: severe only).

mod live;
mod table;

use crate::recorded::{Recorded, code_of, verdict};
use crate::status::publish;
use plugin_core::contract::status::Role;
use rig::process::run;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use table::{CONTROLLERS, KERNEL};

/// Recorded machine, state without failover, SEVERE?, first line.
fn rows() -> Vec<(&'static str, bool, String)> {
    let row = |line: &'static str| {
        let (name, rest) = line.split_once(": ").unwrap();
        (name, rest.starts_with("SEVERE - "), format!("RAID {}", rest.replacen("SEVERE - ", "CRITICAL - ", 1)))
    };
    CONTROLLERS.lines().chain(KERNEL.lines()).filter(|line| !line.is_empty()).map(row).collect()
}

/// The failover service on the master.
fn failover(machine: &Recorded, more: &[&str]) -> rig::process::Done {
    let status = publish(&machine.0, "pbx1", &[("pbx", Role::Master)], |_| {});
    machine.check("check_raid", &[&["--failover", "--status", &status], more].concat())
}

#[test]
fn md16_every_recorded_state_has_its_line_and_only_severe_ones_may_move() {
    for (name, severe, line) in rows() {
        let machine = Recorded::new(&format!("raid/{name}"));
        let done = machine.check("check_raid", &[]);
        assert_eq!((verdict(&done), done.code), (line.clone(), code_of(&line)), "{name}");
        let expected = if severe {
            2
        } else if done.code == Some(3) {
            3
        } else {
            0
        };
        let move_it = failover(&machine, &[]);
        assert_eq!(move_it.code, Some(expected), "{name} --failover: {}", move_it.stdout);
        if done.code == Some(2) {
            assert_eq!(failover(&machine, &["--failover-on", "degraded"]).code, Some(2), "{name} --failover-on degraded");
        }
    }
}

#[test]
fn every_recorded_machine_is_in_the_table() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/raid");
    let mut recorded = BTreeSet::new();
    for folder in std::fs::read_dir(top).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("# Format: "), "{} does not name its source", file.display());
            let part = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
            recorded.insert(format!("{}/{}", part(&folder), part(&file)));
        }
    }
    let table: BTreeSet<String> = rows().into_iter().map(|(name, _, _)| name.to_owned()).collect();
    assert_eq!(recorded, table);
}

#[test]
fn without_any_raid_it_is_unknown_or_ok_as_wanted() {
    let machine = Recorded::from_text("");
    let line = "no RAID controller and no array was found";
    assert_eq!(verdict(&machine.check("check_raid", &[])), format!("RAID UNKNOWN - {line}; install the controller's tool, or give --if-present"));
    assert_eq!(machine.check("check_raid", &["--if-present"]).stdout, format!("RAID OK - {line}\n"));
    let named = verdict(&machine.check("check_raid", &["--backend", "3ware"]));
    assert_eq!(named, "RAID UNKNOWN - 3ware: cannot run 3ware: neither its tool nor its files are there; install it");
    assert_eq!(machine.check("check_raid", &["--backend", "3ware", "--if-present"]).code, Some(0));
    let blind = Recorded::new("raid/3ware/no-right").check("check_raid", &["--if-present"]);
    assert_eq!(blind.code, Some(3), "what may not be asked is not absent: {}", blind.stdout);
}

#[test]
fn states_of_running_work_are_the_administrators_to_choose() {
    for (name, option, default) in [
        ("3ware/rebuild-onto-the-spare", "--resync", 1),
        ("3ware/battery-tests", "--bbulearn", 1),
        ("3ware/cache-off-with-battery", "--cache-fail", 1),
        ("3ware/verify-runs", "--check", 0),
    ] {
        let machine = Recorded::new(&format!("raid/{name}"));
        assert_eq!(machine.check("check_raid", &[]).code, Some(default), "{name}");
        assert_eq!(machine.check("check_raid", &[option, "critical"]).code, Some(2), "{name} {option}");
        let quiet = machine.check("check_raid", &[option, "ok", "--ignore", "c0/p2"]);
        assert_eq!(quiet.code, Some(0), "{name} {option}: {}", quiet.stdout);
        assert_eq!(failover(&machine, &[option, "critical"]).code, Some(0), "{name}: no option makes it severe");
        assert_eq!(machine.check("check_raid", &[option, "fatal"]).code, Some(3), "no state");
    }
}

#[test]
fn parts_can_be_left_out_by_name() {
    let machine = Recorded::new("raid/3ware/two-controllers-one-degraded");
    assert_eq!(machine.check("check_raid", &["--ignore", "c1/u0"]).code, Some(2), "its drive is missing still");
    let done = machine.check("check_raid", &["--ignore", "c1/*"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("\nignored: 3ware c1/u0 RAID-1 DEGRADED\n"), "what is left out is said: {}", done.stdout);
}

#[test]
fn numbers_of_each_drive_are_exported_and_have_thresholds() {
    let machine = Recorded::new("raid/storcli/drive-predicts-failure");
    let done = machine.check("check_raid", &["--temperature", "50", "--media-errors", "10"]);
    assert_eq!(
        done.stdout.lines().next().unwrap(),
        "RAID WARNING - storcli c0 controller Optimal, 58 °C (warning at 50), storcli c0/e252/s1 online, failure predicted | 'c0 temp'=58;50;;; 'c0/e252/s0 temp'=31;50;;; 'c0/e252/s0 media'=0c;10;;0; 'c0/e252/s0 other'=0c;;;0; 'c0/e252/s1 temp'=31;50;;; 'c0/e252/s1 media'=12c;10;;0; 'c0/e252/s1 other'=0c;;;0; 'c0/e252/s2 temp'=31;50;;; 'c0/e252/s2 media'=0c;10;;0; 'c0/e252/s2 other'=0c;;;0; 'c0/bbu temp'=28;50;;;"
    );
    let rebuild = Recorded::new("raid/md/rebuild-onto-the-spare").check("check_raid", &[]);
    assert!(rebuild.stdout.contains(" | 'md0 done'=12.6%;;;0;100\n"), "{}", rebuild.stdout);
}

#[test]
fn md16_it_belongs_on_the_master() {
    let machine = Recorded::new("raid/3ware/unit-inoperable");
    let published = |role, age| {
        let status = publish(&machine.0, "pbx1", &[("pbx", role)], |status| status.boottime_ms -= age);
        machine.check("check_raid", &["--failover", "--status", &status])
    };
    for role in [Role::Slave, Role::Standby, Role::Inert, Role::Failed] {
        let done = published(role, 0);
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "RAID OK - this node is not the master, checked there\n"), "{role}");
    }
    let stale = verdict(&published(Role::Master, 11_000));
    let text = "RAID UNKNOWN - cannot read /status.json: the agent has not written it for 11 s; run: systemctl status twinguard";
    assert_eq!(stale, text);
    assert_eq!(machine.check("check_raid", &["--failover", "--status", "/nonexistent/status.json"]).code, Some(3));
}

#[test]
fn tools_that_need_root_are_asked_by_sudo_and_a_refusal_names_the_line() {
    let machine = Recorded::new("raid/3ware/mirror-and-spare");
    machine.tool("/usr/bin/sudo", "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\nexec \"$@\"\n");
    assert_eq!(machine.check("check_raid", &["--sudo"]).code, Some(0));
    machine.tool("/usr/bin/sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let line = "RAID UNKNOWN - 3ware: cannot run /usr/bin/sudo -n /usr/sbin/tw_cli show: sudo does not allow it; add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/tw_cli show";
    assert_eq!(verdict(&machine.check("check_raid", &["--sudo"])), line);
}

const TOOLS: [(&str, &str); 16] = [
    ("3ware", "/usr/sbin/tw_cli"),
    ("3ware", "/opt/3ware/CLI/tw_cli.x86_64"),
    ("storcli", "/opt/MegaRAID/storcli/storcli64"),
    ("storcli", "/opt/MegaRAID/perccli/perccli64"),
    ("megacli", "/opt/MegaRAID/MegaCli/MegaCli64"),
    ("arcconf", "/usr/Arcconf/arcconf"),
    ("ssacli", "/usr/sbin/ssacli"),
    ("ssacli", "/usr/sbin/hpssacli"),
    ("ssacli", "/usr/sbin/hpacucli"),
    ("cciss", "/usr/sbin/cciss_vol_status"),
    ("mpt", "/usr/sbin/mpt-status"),
    ("sas-ircu", "/usr/sbin/sas2ircu"),
    ("sas-ircu", "/usr/sbin/sas3ircu"),
    ("areca", "/usr/sbin/cli64"),
    ("zfs", "/usr/sbin/zpool"),
    ("dm", "/usr/sbin/dmsetup"),
];

#[test]
fn every_blind_path_of_every_tool_ends_unknown() {
    for (backend, tool) in TOOLS {
        // What the two need beside their tool.
        let machine = Recorded::from_text("@ /dev/cciss/c0d0\n@ /sys/block/dm-0/size\n1\n");
        for (what, script) in [
            ("garbage", "head -c 3000 /dev/urandom | tr -d '\\000'"),
            ("an error page", "echo '<html>502</html>'"),
            ("silence", "exit 0"),
            ("a silent failure", "exit 1"),
            ("a signal", "kill -9 $$"),
            ("no right", "echo 'Permission denied' >&2; exit 1"),
        ] {
            machine.tool(tool, &format!("#!/bin/sh\n{script}\n"));
            let done = failover(&machine, &["--backend", backend]);
            // dmsetup that says nothing has no devices.
            let nothing = what == "silence" && backend == "dm";
            assert_eq!(done.code, Some(3), "{tool} with {what}: {}", done.stdout);
            assert!(nothing || done.stdout.starts_with(&format!("RAID UNKNOWN - {backend}: cannot ")), "{tool} with {what}: {}", done.stdout);
        }
    }
}

#[test]
fn a_hung_tool_is_unknown_at_the_deadline_and_does_not_stay_behind() {
    let machine = Recorded::from_text("");
    let mark = format!("{}", 8_000_000 + std::process::id());
    machine.tool("/usr/sbin/tw_cli", &format!("#!/bin/sh\nsleep {mark}\n"));
    let start = Instant::now();
    let done = machine.check("check_raid", &["-t", "0.4"]);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(done.code, Some(3));
    let late = done.stdout.starts_with("RAID UNKNOWN - no result within 0.4 s, still ") || done.stdout.contains("before the deadline");
    assert!(late, "{}", done.stdout);
    crate::links::wait_for("end of the hung tool", || run(Path::new("/usr/bin/pgrep"), &["-f", &format!("sleep {mark}")]).code == Some(1));
}
