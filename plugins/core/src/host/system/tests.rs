#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;

fn run(deadline_ms: u64, program: &str, args: &[&str]) -> (Result<Output, Blind>, Duration) {
    let host = System::new(Some(Duration::from_millis(deadline_ms)));
    let start = boottime();
    let result = host.run(&Command::new(program).args(args.iter().copied()));
    (result, boottime().saturating_sub(start))
}

#[test]
fn a_child_gets_a_clean_environment_and_its_input() {
    let host = System::new(Some(Duration::from_secs(20)));
    let output = host.run(&Command::new("/usr/bin/env")).unwrap();
    assert_eq!(output.stdout.lines().collect::<std::collections::BTreeSet<_>>(), ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"].into());
    let input = vec![b'x'; 300_000];
    let output = host.run(&Command { stdin: Some(input), ..Command::new("/usr/bin/wc").arg("-c") }).unwrap();
    assert_eq!(output.stdout.trim(), "300000");
    let output = host.run(&Command { stdin: Some(vec![b'x'; 300_000]), ..Command::new("/bin/true") }).unwrap();
    assert!(output.success(), "a child that does not read its input is no error");
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    assert_eq!(
        run(20_000, "/bin/sh", &["-c", "echo out; echo err >&2; exit 7"]).0,
        Ok(Output { code: Some(7), stdout: "out\n".into(), stderr: "err\n".into() })
    );
    assert_eq!(run(20_000, "/bin/sh", &["-c", "kill -9 $$"]).0.unwrap().code, None);
    assert!(matches!(run(20_000, "true", &[]).0, Err(Blind::Command { .. })), "no search in a PATH");
    assert!(matches!(run(20_000, "/nonexistent/tool", &["a"]).0, Err(Blind::Command { program, .. }) if program == "/nonexistent/tool a"));
}

#[test]
fn the_deadline_kills_the_whole_group_and_leaves_no_zombie() {
    let mark = format!("{}", 7_000_000 + std::process::id());
    let (result, took) = run(300, "/bin/sh", &["-c", &format!("sleep {mark} & sleep {mark}")]);
    assert!(matches!(result, Err(Blind::Deadline { .. })), "{result:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let alive = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter(|p| std::fs::read(p.path().join("cmdline")).is_ok_and(|c| c.split(|b| *b == 0).any(|a| a == mark.as_bytes()))).count()
    };
    let host = System::new(Some(Duration::from_secs(5)));
    while alive() > 0 && !host.left().is_zero() {
        host.wait(Duration::from_millis(5));
    }
    assert_eq!(alive(), 0, "a process of the group is still there");
}

#[test]
fn a_grandchild_that_holds_stdout_is_not_waited_for() {
    let (result, took) = run(20_000, "/bin/sh", &["-c", "sleep 3 & echo done"]);
    assert_eq!(result.unwrap().stdout, "done\n");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn endless_output_is_capped_and_ends_at_the_deadline() {
    assert!(matches!(run(300, "/usr/bin/yes", &[]).0, Err(Blind::Deadline { .. })));
    let output = run(20_000, "/usr/bin/head", &["-c", "3000000", "/dev/zero"]).0.unwrap();
    assert_eq!(output.stdout.len(), 1 << 20);
}

#[test]
fn waiting_ends_at_the_deadline() {
    let host = System::new(Some(Duration::from_millis(50)));
    host.wait(Duration::from_mins(1));
    assert!(host.left().is_zero());
    assert_eq!(System::new(None).left(), Duration::MAX);
}
