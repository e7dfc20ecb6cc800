//! `check_services` against a real systemd with units of its own.

use crate::status::publish;
use crate::systemd::Systemd;
use plugin_core::contract::status::Role;
use rig::process::{Done, binary};
use std::time::{Duration, Instant};

const PBX: &str = include_str!("../../icinga-conf/clusters/pbx-mobydick/cluster.toml");

/// Starts a manager with the units of a small server, and what of them has to be running.
fn server() -> Systemd {
    let sleeping = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=basic.target\n";
    let systemd = Systemd::start(&[
        ("web.service", "[Unit]\nWants=unmet.service\n[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=basic.target\n"),
        ("asterisk.service", sleeping),
        ("mariadb-writable.service", sleeping),
        ("lsyncd.service", sleeping),
        ("rsync.service", sleeping),
        ("once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n"),
        ("broken.service", "[Service]\nExecStart=/bin/sh -c 'exit 7'\n"),
        ("loop.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 1'\nRestart=always\nRestartSec=50ms\n"),
        ("never.timer", "[Timer]\nOnActiveSec=10ms\nRemainAfterElapse=yes\nUnit=once.service\n"),
        ("daily.timer", "[Timer]\nOnCalendar=daily\nUnit=once.service\n"),
        ("unmet.service", "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep 1000\n"),
        ("demand.socket", "[Socket]\nListenStream=/run/twinguard-demand\n"),
        ("demand.service", "[Service]\nExecStart=/bin/sleep 1000\n"),
        ("slow.service", "[Service]\nType=notify\nExecStart=/bin/sleep 1000\n"),
    ]);
    for unit in ["web.service", "once.service", "never.timer", "daily.timer", "demand.socket"] {
        assert_eq!(systemd.ctl(&["start", unit]).code, Some(0), "{unit}");
    }
    systemd
}

fn check(systemd: &Systemd, args: &[&str]) -> Done {
    let done = systemd.run(&binary("check_services"), args);
    assert_eq!(done.stderr, "", "{}", done.stdout);
    done
}

fn first(done: &Done) -> &str {
    done.stdout.lines().next().unwrap().split(" | ").next().unwrap()
}

#[track_caller]
fn says(systemd: &Systemd, args: &[&str], code: i32, line: &str) {
    let done = check(systemd, args);
    assert_eq!((done.code, first(&done)), (Some(code), line), "{}", done.stdout);
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "no {what} within 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// MD17 "Default Services", each kind of unit in each state.
#[test]
fn md17_units_are_judged_by_their_kind_and_state() {
    let systemd = server();
    let done = check(&systemd, &["-u", "web,once,demand,daily.timer"]);
    assert_eq!(done.stdout, "SERVICES OK - 4 of 4 units as they should be | 'units'=4;;;0;4 'wrong'=0;;;0;4\n");
    says(&systemd, &["-u", "nosuch"], 2, "SERVICES CRITICAL - nosuch.service is not installed");
    says(&systemd, &["-u", "lsyncd"], 2, "SERVICES CRITICAL - lsyncd.service does not run");
    says(&systemd, &["-u", "unmet"], 2, "SERVICES CRITICAL - unmet.service was not started: one of its start conditions does not hold");
    says(&systemd, &["--must-not-run", "web"], 2, "SERVICES CRITICAL - web.service runs here (active): it must not");
    says(&systemd, &["--must-not-run", "lsyncd,nosuch"], 0, "SERVICES OK - 2 of 2 units as they should be");
    wait_for("elapsed timer", || systemd.ctl(&["show", "-p", "SubState", "never.timer"]).stdout.contains("elapsed"));
    let dead = "SERVICES CRITICAL - never.timer will never fire again: its timer has no next time";
    says(&systemd, &["-u", "never.timer"], 2, dead);
    systemd.ctl(&["start", "--no-block", "slow.service"]);
    wait_for("start", || systemd.ctl(&["show", "-p", "ActiveState", "slow.service"]).stdout.contains("activating"));
    says(&systemd, &["-u", "slow"], 0, "SERVICES OK - 1 of 1 units as they should be");
    wait_for("age", || first(&check(&systemd, &["-u", "slow", "--grace", "1s"])).contains("CRITICAL - slow.service is activating (start) for "));
    systemd.ctl(&["mask", "hidden.service"]);
    says(&systemd, &["-u", "hidden"], 2, "SERVICES CRITICAL - hidden.service is masked");
}

#[test]
fn failures_are_found_without_being_named() {
    let systemd = server();
    says(&systemd, &["--include", "^(web|once|demand)"], 0, "SERVICES OK - 4 of 4 units as they should be");
    systemd.ctl(&["start", "broken.service"]);
    wait_for("failure", || systemd.ctl(&["is-failed", "broken.service"]).code == Some(0));
    let wrong = "SERVICES CRITICAL - broken.service failed (exit-code, status 7)";
    says(&systemd, &["--include", "^broken"], 2, wrong);
    says(&systemd, &["-u", "broken"], 2, wrong);
    // Mounts and devices are those of the real machine: what they do is not this test's business.
    says(&systemd, &["-x", "[.](mount|path|timer|socket)$"], 2, wrong);
    says(&systemd, &["-x", "[.](mount|path|timer|socket)$|^broken"], 0, &{
        let count = first(&check(&systemd, &["-x", "[.](mount|path|timer|socket)$|^broken"])).split(' ').nth(3).unwrap().to_owned();
        format!("SERVICES OK - {count} of {count} units as they should be")
    });
    says(&systemd, &["--include", "^nothing-like-this"], 3, "SERVICES UNKNOWN - no loaded unit matches --include");
}

/// A crash loop reads "active" at most moments.
#[test]
fn a_crash_loop_is_seen_by_its_restarts() {
    let systemd = server();
    let folder = systemd.folder().to_str().unwrap().to_owned();
    let args = ["-u", "loop", "--restarts-critical", "2", "--state-dir", &folder];
    systemd.ctl(&["start", "loop.service"]);
    assert!(!check(&systemd, &args).stdout.contains("was restarted"), "the first run knows no past");
    wait_for("count", || {
        let done = check(&systemd, &args);
        done.code == Some(2) && done.stdout.contains("loop.service was restarted ")
    });
    systemd.ctl(&["stop", "loop.service"]);
    systemd.ctl(&["reset-failed", "loop.service"]);
    let file = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
    std::fs::write(&file, "{]").unwrap();
    let lost = check(&systemd, &["-u", "web", "-u", "loop", "--restarts-critical", "2", "--state-dir", "/nonexistent"]);
    assert!(lost.stdout.contains("restarts can't be counted: cannot read /nonexistent/services-"), "{}", lost.stdout);
    let anew = check(&systemd, &args);
    assert!(anew.stdout.contains("the state of earlier runs is lost"), "{}", anew.stdout);
    assert!(!check(&systemd, &args).stdout.contains("lost"), "it has started anew");
}

/// SX16 and the passive node: the same command line on both nodes, judged by the role.
#[test]
fn sx16_services_are_judged_by_the_nodes_role() {
    let systemd = server();
    let config = systemd.folder().join("cluster.toml");
    std::fs::write(&config, PBX).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let by_role = |role: Role| {
        let status = publish(systemd.folder(), "pbx1", &[("pbx", role)], |_| ());
        check(&systemd, &["--by-role", "--config", &config, "--status", &status])
    };
    for unit in ["mariadb-writable.service", "asterisk.service", "lsyncd.service"] {
        systemd.ctl(&["start", unit]);
    }
    let master = by_role(Role::Master);
    assert_eq!((master.code, first(&master)), (Some(0), "SERVICES OK - 4 of 4 units as they should be (pbx MASTER)"));
    let slave = by_role(Role::Slave);
    assert_eq!(slave.code, Some(2));
    for line in [
        "asterisk.service runs here (active): pbx is SLAVE here, it belongs on the master",
        "lsyncd.service runs here (active): pbx is SLAVE here, it belongs on the master",
        "rsync.service does not run",
    ] {
        assert!(first(&slave).contains(line), "{line}: {}", slave.stdout);
    }
    assert_eq!(by_role(Role::Taking).code, Some(0), "between two roles nothing is asked");
    systemd.ctl(&["enable", "asterisk.service"]);
    let enabled = by_role(Role::Master);
    let line = "SERVICES CRITICAL - asterisk.service starts at boot (is enabled): only twinguard may start it (SX16); run: systemctl disable asterisk.service";
    assert_eq!((enabled.code, first(&enabled)), (Some(2), line));
    systemd.ctl(&["disable", "asterisk.service"]);
    let blind = check(&systemd, &["--by-role", "--config", &config, "--status", "/nonexistent/status.json"]);
    let line = "SERVICES UNKNOWN - role unknown: cannot read /nonexistent/status.json: No such file or directory (os error 2)";
    assert_eq!((blind.code, first(&blind)), (Some(3), line));
    let blind = check(&systemd, &["--by-role", "--config", "/nonexistent/cluster.toml"]);
    assert_eq!((blind.code, first(&blind).starts_with("SERVICES UNKNOWN - cannot read /nonexistent/cluster.toml")), (Some(3), true));
}

#[test]
fn a_hung_or_missing_systemd_is_unknown() {
    let systemd = server();
    systemd.signal("-STOP");
    let start = Instant::now();
    let hung = check(&systemd, &["-u", "web", "-t", "1"]);
    assert_eq!((hung.code, first(&hung).starts_with("SERVICES UNKNOWN - ")), (Some(3), true), "{}", hung.stdout);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    systemd.signal("-CONT");
    says(&systemd, &["-u", "web"], 0, "SERVICES OK - 1 of 1 units as they should be");
    systemd.signal("-KILL");
    wait_for("end", || check(&systemd, &["-u", "web"]).code == Some(3));
    let gone = check(&systemd, &["-u", "web"]);
    assert!(first(&gone).starts_with("SERVICES UNKNOWN - cannot run /usr/bin/systemctl show: "), "{}", gone.stdout);
    assert!(first(&gone).ends_with("is systemd running here?"), "{}", gone.stdout);
}

/// RX6 with real sockets, IPv4 and IPv6.
#[test]
fn rx6_a_listener_on_one_address_is_found() {
    use std::net::{TcpListener, UdpSocket};
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let any = TcpListener::bind("0.0.0.0:0").unwrap();
    let both = TcpListener::bind("[::]:0").unwrap();
    let six = TcpListener::bind("[::1]:0").unwrap();
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    let [one, any, both, six] = [one, any, both, six].map(|l| (l.local_addr().unwrap().port(), l));
    let run = |listen: String| rig::process::run(&binary("check_services"), &["--listen", &listen]);
    let bound = run(format!("{}=any", one.0));
    let line =
        format!("SERVICES CRITICAL - port {} is bound to 127.0.0.1 only, not to any address: at the failover address nobody would answer", one.0);
    assert_eq!((bound.code, first(&bound)), (Some(2), line.as_str()));
    let fine = run(format!("{}=any,{}=any,{}=any6,{}=::1,{}/udp=any", any.0, both.0, both.0, six.0, udp.local_addr().unwrap().port()));
    assert_eq!(fine.code, Some(0), "{}", fine.stdout);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let none = run(format!("{free}=any"));
    assert_eq!((none.code, first(&none)), (Some(2), format!("SERVICES CRITICAL - nothing listens on port {free}").as_str()));
}
