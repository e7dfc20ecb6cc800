//! The server that a check asks: its name as an administrator writes it, which addresses of it count, and how long it may take.

use super::names::resolve;
use super::socket::blind;
use crate::cluster::Span;
use crate::{Blind, Host};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// `HOST[:PORT]`: a name, an IPv4 address, or an IPv6 address (in brackets where a port follows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// `None` = the usual one.
    pub port: Option<u16>,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no server: write HOST, HOST:PORT or [IPV6]:PORT");
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
        } else {
            match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (text, None),
            }
        };
        let port = port.map(|p| p.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)).transpose()?;
        if host.is_empty() || host.starts_with('-') || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.host),
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

/// Which addresses of a name count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Family {
    /// Use IPv4 only
    #[arg(short = '4', long)]
    pub ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long, conflicts_with = "ipv4")]
    pub ipv6: bool,
}

impl Family {
    /// The addresses of `name` in this family.
    ///
    /// # Errors
    /// As [`resolve`], and [`Blind::Net`] if none is of this family.
    pub fn resolve(self, host: &dyn Host, name: &str) -> Result<Vec<IpAddr>, Blind> {
        let mut all = resolve(host, name)?;
        all.retain(|a| (!self.ipv4 || a.is_ipv4()) && (!self.ipv6 || a.is_ipv6()));
        if all.is_empty() { Err(blind(name, &format!("it has no IPv{} address", if self.ipv4 { 4 } else { 6 }))) } else { Ok(all) }
    }
}

/// One server over TCP or UDP.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// Server to ask: a name, an IPv4 or an IPv6 address
    #[arg(short = 'H', long, value_name = "HOST", default_value = "localhost", value_parser = host_only)]
    pub host: String,
    #[command(flatten)]
    family: Family,
    /// Address of this node to ask from
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// Time after which a server that does not answer is down
    #[arg(long, value_name = "TIME", default_value = "5s")]
    answer_timeout: Span,
}

fn host_only(text: &str) -> Result<String, String> {
    let endpoint: Endpoint = text.parse()?;
    if endpoint.port.is_none() { Ok(endpoint.host) } else { Err(format!("\"{text}\" holds a port: give it with --port")) }
}

impl Target {
    /// The addresses to ask, in the resolver's order.
    ///
    /// # Errors
    /// As [`Family::resolve`].
    pub fn addresses(&self, host: &dyn Host, port: u16) -> Result<Vec<SocketAddr>, Blind> {
        Ok(self.family.resolve(host, &self.host)?.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Is this address of the family that was asked for?
    pub const fn wants(&self, address: IpAddr) -> bool {
        (!self.family.ipv4 || address.is_ipv4()) && (!self.family.ipv6 || address.is_ipv6())
    }

    /// The time that the server has to answer; see [`share`].
    pub fn time(&self, host: &dyn Host) -> Duration {
        share(host, self.answer_timeout)
    }
}

/// The part of the check's time that a server may use: a little less than what is left, so that a mute server is still
/// reported as one (CHECKS.md point 7).
pub fn share(host: &dyn Host, wanted: Span) -> Duration {
    wanted.or_forever().min(host.left().mul_f64(0.8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_printed_back() {
        for (text, host, port) in [
            ("ntp1", "ntp1", None),
            ("ntp1:123", "ntp1", Some(123)),
            ("192.0.2.1:1", "192.0.2.1", Some(1)),
            ("fd00::1", "fd00::1", None),
            ("[fd00::1]:123", "fd00::1", Some(123)),
        ] {
            let endpoint = text.parse::<Endpoint>();
            assert_eq!(endpoint, Ok(Endpoint { host: host.into(), port }));
            assert_eq!(endpoint.map(|e| e.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", ":1", "a:", "a:b", "a:0", "a:65536", "[::1", "[::1]1", "-x", "a b"] {
            assert!(wrong.parse::<Endpoint>().is_err_and(|e| e.contains(&format!("\"{wrong}\""))), "{wrong}");
        }
    }

    #[test]
    fn a_family_without_an_address_is_blindness() {
        let host = crate::host::System::new(Some(Duration::from_secs(20)));
        let (v4, v6) = (Family { ipv4: true, ipv6: false }, Family { ipv4: false, ipv6: true });
        assert_eq!(v4.resolve(&host, "127.0.0.1"), Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        assert_eq!(v6.resolve(&host, "127.0.0.1").map_err(|e| e.to_string()), Err("reach 127.0.0.1: it has no IPv6 address".into()));
    }
}
