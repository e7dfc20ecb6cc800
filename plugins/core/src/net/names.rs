//! Names of hosts and of interfaces.

use super::socket::{blind, no_interface};
use crate::host::Command;
use crate::{Blind, Host};
use std::net::IpAddr;
use std::path::PathBuf;

/// Does our own end of `interface` have a carrier? An interface that is down has none.
///
/// # Errors
/// [`Blind::Net`] if there is no such interface.
pub fn carrier(host: &dyn Host, interface: &str) -> Result<bool, Blind> {
    if interface.is_empty() || interface.contains('/') {
        return Err(no_interface(interface));
    }
    let folder = PathBuf::from("/sys/class/net").join(interface);
    match host.read(&folder.join("carrier")) {
        Ok(text) => Ok(text.trim() == "1"),
        // The kernel refuses to tell the carrier of an interface that is down (EINVAL), but it still has a state.
        Err(_) if host.read(&folder.join("operstate")).is_ok() => Ok(false),
        Err(_) => Err(no_interface(interface)),
    }
}

/// The addresses of `name`, in the order in which the resolver prefers them. Numeric addresses cost nothing; names are asked
/// for with getent under the deadline of `host`, because a resolver inside the process can't be stopped.
///
/// # Errors
/// [`Blind::Net`] if the name has no address, [`Blind::Deadline`] if the resolver takes too long.
pub fn resolve(host: &dyn Host, name: &str) -> Result<Vec<IpAddr>, Blind> {
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    if name.is_empty() || name.starts_with('-') {
        return Err(blind(name, "that is no host name"));
    }
    let output = host.run(&Command::new("/usr/bin/getent").arg("ahosts").arg(name))?;
    let mut addresses = Vec::new();
    for address in output.stdout.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(blind(name, "the name has no address; look at /etc/hosts and the name server")) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::System;

    #[test]
    fn numbers_are_no_names_and_nonsense_is_named() {
        let host = System::new(Some(std::time::Duration::from_secs(20)));
        assert_eq!(resolve(&host, "192.0.2.1"), Ok(vec![IpAddr::from([192, 0, 2, 1])]));
        assert_eq!(resolve(&host, "[::1]"), Ok(vec![IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]));
        assert!(resolve(&host, "localhost").is_ok_and(|all| all.iter().all(IpAddr::is_loopback)));
        for wrong in ["", "-i", "name.invalid"] {
            assert!(matches!(resolve(&host, wrong), Err(Blind::Net { target, .. }) if target == wrong), "{wrong}");
        }
    }

    #[test]
    fn a_missing_interface_is_blindness_not_a_dead_cable() {
        let host = System::new(None);
        assert_eq!(carrier(&host, "lo"), Ok(true));
        for wrong in ["nosuch0", "", "../net/lo"] {
            assert!(carrier(&host, wrong).is_err(), "{wrong}");
        }
    }
}
