//! A cluster as Pacemaker knows it, and what Pacemaker's scheduler (`crm_simulate`) does next with it.

use crate::world::NAMES;
use Decision::{Moves, Nothing, Restarts, ShootsAndTakes, ShootsOnly, Takes};
use std::fmt::Write as _;
use std::process::Command;

/// What is decided about the group that n1 serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Nothing,
    /// The peer is switched off, nothing is started.
    ShootsOnly,
    /// Switched off first, then taken.
    ShootsAndTakes,
    /// Taken without a power command: the node is off, or gave the group away.
    Takes,
    /// Stopped on one node, started on the other.
    Moves,
    /// Started again where it runs.
    Restarts,
}

/// A cluster as Pacemaker knows it.
#[derive(Clone, Debug)]
pub struct Cib {
    /// `in_ccm`, `crmd`, `expected` of each node.
    pub nodes: [(bool, bool, bool); 2],
    pub standby: [bool; 2],
    pub options: Vec<(&'static str, &'static str)>,
    pub devices: bool,
    pub quorum: bool,
    /// Where the group runs, by its history.
    pub runs: Option<usize>,
    /// An operation that failed: resource, operation, node.
    pub failed: Option<(&'static str, &'static str, usize)>,
    pub threshold: bool,
    pub banned: bool,
    pub unmanaged: bool,
}

impl Cib {
    pub fn healthy() -> Self {
        Self {
            nodes: [(true, true, true); 2],
            standby: [false; 2],
            options: vec![("stonith-enabled", "true"), ("no-quorum-policy", "ignore")],
            devices: true,
            quorum: true,
            runs: Some(0),
            failed: None,
            threshold: false,
            banned: false,
            unmanaged: false,
        }
    }

    /// n1 vanished.
    pub fn lost() -> Self {
        let mut cib = Self::healthy();
        cib.nodes[0] = (false, false, true);
        cib
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn option(self, name: &'static str, value: &'static str) -> Self {
        self.with(|c| {
            c.options.retain(|(n, _)| *n != name);
            c.options.push((name, value));
        })
    }

    fn xml(&self) -> String {
        let mut text = format!(
            "<cib crm_feature_set=\"3.16.2\" validate-with=\"pacemaker-3.9\" epoch=\"1\" num_updates=\"0\" admin_epoch=\"0\" have-quorum=\"{}\" \
             dc-uuid=\"2\"><configuration><crm_config><cluster_property_set id=\"o\">",
            u8::from(self.quorum)
        );
        for (at, (name, value)) in self.options.iter().enumerate() {
            let _ = write!(text, "<nvpair id=\"o{at}\" name=\"{name}\" value=\"{value}\"/>");
        }
        text += "</cluster_property_set></crm_config><nodes>";
        for (at, name) in NAMES.iter().enumerate() {
            let standby = if self.standby[at] { "on" } else { "off" };
            let _ = write!(
                text,
                "<node id=\"{id}\" uname=\"{name}\"><instance_attributes id=\"a{id}\"><nvpair id=\"s{id}\" name=\"standby\" value=\"{standby}\"/>\
                 </instance_attributes></node>",
                id = at + 1
            );
        }
        text += "</nodes><resources>";
        if self.devices {
            for name in NAMES {
                let _ = write!(
                    text,
                    "<primitive id=\"fence-{name}\" class=\"stonith\" type=\"fence_ipmilan\"><instance_attributes id=\"i{name}\">\
                     <nvpair id=\"h{name}\" name=\"pcmk_host_list\" value=\"{name}\"/></instance_attributes></primitive>"
                );
            }
        }
        text += "<group id=\"web\"><meta_attributes id=\"g\">";
        let _ = write!(text, "<nvpair id=\"g1\" name=\"is-managed\" value=\"{}\"/>", !self.unmanaged);
        if self.threshold {
            text += "<nvpair id=\"g2\" name=\"migration-threshold\" value=\"1\"/>";
        }
        text += "</meta_attributes><primitive id=\"fs\" class=\"ocf\" provider=\"heartbeat\" type=\"Filesystem\"/>\
                 <primitive id=\"ip\" class=\"ocf\" provider=\"heartbeat\" type=\"IPaddr2\"/></group></resources><constraints>";
        if self.banned {
            text += "<rsc_location id=\"ban\" rsc=\"web\" node=\"n2\" score=\"-INFINITY\"/>";
        }
        text += "</constraints><rsc_defaults><meta_attributes id=\"d\"><nvpair id=\"d1\" name=\"resource-stickiness\" value=\"100\"/>\
                 </meta_attributes></rsc_defaults></configuration><status>";
        for (at, name) in NAMES.iter().enumerate() {
            let (ccm, crmd, expected) = self.nodes[at];
            let word = |on: bool, yes: &'static str, no: &'static str| if on { yes } else { no };
            let _ = write!(
                text,
                "<node_state id=\"{id}\" uname=\"{name}\" in_ccm=\"{ccm}\" crmd=\"{}\" join=\"{}\" expected=\"{}\"><lrm id=\"{id}\"><lrm_resources>",
                word(crmd, "online", "offline"),
                word(crmd, "member", "down"),
                word(expected, "member", "down"),
                id = at + 1
            );
            for resource in ["fs", "ip"] {
                let kind = if resource == "fs" { "Filesystem" } else { "IPaddr2" };
                let _ = write!(text, "<lrm_resource id=\"{resource}\" class=\"ocf\" provider=\"heartbeat\" type=\"{kind}\">");
                let operation = |call: u32, operation: &str, code: u32| {
                    format!(
                        "<lrm_rsc_op id=\"{resource}_{operation}_{call}\" operation_key=\"{resource}_{operation}_0\" operation=\"{operation}\" \
                         transition-key=\"{call}:1:0:00000000-0000-4000-8000-000000000000\" \
                         transition-magic=\"0:{code};{call}:1:0:00000000-0000-4000-8000-000000000000\" call-id=\"{call}\" rc-code=\"{code}\" \
                         op-status=\"0\" interval=\"0\" op-digest=\"f2317cad3d54cec5d7d7aa7d0bf35cf8\" crm-debug-origin=\"judge\" crm_feature_set=\"3.16.2\" on_node=\"{name}\"/>"
                    )
                };
                text += &if self.runs == Some(at) { operation(10, "start", 0) } else { operation(5, "monitor", 7) };
                if let Some((failed, what, node)) = self.failed
                    && (failed, node) == (resource, at)
                {
                    text += &operation(20, what, 1);
                }
                text += "</lrm_resource>";
            }
            text += "</lrm_resources></lrm>";
            if let Some((failed, what, node)) = self.failed
                && node == at
            {
                let key = format!("{failed}#{what}_0");
                let count = if what == "start" { "INFINITY" } else { "1" };
                let _ = write!(
                    text,
                    "<transient_attributes id=\"{id}\"><instance_attributes id=\"t{id}\"><nvpair id=\"t{id}a\" name=\"fail-count-{key}\" value=\"{count}\"/>\
                     <nvpair id=\"t{id}b\" name=\"last-failure-{key}\" value=\"1700000000\"/></instance_attributes></transient_attributes>",
                    id = at + 1
                );
            }
            text += "</node_state>";
        }
        text + "</status></cib>"
    }

    /// What Pacemaker's scheduler does next.
    pub fn decision(&self) -> (Decision, String) {
        let path = std::env::temp_dir().join(format!("twinguard-judge-{}-{:?}.xml", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, self.xml()).expect("a file");
        let done =
            Command::new("/usr/sbin/crm_simulate").arg("-R").arg("-x").arg(&path).output().expect("crm_simulate (package pacemaker-cli-utils)");
        let _ = std::fs::remove_file(&path);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let summary: Vec<&str> = said.lines().skip_while(|l| !l.starts_with("Transition Summary")).collect();
        assert!(done.status.success() && said.contains("Current cluster status"), "{said}{}\n{}", String::from_utf8_lossy(&done.stderr), self.xml());
        let shoots = summary.iter().any(|l| l.contains("Fence (") && l.contains(" n1 "));
        let words: Vec<Vec<&str>> = summary.iter().map(|l| l.split_whitespace().collect()).collect();
        let about = |verb: &str| words.iter().any(|w| w.get(1..3) == Some(&[verb, "ip"]) && !w.contains(&"blocked"));
        let decision = if shoots {
            if about("Start") || about("Move") || about("Recover") { ShootsAndTakes } else { ShootsOnly }
        } else if about("Move") {
            Moves
        } else if about("Recover") || about("Restart") {
            // Recovering a failed resource can mean moving it.
            if words.iter().any(|w| w.get(1..3) == Some(&["Recover", "ip"]) && w.contains(&"->")) { Moves } else { Restarts }
        } else if about("Start") {
            Takes
        } else {
            Nothing
        };
        (decision, summary.join(" / "))
    }
}
