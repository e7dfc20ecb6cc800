//! Which units have to run here now, by the cluster's configuration and this node's role. Pure.

use super::Rule;
use super::unit::full_name;
use plugin_core::cluster::{Cluster, Group};
use plugin_core::contract::status::{Role, Status};

/// One managed unit and what its role asks of it; `None` = nothing, the role is changing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// With its suffix.
    pub unit: String,
    /// `None` = the role is changing, or not known.
    pub rule: Option<Rule>,
}

/// Every unit that the groups manage. Without a role they are still named, since none of them may start at boot (SX16).
pub fn managed(cluster: &Cluster, status: Option<&Status>) -> Vec<Managed> {
    let role = |group: &Group| status.and_then(|s| s.groups.iter().find(|g| g.name == group.name)).map(|g| g.role);
    let mut all = Vec::new();
    for group in &cluster.groups {
        let role = role(group);
        let rest = |on| role.map(|role| Rule::Rest(format!("{} is {role} here, it belongs on the {on}", group.name)));
        for unit in group.services.iter().chain(&group.master_only) {
            let asked = match role {
                Some(Role::Master) => Some(Rule::Run),
                // Between two roles, and after a step that failed, a person reads the agent's own words.
                Some(Role::Taking | Role::Failed) | None => None,
                Some(_) => rest("master"),
            };
            all.push(Managed { unit: full_name(unit), rule: asked });
        }
        for unit in &group.slave_only {
            let asked = match role {
                Some(Role::Slave) => Some(Rule::Run),
                Some(Role::Master) => rest("slave"),
                _ => None,
            };
            all.push(Managed { unit: full_name(unit), rule: asked });
        }
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::ready_made::status;

    #[test]
    fn sx16_each_role_has_its_units() {
        let cluster = Cluster::parse(include_str!("../../../../icinga-conf/clusters/pbx-mobydick/cluster.toml")).unwrap();
        let rules = |role: Option<Role>| {
            let status = role.map(|role| status("pbx1", &[("pbx", role)]));
            let words = |rule: Option<Rule>| match rule {
                Some(Rule::Run) => "run",
                Some(Rule::Rest(_)) => "rest",
                Some(Rule::Look) => "look",
                None => "-",
            };
            managed(&cluster, status.as_ref()).into_iter().map(|m| format!("{} {}", m.unit, words(m.rule))).collect::<Vec<_>>().join(", ")
        };
        let line = |a, b| format!("mariadb-writable.service {a}, asterisk.service {a}, lsyncd.service {a}, rsync.service {b}");
        assert_eq!(rules(Some(Role::Master)), line("run", "rest"));
        assert_eq!(rules(Some(Role::Slave)), line("rest", "run"));
        for aside in [Role::Standby, Role::Inert, Role::Demoted] {
            assert_eq!(rules(Some(aside)), line("rest", "-"), "{aside}");
        }
        for changing in [Some(Role::Taking), Some(Role::Failed), None] {
            assert_eq!(rules(changing), line("-", "-"), "{changing:?}");
        }
    }
}
