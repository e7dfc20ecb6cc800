//! What a well-formed `cluster.toml` must not say.

use super::{Cluster, Device, Driver, Group, Span, Trigger, fingerprint};
use std::collections::BTreeSet;
use std::time::Duration;

/// Least difference of the delays of two nodes that may both shoot: the first one's OFF has to be there before the other begins.
const APART: Duration = Duration::from_secs(5);

/// Refuses with `text` unless `holds`.
pub(super) fn must(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}

impl Cluster {
    /// Refuses what can't be meant; the first fault found, one sentence.
    pub(super) fn validate(&self) -> Result<(), String> {
        must(self.schema == 1, || format!("schema = {}: this version knows schema 1", self.schema))?;
        must(is_name(&self.name), || format!("name = \"{}\": letters, digits and '-' only", self.name))?;
        self.validate_nodes()?;
        let need = self.witness.need();
        must(need >= 1, || "[witness] need = 0: a node that asks nobody can't know that it is not the isolated one".into())?;
        must(self.witness.hosts.is_empty() || need <= self.witness.hosts.len(), || {
            format!("[witness] need = {need}, but only {} hosts are listed", self.witness.hosts.len())
        })?;
        let silence = self.confirm.silence.or_forever();
        must(silence >= Duration::from_secs(1), || format!("[confirm] silence = {}: the minimum is 1s", self.confirm.silence))?;
        must(self.confirm.silence.0.is_some(), || "[confirm] silence = never: set automatic = false instead".into())?;
        must(self.confirm.rounds >= 3, || format!("[confirm] rounds = {}: the minimum is 3", self.confirm.rounds))?;
        must(self.fence.off_gap.or_forever() >= Duration::from_millis(500), || {
            format!("[fence] off_gap = {}: the minimum is 500ms", self.fence.off_gap)
        })?;
        for node in self.fence.delay.keys() {
            must(self.nodes.contains_key(node), || format!("[fence] delay names \"{node}\", which is no node"))?;
        }
        must(self.fence.demote.or_forever() >= Duration::from_secs(1), || format!("[fence] demote = {}: the minimum is 1s", self.fence.demote))?;
        self.validate_triggers()?;
        self.fence.device.iter().try_for_each(|d| self.validate_device(d))?;
        must(!self.groups.is_empty(), || "there is no [[group]]".into())?;
        self.groups.iter().try_for_each(|g| self.validate_group(g))?;
        let names: BTreeSet<&str> = self.groups.iter().map(|g| g.name.as_str()).collect();
        must(names.len() == self.groups.len(), || "two groups have the same name".into())?;
        self.validate_delays()?;
        self.notify.validate()
    }

    /// A check that a node reports itself by is run again before anything is stopped, so its command has to be known.
    fn validate_triggers(&self) -> Result<(), String> {
        for (service, trigger) in &self.triggers {
            let behind = self.confirm.check_behind(service);
            must(*trigger != Trigger::Itself || behind.is_some(), || {
                format!("[triggers] {service} = \"self\": [confirm] check has no command for it, and it is run again before anything is stopped")
            })?;
        }
        for (service, argv) in &self.confirm.check {
            must(self.triggers.get(service) == Some(&Trigger::Itself), || format!("[confirm] check: \"{service}\" is no trigger of kind \"self\""))?;
            must(argv.first().is_some_and(|program| program.starts_with('/')), || {
                format!("[confirm] check {service}: the program needs its absolute path")
            })?;
        }
        Ok(())
    }

    /// Groups at home on both nodes: each may shoot the other at the same moment, so one of them has to wait (rows 17, 63).
    fn validate_delays(&self) -> Result<(), String> {
        let homes: BTreeSet<&str> = self.groups.iter().map(|g| g.home.as_str()).collect();
        if homes.len() < 2 {
            return Ok(());
        }
        let delays: Vec<Duration> = self.nodes.keys().map(|n| self.fence.delay.get(n).and_then(|d| d.0).unwrap_or(Duration::ZERO)).collect();
        let apart = delays.iter().max().unwrap_or(&Duration::ZERO).saturating_sub(*delays.iter().min().unwrap_or(&Duration::ZERO));
        must(apart >= APART, || {
            format!("[fence] delay: groups are at home on both nodes, so both may shoot: the delays have to differ by {} s or more", APART.as_secs())
        })
    }

    fn validate_nodes(&self) -> Result<(), String> {
        // MD8: two nodes whose host names differ; a TOML table can't hold the same name twice.
        must(self.nodes.len() == 2, || format!("[nodes] has {} entries: a pair has exactly two with different names (MD8)", self.nodes.len()))?;
        must(!self.links.is_empty(), || "[links] is empty".into())?;
        must(self.links.values().any(|l| l.clients), || "[links]: no link has clients = true".into())?;
        let interfaces: BTreeSet<&str> = self.links.values().map(|l| l.interface.as_str()).collect();
        must(interfaces.len() == self.links.len(), || "[links]: two links use the same interface".into())?;
        let mut seen = BTreeSet::new();
        for (node, addresses) in &self.nodes {
            must(is_name(node), || format!("[nodes] \"{node}\": a host name has letters, digits and '-' only"))?;
            must(addresses.keys().eq(self.links.keys()), || format!("[nodes] {node}: needs one address for each of [links], no more, no less"))?;
            for address in addresses.values() {
                must(seen.insert(*address), || format!("[nodes] {node}: {address} is given twice"))?;
            }
        }
        for group in &self.groups {
            for ip in &group.ip {
                must(!seen.contains(&ip.address.address), || {
                    format!("[[group]] {}: {} is a node's own address, it can't be the failover address", group.name, ip.address.address)
                })?;
            }
        }
        Ok(())
    }

    fn validate_device(&self, device: &Device) -> Result<(), String> {
        let place = || format!("[[fence.device]] for {} level {}", device.target, device.level);
        must(self.nodes.contains_key(&device.target), || format!("{}: \"{}\" is no node", place(), device.target))?;
        match device.driver {
            Driver::Ipmi | Driver::Redfish => {
                must(device.address.is_some(), || format!("{}: address is missing", place()))?;
                must(device.user.is_some() && device.secret.is_some(), || format!("{}: user or secret is missing", place()))?;
                must(device.agent.is_none() && device.options.is_empty(), || {
                    format!("{}: agent and options belong to driver = \"external\"", place())
                })?;
            }
            Driver::External => must(device.agent.is_some(), || format!("{}: agent is missing", place()))?,
        }
        Self::validate_redfish(device, &place())?;
        Self::validate_ipmi(device, &place())?;
        for key in device.options.keys() {
            must(!key.contains("pass"), || format!("{}: option {key}: a secret stands in a file, named by secret =", place()))?;
        }
        let known =
            device.identity == "drill" || ["guid:", "uuid:"].iter().any(|p| device.identity.strip_prefix(p).is_some_and(|id| hex_digits(id) == 32));
        must(!device.identity.contains(':') || device.identity.bytes().skip_while(|b| *b != b':').any(|b| !matches!(b, b':' | b'-' | b'0')), || {
            format!("{}: an identity of zeros belongs to nobody: write drill, and run twinguard drill fence", place())
        })?;
        must(known, || format!("{}: identity = \"{}\": write guid: or uuid: and 32 hexadecimal digits, or drill", place(), device.identity))
    }

    fn validate_redfish(device: &Device, place: &str) -> Result<(), String> {
        let tls = [device.ca.is_some(), device.pin.is_some(), device.insecure].into_iter().filter(|given| *given).count();
        must(device.driver == Driver::Redfish || (tls == 0 && device.system.is_none()), || {
            format!("{place}: system, ca, pin and insecure belong to driver = \"redfish\"")
        })?;
        must(tls <= 1, || format!("{place}: one of ca, pin and insecure, not several"))?;
        device.pin.as_deref().map(fingerprint).transpose().map_err(|e| format!("{place}: {e}"))?;
        Ok(())
    }

    fn validate_ipmi(device: &Device, place: &str) -> Result<(), String> {
        let given = device.cipher.is_some() || device.privlvl.is_some() || device.kg.is_some() || device.packet_timeout.is_some();
        must(!given || device.driver == Driver::Ipmi, || format!("{place}: cipher, privlvl, kg and packet_timeout belong to driver = \"ipmi\""))?;
        let suites = device.cipher.as_deref().unwrap_or(&[17]);
        must(!suites.is_empty() && suites.iter().all(|suite| matches!(suite, 17 | 3)), || {
            format!("{place}: cipher = {suites:?}: use 17 and 3 only; the others leave the password or the command open")
        })?;
        let level = device.privlvl.as_deref().unwrap_or("operator");
        must(matches!(level, "operator" | "administrator"), || format!("{place}: privlvl = \"{level}\": use operator or administrator"))?;
        let wait = device.packet_timeout.map_or(Duration::from_millis(250), Span::or_forever);
        must(wait >= Duration::from_millis(20) && wait <= Duration::from_secs(2), || format!("{place}: packet_timeout has to be 20ms to 2s"))
    }

    fn validate_group(&self, group: &Group) -> Result<(), String> {
        let place = || format!("[[group]] {}", group.name);
        must(is_name(&group.name), || format!("{}: letters, digits and '-' only", place()))?;
        must(self.nodes.contains_key(&group.home), || format!("{}: home = \"{}\" is no node", place(), group.home))?;
        for ip in &group.ip {
            must(self.links.contains_key(&ip.link), || format!("{}: link = \"{}\" is no link", place(), ip.link))?;
        }
        group.data.validate(&place, group.mounts.len())?;
        for mount in &group.mounts {
            must(mount.path.is_absolute() && mount.device.is_absolute(), || {
                format!("{}: mount {}: device and path must be absolute", place(), mount.path.display())
            })?;
            // BM4: the data of a failover group never lie on NFS.
            must(!mount.fs.starts_with("nfs"), || {
                format!("{}: mount {}: NFS can't be fenced off (BM4); use a block device", place(), mount.path.display())
            })?;
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Hexadecimal digits of an id, dashes left out; 0 if anything else stands in it.
fn hex_digits(id: &str) -> usize {
    let digits = id.bytes().filter(|b| *b != b'-');
    if digits.clone().all(|b| b.is_ascii_hexdigit()) { digits.count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use crate::cluster::Cluster;

    const PBX: &str = include_str!("../../../../icinga-conf/clusters/pbx-mobydick/cluster.toml");

    fn refused(change: (&str, &str)) -> String {
        assert!(PBX.contains(change.0), "the example no longer says {:?}", change.0);
        Cluster::parse(&PBX.replace(change.0, change.1)).map_or_else(|e| e, |_| "accepted".to_owned())
    }

    #[test]
    fn the_shipped_example_is_valid() {
        assert!(Cluster::parse(PBX).is_ok(), "{:?}", Cluster::parse(PBX).err());
    }

    #[test]
    fn md8_equal_host_names_are_refused() {
        assert!(refused(("pbx2 = {", "pbx1 = {")).contains("duplicate key"));
    }

    #[test]
    fn every_refusal_names_its_key() {
        for (change, key) in [
            (("schema = 1", "schema = 2"), "schema = 2"),
            (("silence = \"2s\"", "silence = \"500ms\""), "silence"),
            (("silence = \"2s\"", "silence = \"never\""), "silence"),
            (("rounds = 3", "rounds = 1"), "rounds"),
            (("off_gap = \"500ms\"", "off_gap = \"0s\""), "off_gap"),
            (("need = 1", "need = 3"), "need = 3"),
            (("need = 1", "need = 0"), "need = 0"),
            (("automatic = true", "automatik = true"), "automatik"),
            (("home = \"pbx1\"", "home = \"pbx3\""), "pbx3"),
            (("link = \"lan\"", "link = \"wan\""), "wan"),
            (("guid:a1234567", "guid:"), "identity"),
            (("guid:a1234567-89ab-cdef-a123-456789abcdef", "guid:00000000-0000-0000-0000-000000000000"), "belongs to nobody"),
            (("cipher = [17, 3]", "cipher = [17, 0]"), "cipher"),
            (("cipher = [17, 3]", "cipher = []"), "cipher"),
            (("privlvl = \"operator\"", "privlvl = \"user\""), "privlvl"),
            (("packet_timeout = \"250ms\"", "packet_timeout = \"1ms\""), "packet_timeout"),
            (("plug = \"3\" }", "plug = \"3\" }\nprivlvl = \"operator\""), "driver = \"ipmi\""),
            (("user = \"fence\"", "user = \"fence\"\ninsecure = true"), "redfish"),
            (("driver = \"ipmi\"", "driver = \"redfish\"\npin = \"sha256:00\""), "sha256:00"),
            (("driver = \"ipmi\"", "driver = \"redfish\"\nca = \"/ca.pem\"\ninsecure = true"), "not several"),
            (("plug = \"3\"", "passwd = \"3\""), "passwd"),
            (("address = \"192.0.2.10/24\"", "address = \"192.0.2.11/24\""), "192.0.2.11"),
            (("address = \"192.0.2.10/24\"", "address = \"192.0.2.10\""), "prefix"),
            (("arp:192.0.2.1", "dns:192.0.2.1"), "dns:"),
        ] {
            let said = refused(change);
            assert!(said.contains(key), "{change:?} → {said}");
        }
    }

    const SCALIX: &str = include_str!("../../../../icinga-conf/clusters/mail-scalix/cluster.toml");

    fn refused_scalix(from: &str, to: &str) -> String {
        assert!(SCALIX.contains(from), "the example no longer says {from:?}");
        Cluster::parse(&SCALIX.replace(from, to)).map_or_else(|e| e, |_| "accepted".to_owned())
    }

    #[test]
    fn rows_17_and_63_where_both_nodes_may_shoot_their_delays_differ() {
        assert_eq!(refused_scalix("sx2 = \"10s\"", "sx2 = \"5s\""), "accepted");
        for equal in ["sx2 = \"4s\"", "sx2 = \"0s\""] {
            assert!(refused_scalix("sx2 = \"10s\"", equal).contains("[fence] delay"), "{equal}");
        }
        // Both at home on one node: only its peer ever shoots first.
        assert_eq!(Cluster::parse(&SCALIX.replace("home = \"sx2\"", "home = \"sx1\"").replace("\"10s\"", "\"0s\"")).err(), None);
    }

    #[test]
    fn a_node_reports_itself_only_by_a_check_that_can_be_run_again() {
        let triggers = "[triggers]\n";
        assert!(refused_scalix(triggers, "[triggers]\nmy-check = \"self\"\n").contains("my-check"));
        let named =
            |check: &str| refused_scalix(triggers, &format!("[confirm]\ncheck = {{ my-check = {check} }}\n\n[triggers]\nmy-check = \"self\"\n"));
        assert_eq!(named("[\"/usr/local/sbin/my-check\", \"--failover\"]"), "accepted");
        assert!(named("[\"my-check\"]").contains("absolute path"));
        assert!(named("[]").contains("absolute path"));
        let unused = refused_scalix(triggers, "[confirm]\ncheck = { other = [\"/bin/true\"] }\n\n[triggers]\n");
        assert!(unused.contains("\"other\" is no trigger"), "{unused}");
        assert!(refused_scalix("then = \"stay-off\"", "then = \"stay-off\"\ndemote = \"500ms\"").contains("demote"));
    }
}
