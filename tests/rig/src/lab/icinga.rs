//! Icinga 2 in the nodes: two independent instances with the shipped configuration and its example host, and a log of every state
//! change from which an observer learns what Icinga saw.

use super::product::repository;
use super::site::{Node, Site};
use super::tool::{run, write};
use std::path::PathBuf;

/// `CompatLogger` writes a line for each change at once; the API's event stream of this version holds events back for seconds.
const CONFIG: &str = "include \"constants.conf\"\ninclude <itl>\ninclude \"features-enabled/*.conf\"\nobject CompatLogger \"lab\" { }\n\
                      include_recursive \"twinguard\"\ninclude \"twinguard-hosts.conf\"\n";

/// Installs the shipped configuration into the product layer, as its README says.
///
/// # Errors
/// It can't be copied.
pub fn install(site: &Site) -> Result<(), String> {
    let (from, to) = (repository().join("icinga-conf/icinga2"), site.product().join("etc/icinga2"));
    let folder = to.join("twinguard");
    std::fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    run("cp", &["-r", &from.join(".").to_string_lossy(), &folder.to_string_lossy()])?;
    run("cp", &[&from.join("example/hosts.conf.example").to_string_lossy(), &to.join("twinguard-hosts.conf").to_string_lossy()])?;
    write(&to.join("icinga2.conf"), CONFIG.as_bytes())
}

/// Where a node's Icinga writes down every state change, as the host reaches it, also after the node's death.
pub fn changes_file(site: &Site, node: Node) -> PathBuf {
    site.upper(node).join("var/log/icinga2/compat/icinga.log")
}
