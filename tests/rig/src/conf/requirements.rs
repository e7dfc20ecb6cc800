//! The table of requirements: read from `clusters/requirements.toml`, rendered as `REQUIREMENTS.md`. Whether the places that it
//! names exist is for the tests to find out.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// One requirement of a source system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// What it asks for, one line.
    pub asks: String,
    /// Where it is met, `KIND:PLACE`.
    #[serde(default)]
    pub home: Vec<String>,
    /// What is missing, and why.
    pub not_yet: Option<String>,
}

/// The systems with the letters of their ids, in the order of the table.
pub const SYSTEMS: [(&str, &str); 5] = [
    ("RX", "REDDOXX, a mail gateway of two appliances"),
    ("BM", "BlueMind on shared disks"),
    ("MD", "mobydick, a telephone system"),
    ("PM", "Proxmox Mail Gateway"),
    ("SX", "Scalix, two instances with mutual failover"),
];

/// Reads the requirements by id.
///
/// # Errors
/// What is not understood.
pub fn read(top: &Path) -> Result<BTreeMap<String, Requirement>, String> {
    let file = top.join("icinga-conf/clusters/requirements.toml");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

/// Letters and number of an id.
pub fn split(id: &str) -> (&str, u32) {
    let at = id.find(|c: char| c.is_ascii_digit()).unwrap_or(id.len());
    (&id[..at], id[at..].parse().unwrap_or(0))
}

/// A place in the words of the table.
fn place(home: &str) -> String {
    match home.split_once(':') {
        Some(("check" | "command", name)) => format!("`{name}`"),
        Some(("gate", name)) => format!("gate {name}"),
        Some(("refusal", code)) => format!("refusal `{code}`"),
        Some(("config", file)) => format!("[{file}](clusters/{file})"),
        Some(("doc", rest)) => {
            let (system, heading) = rest.split_once('#').unwrap_or((rest, ""));
            format!("[{system}: {heading}](clusters/{system}/README.md#{})", heading.to_lowercase())
        }
        _ => home.to_owned(),
    }
}

/// The table.
///
/// # Errors
/// As [`read`].
pub fn render(top: &Path) -> Result<String, String> {
    let all = read(top)?;
    let count = |home: bool, open: bool| all.values().filter(|r| r.home.is_empty() != home && r.not_yet.is_some() == open).count();
    let mut text = format!(
        "# What the five source systems ask for\n\nMade from `clusters/requirements.toml` by `tests/run generate`: change it there.\n\n\
         {} requirements: {} met, {} met in part, {} not yet.\n",
        all.len(),
        count(true, false),
        count(true, true),
        count(false, true)
    );
    for (letters, name) in SYSTEMS {
        let _ = write!(text, "\n## {name}\n\n| id | asks for | where it is met | not yet |\n|---|---|---|---|\n");
        let mut ids: Vec<&String> = all.keys().filter(|id| split(id).0 == letters).collect();
        ids.sort_by_key(|id| split(id).1);
        for id in ids {
            let one = &all[id];
            let homes: Vec<String> = one.home.iter().map(|home| place(home)).collect();
            let _ = writeln!(text, "| {id} | {} | {} | {} |", one.asks, homes.join(", "), one.not_yet.as_deref().unwrap_or(""));
        }
    }
    Ok(text)
}
