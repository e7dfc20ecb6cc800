//! DRBD, 8.4 and 9: state, promotion, demotion. Never `--force`, `--discard-my-data`, `invalidate` or new metadata: those throw data away,
//! and no automatic path may (I4).

mod state;

pub use state::Mirror;

use super::freshness::Copy;
use crate::takeover::machine::{Programs, must};
use plugin_core::cluster::DrbdPolicy;
use plugin_core::contract::Refusal;
use plugin_core::host::Command;
use plugin_core::{Blind, Host};
use std::path::Path;

/// What can be said of a mirror: it is complete now, or usable as of earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Connected, and this node's disk has everything.
    pub in_sync: bool,
    /// For people.
    pub text: String,
}

/// Looks: `drbdsetup status` as text for 8.4, as JSON for 9, and the policy in force.
///
/// # Errors
/// DRBD is not loaded, or there is no such resource.
pub fn look(host: &dyn Host, resource: &str) -> Result<Mirror, Blind> {
    let version = host.read(Path::new("/proc/drbd"))?;
    let old = version.starts_with("version: 8");
    let status = Command::new(Programs::DRBDSETUP).args(["status", resource]);
    let text = must(host, &if old { status.arg("--verbose") } else { status.arg("--json") })?.stdout;
    let show = must(host, &Command::new(Programs::DRBDSETUP).args(["show", resource]))?.stdout;
    let state = if old { state::text(&text) } else { state::json(&text, resource) };
    let mut mirror = state.map_err(|reason| Blind::Parse { what: format!("DRBD's state of {resource}"), reason })?;
    mirror.fencing = state::fencing(&show);
    Ok(mirror)
}

/// May this node's disk be served? Rows 34, 35, 36.
///
/// # Errors
/// `DATA_SPLIT`, `DATA_STALE` or `DATA_UNKNOWN`.
pub fn judge(look: &Result<Mirror, Blind>, policy: DrbdPolicy) -> Result<Seen, (Refusal, String)> {
    let mirror = match look {
        Ok(mirror) => mirror,
        Err(blind) => return Err((Refusal::DataUnknown, format!("cannot {blind}"))),
    };
    let text = mirror.to_string();
    if mirror.alone {
        return Err((Refusal::DataSplit, format!("{text}: the mirror has given the other node up, after a split brain or by hand")));
    }
    let needed = match policy {
        DrbdPolicy::Strict => "resource-and-stonith",
        DrbdPolicy::Bounded => "resource-only",
    };
    let fits =
        mirror.fencing.as_deref() == Some(needed) || (policy == DrbdPolicy::Bounded && mirror.fencing.as_deref() == Some("resource-and-stonith"));
    if !fits {
        let has = mirror.fencing.as_deref().unwrap_or("dont-care");
        return Err((Refusal::DataUnknown, format!("{text}: fencing is {has}, cluster.toml wants {needed}; nothing would outdate a stale copy")));
    }
    match mirror.disk.as_str() {
        "UpToDate" => Ok(Seen { in_sync: mirror.connected && !mirror.syncing, text }),
        "Outdated" => Err((Refusal::DataStale, format!("{text}: the master went on without this copy"))),
        "Inconsistent" => Err((Refusal::DataStale, format!("{text}: this copy is half-way through a resync"))),
        _ => Err((Refusal::DataUnknown, text)),
    }
}

/// Takes a look into the copy's record; `started_ms` = before the look.
pub fn note(copy: &mut Copy, seen: Result<Seen, (Refusal, String)>, started_ms: u64) {
    match seen {
        Ok(seen) => {
            copy.trouble = None;
            if seen.in_sync {
                (copy.device_ms, copy.link_lost_ms) = (Some(started_ms), None);
            } else {
                copy.link_lost_ms.get_or_insert(started_ms);
            }
            copy.seen = seen.text;
        }
        Err((code, text)) => {
            copy.link_lost_ms.get_or_insert(started_ms);
            copy.seen.clone_from(&text);
            copy.trouble = Some((code, text));
        }
    }
}

/// T2. Done already = nothing happens.
///
/// # Errors
/// What DRBD said: it refuses by itself a copy that is not up to date.
pub fn take(host: &dyn Host, resource: &str) -> Result<String, Blind> {
    if look(host, resource)?.role == "Primary" {
        return Ok(format!("{resource} is Primary already"));
    }
    must(host, &Command::new(Programs::DRBDADM).args(["primary", resource]))?;
    let after = look(host, resource)?;
    if after.role != "Primary" {
        return Err(Blind::Command { program: "drbdadm primary".to_owned(), reason: format!("afterwards {after}") });
    }
    Ok(after.to_string())
}

/// Lets it go.
///
/// # Errors
/// What DRBD said, for example that the device is still open.
pub fn release(host: &dyn Host, resource: &str) -> Result<(), Blind> {
    if look(host, resource)?.role == "Secondary" {
        return Ok(());
    }
    must(host, &Command::new(Programs::DRBDADM).args(["secondary", resource])).map(drop)
}

/// Marks this node's copy as outdated, durably in DRBD's own metadata: asked for by a master that goes on alone.
///
/// # Errors
/// What DRBD said; a Primary refuses.
pub fn outdate(host: &dyn Host, resource: &str) -> Result<(), Blind> {
    must(host, &Command::new(Programs::DRBDADM).args(["outdate", resource])).map(drop)
}

#[cfg(test)]
#[path = "mirror/tests.rs"]
mod tests;
