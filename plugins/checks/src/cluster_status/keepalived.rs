//! keepalived by what it does: its daemon lives, and each VRRP instance of keepalived.conf(5) holds all of its addresses or none.
//!
//! It tells its state to nobody without a signal; the addresses on the interfaces are the state that clients meet.

use super::{Finding, Question, View};
use plugin_core::Blind;
use std::collections::BTreeSet;

const CONFIG: &str = "/etc/keepalived/keepalived.conf";
const PIDS: [&str; 2] = ["/run/keepalived.pid", "/run/keepalived/keepalived.pid"];

/// Is it configured?
pub fn present(question: &Question<'_>) -> bool {
    question.machine.has(CONFIG)
}

/// Looks at the configuration, the daemon and the addresses.
///
/// # Errors
/// The configuration or the addresses can't be read.
pub fn look(question: &Question<'_>) -> Result<View, Blind> {
    let machine = question.machine;
    let instances = instances(&machine.read(CONFIG)?);
    if instances.is_empty() {
        return Err(Blind::Parse { what: CONFIG.into(), reason: "it names no vrrp_instance with a virtual_ipaddress".into() });
    }
    let pid = PIDS.iter().find_map(|path| machine.read(path).ok()).map(|text| text.trim().to_owned());
    let alive = pid.is_some_and(|pid| machine.read(&format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "keepalived"));
    let ip = machine.tool(&["ip"]).ok_or_else(|| Blind::Command { program: "ip".into(), reason: "it is not installed; install iproute2".into() })?;
    let held = addresses(&machine.text(&ip, &["-o", "address", "show"])?);
    let mut findings: Vec<Finding> = Vec::new();
    if !alive {
        findings.push(Finding::broken("keepalived does not run on this node; run: systemctl status keepalived"));
    }
    findings.extend(instances.iter().map(|(name, wanted)| judge(name, wanted, &held, alive)));
    Ok(View { findings, ..View::default() })
}

fn judge(name: &str, wanted: &[String], held: &BTreeSet<String>, alive: bool) -> Finding {
    let missing: Vec<&str> = wanted.iter().filter(|address| !held.contains(*address)).map(String::as_str).collect();
    if missing.len() == wanted.len() {
        return Finding::fine(format!("{name} is BACKUP"));
    }
    if !alive {
        return Finding::broken(format!("{name}: {} is held and nobody watches it", wanted.join(", ")));
    }
    if missing.is_empty() {
        Finding::fine(format!("{name} is MASTER"))
    } else {
        Finding::broken(format!("{name} holds a part of its addresses; missing: {}", missing.join(", ")))
    }
}

/// Instance → its virtual addresses, without prefix and options. Comments start with `!` or `#`.
fn instances(text: &str) -> Vec<(String, Vec<String>)> {
    let plain: String = text.lines().map(|line| line.split(['!', '#']).next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let spaced = plain.replace('{', " {\n").replace('}', "\n}\n");
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let (mut depth, mut inside) = (0_usize, None);
    for line in spaced.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["vrrp_instance", name, ..] => found.push(((*name).to_owned(), vec![])),
            ["virtual_ipaddress" | "virtual_ipaddress_excluded", ..] => inside = Some(depth),
            [address, ..] if inside.is_some() && *address != "{" && *address != "}" => {
                if let Some((_, addresses)) = found.last_mut() {
                    addresses.push(address.split('/').next().unwrap_or(address).to_owned());
                }
            }
            _ => {}
        }
        if line.ends_with('{') {
            depth += 1;
        } else if line == "}" {
            depth = depth.saturating_sub(1);
            inside = inside.filter(|level| *level < depth);
        }
    }
    found.retain(|(_, addresses)| !addresses.is_empty());
    found
}

/// `2: eth0    inet 192.0.2.10/24 scope global eth0` of `ip -o address show`.
fn addresses(text: &str) -> BTreeSet<String> {
    let address = |line: &str| Some(line.split_whitespace().nth(3)?.split('/').next()?.to_owned());
    text.lines().filter_map(address).collect()
}
