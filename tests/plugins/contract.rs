//! What holds for every check, whatever it looks at: everything that is no verdict ends in 3 and says so on stdout.

use rig::process::{Done, binary, run, run_closed, run_into};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

/// Every check of both packages, with arguments with which it starts to work, and its title.
pub const CHECKS: &[(&str, &[&str], &str)] = &[
    ("check_cluster_status", &["--sysroot", "/nonexistent", "--status", "/nonexistent/status.json"], "CLUSTER STATUS"),
    ("check_ami", &["-H", "127.0.0.1"], "AMI"),
    ("check_db_query", &["--engine", "mariadb", "-p", "1", "-u", "icinga"], "DB QUERY"),
    ("check_db_sync", &["--engine", "mariadb", "-p", "1", "-u", "icinga", "--role", "standby"], "DB SYNC"),
    ("check_disk", &["-p", "/"], "DISK"),
    ("check_failover_ready", &["--config", "/nonexistent/cluster.toml"], "FAILOVER READY"),
    ("check_fence", &["--config", "/nonexistent/cluster.toml"], "FENCE"),
    ("check_fs_sync", &["-p", "/nonexistent", "--peer-command", "/bin/sleep", "--peer-command", "9"], "FS SYNC"),
    ("check_master_alive", &["--link", "lo=127.0.0.1@lo", "--status", "/nonexistent/status.json"], "MASTER ALIVE"),
    ("check_network_failover", &["--interface", "lo", "--witness", "ping:127.0.0.1", "--status", "/nonexistent/status.json"], "NETWORK FAILOVER"),
    ("check_raid", &["--sysroot", "/nonexistent"], "RAID"),
    ("check_rsync", &["-H", "127.0.0.1"], "RSYNC"),
    ("check_services", &["--must-not-run", "nosuch"], "SERVICES"),
    ("check_sip", &["-H", "127.0.0.1"], "SIP"),
    ("check_time", &["-H", "127.0.0.1", "--daemon", "none"], "TIME"),
];

fn every(what: impl Fn(PathBuf, &[&str], &str)) {
    for (name, args, title) in CHECKS.iter().copied() {
        what(binary(name), args, title);
    }
}

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

#[test]
fn usage_errors_are_unknown_short_and_on_stdout() {
    every(|binary, args, title| {
        for wrong in [&["--no-such-option"][..], &["-t", "soon"], &["-t", "0"], &["stray"], &["--bell\u{7}|x=1"]] {
            let Done { code, stdout, stderr } = run(&binary, &with(args, wrong));
            assert_eq!((code, stderr.as_str()), (Some(3), ""), "{wrong:?} → {stdout}");
            assert!(stdout.starts_with(&format!("{title} UNKNOWN - usage: ")), "{stdout}");
            assert!(stdout.lines().count() <= 23 && stdout.lines().all(|l| l.chars().count() <= 80), "{stdout}");
            assert!(!stdout.contains('|') && !stdout.contains('\u{7}'), "{stdout}");
        }
    });
}

#[test]
fn help_documents_itself_and_is_no_verdict() {
    every(|binary, _, _| {
        for option in ["-h", "--help"] {
            let Done { code, stdout, stderr } = run(&binary, &[option]);
            assert_eq!((code, stderr.as_str()), (Some(3), ""));
            for part in ["--timeout", "--verbose", "--version", "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN", "Usage: check_"] {
                assert!(stdout.contains(part), "{option} lacks {part}: {stdout}");
            }
        }
        assert!(run(&binary, &["--help"]).stdout.contains("Example: "), "no example");
    });
}

#[test]
fn the_version_names_the_binary() {
    for (name, _, _) in CHECKS.iter().copied() {
        for option in ["-V", "--version"] {
            let done = run(&binary(name), &[option]);
            assert_eq!(done, Done { code: Some(3), stdout: format!("{name} {}\n", env!("CARGO_PKG_VERSION")), stderr: String::new() });
        }
    }
}

#[test]
fn the_deadline_is_unknown_or_the_state_asked_for_and_names_the_stage() {
    every(|binary, args, title| {
        // No result can be there before a microsecond is over, and a later one does not count.
        for (timeout, code, state) in [("0.000001", 3, "UNKNOWN"), ("0.000001:critical", 2, "CRITICAL"), ("0.000001:ok", 0, "OK")] {
            let done = run(&binary, &with(args, &["-t", timeout]));
            assert_eq!((done.code, done.stderr.as_str()), (Some(code), ""), "{}", done.stdout);
            assert!(done.stdout.starts_with(&format!("{title} {state} - no result within 0.000001 s, still ")), "{}", done.stdout);
        }
    });
}

#[test]
fn a_verdict_that_nobody_can_read_is_unknown() {
    every(|binary, args, _| {
        for args in [args.to_vec(), vec!["--help"], vec!["--version"], vec!["--no-such-option"], with(args, &["-t", "0.000001:ok"])] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            assert_eq!(run_into(&binary, &args, full), Some(3), "/dev/full {args:?}");
            let closed = run_closed(&binary, &args);
            assert_eq!((closed.code, closed.stderr.as_str()), (Some(3), ""), "closed {args:?}");
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let broken = rig::process::command(&binary, &args).stdout(writer).stderr(Stdio::null()).status().unwrap();
            assert_eq!(broken.code(), Some(3), "broken pipe {args:?}");
        }
    });
    let null = File::options().write(true).open("/dev/null").unwrap();
    let code = run_into(&binary("check_disk"), &["-p", "/", "-c", "~:"], null);
    assert_eq!(code, Some(0), "output that is thrown away on purpose is not a closed one");
}

#[test]
fn a_panic_is_one_line_of_unknown_in_the_profile_of_the_packages() {
    let Some(panics) = std::env::var_os("TWINGUARD_PANICS") else {
        panic!(
            "TWINGUARD_PANICS is not set: build it with cargo build --profile dist -p checks --example panics and name target/dist/examples/panics"
        );
    };
    let Done { code, stdout, stderr } = run(&PathBuf::from(panics), &[]);
    assert_eq!((code, stderr.as_str()), (Some(3), ""), "{stdout}");
    assert!(stdout.starts_with("PANICS UNKNOWN - internal error at panics.rs:"), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(!stdout.contains('|'), "{stdout}");
}
