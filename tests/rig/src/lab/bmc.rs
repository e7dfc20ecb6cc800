//! One BMC for each node: `ipmi_sim` (package openipmi) on the management network, RMCP+ suite 3, whose chassis commands run our
//! own hook. The hook is the whole of the BMC's hands: it reads and switches the node's mains.

use super::node::start_helper;
use super::power::{self, Mains};
use super::site::{Link, Node, Site, WITNESS};
use super::tool::{done, read, wait_for, write};
use super::{net, tool};
use crate::process::Done;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// User of both BMCs.
pub const USER: &str = "fence";
/// Their password.
pub const PASSWORD: &str = "lab-bmc-secret";

/// Port of the BMCs; the second level, where there is one, is at the next.
pub const PORT: u16 = 623;

/// Starts a node's BMC and waits until it answers. A second one at another port switches the same mains: a second level.
///
/// # Errors
/// It does not answer.
pub fn start(site: &Site, node: Node, port: u16) -> Result<(), String> {
    let host = net::bmc(node);
    let name = if port == PORT { host.clone() } else { format!("{host}-{port}") };
    simulate(site, node, (&host, &node.bmc(), port), (&name, &node.guid()))?;
    wait_for(&format!("answer of {name}"), Duration::from_secs(10), || {
        chassis_at(site, &host, node, port, &["power", "status"]).is_ok_and(|d| d.code == Some(0))
    })
    .map(drop)
    .map_err(|e| format!("{e}: {}", read(site.run.join(format!("{name}.log")))))
}

/// Starts a node's outlet of the rack's power switch, on the witness' machine: another device, another network, another supply than the
/// BMC's. It answers as somebody without a name.
///
/// # Errors
/// It can't be started.
pub fn start_outlet(site: &Site, node: Node) -> Result<(), String> {
    let (name, nobody) = (format!("{}-outlet", node.name()), "0".repeat(32));
    simulate(site, node, ("witness", WITNESS, outlet_port(node)), (&name, &nobody))
}

/// Where a node's outlet listens.
pub fn outlet_port(node: Node) -> u16 {
    6230 + u16::from(node.number())
}

/// One `ipmi_sim` on a machine of the lab, whose hands are the node's.
fn simulate(site: &Site, node: Node, (machine, address, port): (&str, &str, u16), (name, guid): (&str, &str)) -> Result<(), String> {
    let folder = site.run.join(name);
    let auth = "none md2 md5 straight";
    let lan = format!(
        "name \"{name}\"\nset_working_mc 0x20\nstartlan 1\n  addr {address} {port}\n  priv_limit admin\n  allowed_auths_callback {auth}\n  \
         allowed_auths_user {auth}\n  allowed_auths_operator {auth}\n  allowed_auths_admin {auth}\n  guid {guid}\nendlan\n\
         chassis_control \"{hook} {run} {node}\"\nuser 1 false \"\" \"\" user 10 {auth}\nuser 2 true \"{USER}\" \"{PASSWORD}\" admin 10 {auth}\n",
        hook = site.hook.display(),
        run = site.run.display(),
        node = node.name(),
    );
    write(&folder.join("lan.conf"), lan.as_bytes())?;
    write(&folder.join("bmc.emu"), b"mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n")?;
    write(&folder.join("state/.keep"), b"")?;
    let place = |file: &str| folder.join(file).to_string_lossy().into_owned();
    let argv = ["ipmi_sim", "-n", "-c", &place("lan.conf"), "-f", &place("bmc.emu"), "-s", &place("state")];
    start_helper(site, Some(machine), &format!("{name}.log"), &argv)
}

/// Sends a chassis command with `ipmitool` from a host of the lab: an independent client, no code of the product.
///
/// # Errors
/// `ipmitool` can't be started.
pub fn chassis(site: &Site, from: &str, to: Node, command: &[&str]) -> Result<Done, String> {
    chassis_at(site, from, to, PORT, command)
}

fn chassis_at(site: &Site, from: &str, to: Node, port: u16, command: &[&str]) -> Result<Done, String> {
    let secret = site.run.join("bmc.secret");
    write(&secret, PASSWORD.as_bytes())?;
    let (netns, address, secret) = (format!("--net={}", site.netns_path(from).display()), to.bmc(), secret.to_string_lossy().into_owned());
    let port = port.to_string();
    let mut args =
        vec![netns.as_str(), "ipmitool", "-I", "lanplus", "-C", "3", "-N", "1", "-R", "2", "-p", &port, "-H", &address, "-U", USER, "-f", &secret];
    args.push("chassis");
    args.extend(command);
    done("nsenter", &args)
}

/// Takes a node's BMC off the network, or brings it back.
///
/// # Errors
/// What `ip` said.
pub fn reachable(site: &Site, node: Node, reachable: bool) -> Result<(), String> {
    net::cable(site, &net::bmc(node), &[Link::Management], reachable)
}

fn stuck_file(site: &Site, node: Node) -> PathBuf {
    site.run.join(format!("{}.stuck", node.name()))
}

/// Lets a BMC say "done" to "off" and do nothing, or ends that.
///
/// # Errors
/// The mark can't be written.
pub fn stuck(site: &Site, node: Node, stuck: bool) -> Result<(), String> {
    let file = stuck_file(site, node);
    if stuck { write(&file, b"") } else { std::fs::remove_file(&file).map_err(|e| format!("cannot remove {}: {e}", file.display())) }
}

fn slow_file(site: &Site, node: Node) -> PathBuf {
    site.run.join(format!("{}.slow", node.name()))
}

/// Lets a BMC take `time` before it obeys "off".
///
/// # Errors
/// The mark can't be written.
pub fn slow(site: &Site, node: Node, time: Duration) -> Result<(), String> {
    write(&slow_file(site, node), time.as_millis().to_string().as_bytes())
}

/// The chassis hook: `lab_chassis RUN NODE get|set PARAMETER [VALUE] …`, as `ipmi_sim` calls it, or `… boot TOKEN`.
/// `Ok` is what it prints.
///
/// # Errors
/// An unknown command, or what the switch said; the simulator then reports a failed command.
pub fn hook(args: &[String]) -> Result<String, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let [run, node, verb, rest @ ..] = words.as_slice() else { return Err("usage: lab_chassis RUN NODE get|set|boot …".into()) };
    let site = Site::load(Path::new(run))?;
    let node = Node::from_name(node).ok_or_else(|| format!("no node {node}"))?;
    let parameters = words.get(2..).unwrap_or_default().join(" ");
    log(&site, node, &parameters);
    match (*verb, rest) {
        ("boot", [token]) => power::boot(&site, node, token).map(|()| String::new()),
        ("get", parameters) => {
            let power = u8::from(power::mains(&site, node) == Mains::On);
            let answer: String = parameters.iter().map(|p| if *p == "power" { format!("power:{power}\n") } else { format!("{p}:0\n") }).collect();
            log(&site, node, &format!("get power: {}", answer.trim_end()));
            Ok(answer)
        }
        ("set", pairs) => pairs.chunks(2).try_for_each(|pair| set(&site, node, pair)).map(|()| String::new()),
        _ => Err(format!("unknown command {}", words.join(" "))),
    }
}

fn set(site: &Site, node: Node, pair: &[&str]) -> Result<(), String> {
    match pair {
        _ if stuck_file(site, node).exists() => Ok(()),
        ["power", "0"] => {
            std::thread::sleep(Duration::from_millis(read(slow_file(site, node)).parse().unwrap_or(0)));
            power::off(site, node)
        }
        ["power", _] => power::on(site, node),
        ["reset", _] => power::off(site, node).and_then(|()| power::on(site, node)),
        ["boot" | "identify", ..] => Ok(()),
        other => Err(format!("the lab's BMC knows no {}", other.join(" "))),
    }
}

/// What the BMC was told and what it said, and when: the evidence of a fence.
fn log(site: &Site, node: Node, text: &str) {
    use std::io::Write;
    let path = site.run.join(format!("{}.chassis", node.name()));
    if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = file.write_all(format!("{} {text}\n", tool::now_ms()).as_bytes());
    }
}
