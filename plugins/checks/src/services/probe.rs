//! Asks systemd, the kernel's listeners, the agent and the past.

use super::memory::Past;
use super::unit::{PROPERTIES, Unit, full_name, parse};
use super::{Facts, Rule, Seen, Services, listen, roles};
use plugin_core::cluster::Cluster;
use plugin_core::host::{Command, read_status};
use plugin_core::memory::{Memory, Recall};
use plugin_core::run::stage;
use plugin_core::{Blind, Host};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Kinds of units that can fail on their own.
const KINDS: [&str; 5] = ["*.service", "*.timer", "*.socket", "*.mount", "*.path"];
/// Length of output at which the host cuts.
const CUT: usize = 1 << 20;

/// What is asked of one unit.
#[derive(Default)]
struct Wish {
    rule: Option<Rule>,
    never_at_boot: bool,
}

/// Looks.
pub fn look(args: &Services, host: &dyn Host) -> Result<Facts, Blind> {
    let mut facts = Facts { now: host.now(), units: Vec::new(), roles: Vec::new(), blind: Vec::new(), notes: Vec::new(), sockets: Vec::new() };
    let wishes = wishes(args, host, &mut facts)?;
    stage("asking systemd");
    let named: Vec<&str> = wishes.keys().map(String::as_str).collect();
    let units = if named.is_empty() { Vec::new() } else { show(host, &named)? };
    if units.len() != named.len() {
        let reason = format!("{} answers to {} names", units.len(), named.len());
        return Err(Blind::Parse { what: "systemctl show".into(), reason });
    }
    for (unit, wish) in units.into_iter().zip(wishes.into_values()) {
        facts.units.push(Seen { unit, rule: wish.rule.unwrap_or(Rule::Look), never_at_boot: wish.never_at_boot, triggered: false, restarts: None });
    }
    if !args.include.is_empty() || (facts.units.is_empty() && args.listen.is_empty()) {
        stage("asking systemd for all units");
        loaded(args, host, &mut facts)?;
    }
    triggers(host, &mut facts)?;
    if args.counts() {
        count(args, host, &mut facts);
    }
    if !args.listen.is_empty() {
        stage("asking ss for listeners");
        facts.sockets = listen::probe(host)?;
    }
    facts.now = host.now();
    Ok(facts)
}

/// The named units, and by role those of the cluster.
fn wishes(args: &Services, host: &dyn Host, facts: &mut Facts) -> Result<BTreeMap<String, Wish>, Blind> {
    let mut wishes: BTreeMap<String, Wish> = BTreeMap::new();
    for unit in &args.must_run {
        wishes.entry(full_name(unit)).or_default().rule = Some(Rule::Run);
    }
    for unit in &args.must_not_run {
        wishes.entry(full_name(unit)).or_default().rule = Some(Rule::Rest("it must not".into()));
    }
    for unit in &args.no_autostart {
        wishes.entry(full_name(unit)).or_default().never_at_boot = true;
    }
    if args.by_role {
        let text = host.read(&args.config)?;
        let cluster = Cluster::parse(&text).map_err(|reason| Blind::Parse { what: args.config.display().to_string(), reason })?;
        let status = read_status(host, &args.status);
        match &status {
            Ok(status) => facts.roles = status.groups.iter().map(|g| format!("{} {}", g.name, g.role)).collect(),
            Err(blind) => facts.blind.push(format!("role unknown: cannot {blind}")),
        }
        for managed in roles::managed(&cluster, status.as_ref().ok()) {
            let wish = wishes.entry(managed.unit).or_default();
            wish.never_at_boot = true;
            wish.rule = wish.rule.take().or(managed.rule);
        }
    }
    Ok(wishes)
}

pub(crate) fn show(host: &dyn Host, names: &[&str]) -> Result<Vec<Unit>, Blind> {
    let command = Command::new(SYSTEMCTL).args(["show", "--no-pager", "--all", "-p", PROPERTIES, "--"]).args(names.iter().copied());
    let output = host.run(&command)?;
    // The names can be many; the error needs none of them.
    let program = format!("{SYSTEMCTL} show");
    if !output.success() {
        let reason = format!("{}; is systemd running here?", output.stderr.lines().last().unwrap_or("it failed"));
        return Err(Blind::Command { program, reason });
    }
    if output.stdout.len() >= CUT {
        return Err(Blind::Command { program, reason: "it prints more than 1 MiB; name fewer units".into() });
    }
    parse(&output.stdout)
}

/// Everything that systemd has loaded, by the patterns.
fn loaded(args: &Services, host: &dyn Host, facts: &mut Facts) -> Result<(), Blind> {
    let wanted = |name: &str| args.include.is_empty() || args.include.iter().any(|r| r.is_match(name));
    let left_out = |name: &str| args.exclude.iter().any(|r| r.is_match(name));
    let before = facts.units.len();
    for unit in show(host, &KINDS)? {
        let named = facts.units.iter().take(before).any(|seen| seen.unit.id == unit.id);
        if !named && wanted(&unit.id) && !left_out(&unit.id) {
            facts.units.push(Seen { unit, rule: Rule::Look, never_at_boot: false, triggered: false, restarts: None });
        }
    }
    if facts.units.len() == before && !args.include.is_empty() {
        facts.blind.push("no loaded unit matches --include".into());
    }
    Ok(())
}

/// A service that is not running is well if what starts it on demand waits.
fn triggers(host: &dyn Host, facts: &mut Facts) -> Result<(), Blind> {
    let idle = |seen: &&mut Seen| seen.unit.active == "inactive" && !seen.unit.triggers.is_empty();
    let names: Vec<String> = facts.units.iter_mut().filter(idle).flat_map(|s| s.unit.triggers.clone()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let units = show(host, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    for seen in facts.units.iter_mut().filter(idle) {
        seen.triggered = units.iter().any(|unit| unit.active == "active" && seen.unit.triggers.contains(&unit.id));
    }
    Ok(())
}

fn count(args: &Services, host: &dyn Host, facts: &mut Facts) {
    let boot = host.read(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    let subject = format!("{:?} {:?} {:?} {}", args.must_run, args.must_not_run, args.include, args.by_role);
    let memory = Memory::new(&args.state_dir, "services", &subject);
    let past = match memory.recall::<Past>(host) {
        Recall::Known(past) => past,
        Recall::Nothing => Past::default(),
        Recall::Lost(text) => {
            facts.notes.push(text);
            Past::default()
        }
    };
    let mut past = past.of_boot(boot.trim());
    let window = args.restart_window.0.unwrap_or(Duration::from_hours(24));
    for seen in facts.units.iter_mut().filter(|seen| seen.rule != Rule::Look || seen.unit.restarts > 0) {
        seen.restarts = past.count(&seen.unit.id, facts.now, seen.unit.restarts, window);
    }
    past.only(&facts.units.iter().map(|seen| seen.unit.id.as_str()).collect::<Vec<_>>());
    if let Err(blind) = memory.keep(&past) {
        facts.blind.push(format!("restarts can't be counted: cannot {blind}"));
    }
}
