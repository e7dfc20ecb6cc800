//! The five clusters: their configuration is valid without a warning, Icinga loads their objects on both nodes, and what may
//! start a takeover is the same in both.

use crate::icinga::Icinga;
use crate::top;
use plugin_core::cluster::Cluster;
use rig::process::{binary, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SYSTEMS: [&str; 5] = ["mail-bluemind", "mail-pmg", "mail-reddoxx", "mail-scalix", "pbx-mobydick"];

fn folder(system: &str) -> PathBuf {
    top().join("icinga-conf/clusters").join(system)
}

fn cluster(system: &str) -> Cluster {
    let text = std::fs::read_to_string(folder(system).join("cluster.toml")).unwrap();
    Cluster::parse(&text).unwrap_or_else(|e| panic!("{system}: {e}"))
}

/// What a check's service is in Icinga.
#[derive(Debug)]
struct Service {
    command: String,
    handler: bool,
    vars: BTreeMap<String, String>,
}

/// The services of one node after Icinga has read everything, by name.
fn services(system: &str, node: &str) -> BTreeMap<String, Service> {
    let icinga = Icinga::of(&folder(system).join("nodes.conf"), node, "");
    let said = icinga.validate();
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", ""), "{system} on {node}");
    let list = icinga.run(&["object", "list", "--type", "Service"]).stdout;
    let objects = list.split("Object '").filter_map(|text| text.split_once("' of type 'Service':"));
    objects.map(|(name, text)| (name.split_once('!').unwrap().1.to_owned(), service(text))).collect()
}

fn service(text: &str) -> Service {
    let values = |line: &str| line.trim_start_matches([' ', '*']).split_once(" = ").map(|(k, v)| (k.to_owned(), v.trim_matches('"').to_owned()));
    let all: BTreeMap<String, String> = text.lines().filter_map(values).collect();
    let vars = all.iter().filter(|(key, _)| key.starts_with("twinguard_")).map(|(k, v)| (k.clone(), v.clone())).collect();
    Service { command: all["check_command"].clone(), handler: all["event_command"] == "twinguard_takeover", vars }
}

#[test]
fn every_system_is_a_folder_with_its_three_files() {
    let found: BTreeSet<String> =
        std::fs::read_dir(top().join("icinga-conf/clusters")).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_dir()).map(|f| name(&f)).collect();
    assert_eq!(found, SYSTEMS.map(str::to_owned).into());
    for system in SYSTEMS {
        for file in ["README.md", "cluster.toml", "nodes.conf"] {
            assert!(folder(system).join(file).is_file(), "{system}/{file} is missing");
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn twinguard_finds_every_configuration_good_and_warns_of_nothing() {
    for system in SYSTEMS {
        let file = folder(system).join("cluster.toml");
        let said = run(&binary("twinguard"), &["--config", file.to_str().unwrap(), "validate"]);
        assert_eq!((said.code, said.stdout, said.stderr), (Some(0), format!("{}: good\n", file.display()), String::new()), "{system}");
    }
}

#[test]
fn bm8_every_node_that_is_taken_over_has_a_fence_device() {
    for system in SYSTEMS {
        let cluster = cluster(system);
        for node in cluster.nodes.keys() {
            assert!(!cluster.devices_of(node).is_empty(), "{system}: {node}");
        }
        // With groups at home on both nodes both may shoot: the delays must differ (SX1).
        let homes: BTreeSet<&str> = cluster.groups.iter().map(|g| g.home.as_str()).collect();
        let delay = |node: &String| cluster.fence.delay.get(node).map(|d| d.or_forever());
        let delays: BTreeSet<_> = cluster.nodes.keys().map(delay).collect();
        assert!(homes.len() == 1 || delays.len() == 2, "{system}: equal delays");
    }
}

#[test]
fn icinga_loads_both_nodes_of_every_system_and_agrees_with_its_triggers() {
    for system in SYSTEMS {
        let cluster = cluster(system);
        let triggers: BTreeSet<&str> = cluster.triggers.keys().map(String::as_str).collect();
        let mut seen = Vec::new();
        for node in cluster.nodes.keys() {
            let services = services(system, node);
            let handlers: BTreeSet<&str> = services.iter().filter(|(_, s)| s.handler).map(|(name, _)| name.as_str()).collect();
            assert_eq!(handlers, triggers, "{system} on {node}: services with the event handler, and [triggers]");
            seen.push(services.into_keys().collect::<Vec<_>>());
        }
        assert_eq!(seen[0], seen[1], "{system}: the same services on both nodes");
    }
}

/// MD16 and MD17: service, command, and the variable (with its value) that binds it to its side of the pair; the others know
/// their role by themselves.
const PBX: [[&str; 4]; 13] = [
    ["twinguard-master-alive", "twinguard_master_alive", "", ""],
    ["twinguard-network-failover", "twinguard_network_failover", "", ""],
    ["twinguard-services", "twinguard_services", "", ""],
    ["twinguard-disk", "twinguard_disk", "", ""],
    ["twinguard-time", "twinguard_time", "", ""],
    ["twinguard-db-query", "twinguard_db_query", "twinguard_db_query_host", "192.0.2.10"],
    ["twinguard-fs-sync", "twinguard_fs_sync", "", ""],
    ["twinguard-rsync", "twinguard_rsync", "twinguard_rsync_only_on", "slave"],
    ["twinguard-db-sync", "twinguard_db_sync", "", ""],
    ["twinguard-sip", "twinguard_sip", "twinguard_sip_only_on", "master"],
    ["twinguard-ami", "twinguard_ami", "twinguard_ami_only_on", "master"],
    ["twinguard-cluster-status", "twinguard_cluster_status", "twinguard_cluster_status_failover", "true"],
    ["twinguard-raid", "twinguard_raid", "twinguard_raid_failover", "true"],
];

#[test]
fn md16_and_md17_the_telephone_system_has_its_failover_and_notify_checks_each_on_its_side() {
    let services = services("pbx-mobydick", "pbx1");
    for [name, command, variable, value] in PBX {
        let service = services.get(name).unwrap_or_else(|| panic!("{name} is missing in {:?}", services.keys()));
        assert_eq!(service.command, command, "{name}");
        let bound = variable.is_empty() || service.vars.get(variable).is_some_and(|v| v == value);
        assert!(bound, "{name}: {variable} is not {value} in {:?}", service.vars);
    }
}

/// Its secrets are root's: the check is called by sudo, with no argument that sudoers would have to allow.
#[test]
fn every_cluster_looks_at_its_fence_devices_through_sudo() {
    for system in SYSTEMS {
        let cluster = cluster(system);
        for node in cluster.nodes.keys() {
            let service = services(system, node).remove("twinguard-fence").unwrap_or_else(|| panic!("{system} on {node} has no twinguard-fence"));
            assert_eq!((service.command.as_str(), service.handler), ("twinguard_fence_root", false), "{system}");
            assert!(!service.vars.keys().any(|name| name.starts_with("twinguard_fence")), "{system}: {:?}", service.vars);
        }
    }
}
