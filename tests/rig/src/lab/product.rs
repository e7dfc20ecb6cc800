//! Installs the product as its packages would: binaries, capabilities, units, users and folders. One layer that both nodes share.

use super::site::Site;
use super::tool::run;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder with the product's binaries: `$TWINGUARD_BIN`, else the one from which this program was started.
///
/// # Errors
/// This program's own path is unknown.
pub fn binaries() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("TWINGUARD_BIN") {
        return Ok(folder.into());
    }
    let own = std::env::current_exe().map_err(|e| format!("cannot find the own program: {e}"))?;
    let folder = own.parent().ok_or("the own program has no folder")?;
    Ok(if folder.ends_with("deps") { folder.with_file_name("") } else { folder.to_path_buf() })
}

/// A binary of the workspace.
///
/// # Errors
/// It was not built.
pub fn binary(name: &str) -> Result<PathBuf, String> {
    let path = binaries()?.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: run `cargo build --workspace --bins`", path.display())) }
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Installs everything into the product layer.
///
/// # Errors
/// A binary or a unit is missing, or what the tool said.
pub fn install(site: &Site) -> Result<(), String> {
    let root = site.product();
    for name in ["twinguard", "fence_ipmi"] {
        copy(&binary(name)?, &root.join("usr/sbin").join(name), "755")?;
    }
    for name in ["event_takeover", "notify_mail"] {
        copy(&binary(name)?, &root.join("usr/lib/twinguard").join(name), "755")?;
    }
    for check in checks()? {
        let name = check.file_name().ok_or("a check without a name")?.to_owned();
        let place = root.join("usr/lib/nagios/plugins").join(name);
        copy(&check, &place, "755")?;
        // A container's `nagios` has neither ping sockets nor raw ones.
        run("setcap", &["cap_net_raw+ep", &place.to_string_lossy()])?;
    }
    units(&root, &repository().join("fence/systemd"), "twinguard.conf")?;
    units(&root, &repository().join("notify/systemd"), "twinguard-mail.conf")?;
    // Packages run sysusers and tmpfiles when they are installed; here the first boot does.
    let always = root.join("etc/systemd/system/systemd-sysusers.service.d/lab.conf");
    super::tool::write(&always, b"[Unit]\nConditionNeedsUpdate=\n")
}

/// Every `check_*` that was built.
fn checks() -> Result<Vec<PathBuf>, String> {
    let folder = binaries()?;
    let entries = fs::read_dir(&folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let is_check = |p: &PathBuf| p.extension().is_none() && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("check_"));
    let found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_check).collect();
    if found.is_empty() { Err(format!("no check_* in {}: run `cargo build --workspace --bins`", folder.display())) } else { Ok(found) }
}

fn copy(from: &Path, to: &Path, mode: &str) -> Result<(), String> {
    run("install", &["-D", "-m", mode, &from.to_string_lossy(), &to.to_string_lossy()]).map(drop)
}

/// Units are enabled where they have an `[Install]` section, as the packages do.
fn units(root: &Path, from: &Path, name: &str) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|e| format!("cannot read {}: {e}", from.display()))?;
    for file in entries.flatten().map(|e| e.path()) {
        let own_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match own_name.as_str() {
            "sysusers.conf" => copy(&file, &root.join("usr/lib/sysusers.d").join(name), "644")?,
            "tmpfiles.conf" => copy(&file, &root.join("usr/lib/tmpfiles.d").join(name), "644")?,
            unit => {
                copy(&file, &root.join("usr/lib/systemd/system").join(unit), "644")?;
                if super::tool::read(&file).contains("[Install]") {
                    run("systemctl", &["--root", &root.to_string_lossy(), "--quiet", "enable", unit])?;
                }
            }
        }
    }
    Ok(())
}
