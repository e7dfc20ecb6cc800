//! Commands: every check has one, and every flag in it is an option of the binary.

use crate::{files, top};
use rig::process::{binary, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A command object: binary and flags.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    kind: String,
    name: String,
    binary: String,
    flags: Vec<String>,
}

fn quoted(line: &str) -> Option<&str> {
    line.split('"').nth(1)
}

/// Reads the command objects of one file, in the layout in which they are written here: one key a line.
fn calls(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines().map(str::trim) {
        let kind = line.strip_prefix("object ").and_then(|rest| rest.split(' ').next()).filter(|kind| kind.ends_with("Command"));
        if let Some(kind) = kind {
            calls.push(Call { kind: kind.to_owned(), name: quoted(line).unwrap().to_owned(), binary: String::new(), flags: vec![] });
        } else if let Some(call) = calls.last_mut() {
            if line.starts_with("command = ") {
                quoted(line).unwrap().trim_start_matches('/').clone_into(&mut call.binary);
            } else if line.starts_with("\"-") {
                call.flags.push(quoted(line).unwrap().to_owned());
            }
        }
    }
    calls
}

/// The options that a help text lists.
fn options(help: &str) -> BTreeSet<String> {
    let lists = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lists.flat_map(|line| line.split([' ', ',', '[', '=', '<']).take_while(|word| word.is_empty() || word.starts_with('-')));
    words.filter(|word| word.starts_with('-') && *word != "-").map(|word| word.trim_end_matches('.').to_owned()).collect()
}

/// The options of a help text, each with its spellings.
fn spellings(help: &str) -> Vec<BTreeSet<String>> {
    help.lines().map(options).filter(|names| !names.is_empty()).collect()
}

/// Checks without a command file, and command files without a check.
fn unmatched(checks: &BTreeSet<String>, files: &BTreeSet<String>) -> Vec<String> {
    checks.symmetric_difference(files).cloned().collect()
}

fn stems(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect()
}

#[test]
fn every_check_has_its_command_file_and_no_file_is_left_over() {
    let mut checks = stems(&top().join("plugins/checks/src/bin"), "check_");
    checks.extend(stems(&top().join("fence/src/bin"), "check_"));
    let commands = stems(&top().join("icinga-conf/icinga2/commands"), "");
    assert_eq!(unmatched(&checks, &commands), Vec::<String>::new());
    let mut more = checks;
    more.insert("unheard_of".into());
    assert_eq!(unmatched(&more, &commands), ["unheard_of"], "a check without its command file is noticed");
}

#[test]
fn every_flag_is_an_option_of_its_binary() {
    let all: Vec<Call> = files().iter().flat_map(|(_, text)| calls(text)).collect();
    let kinds: BTreeSet<&str> = all.iter().map(|call| call.kind.as_str()).collect();
    assert_eq!(kinds, ["CheckCommand", "EventCommand", "NotificationCommand"].into());
    for call in &all {
        let known = options(&run(&binary(&call.binary), &["--help"]).stdout);
        assert!(!call.flags.is_empty(), "{}: no flags found", call.name);
        for flag in &call.flags {
            assert!(known.contains(flag), "{}: {} does not know {flag}; it knows {known:?}", call.name, call.binary);
        }
    }
}

/// Options by binary, with the reason why the configuration leaves them out; those of `every` belong to all.
fn left_out() -> BTreeMap<String, BTreeMap<String, String>> {
    toml::from_str(&std::fs::read_to_string(top().join("icinga-conf/left-out.toml")).unwrap()).unwrap()
}

#[test]
fn every_option_can_be_set_from_icinga_or_is_left_out_for_a_reason() {
    let all: Vec<Call> = files().iter().flat_map(|(_, text)| calls(text)).collect();
    let left_out = left_out();
    let binaries: BTreeSet<&str> = all.iter().map(|call| call.binary.as_str()).collect();
    for name in left_out.keys().filter(|name| *name != "every") {
        assert!(binaries.contains(name.as_str()), "left-out.toml: no command runs {name}");
    }
    for name in binaries {
        let help = run(&binary(name), &["--help"]).stdout;
        let set: BTreeSet<&String> = all.iter().filter(|call| call.binary == name).flat_map(|call| &call.flags).collect();
        let own = left_out.get(name);
        for (option, reason) in own.into_iter().flatten() {
            assert!(options(&help).contains(option), "left-out.toml: {name} has no {option}");
            assert!(!set.contains(option), "left-out.toml: {option} of {name} is set by a command");
            assert!(reason.len() > 10, "left-out.toml: {option} of {name} has no reason");
        }
        for names in spellings(&help) {
            let known = |table: Option<&BTreeMap<String, String>>| table.is_some_and(|t| names.iter().any(|n| t.contains_key(n)));
            let reached = names.iter().any(|n| set.contains(n)) || known(own) || known(left_out.get("every"));
            assert!(reached, "{names:?} of {name} can't be set from Icinga: name it in the command, or in left-out.toml with the reason");
        }
    }
}

#[test]
fn names_carry_the_prefix_and_checks_are_named_like_their_files() {
    for (path, text) in files() {
        for call in calls(&text) {
            assert!(call.name.starts_with("twinguard_"), "{}: {} can collide with Icinga's own objects", path.display(), call.name);
            if call.kind == "CheckCommand" {
                let stem = path.file_stem().unwrap().to_str().unwrap();
                assert_eq!((call.name.as_str(), call.binary.as_str()), (format!("twinguard_{stem}").as_str(), format!("check_{stem}").as_str()));
            }
        }
    }
}

#[test]
fn a_help_text_is_read_option_by_option() {
    let help = "Usage: x [OPTIONS]\n\nOptions:\n  -w, --warning <RANGE>  Not --this\n      --path=<P>         x\n          - text: a value\n  -v, --verbose...       y\n  -4 <A>  z\nExample: `x --that`\n";
    let expected = ["-w", "--warning", "--path", "-v", "--verbose", "-4"].map(str::to_owned);
    assert_eq!(options(help), expected.into());
    assert_eq!(spellings(help)[0], ["-w", "--warning"].map(str::to_owned).into());
    assert_eq!(spellings(help).len(), 4);
}
