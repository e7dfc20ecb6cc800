//! Every state of a unit, by its exact words.

use super::super::unit::Unit;
use super::super::{Facts, Rule, Seen, Services, memory::Count};
use super::*;
use clap::FromArgMatches as _;

fn args(more: &[&str]) -> Services {
    let command = <Services as clap::Args>::augment_args(clap::Command::new("x"));
    let matches = command.try_get_matches_from([&["x"], more].concat()).unwrap();
    Services::from_arg_matches(&matches).unwrap()
}

fn service(active: &str, sub: &str) -> Seen {
    let unit = Unit {
        id: "x.service".into(),
        load: "loaded".into(),
        active: active.into(),
        sub: sub.into(),
        result: "success".into(),
        kind: "simple".into(),
        status: "0".into(),
        file: "enabled".into(),
        condition: true,
        since: Duration::from_secs(1000),
        ..Unit::default()
    };
    Seen { unit, rule: Rule::Run, never_at_boot: false, triggered: false, restarts: None }
}

fn with(mut seen: Seen, change: impl FnOnce(&mut Seen)) -> Seen {
    change(&mut seen);
    seen
}

/// The first line without performance data, with these arguments.
fn said_with(more: &[&str], seen: Seen) -> String {
    let facts = Facts { now: Duration::from_secs(1060), units: vec![seen], roles: vec![], blind: vec![], notes: vec![], sockets: vec![] };
    let mut report = Report::default();
    judge(&args(more), &facts, &mut report);
    report.render("SERVICES", 0).split(" | ").next().unwrap().to_owned()
}

fn said(seen: Seen) -> String {
    said_with(&[], seen)
}

const FINE: &str = "SERVICES OK - 1 of 1 units as they should be";

#[test]
fn what_must_run_and_does() {
    assert_eq!(said(service("active", "running")), FINE);
    assert_eq!(said(service("reloading", "reload")), FINE);
    assert_eq!(said(with(service("activating", "start"), |s| s.unit.kind = "notify".into())), FINE, "it has its time of grace");
    assert_eq!(said(with(service("inactive", "dead"), |s| s.unit.kind = "oneshot".into())), FINE, "done");
    assert_eq!(said(with(service("active", "exited"), |s| s.unit.kind = "oneshot".into())), FINE);
    assert_eq!(said(with(service("inactive", "dead"), |s| s.triggered = true)), FINE, "its socket listens");
}

#[test]
fn what_must_run_and_does_not() {
    let wrong = |text: &str| format!("SERVICES CRITICAL - x.service {text}");
    assert_eq!(said(service("inactive", "dead")), wrong("does not run"));
    let failed = with(service("failed", "failed"), |s| {
        s.unit.result = "exit-code".into();
        s.unit.status = "203".into();
    });
    assert_eq!(said(failed), wrong("failed (exit-code, status 203)"));
    let crashed = with(service("activating", "auto-restart"), |s| {
        s.unit.result = "signal".into();
        s.unit.status = "11".into();
        s.unit.restarts = 12;
    });
    assert_eq!(said(crashed), wrong("has crashed and waits for its restart (signal, status 11, 12 restarts)"));
    assert_eq!(said_with(&["--grace", "59s"], service("activating", "start")), wrong("is activating (start) for 60 s"));
    assert_eq!(said_with(&["--grace", "59s"], service("deactivating", "stop-sigterm")), wrong("is deactivating (stop-sigterm) for 60 s"));
    assert_eq!(said(with(service("inactive", "dead"), |s| s.unit.load = "not-found".into())), wrong("is not installed"));
    assert_eq!(said(with(service("inactive", "dead"), |s| s.unit.load = "masked".into())), wrong("is masked"));
    assert_eq!(said(with(service("inactive", "dead"), |s| s.unit.load = "bad-setting".into())), wrong("can't be loaded (bad-setting)"));
    let unmet = with(service("inactive", "dead"), |s| s.unit.condition = false);
    assert_eq!(said(unmet), wrong("was not started: one of its start conditions does not hold"));
    let remains = with(service("inactive", "dead"), |s| {
        s.unit.kind = "oneshot".into();
        s.unit.remains = true;
    });
    assert_eq!(said(remains), wrong("does not run"));
    assert_eq!(said(service("active", "exited")), "SERVICES WARNING - x.service counts as active, but its processes have ended");
}

#[test]
fn what_must_not_run() {
    let rest = |active: &str| with(service(active, "x"), |s| s.rule = Rule::Rest("pbx is SLAVE here, it belongs on the master".into()));
    for runs in ["active", "reloading", "activating", "deactivating"] {
        assert_eq!(said(rest(runs)), format!("SERVICES CRITICAL - x.service runs here ({runs}): pbx is SLAVE here, it belongs on the master"));
    }
    for quiet in ["inactive", "failed"] {
        assert_eq!(said(rest(quiet)), FINE);
    }
    assert_eq!(said(with(rest("inactive"), |s| s.unit.load = "not-found".into())), FINE);
}

#[test]
fn what_is_only_looked_at_may_rest_but_not_fail() {
    let look = |seen: Seen| with(seen, |s| s.rule = Rule::Look);
    assert_eq!(said(look(service("inactive", "dead"))), FINE);
    assert_eq!(said_with(&["--drift"], look(service("inactive", "dead"))), "SERVICES WARNING - x.service is enabled and does not run");
    assert_eq!(said_with(&["--drift"], with(look(service("inactive", "dead")), |s| s.unit.condition = false)), FINE);
    assert_eq!(said(look(service("failed", "failed"))), "SERVICES CRITICAL - x.service failed (success, status 0)");
    assert_eq!(said(with(look(service("inactive", "dead")), |s| s.unit.load = "not-found".into())), FINE);
}

#[test]
fn dead_timers_are_seen() {
    let timer = |active: &str, sub: &str, fires| {
        with(service(active, sub), |s| {
            s.unit.id = "backup.timer".into();
            s.unit.kind = String::new();
            s.unit.will_fire = fires;
        })
    };
    let look = |seen: Seen| with(seen, |s| s.rule = Rule::Look);
    assert_eq!(said(timer("active", "waiting", true)), FINE);
    assert_eq!(said(timer("active", "running", false)), FINE, "its service runs now");
    assert_eq!(said(timer("active", "elapsed", false)), "SERVICES CRITICAL - backup.timer will never fire again: its timer has no next time");
    assert_eq!(said(look(timer("active", "elapsed", false))), "SERVICES WARNING - backup.timer will never fire again: its timer has no next time");
    assert_eq!(said(look(timer("inactive", "dead", false))), "SERVICES WARNING - backup.timer is enabled and does not run");
}

#[test]
fn sx16_what_starts_at_boot_by_itself() {
    let managed = |file: &str, pulled: &[&str]| {
        with(service("active", "running"), |s| {
            s.never_at_boot = true;
            s.unit.file = file.into();
            s.unit.pulled_by = pulled.iter().map(|p| (*p).to_owned()).collect();
        })
    };
    assert_eq!(said(managed("disabled", &[])), FINE);
    assert_eq!(
        said(managed("enabled", &["multi-user.target"])),
        "SERVICES CRITICAL - x.service starts at boot (is enabled): only twinguard may start it (SX16); run: systemctl disable x.service"
    );
    assert!(said(managed("static", &["basic.target"])).contains("starts at boot (is pulled in by basic.target)"));
    let disabled = with(service("active", "running"), |s| s.unit.file = "disabled".into());
    assert_eq!(said(disabled.clone()), FINE);
    assert_eq!(said_with(&["--drift"], disabled), "SERVICES WARNING - x.service runs but is disabled: it will be missing after a reboot");
}

#[test]
fn restarts_and_memory_have_limits() {
    let flapping = with(service("active", "running"), |s| s.restarts = Some(Count { restarts: 4, within: Duration::from_mins(5) }));
    assert_eq!(said_with(&["--restarts-warning", "2"], flapping.clone()), "SERVICES WARNING - x.service was restarted 4 times in 300 s");
    assert_eq!(said_with(&["--restarts-warning", "2", "--restarts-critical", "3"], flapping.clone()).get(..17), Some("SERVICES CRITICAL"));
    assert_eq!(said_with(&["--restarts-warning", "4"], flapping), FINE);
    let large = with(service("active", "running"), |s| s.unit.memory = Some(3.0 * 1_073_741_824.0));
    assert_eq!(said_with(&["--memory-critical", "2000000000"], large), "SERVICES CRITICAL - x.service uses 3.0 GiB of memory (limit 2000000000)");
}

#[test]
fn blindness_is_unknown_but_hides_no_fault() {
    let mut facts = Facts {
        now: Duration::ZERO,
        units: vec![],
        roles: vec![],
        blind: vec!["role unknown: cannot read x: gone".into()],
        notes: vec![],
        sockets: vec![],
    };
    let first = |facts: &Facts| {
        let mut report = Report::default();
        judge(&args(&[]), facts, &mut report);
        report.render("SERVICES", 0).lines().next().unwrap().to_owned()
    };
    assert_eq!(first(&facts), "SERVICES UNKNOWN - role unknown: cannot read x: gone | 'units'=0;;;0;0 'wrong'=0;;;0;0");
    facts.units.push(service("failed", "failed"));
    assert!(first(&facts).starts_with("SERVICES CRITICAL - x.service failed"));
}
