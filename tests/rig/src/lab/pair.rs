//! What makes two machines a pair: host keys, the peer's key with its forced command, `cluster.toml`, secrets, addresses. Written
//! into the nodes' own layers before they boot, as an administrator would by the quick start.

use super::bmc::{PASSWORD, PORT, USER, outlet_port};
use super::disk::DEVICE;
use super::ledger;
use super::redfish;
use super::second;
use super::site::{CLUSTER_IP, GATEWAY, Link, Node, Site, WITNESS};
use super::tool::{read, run, write};
use std::fmt::Write as _;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How the pair is configured.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way to build a pair that a scenario asks for by itself")]
pub struct Plan {
    /// The nodes have fence devices.
    pub stonith: bool,
    /// They have outlets of a power switch as a second level, which show no identity.
    pub outlets: bool,
    /// `hung` of `[confirm]`.
    pub hung: &'static str,
    /// Two fence levels for each node and limits against endless takeovers: nothing is left that a careful administrator would mend.
    pub sound: bool,
    /// `budget` of `[fence]`.
    pub budget: &'static str,
    /// Time that a node's firmware takes, in milliseconds.
    pub post_ms: u64,
    /// The BMCs are spoken to by Redfish in place of IPMI.
    pub redfish: bool,
    /// The BMCs' addresses are crossed: each node's "peer" is itself.
    pub crossed: bool,
    /// `max_loss` of a PostgreSQL that replicates between the nodes, instead of the shared disk with its page.
    pub copy: Option<&'static str>,
    /// `demote` of `[fence]`, and the triggers of moves that a master's own failure starts: the lost clients' network by
    /// Icinga's own check, and [`FAULT`] by a check that is CRITICAL while [`FAULT_FILE`] is there.
    pub moves: Option<&'static str>,
    /// A second group, at home on n2, and the delays before n1 and n2 shoot.
    pub second: Option<[&'static str; 2]>,
}

/// Service of Icinga by which a node of the lab reports itself.
pub const FAULT: &str = "lab-fault";
/// It is CRITICAL while this file is there.
pub const FAULT_FILE: &str = "/run/lab-fault";

impl Default for Plan {
    fn default() -> Self {
        Self {
            stonith: true,
            outlets: false,
            sound: false,
            hung: "15s",
            budget: "40s",
            post_ms: 500,
            redfish: false,
            crossed: false,
            copy: None,
            moves: None,
            second: None,
        }
    }
}

/// `cluster.toml`, the same bytes on both nodes.
pub fn cluster_toml(plan: &Plan) -> String {
    let mut text = format!(
        "schema = 1\nname = \"lab\"\nautomatic = true\n\n[nodes]\n{nodes}\n[links]\nlan = {{ interface = \"{lan}\", clients = true }}\n\
         heartbeat = {{ interface = \"{heartbeat}\" }}\n\n[witness]\nhosts = [\"ping:{GATEWAY}\", \"ping:{WITNESS}\"]\n\n\
         [confirm]\nsilence = \"2s\"\nhung = \"{hung}\"\n{check}\n[fence]\nbudget = \"{budget}\"\n{fence}\n[limits]\n{limits}\n\n\
         [triggers]\ntwinguard-master-alive = \"peer-lost\"\n{triggers}\n",
        nodes = Node::BOTH.map(node_line).concat(),
        lan = Link::Lan.interface(),
        heartbeat = Link::Heartbeat.interface(),
        hung = plan.hung,
        budget = plan.budget,
        limits = if plan.sound { "interval = \"15m\"\nper_day = 3" } else { "interval = \"0s\"\nper_day = 0" },
        check = plan.moves.map(|_| format!("check = {{ {FAULT} = [\"/usr/local/sbin/{FAULT}\"] }}\n")).unwrap_or_default(),
        triggers = plan.moves.map(|_| format!("twinguard-network-failover = \"peer-lan-lost\"\n{FAULT} = \"self\"\n")).unwrap_or_default(),
        fence = [
            plan.moves.map(|demote| format!("demote = \"{demote}\"\n")),
            plan.second.map(|[n1, n2]| format!("delay = {{ n1 = \"{n1}\", n2 = \"{n2}\" }}\n")),
        ]
        .into_iter()
        .flatten()
        .collect::<String>(),
    );
    let ports = [(1, PORT)].into_iter().chain(plan.sound.then_some((2, PORT + 1)));
    for (node, (level, port)) in Node::BOTH.into_iter().filter(|_| plan.stonith).flat_map(|node| ports.clone().map(move |p| (node, p))) {
        let address = if plan.crossed { node.other().bmc() } else { node.bmc() };
        if plan.redfish {
            text += &redfish::device(node, &address);
            continue;
        }
        let _ = write!(
            text,
            "[[fence.device]]\ntarget = \"{}\"\nlevel = {level}\ndriver = \"ipmi\"\naddress = \"{}\"\nport = {port}\nuser = \"{USER}\"\nsecret = \"/etc/twinguard/secret/bmc\"\n\
             identity = \"guid:{}\"\n\n",
            node.name(),
            address,
            node.guid(),
        );
        if plan.outlets {
            let _ = write!(
                text,
                "[[fence.device]]\ntarget = \"{node}\"\nlevel = 2\ndriver = \"external\"\nagent = \"fence_ipmi\"\n\
                 options = {{ ip = \"{WITNESS}\", ipport = \"{port}\", username = \"{USER}\", cipher = \"3\" }}\n\
                 secret = \"/etc/twinguard/secret/bmc\"\nidentity = \"drill\"\n\n",
                node = node.name(),
                port = outlet_port(node),
            );
        }
    }
    if plan.second.is_some() {
        text.push_str(&second::group());
    }
    let serves = match plan.copy {
        None => format!(
            "data = {{ kind = \"device\" }}\nmounts = [{{ device = \"{DEVICE}\", path = \"/srv/data\", fs = \"ext4\" }}]\nservices = [\"nginx.service\"]\n\
             verify = [\"http:{CLUSTER_IP}:80\"]\n"
        ),
        Some(max_loss) => format!(
            "data = {{ kind = \"async\", max_loss = \"{max_loss}\", proofs = [\"db-sync\"], \
             database = {{ engine = \"postgresql\", unit = \"{}\" }} }}\n",
            ledger::UNIT
        ),
    };
    let _ = write!(
        text,
        "[[group]]\nname = \"web\"\nhome = \"{home}\"\nip = [{{ address = \"{CLUSTER_IP}/24\", link = \"lan\" }}]\n{serves}\n\
         [notify]\nfrom = \"twinguard@lab.example\"\nto = [\"admin@lab.example\"]\nrelays = [\"smtp://{WITNESS}:25\"]\n\
         ca = \"/etc/twinguard/relay-ca.pem\"\n",
        home = Node::N1.name(),
    );
    text
}

fn node_line(node: Node) -> String {
    format!("{} = {{ lan = \"{}\", heartbeat = \"{}\" }}\n", node.name(), node.address(Link::Lan), node.address(Link::Heartbeat))
}

/// Prepares both nodes; `relay_ca` is the certificate authority of the mail relay.
///
/// # Errors
/// What could not be written, or what `ssh-keygen` said.
pub fn prepare(site: &Site, plan: &Plan, relay_ca: &Path) -> Result<(), String> {
    let toml = cluster_toml(plan);
    let mut known_hosts = String::new();
    for node in Node::BOTH {
        let etc = site.upper(node).join("etc");
        let host_key = keygen(&etc.join("ssh/ssh_host_ed25519_key"))?;
        let _ = writeln!(known_hosts, "{} {host_key}", node.name());
        let peer_key = keygen(&etc.join("twinguard/secret/peer_key"))?;
        let authorized = site.upper(node.other()).join("root/.ssh/authorized_keys");
        private(&authorized, format!("restrict,command=\"/usr/sbin/twinguard peer\" {peer_key}\n").as_bytes())?;
        private(&etc.join("twinguard/secret/bmc"), format!("{PASSWORD}\n").as_bytes())?;
        write(&etc.join("twinguard/cluster.toml"), toml.as_bytes())?;
        write(&etc.join("hostname"), format!("{}\n", node.name()).as_bytes())?;
        write(&etc.join("machine-id"), run("systemd-id128", &["new"])?.as_bytes())?;
        let addresses = Link::ALL.map(|link| format!("{} {}/24\n", link.interface(), node.address(link))).concat();
        write(&etc.join("lab-net"), addresses.as_bytes())?;
        write(&etc.join("twinguard/relay-ca.pem"), read(relay_ca).as_bytes())?;
        if plan.copy.is_some() {
            ledger::configure(&etc, node)?;
        }
        if plan.second.is_some() {
            second::install(&site.upper(node))?;
        }
        if plan.moves.is_some() {
            let check = format!("#!/bin/sh\n[ -e {FAULT_FILE} ] && echo 'FAULT CRITICAL - the lab says so' && exit 2\necho 'FAULT OK - none'\n");
            let path = site.upper(node).join("usr/local/sbin").join(FAULT);
            write(&path, check.as_bytes())?;
            set_permissions(&path, Permissions::from_mode(0o755)).map_err(|e| format!("cannot make {} executable: {e}", path.display()))?;
        }
    }
    Node::BOTH.into_iter().try_for_each(|node| write(&site.upper(node).join("etc/twinguard/known_hosts"), known_hosts.as_bytes()))
}

/// Makes a key; its public half as "TYPE KEY".
fn keygen(path: &Path) -> Result<String, String> {
    private(path, b"")?;
    std::fs::remove_file(path).map_err(|e| format!("cannot replace {}: {e}", path.display()))?;
    let text = path.to_string_lossy();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", &text])?;
    let public = read(format!("{text}.pub"));
    Ok(public.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// A file that only root reads, in a folder that only root enters.
pub(super) fn private(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write(path, bytes)?;
    let limit = |p: &Path, mode| set_permissions(p, Permissions::from_mode(mode)).map_err(|e| format!("cannot protect {}: {e}", p.display()));
    limit(path, 0o600)?;
    match path.parent() {
        Some(folder) if !folder.ends_with("etc/ssh") => limit(folder, 0o700),
        _ => Ok(()),
    }
}
