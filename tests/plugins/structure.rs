//! What the compiler can't enforce: every check's main is the three-line one, every check is part of the tests of the contract,
//! and each has tests of its own beside it.

use crate::contract::CHECKS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Name and text of each check's main; `check_fence` lives beside the drivers.
fn sources() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for folder in ["plugins/checks/src/bin", "fence/src/bin"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|f| f.unwrap().path());
        let named = files.map(|f| (f.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&f).unwrap()));
        all.extend(named.filter(|(name, _)| name.starts_with("check_")));
    }
    all
}

/// `check_master_alive` → `master_alive`, `MasterAlive`.
fn names(binary: &str) -> (String, String) {
    let module = binary.strip_prefix("check_").unwrap_or_else(|| panic!("{binary} is no name for a check"));
    let word = |w: &str| w[..1].to_uppercase() + &w[1..];
    (module.to_owned(), module.split('_').map(word).collect())
}

#[test]
fn every_main_is_the_three_line_one() {
    let all = sources();
    assert!(!all.is_empty());
    for (name, text) in all {
        let (module, check) = names(&name);
        let path = if name == "check_fence" { format!("fence::check_fence::{check}") } else { format!("checks::{module}::{check}") };
        let main = format!("//! `{name}`.\nfn main() -> std::process::ExitCode {{\n    plugin_core::main::<{path}>()\n}}\n");
        assert_eq!(text, main, "src/bin/{name}.rs");
    }
}

#[test]
fn every_check_is_in_the_tests_of_the_contract() {
    let there: BTreeSet<String> = sources().into_iter().map(|(name, _)| name).collect();
    let tested: BTreeSet<String> = CHECKS.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!(there, tested);
}

#[test]
fn every_check_has_tests_of_its_own() {
    for (name, _) in sources() {
        let file = if name == "check_fence" { "tests/fence/check_fence.rs".to_owned() } else { format!("tests/plugins/{}.rs", names(&name).0) };
        assert!(root().join(&file).is_file(), "{file} is missing");
    }
}
