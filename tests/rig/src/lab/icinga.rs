//! Icinga 2 in the nodes: two independent instances with the shipped configuration, and, on the loopback address only, the API whose
//! event stream shows from outside what Icinga saw and when.

use super::node::start_helper;
use super::product::repository;
use super::site::{Node, Site};
use super::tool::{run, write};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const API_USER: &str = "lab";
const API_PASSWORD: &str = "lab-icinga-secret";

/// Installs the shipped configuration into the product layer.
///
/// # Errors
/// It can't be copied.
pub fn install(site: &Site) -> Result<(), String> {
    let (from, to) = (repository().join("icinga-conf/icinga2/."), site.product().join("etc/icinga2/twinguard"));
    std::fs::create_dir_all(&to).map_err(|e| format!("cannot make {}: {e}", to.display()))?;
    run("cp", &["-r", &from.to_string_lossy(), &to.to_string_lossy()])?;
    run("rm", &["-rf", &to.join("example").to_string_lossy()]).map(drop)
}

/// Writes a node's own part: the shipped example of a host, and the API with its certificate.
///
/// # Errors
/// What can't be written, or what `openssl` said.
pub fn prepare(site: &Site, node: Node) -> Result<(), String> {
    let upper = site.upper(node);
    let mut text = String::from(
        "include \"constants.conf\"\ninclude <itl>\ninclude \"features-enabled/*.conf\"\n\
         object Endpoint NodeName { }\nobject Zone NodeName { endpoints = [ NodeName ] }\n\
         object ApiListener \"api\" { bind_host = \"127.0.0.1\" }\n",
    );
    let _ = writeln!(text, "object ApiUser \"{API_USER}\" {{ password = \"{API_PASSWORD}\"; permissions = [ \"*\" ] }}");
    text.push_str("include_recursive \"twinguard\"\ninclude \"twinguard-hosts.conf\"\n");
    write(&upper.join("etc/icinga2/icinga2.conf"), text.as_bytes())?;
    write(&upper.join("etc/icinga2/zones.conf"), b"")?;
    let hosts = repository().join("icinga-conf/icinga2/example/hosts.conf.example");
    run("cp", &[&hosts.to_string_lossy(), &upper.join("etc/icinga2/twinguard-hosts.conf").to_string_lossy()])?;
    certificate(&upper.join("var/lib/icinga2/certs"), node.name())
}

/// Where the node's event stream is kept.
pub fn events_file(site: &Site, node: Node) -> PathBuf {
    site.run.join(format!("{}.icinga", node.name()))
}

/// Keeps the event stream of the node's Icinga, which has to run.
///
/// # Errors
/// The reader can't be started.
pub fn follow(site: &Site, node: Node) -> Result<(), String> {
    let (login, file) = (format!("{API_USER}:{API_PASSWORD}"), events_file(site, node));
    let file = file.to_string_lossy();
    let argv = [
        "curl",
        "-skN",
        "-u",
        &login,
        "-H",
        "Accept: application/json",
        "-X",
        "POST",
        "-o",
        &file,
        "https://127.0.0.1:5665/v1/events?queue=lab&types=StateChange",
    ];
    start_helper(site, Some(node.name()), "events.log", &argv)
}

/// Icinga's API wants a certificate in the node's name; one that signed itself is its own authority.
fn certificate(folder: &Path, name: &str) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    let place = |file: &str| folder.join(file).to_string_lossy().into_owned();
    let (key, certificate, subject) = (place(&format!("{name}.key")), place(&format!("{name}.crt")), format!("/CN={name}"));
    let curve = "ec_paramgen_curve:prime256v1";
    run(
        "openssl",
        &["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "30", "-subj", &subject, "-keyout", &key, "-out", &certificate],
    )?;
    run("cp", &[&certificate, &place("ca.crt")])?;
    // icinga2's unit gives its folders to its own user at each start; the key has to be readable for it before that.
    run("chmod", &["-R", "a+rX", &folder.to_string_lossy()]).map(drop)
}
