//! The nodes' BMCs by Redfish: the rig's own service at the BMC's address, with the same hands as `ipmi_sim` there.

use super::node::start_helper;
use super::site::{Node, Site};
use super::tool::{self, read, wait_for, write};
use super::{bmc, net, pair, product};
use crate::redfish::{Computer, Hands, Mind, PASSWORD, Redfish, USER};
use crate::smtp::Certs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// `[[fence.device]]` of a node whose BMC is at `address`.
pub fn device(node: Node, address: &str) -> String {
    format!(
        "[[fence.device]]\ntarget = \"{}\"\ndriver = \"redfish\"\naddress = \"{address}\"\nuser = \"{USER}\"\n\
         secret = \"/etc/twinguard/secret/redfish\"\nca = \"/etc/twinguard/bmc-ca.pem\"\nidentity = \"uuid:{}\"\n\n",
        node.name(),
        node.guid(),
    )
}

fn folder(site: &Site) -> PathBuf {
    site.run.join("redfish")
}

/// Certificates, and what the nodes need to know of them.
///
/// # Errors
/// What could not be written.
pub fn prepare(site: &Site) -> Result<(), String> {
    let addresses = Node::BOTH.map(Node::bmc);
    let certs = Certs::make(&folder(site), &addresses.each_ref().map(String::as_str));
    for node in Node::BOTH {
        let etc = site.upper(node).join("etc/twinguard");
        write(&etc.join("bmc-ca.pem"), read(certs.ca()).as_bytes())?;
        pair::private(&etc.join("secret/redfish"), format!("{PASSWORD}\n").as_bytes())?;
    }
    Ok(())
}

/// Starts a node's service and waits until it answers.
///
/// # Errors
/// It does not answer.
pub fn start(site: &Site, node: Node) -> Result<(), String> {
    let (host, log) = (net::bmc(node), format!("{}-redfish.log", net::bmc(node)));
    let (program, run) = (product::binary("lab_redfish")?, site.run.to_string_lossy().into_owned());
    start_helper(site, Some(&host), &log, &[&program.to_string_lossy(), &run, node.name()])?;
    let (netns, ca) = (format!("--net={}", site.netns_path(&host).display()), folder(site).join("ca.pem").to_string_lossy().into_owned());
    let url = format!("https://{}/redfish/v1/", node.bmc());
    let argv = [&netns, "curl", "--silent", "--fail", "--max-time", "2", "--header", "OData-Version: 4.0", "--cacert", &ca, &url];
    let answers = || tool::done("nsenter", &argv).is_ok_and(|done| done.code == Some(0));
    wait_for(&format!("Redfish of {host}"), Duration::from_secs(30), answers).map(drop).map_err(|e| format!("{e}: {}", read(site.run.join(log))))
}

/// The service itself: `lab_redfish RUN NODE`. Runs until the lab ends it.
///
/// # Errors
/// The arguments are none, or it ended.
pub fn serve(args: &[String]) -> Result<String, String> {
    let [run, name] = args else { return Err("usage: lab_redfish RUN NODE".into()) };
    let site = Site::load(Path::new(run))?;
    let node = Node::from_name(name).ok_or_else(|| format!("no node {name}"))?;
    let chassis = {
        let (run, name) = (run.clone(), name.clone());
        move |words: &[&str]| {
            let all: Vec<String> = [&run, &name].into_iter().cloned().chain(words.iter().map(|w| (*w).to_owned())).collect();
            bmc::hook(&all).unwrap_or_else(|e| panic!("{e}"))
        }
    };
    let hands: Hands = Arc::new(move |wanted| match wanted {
        Some(on) => {
            chassis(&["set", "power", if on { "1" } else { "0" }]);
            on
        }
        None => chassis(&["get", "power"]).contains("power:1"),
    });
    let computer = Computer { hands: Some(hands), ..Computer::new("System.Embedded.1", &node.guid()) };
    let (certificate, key) = (folder(&site).join("server.pem"), folder(&site).join("server.key"));
    Redfish::serve(&format!("{}:443", node.bmc()), Mind { systems: vec![computer], ..Mind::default() }, &certificate, &key)?;
    Ok(String::new())
}
