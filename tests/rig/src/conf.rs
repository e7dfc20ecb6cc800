//! The monitoring configuration as data: reads the Icinga 2 files, which are written by hand, and renders the Nagios Core objects
//! and the Icinga Director basket from them. It refuses what it does not understand rather than leaving it out in silence.

pub mod director;
mod model;
pub mod nagios;
mod read;
pub mod requirements;
mod token;

pub use model::{Kind, Object, Tree, Value};

use std::path::{Path, PathBuf};

/// The files that are generated, below `icinga-conf/`, with their text.
///
/// # Errors
/// The file and line that is not understood, and why.
pub fn generate(top: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let tree = read(top)?;
    let conf = top.join("icinga-conf");
    let mut made: Vec<(PathBuf, String)> = nagios::render(&tree)?.into_iter().map(|(name, text)| (conf.join("nagios").join(name), text)).collect();
    made.extend(director::render(&tree)?.into_iter().map(|(name, text)| (conf.join("director").join(name), text)));
    made.push((conf.join("REQUIREMENTS.md"), requirements::render(top)?));
    Ok(made)
}

/// Reads the Icinga 2 configuration of the repository at `top`.
///
/// # Errors
/// The file and line that is not understood, and why.
pub fn read(top: &Path) -> Result<Tree, String> {
    let root = top.join("icinga-conf/icinga2");
    let mut files: Vec<PathBuf> = list(&root.join("commands"))?;
    files
        .extend(["event-commands.conf", "notification-commands.conf", "templates.conf", "services.conf", "notifications.conf"].map(|f| root.join(f)));
    let mut objects = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        objects.extend(read::objects(&name, &text(&file)?)?);
    }
    let constants = read::constants(&text(&root.join("constants.conf"))?);
    Ok(Tree { objects, constants })
}

fn text(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |e: std::io::Error| format!("cannot list {}: {e}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(wrong)?
        .filter_map(|f| f.ok().map(|f| f.path()))
        .filter(|f| f.extension().is_some_and(|e| e == "conf"))
        .collect();
    files.sort();
    Ok(files)
}
