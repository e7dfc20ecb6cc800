//! What is left to a person once a pair is dissolved (RX14). Only words: the survivor goes on as an ordinary machine, and nothing
//! here turns it into one.

use plugin_core::cluster::{Cluster, Group};
use plugin_core::contract::Refusal;
use std::fmt::Write as _;
use std::net::IpAddr;

/// RX12: not in a session over a failover IP, which is about to become something else. `ssh` = `SSH_CONNECTION`: its third word
/// is the address at which this node was reached (ssh(1)).
///
/// # Errors
/// The refusal.
pub fn not_over_failover_ip(cluster: &Cluster, ssh: Option<&str>) -> Result<(), String> {
    let at = ssh.and_then(|text| text.split_whitespace().nth(2)).and_then(|address| address.parse::<IpAddr>().ok());
    match cluster.groups.iter().flat_map(|g| &g.ip).find(|ip| Some(ip.address.address) == at) {
        Some(ip) => Err(format!("{}: this session came over {} ({})", Refusal::OverVip, ip.address.address, Refusal::OverVip.advice())),
        None => Ok(()),
    }
}

/// The steps, with this cluster's own names.
pub fn checklist(cluster: &Cluster, survivor: &str) -> String {
    let retired = cluster.peer_of(survivor).unwrap_or("the other node");
    let mut text = format!(
        "Now, by hand:\n  on {retired}: switch it off, and erase it before it is used again: it holds the same data, mails that wait included (RX13)\n  \
         on {survivor}:\n    systemctl disable --now twinguard.service twinguard.socket    # what runs goes on running\n"
    );
    for group in &cluster.groups {
        own(&mut text, cluster, group);
    }
    let _ = writeln!(text, "    reboot once at a quiet hour, and see that everything comes up by itself");
    text
}

fn own(text: &mut String, cluster: &Cluster, group: &Group) {
    for ip in &group.ip {
        let interface = cluster.links.get(&ip.link).map_or("the clients' interface", |link| link.interface.as_str());
        let _ =
            writeln!(text, "    set {} as an address of its own on {interface}: firewall and mail server know it (or tell them another)", ip.address);
    }
    for mount in &group.mounts {
        let options = mount.options.as_deref().unwrap_or("defaults");
        let _ = writeln!(text, "    echo '{} {} {} {options} 0 2' >> /etc/fstab", mount.device.display(), mount.path.display(), mount.fs);
    }
    let units: Vec<&str> = group.services.iter().chain(&group.master_only).map(String::as_str).collect();
    if !units.is_empty() {
        let _ = writeln!(text, "    systemctl enable {}", units.join(" "));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rx12_a_session_over_the_failover_ip_is_refused() {
        let cluster = Cluster::parse(include_str!("../../icinga-conf/clusters/mail-reddoxx/cluster.toml")).unwrap();
        let address = cluster.groups.first().unwrap().ip.first().unwrap().address.address;
        let over = |to: &str| not_over_failover_ip(&cluster, Some(&format!("192.0.2.99 50000 {to} 22")));
        assert!(over(&address.to_string()).unwrap_err().starts_with("OVER_VIP: "));
        let own = cluster.nodes.values().next().unwrap().values().next().unwrap();
        assert_eq!((over(&own.to_string()), not_over_failover_ip(&cluster, None)), (Ok(()), Ok(())));
    }

    #[test]
    fn rx14_the_survivor_gets_its_own_names() {
        let cluster = Cluster::parse(include_str!("../../icinga-conf/clusters/mail-bluemind/cluster.toml")).unwrap();
        let me = cluster.nodes.keys().next().unwrap().clone();
        let text = checklist(&cluster, &me);
        let group = cluster.groups.first().unwrap();
        for needed in [
            group.ip.first().unwrap().address.to_string(),
            group.mounts.first().unwrap().path.display().to_string(),
            group.services.first().unwrap().clone(),
            format!("on {}: switch it off", cluster.peer_of(&me).unwrap()),
        ] {
            assert!(text.contains(&needed), "{needed} is missing:\n{text}");
        }
    }
}
