//! What is a server bound to (RX6)? One that is bound to a single address can't be reached at the failover address.
//!
//! Reads `ss`, which tells an IPv6 socket that takes IPv4 too (`*`) from one that does not (`[::]`); /proc/net does not.

use plugin_core::host::Command;
use plugin_core::{Blind, Host, Report, State};
use std::net::IpAddr;
use std::str::FromStr;

/// A port and what its server has to be bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    port: u16,
    udp: bool,
    binding: Binding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    /// Any IPv4 address.
    Any,
    /// Any IPv6 address.
    Any6,
    /// This address, or any.
    One(IpAddr),
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    udp: bool,
    port: u16,
    /// `0.0.0.0`, `*` (both families), `[::]`, an address; with `%interface` if it is bound to one.
    local: String,
}

impl Socket {
    /// A listener.
    #[cfg(test)]
    pub fn new(udp: bool, port: u16, local: &str) -> Self {
        Self { udp, port, local: local.to_owned() }
    }

    /// Is it this port's?
    pub const fn is_at(&self, udp: bool, port: u16) -> bool {
        self.udp == udp && self.port == port
    }

    /// `0.0.0.0`, `*` (both families), `[::]`, an address; with `%interface` if it is bound to one.
    pub fn local(&self) -> &str {
        &self.local
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\": write PORT=any, PORT=any6 or PORT=ADDRESS, for UDP PORT/udp=any");
        let (port, binding) = text.split_once('=').ok_or_else(wrong)?;
        let (port, udp) = port.strip_suffix("/udp").map_or((port.strip_suffix("/tcp").unwrap_or(port), false), |p| (p, true));
        let binding = match binding {
            "any" => Binding::Any,
            "any6" => Binding::Any6,
            address => Binding::One(address.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| wrong())?),
        };
        Ok(Self { port: port.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)?, udp, binding })
    }
}

/// Asks `ss`.
pub fn probe(host: &dyn Host) -> Result<Vec<Socket>, Blind> {
    let output = host.run(&Command::new("/usr/bin/ss").arg("-Hlntu"))?;
    if !output.success() {
        let reason = output.stderr.lines().last().unwrap_or("it failed").to_owned();
        return Err(Blind::Command { program: "/usr/bin/ss".into(), reason });
    }
    parse(&output.stdout)
}

fn parse(text: &str) -> Result<Vec<Socket>, Blind> {
    let wrong = |line: &str| Blind::Parse { what: "ss".into(), reason: format!("odd line \"{line}\"") };
    text.lines().map(|line| one(line).ok_or_else(|| wrong(line))).collect()
}

/// `tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*`
fn one(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, port) = fields.get(4)?.rsplit_once(':')?;
    let udp = match *fields.first()? {
        "udp" => true,
        "tcp" => false,
        _ => return None,
    };
    Some(Socket { udp, port: port.parse().ok()?, local: local.to_owned() })
}

/// Judges one port.
pub fn judge(wanted: &Listen, sockets: &[Socket], report: &mut Report) {
    let there: Vec<&str> = sockets.iter().filter(|s| s.udp == wanted.udp && s.port == wanted.port).map(|s| s.local.as_str()).collect();
    let port = format!("port {}{}", wanted.port, if wanted.udp { "/udp" } else { "" });
    let bare = |local: &str| local.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let fits = |local: &str| match wanted.binding {
        Binding::Any => matches!(local, "*" | "0.0.0.0"),
        Binding::Any6 => matches!(local, "*" | "[::]"),
        Binding::One(address) => {
            local == "*" || bare(local).is_some_and(|a| a == address || (a.is_unspecified() && a.is_ipv4() == address.is_ipv4()))
        }
    };
    if there.is_empty() {
        report.say(State::Critical, format!("nothing listens on {port}"));
    } else if there.iter().any(|local| fits(local)) {
        report.say(State::Ok, format!("{port} is bound to {}", there.join(", ")));
    } else {
        let wish = match wanted.binding {
            Binding::Any => "any address: at the failover address nobody would answer".to_owned(),
            Binding::Any6 => "any IPv6 address: at the failover address nobody would answer".to_owned(),
            Binding::One(address) => address.to_string(),
        };
        report.say(State::Critical, format!("{port} is bound to {} only, not to {wish}", there.join(", ")));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const SS: &str = "udp   UNCONN 0      0               0.0.0.0:123        0.0.0.0:*\n\
                      tcp   LISTEN 0      128             0.0.0.0:22         0.0.0.0:*\n\
                      tcp   LISTEN 0      100          192.0.2.11:25         0.0.0.0:*\n\
                      tcp   LISTEN 0      511                   *:80               *:*\n\
                      tcp   LISTEN 0      5                  [::]:143           [::]:*\n\
                      tcp   LISTEN 0      5       0.0.0.0%eth0:993        0.0.0.0:*\n\
                      tcp   LISTEN 0      5            [::1]:5432            [::]:*\n";

    fn said(wanted: &str) -> String {
        let mut report = Report::default();
        judge(&wanted.parse().unwrap(), &parse(SS).unwrap(), &mut report);
        report.render("X", 0).trim_end().to_owned()
    }

    #[test]
    fn rx6_bound_to_one_address_is_critical() {
        assert_eq!(
            said("25=any"),
            "X CRITICAL - port 25 is bound to 192.0.2.11 only, not to any address: at the failover address nobody would answer"
        );
        assert_eq!(said("22=any"), "X OK - port 22 is bound to 0.0.0.0");
        assert_eq!(said("80=any"), "X OK - port 80 is bound to *");
        assert_eq!(said("80=any6"), "X OK - port 80 is bound to *");
        assert_eq!(said("123/udp=any"), "X OK - port 123/udp is bound to 0.0.0.0");
        assert_eq!(said("123=any"), "X CRITICAL - nothing listens on port 123");
    }

    #[test]
    fn a_socket_of_ipv6_alone_or_of_one_interface_is_not_any() {
        assert!(said("143=any").starts_with("X CRITICAL - port 143 is bound to [::] only, not to any address"));
        assert!(said("143=any6").starts_with("X OK"));
        assert!(said("22=any6").starts_with("X CRITICAL"));
        assert!(said("993=any").starts_with("X CRITICAL - port 993 is bound to 0.0.0.0%eth0 only"));
    }

    #[test]
    fn one_address_is_served_by_itself_or_by_any() {
        assert!(said("25=192.0.2.11").starts_with("X OK"));
        assert!(said("22=192.0.2.10").starts_with("X OK"));
        assert!(said("5432=::1").starts_with("X OK"));
        assert_eq!(said("25=192.0.2.10"), "X CRITICAL - port 25 is bound to 192.0.2.11 only, not to 192.0.2.10");
    }

    #[test]
    fn nonsense_is_named() {
        for wrong in ["25", "any", "0=any", "70000=any", "25=somewhere", "=any", "25/sctp=any"] {
            assert!(wrong.parse::<Listen>().unwrap_err().contains(&format!("\"{wrong}\"")), "{wrong}");
        }
        assert!(parse("tcp LISTEN 0 5 nowhere x\n").unwrap_err().to_string().contains("odd line"));
        assert!(parse("dccp LISTEN 0 5 0.0.0.0:1 x\n").is_err());
    }
}
