//! Where one lab lives: its name, folders, namespaces, cgroups and disks. Saved as `site.json`, so that the chassis hook, which
//! the BMC simulator runs in a process of its own, acts on the same machine as the test. Only names and places; no action.

use super::tool;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One of the two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// The first one, home of the group.
    N1,
    /// The second one.
    N2,
}

impl Node {
    /// Both.
    pub const BOTH: [Node; 2] = [Node::N1, Node::N2];

    /// Host name.
    pub const fn name(self) -> &'static str {
        match self {
            Node::N1 => "n1",
            Node::N2 => "n2",
        }
    }

    /// 1 or 2: the last number of its addresses.
    pub const fn number(self) -> u8 {
        match self {
            Node::N1 => 1,
            Node::N2 => 2,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Node {
        match self {
            Node::N1 => Node::N2,
            Node::N2 => Node::N1,
        }
    }

    /// By host name.
    pub fn from_name(name: &str) -> Option<Node> {
        Node::BOTH.into_iter().find(|n| n.name() == name)
    }

    /// Its address on a link.
    pub fn address(self, link: Link) -> String {
        format!("{}.{}", link.subnet(), self.number())
    }

    /// Address of its BMC on the management network.
    pub fn bmc(self) -> String {
        format!("{}.11{}", Link::Management.subnet(), self.number())
    }

    /// System GUID of its BMC, 32 hexadecimal digits.
    pub fn guid(self) -> String {
        format!("a123456789abcdefa123456789abcd0{}", self.number())
    }
}

/// One of the three networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Clients, gateway, witness.
    Lan,
    /// Between the nodes only.
    Heartbeat,
    /// The BMCs.
    Management,
}

impl Link {
    /// All of them.
    pub const ALL: [Link; 3] = [Link::Lan, Link::Heartbeat, Link::Management];

    /// Interface of the nodes.
    pub const fn interface(self) -> &'static str {
        match self {
            Link::Lan => "eth0",
            Link::Heartbeat => "eth1",
            Link::Management => "eth2",
        }
    }

    /// Name of its switch.
    pub const fn switch(self) -> &'static str {
        match self {
            Link::Lan => "lan",
            Link::Heartbeat => "heartbeat",
            Link::Management => "management",
        }
    }

    /// The first three numbers of its addresses, /24.
    pub const fn subnet(self) -> &'static str {
        match self {
            Link::Lan => "10.77.0",
            Link::Heartbeat => "10.77.1",
            Link::Management => "10.77.2",
        }
    }
}

/// The failover address.
pub const CLUSTER_IP: &str = "10.77.0.100";
/// Host that runs the mail relay and answers as a witness.
pub const WITNESS: &str = "10.77.0.25";
/// Default router of the clients' network.
pub const GATEWAY: &str = "10.77.0.254";
/// The client that probes the cluster.
pub const CLIENT: &str = "10.77.0.50";

/// Names and places of one lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Site {
    /// Unique name of this lab.
    pub id: String,
    /// Small, volatile: owner, power states, logs.
    pub run: PathBuf,
    /// Large: the nodes' layers and the shared disk.
    pub disk: PathBuf,
    /// The Debian image that both nodes share.
    pub image: PathBuf,
    /// One loop device for each node's side of the shared disk.
    pub loops: Vec<String>,
    /// Time between "power on" and the start of the node's init: firmware and boot loader.
    pub post_ms: u64,
    /// The chassis hook.
    pub hook: PathBuf,
}

impl Site {
    /// Loads a lab's description.
    ///
    /// # Errors
    /// There is no such lab, or its description can't be read.
    pub fn load(run: &Path) -> Result<Self, String> {
        let path = run.join("site.json");
        let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("cannot understand {}: {e}", path.display()))
    }

    /// Saves it for the chassis hook.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| e.to_string())?;
        tool::write(&self.run.join("site.json"), &text)
    }

    /// Name of a host's network namespace.
    pub fn netns(&self, host: &str) -> String {
        format!("{}-{host}", self.id)
    }

    /// Path of a host's network namespace.
    pub fn netns_path(&self, host: &str) -> PathBuf {
        Path::new("/run/netns").join(self.netns(host))
    }

    /// A node's own layer: what differs from the image and the product.
    pub fn upper(&self, node: Node) -> PathBuf {
        self.disk.join(node.name()).join("upper")
    }

    /// The layer with the installed product, the same for both nodes.
    pub fn product(&self) -> PathBuf {
        self.disk.join("product")
    }

    /// Output of a node's console.
    pub fn console(&self, node: Node) -> PathBuf {
        self.run.join(format!("{}.console", node.name()))
    }

    /// A node's side of the shared disk.
    pub fn loop_of(&self, node: Node) -> Option<&str> {
        self.loops.get(usize::from(node.number()) - 1).map(String::as_str)
    }
}
