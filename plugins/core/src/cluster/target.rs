//! The small target notations of `cluster.toml`: witnesses, addresses with a prefix, what has to answer.

use serde::{Deserialize, Deserializer, de::Error};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host whose answer shows that this node is not isolated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// Answers ICMP echo.
    Ping(IpAddr),
    /// Answers ARP on the clients' link.
    Arp(IpAddr),
    /// Accepts, or refuses, a TCP connection: both show that it lives.
    Tcp(SocketAddr),
}

/// What has to answer at the failover address: an answer of the application, never a mere TCP connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// `GET /` is answered by an HTTP status below 500.
    Http(SocketAddr),
    /// The server speaks first (SMTP, SSH, IMAP).
    Banner(SocketAddr),
    /// SIP OPTIONS over UDP is answered by any SIP response (RFC 3261 section 11).
    Sip(SocketAddr),
}

/// Address and prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

fn split(text: &str) -> Result<(&str, &str), String> {
    text.split_once(':').ok_or_else(|| format!("\"{text}\" has no kind in front: write ping:, arp:, tcp:, http:, smtp:, banner: or sip:"))
}

fn address(text: &str, whole: &str) -> Result<IpAddr, String> {
    text.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| format!("\"{whole}\": \"{text}\" is no address"))
}

fn socket(text: &str, default: Option<u16>, whole: &str) -> Result<SocketAddr, String> {
    if let Ok(found) = text.parse() {
        return Ok(found);
    }
    let port = default.ok_or_else(|| format!("\"{whole}\": \"{text}\" is no ADDRESS:PORT"))?;
    Ok(SocketAddr::new(address(text, whole)?, port))
}

impl Witness {
    fn parse(text: &str) -> Result<Self, String> {
        match split(text)? {
            ("ping", rest) => Ok(Witness::Ping(address(rest, text)?)),
            ("arp", rest) => Ok(Witness::Arp(address(rest, text)?)),
            ("tcp", rest) => Ok(Witness::Tcp(socket(rest, None, text)?)),
            (kind, _) => Err(format!("\"{text}\": a witness is ping:, arp: or tcp:, not \"{kind}:\"")),
        }
    }
}

impl Verify {
    fn parse(text: &str) -> Result<Self, String> {
        match split(text)? {
            ("http", rest) => Ok(Verify::Http(socket(rest.trim_start_matches("//"), Some(80), text)?)),
            ("smtp", rest) => Ok(Verify::Banner(socket(rest, Some(25), text)?)),
            ("banner", rest) => Ok(Verify::Banner(socket(rest, None, text)?)),
            ("sip", rest) => Ok(Verify::Sip(socket(rest, Some(5060), text)?)),
            (kind, _) => Err(format!("\"{text}\": verify knows http:, smtp:, banner: and sip:, not \"{kind}:\"")),
        }
    }
}

impl Net {
    fn parse(text: &str) -> Result<Self, String> {
        let (host, prefix) = text.split_once('/').ok_or_else(|| format!("\"{text}\" has no prefix length: write 192.0.2.10/24"))?;
        let address = address(host, text)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse().ok().filter(|p| *p <= most).ok_or_else(|| format!("\"{text}\": the prefix length is 0 to {most}"))?;
        Ok(Net { address, prefix })
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Witness::Ping(a) => write!(f, "ping:{a}"),
            Witness::Arp(a) => write!(f, "arp:{a}"),
            Witness::Tcp(a) => write!(f, "tcp:{a}"),
        }
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verify::Http(a) => write!(f, "http:{a}"),
            Verify::Banner(a) => write!(f, "banner:{a}"),
            Verify::Sip(a) => write!(f, "sip:{a}"),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

macro_rules! from_text {
    ($($type:ty),+) => {$(
        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                <$type>::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <$type>::parse(&String::deserialize(from)?).map_err(D::Error::custom)
            }
        }
    )+};
}
from_text!(Witness, Verify, Net);
