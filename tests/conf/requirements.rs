//! Every requirement of the five source systems has a home or says what is missing, and every home exists.

use crate::top;
use plugin_core::contract::Refusal;
use rig::conf::requirements::{Requirement, SYSTEMS, read};
use rig::process::{binary, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How many requirements each source system has.
const COUNTS: [(&str, u32); 5] = [("RX", 17), ("BM", 12), ("MD", 20), ("PM", 12), ("SX", 17)];

fn all() -> BTreeMap<String, Requirement> {
    read(&top()).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn all_78_ids_are_there_and_none_is_without_a_word() {
    let expected: BTreeSet<String> = COUNTS.iter().flat_map(|(letters, count)| (1..=*count).map(move |n| format!("{letters}{n}"))).collect();
    assert_eq!(expected.len(), 78);
    let all = all();
    assert_eq!(all.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(SYSTEMS.map(|s| s.0), COUNTS.map(|c| c.0));
    for (id, one) in &all {
        assert!(!one.home.is_empty() || one.not_yet.is_some(), "{id} has no home and does not say why");
        assert!(one.not_yet.as_ref().is_none_or(|why| why.len() > 15), "{id}: not_yet gives no reason");
        assert!(!one.asks.contains('|') && one.home.len() == one.home.iter().collect::<BTreeSet<_>>().len(), "{id}");
    }
}

/// Why a home does not exist.
fn missing(home: &str) -> Option<String> {
    let (kind, place) = home.split_once(':')?;
    let file = |path: PathBuf| (!path.is_file()).then(|| format!("{} is missing", path.display()));
    match kind {
        "check" => (!commands().contains(place)).then(|| format!("no command of Icinga runs {place}")),
        "command" => {
            let (name, sub) = place.split_once(' ').unwrap_or((place, ""));
            let help = run(&binary(name), &["--help"]).stdout;
            let listed = |line: &str| line.trim_start().split(' ').next() == Some(sub);
            (!sub.is_empty() && !help.lines().any(listed)).then(|| format!("{name} has no command {sub}"))
        }
        "gate" => {
            let gates = std::fs::read_to_string(top().join("fence/src/takeover/gates.rs")).unwrap();
            (!gates.contains(&format!("\"{place}\""))).then(|| format!("there is no gate {place}"))
        }
        "refusal" => (!refused(place)).then(|| format!("nothing refuses with {place}")),
        "config" => file(top().join("icinga-conf/clusters").join(place)),
        "doc" => {
            let (system, heading) = place.split_once('#')?;
            let path = top().join(format!("icinga-conf/clusters/{system}/README.md"));
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            (!text.lines().any(|line| line == format!("## {heading}"))).then(|| format!("{} has no heading {heading}", path.display()))
        }
        other => Some(format!("{other} is no kind of home")),
    }
}

/// The binaries that Icinga's commands run.
fn commands() -> BTreeSet<String> {
    let tree = rig::conf::read(&top()).unwrap();
    tree.of("CheckCommand").map(|command| command.binary().unwrap().1.to_owned()).collect()
}

/// The code is known, and the agent refuses with it.
fn refused(code: &str) -> bool {
    let Some(refusal) = Refusal::ALL.iter().find(|r| r.code() == code) else { return false };
    let word = format!("Refusal::{refusal:?}");
    sources(&top().join("fence/src")).iter().any(|text| text.contains(&word))
}

fn sources(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

#[test]
fn every_home_exists() {
    let wrong: Vec<String> = all()
        .iter()
        .flat_map(|(id, one)| one.home.iter().map(move |home| (id, home)).filter_map(|(id, home)| Some(format!("{id}: {}", missing(home)?))))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_home_that_does_not_exist_is_noticed() {
    for home in [
        "check:check_nothing",
        "command:twinguard vanish",
        "gate:G99",
        "refusal:NO_SUCH_CODE",
        "config:mail-pmg/other.toml",
        "doc:mail-pmg#No such heading",
        "rumour:x",
    ] {
        assert!(missing(home).is_some(), "{home}");
    }
}

/// SX6: the source document's own storage commands are inconsistent and would destroy data; nothing here may run such a one.
#[test]
fn sx6_no_command_that_destroys_storage_stands_in_the_product() {
    for folder in ["fence/src", "plugins/core/src", "plugins/checks/src", "notify/src"] {
        for text in sources(&top().join(folder)) {
            for program in ["/mkfs", "/pvcreate", "/vgcreate", "/lvcreate", "/lvremove", "/wipefs", "/bin/dd\"", "create-md"] {
                let product = text.split("#[cfg(test)]").next().unwrap_or_default();
                assert!(!product.contains(program), "{folder}: {program}");
            }
        }
    }
}
