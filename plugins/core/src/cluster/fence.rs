//! `[fence]` and `[[fence.device]]`: what switches a node off, and how. Refuses to know how a driver works.

use super::Span;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Fence devices and policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fence {
    /// Time between the two OFF readings; minimum 500 ms.
    pub off_gap: Span,
    /// Time for one level.
    pub budget: Span,
    /// Time that a master which reported itself has for stopping its groups; then it is fenced (rows 8, 48). Minimum 1 s.
    pub demote: Span,
    /// What happens to the fenced node afterwards.
    pub then: Then,
    /// Time before the named node shoots.
    pub delay: BTreeMap<String, Span>,
    /// The devices.
    pub device: Vec<Device>,
}

impl Default for Fence {
    fn default() -> Self {
        Self {
            off_gap: Span(Some(Duration::from_millis(500))),
            budget: Span::seconds(40),
            demote: Span::seconds(120),
            then: Then::default(),
            delay: BTreeMap::new(),
            device: Vec::new(),
        }
    }
}

/// What happens to a fenced node after the takeover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// It stays off until a person has looked.
    #[default]
    StayOff,
    /// It is powered on once; safe because its agent boots INERT.
    PowerOn,
}

/// One fence device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The node that it switches off.
    pub target: String,
    /// Levels are tried in order; every device of a level must read OFF.
    #[serde(default = "one")]
    pub level: u8,
    /// How it is spoken to.
    pub driver: Driver,
    /// Name or address (`ipmi`, `redfish`).
    pub address: Option<String>,
    /// Port, where it is not the standard one.
    pub port: Option<u16>,
    /// User name.
    pub user: Option<String>,
    /// File (0600) with the password.
    pub secret: Option<PathBuf>,
    /// Cipher suites in the order in which they are tried, 17 and 3 (`ipmi`); default: both.
    pub cipher: Option<Vec<u8>>,
    /// Privilege level that is asked for, `operator` or `administrator` (`ipmi`); default: `operator`, which suffices.
    pub privlvl: Option<String>,
    /// File (0600) with the Kg as hexadecimal digits (`ipmi`), if the BMC has one.
    pub kg: Option<PathBuf>,
    /// Time for the first packet before it is sent again (`ipmi`), 20 ms to 2 s; later waits follow the BMC's pace.
    pub packet_timeout: Option<Span>,
    /// The ClusterLabs agent of an `external` device.
    pub agent: Option<String>,
    /// Which system of the service (`redfish`): its `Id`, its UUID or its path; needed where the service has several.
    pub system: Option<String>,
    /// PEM file with the authority of its certificate (`redfish`); default: the system's.
    pub ca: Option<PathBuf>,
    /// `sha256:HEX` of the certificate that it has to show (`redfish`); then no authority counts.
    pub pin: Option<String>,
    /// Any certificate is believed (`redfish`): who controls the way to it gets the password.
    #[serde(default)]
    pub insecure: bool,
    /// Its options; secrets never stand here.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Whose device it is: `guid:…`, `uuid:…` or `drill`.
    pub identity: String,
}

const fn one() -> u8 {
    1
}

/// How a fence device is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// IPMI 2.0 over LAN.
    Ipmi,
    /// Redfish over HTTPS.
    Redfish,
    /// Any ClusterLabs fence agent.
    External,
}
