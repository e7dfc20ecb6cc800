//! A founded pair: creates it and asks both agents what they publish. What the agents say is evidence for people and for the
//! scenarios' ends; whether it is true is the business of [`super::audit`] and of the client.

use super::site::{Node, Site};
use super::tool::{done, read, wait_for};
use super::{Lab, node};
use plugin_core::contract::Status;
use plugin_core::contract::status::Role;
use std::path::Path;
use std::time::Duration;

/// The name of the lab's only group.
pub const GROUP: &str = "web";

/// Age beyond which a status file tells nothing here: the agents write twice a second.
const FRESH: Duration = Duration::from_secs(2);

impl Lab {
    /// What a node's agent published lately; `None` if it is dead, hung or gone.
    pub fn status(&self, node: Node) -> Option<Status> {
        let text = read(node::root(&self.site, node)?.join("run/twinguard/status.json"));
        let status: Status = serde_json::from_str(&text).ok()?;
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let now_ms = u64::try_from(now.tv_sec * 1000 + now.tv_nsec / 1_000_000).ok()?;
        (now_ms.saturating_sub(status.boottime_ms) < u64::try_from(FRESH.as_millis()).ok()?).then_some(status)
    }

    /// A node's role, as its agent says.
    pub fn role(&self, node: Node) -> Option<Role> {
        self.status(node)?.groups.iter().find(|g| g.name == GROUP).map(|g| g.role)
    }

    /// Waits until a node has a role.
    ///
    /// # Errors
    /// It has another one, or none; with the agents' last words.
    pub fn wait_role(&self, node: Node, role: Role, bound: Duration) -> Result<(), String> {
        wait_for(&format!("{} {role}", node.name()), bound, || self.role(node) == Some(role))
            .map(drop)
            .map_err(|e| format!("{e}; it is {:?}\n{}", self.role(node), self.last_words()))
    }

    /// Founds the pair on n1 and waits until n1 serves and n2 could take over (`armed`), or, without fence devices, is in sync.
    ///
    /// # Errors
    /// What `twinguard create` said, or what did not come.
    pub fn found(&self, armed: bool) -> Result<(), String> {
        let bound = Duration::from_secs(20);
        // The peer's roles come with its first BEAT.
        let spoke = |s: &Status| s.peer.links.iter().all(|l| l.channel) && !s.peer.roles.is_empty();
        let meet = || Node::BOTH.into_iter().all(|n| self.status(n).is_some_and(|s| spoke(&s)));
        wait_for("the agents' channel over both links", bound, meet).map_err(|e| format!("{e}\n{}", self.last_words()))?;
        self.run(Node::N1, &["/usr/sbin/twinguard", "create"])?;
        self.wait_role(Node::N1, Role::Master, bound)?;
        self.wait_role(Node::N2, Role::Slave, bound)?;
        wait_for("n2 armed", bound, || !armed || self.status(Node::N2).is_some_and(|s| s.armed))
            .map(drop)
            .map_err(|e| format!("{e}: {:?}\n{}", self.status(Node::N2).map(|s| s.gates), self.last_words()))
    }

    /// The end of both agents' journals, also of a node that is dead.
    pub fn last_words(&self) -> String {
        Node::BOTH.map(|n| format!("{}:\n{}", n.name(), journal(&self.site, n, "twinguard", 40))).join("\n")
    }
}

/// The last lines of a unit in a node's journal, read from its disk.
pub fn journal(site: &Site, node: Node, unit: &str, lines: u32) -> String {
    let folder = site.upper(node).join("var/log/journal");
    let argv = ["-D", &folder.to_string_lossy(), "-u", unit, "-n", &lines.to_string(), "--no-pager", "-o", "short-precise"];
    if Path::new(&folder).exists() { done("journalctl", &argv).map(|d| d.stdout).unwrap_or_default() } else { String::new() }
}
