//! LVM volume groups on storage that both nodes reach: whose they are, taking them, letting them go. Exclusive by LVM's own system id
//! (lvmsystemid(7), with `system_id_source = "uname"`) or by a tag. Never `vgcreate`, `pvcreate`, `vgremove` (SX6).

use crate::takeover::machine::{Programs, must, nodename};
use plugin_core::cluster::VgExclusive;
use plugin_core::contract::Refusal;
use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use serde::Deserialize;

/// Before the owner's name in a tag.
const TAG: &str = "twinguard_";

/// A volume group as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volumes {
    /// Its name.
    pub name: String,
    /// The node that owns it.
    pub owner: Option<String>,
    /// Its volumes appear at boot by themselves.
    pub autoactivation: bool,
    /// Volumes that are active here.
    pub active: Vec<String>,
}

#[derive(Deserialize)]
struct Report<T> {
    report: Vec<T>,
}

#[derive(Deserialize)]
struct Groups {
    vg: Vec<GroupRow>,
}

#[derive(Deserialize)]
struct GroupRow {
    #[serde(rename = "vg_name")]
    name: String,
    #[serde(rename = "vg_systemid")]
    system_id: String,
    #[serde(rename = "vg_tags")]
    tags: String,
    #[serde(rename = "vg_autoactivation")]
    autoactivation: String,
}

#[derive(Deserialize)]
struct Logical {
    lv: Vec<LogicalRow>,
}

#[derive(Deserialize)]
struct LogicalRow {
    lv_name: String,
    lv_active: String,
}

fn json(command: &str, fields: &str, vg: &str) -> Command {
    // --foreign: the other node's volume groups are looked at, never touched.
    Command::new(command).args(["--foreign", "--reportformat", "json", "-o", fields, "--", vg])
}

/// Looks.
///
/// # Errors
/// LVM does not answer, or there is no such volume group.
pub fn look(host: &dyn Host, vg: &str, exclusive: VgExclusive) -> Result<Volumes, Blind> {
    let groups = must(host, &json(Programs::VGS, "vg_name,vg_systemid,vg_tags,vg_autoactivation", vg))?.stdout;
    let volumes = must(host, &json(Programs::LVS, "lv_name,lv_active", vg))?.stdout;
    parse(&groups, &volumes, exclusive).map_err(|reason| Blind::Parse { what: format!("LVM's answer about {vg}"), reason })
}

fn parse(groups: &str, volumes: &str, exclusive: VgExclusive) -> Result<Volumes, String> {
    let odd = |e: serde_json::Error| e.to_string();
    let groups: Report<Groups> = serde_json::from_str(groups).map_err(odd)?;
    let volumes: Report<Logical> = serde_json::from_str(volumes).map_err(odd)?;
    let row = groups.report.into_iter().flat_map(|r| r.vg).next().ok_or("it names no volume group")?;
    let owner = match exclusive {
        VgExclusive::SystemId => Some(row.system_id).filter(|id| !id.is_empty()),
        VgExclusive::Tag => {
            let mut owners = row.tags.split(',').filter_map(|t| t.strip_prefix(TAG));
            let owner = owners.next().map(str::to_owned);
            if owners.next().is_some() {
                return Err(format!("it carries the tags of two owners: {}", row.tags));
            }
            owner
        }
    };
    let active = volumes.report.into_iter().flat_map(|r| r.lv).filter(|lv| lv.lv_active == "active").map(|lv| lv.lv_name).collect();
    Ok(Volumes { name: row.name, owner, autoactivation: row.autoactivation == "enabled", active })
}

/// May it be taken, once the peer is proven to hold nothing? Row 40: whatever a third party owns is refused.
///
/// # Errors
/// `DATA_OWNED`, or `DATA_UNKNOWN` where LVM does not answer.
pub fn judge(look: &Result<Volumes, Blind>, peer: &str) -> Result<String, (Refusal, String)> {
    match look {
        Err(blind) => Err((Refusal::DataUnknown, format!("cannot {blind}"))),
        Ok(v) => owned(v, &nodename(), peer),
    }
}

fn owned(volumes: &Volumes, me: &str, peer: &str) -> Result<String, (Refusal, String)> {
    match volumes.owner.as_deref() {
        Some(owner) if owner == me || owner == peer => Ok(format!("{} belongs to {owner}", volumes.name)),
        Some(owner) => Err((Refusal::DataOwned, format!("{} belongs to {owner}, which is neither of the two nodes", volumes.name))),
        None => Err((Refusal::DataOwned, format!("{} belongs to nobody: nothing keeps it from being active on both nodes", volumes.name))),
    }
}

/// T2: the volume group becomes this node's and its volumes appear. Done already = nothing happens.
///
/// # Errors
/// `DATA_OWNED`, or what LVM said.
pub fn take(host: &dyn Host, vg: &str, exclusive: VgExclusive, peer: &str) -> Result<String, (Refusal, String)> {
    let text = |b: Blind| (Refusal::DataUnknown, format!("cannot {b}"));
    let me = nodename();
    let seen = look(host, vg, exclusive).map_err(text)?;
    owned(&seen, &me, peer)?;
    if seen.owner.as_deref() != Some(me.as_str()) {
        must(host, &change_owner(vg, exclusive, &me, peer)).map_err(text)?;
    }
    must(host, &Command::new(Programs::VGCHANGE).args(["--activate", "y", "--", vg])).map_err(text)?;
    let after = look(host, vg, exclusive).map_err(text)?;
    if after.owner.as_deref() != Some(me.as_str()) || after.active.is_empty() {
        return Err((Refusal::DataOwned, format!("{vg} is not active here after it was taken: {after:?}")));
    }
    Ok(format!("{vg} is {me}'s, active: {}", after.active.join(", ")))
}

fn change_owner(vg: &str, exclusive: VgExclusive, me: &str, peer: &str) -> Command {
    let change = Command::new(Programs::VGCHANGE);
    match exclusive {
        // LVM lets nobody touch another host's volume group unless it is told, for this one command, that the id is its own too.
        VgExclusive::SystemId => {
            let ids = format!("local/extra_system_ids=[\"{peer}\"]");
            change.args(["--yes", "--config", &ids, "--systemid", me, "--", vg])
        }
        VgExclusive::Tag => change.args(["--deltag", &format!("{TAG}{peer}"), "--addtag", &format!("{TAG}{me}"), "--", vg]),
    }
}

/// Lets the volumes go; the owner stays written, until the other node takes it.
///
/// # Errors
/// What LVM said, for example that a volume is still open.
pub fn release(host: &dyn Host, vg: &str, exclusive: VgExclusive) -> Result<(), String> {
    let text = |b: Blind| format!("cannot {b}");
    if look(host, vg, exclusive).map_err(text)?.active.is_empty() {
        return Ok(());
    }
    must(host, &Command::new(Programs::VGCHANGE).args(["--activate", "n", "--", vg])).map(drop).map_err(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// As LVM 2.03.16 writes it.
    fn vgs(system_id: &str, tags: &str, autoactivation: &str) -> String {
        format!(
            r#"{{"report":[{{"vg":[{{"vg_name":"vgmail1","vg_systemid":"{system_id}","vg_tags":"{tags}","vg_autoactivation":"{autoactivation}"}}]}}]}}"#
        )
    }

    const IDLE: &str = r#"{"report":[{"lv":[{"lv_name":"lvmail1","lv_active":""}]}]}"#;
    const ACTIVE: &str = r#"{"report":[{"lv":[{"lv_name":"lvmail1","lv_active":"active"},{"lv_name":"spare","lv_active":""}]}]}"#;

    #[test]
    fn sx5_row_40_only_this_node_or_its_peer_may_own_it() {
        let code = |system_id: &str| {
            let seen = parse(&vgs(system_id, "", ""), IDLE, VgExclusive::SystemId).unwrap();
            owned(&seen, "sx1", "sx2").err().map(|e| e.0)
        };
        assert_eq!((code("sx1"), code("sx2")), (None, None));
        assert_eq!(code("backup7"), Some(Refusal::DataOwned));
        assert_eq!(code(""), Some(Refusal::DataOwned), "not exclusive at all");
    }

    #[test]
    fn the_tag_names_the_owner_and_two_owners_are_none() {
        let tagged = |tags: &str| parse(&vgs("", tags, ""), IDLE, VgExclusive::Tag);
        assert_eq!(tagged("slow,twinguard_sx2").unwrap().owner.as_deref(), Some("sx2"));
        assert_eq!(tagged("slow").unwrap().owner, None);
        assert!(tagged("twinguard_sx1,twinguard_sx2").unwrap_err().contains("two owners"));
    }

    #[test]
    fn what_is_active_and_what_would_be_at_boot_is_seen() {
        let seen = parse(&vgs("sx1", "", "enabled"), ACTIVE, VgExclusive::SystemId).unwrap();
        assert_eq!((seen.active, seen.autoactivation), (vec!["lvmail1".to_owned()], true));
        assert!(parse("{}", ACTIVE, VgExclusive::SystemId).is_err());
        assert!(parse(r#"{"report":[{"vg":[]}]}"#, ACTIVE, VgExclusive::SystemId).unwrap_err().contains("no volume group"));
    }

    #[test]
    fn the_commands_are_those_of_the_manual() {
        let printed = |exclusive| change_owner("vgmail1", exclusive, "sx2", "sx1").printable();
        let by_id = "/usr/sbin/vgchange --yes --config local/extra_system_ids=[\"sx1\"] --systemid sx2 -- vgmail1";
        assert_eq!(printed(VgExclusive::SystemId), by_id);
        assert_eq!(printed(VgExclusive::Tag), "/usr/sbin/vgchange --deltag twinguard_sx1 --addtag twinguard_sx2 -- vgmail1");
    }
}
