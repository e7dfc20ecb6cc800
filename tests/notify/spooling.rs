//! Icinga's call: the stock scripts' flags, exit codes, durable or loud, and never a connection.

use crate::desk::{BIN, Desk, PROBLEM, finish, names};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};

#[test]
fn the_flags_of_the_stock_scripts_are_accepted_empty_or_not() {
    let desk = Desk::new();
    for value in ["", "x", "-5 degrees", "--help"] {
        let mut host: Vec<&str> = Vec::new();
        for flag in ["-4", "-6", "-b", "-c", "-d", "-f", "-i", "-n", "-o", "-r", "-v", "-X"] {
            host.extend([flag, value]);
        }
        host.extend(["-l", "pbx1", "-s", "DOWN", "-t", "PROBLEM"]);
        desk.tell(&host);
        desk.tell(&[host.as_slice(), &["-e", "svc", "-u", value, "-x", value]].concat());
    }
    // getopts takes the last one of a flag that stands there twice.
    desk.tell(&[PROBLEM, &["-o", "the last word"]].concat());
    assert_eq!(desk.files("incoming").len(), 9);
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[8].subject()), (9, "[pbx CRITICAL] twinguard-disk on pbx1: the last word"));
    desk.assert_empty();
}

#[test]
fn usage_help_and_version_are_exit_3() {
    let desk = Desk::new();
    for args in [
        &["--help"][..],
        &["-h"],
        &["-V"],
        &["--version"],
        &["--bogus"],
        &["-l", "x", "-s", "UP"],
        &["positional"],
        &["--deliver", "-t", "PROBLEM"],
        &["--flush"],
        &["--preview=pdf"],
        &[],
    ] {
        let done = desk.call(args);
        assert_eq!(done.code, Some(3), "{args:?}: {done:?}");
    }
    assert!(desk.call(&["-V"]).stdout.starts_with("notify_mail "));
    desk.assert_empty();
}

#[test]
fn what_can_not_be_spooled_is_said_in_one_line() {
    let desk = Desk::new();
    fs::remove_dir(desk.path("spool/incoming")).unwrap();
    let done = desk.call(PROBLEM);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.lines().count()), (Some(1), "", 1), "{done:?}");
    assert!(done.stderr.contains("spool/incoming") && done.stderr.contains("3730"), "{done:?}");
}

#[test]
fn the_handler_connects_nowhere_and_needs_no_configuration() {
    let desk = Desk::new();
    fs::remove_file(desk.path("cluster.toml")).unwrap();
    // In a network namespace without any interface a connection would fail at once, and the exit code would tell.
    let mut command = Command::new("/usr/bin/unshare");
    command
        .arg("--net")
        .arg(BIN)
        .arg("--spool")
        .arg(desk.path("spool"))
        .args(PROBLEM)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let done = finish(command.spawn().unwrap());
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    desk.tell(PROBLEM);
    assert_eq!((desk.files("incoming").len(), desk.sink.connections()), (2, 0));
}

#[test]
fn an_unprivileged_caller_may_add_but_not_list_and_others_can_not_read() {
    let desk = Desk::new();
    let incoming = desk.path("spool/incoming");
    chown(&incoming, Some(0), Some(65534)).unwrap();
    fs::set_permissions(&incoming, fs::Permissions::from_mode(0o3730)).unwrap();
    // The way to the folder is open for everybody, the folder is not.
    fs::set_permissions(&desk.folder, fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = |program: &str, args: &[&str]| {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]).args(args);
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let copy = desk.path("notify_mail");
    fs::copy(BIN, &copy).unwrap();
    let spool = desk.path("spool");
    let done = as_nobody(copy.to_str().unwrap(), &[&["--spool", spool.to_str().unwrap()], PROBLEM].concat());
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    assert_ne!(as_nobody("/bin/ls", &[incoming.to_str().unwrap()]).code, Some(0), "the folder can be listed");
    let files = names(&incoming);
    assert_eq!(files.len(), 1, "a hidden file was left over: {files:?}");
    let about = fs::metadata(incoming.join(&files[0])).unwrap();
    assert_eq!((about.mode() & 0o777, about.uid(), about.gid()), (0o640, 65534, 65534));
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
    desk.assert_empty();
}

#[test]
fn what_killed_writers_left_half_written_is_swept_but_nobodys_work() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("spool/queue")).unwrap();
    let put = |name: &str, hours: u64| {
        let file = fs::File::create(desk.path("spool").join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(hours)).unwrap();
    };
    put("queue/.x.json.tmp", 0);
    put("incoming/.at-work.json.tmp", 0);
    put("incoming/.killed.json.tmp", 2);
    desk.deliver();
    assert_eq!((desk.files("incoming"), desk.files("queue")), (vec![".at-work.json.tmp".to_owned()], Vec::new()));
}
