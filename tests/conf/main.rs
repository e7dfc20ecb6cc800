//! The shipped configuration: real daemons load it without a word, it says nothing that a binary does not know, and what is
//! generated is what the generator makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code: it ends at the first surprise, and it starts processes of its own"
)]

mod clusters;
mod commands;
mod generated;
mod icinga;
mod mailer;
mod nagios;
mod requirements;
mod running;
mod stand_in;

use std::path::{Path, PathBuf};

/// The repository's top.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every configuration file with its text.
fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![top().join("icinga-conf/icinga2")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "conf") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}
