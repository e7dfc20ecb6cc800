//! The BMCs of the table.

use rig::bmc::{Bmc, IpmiSim, Mind, Pyghmi};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Sim,
    Pyghmi,
    Rig,
}

/// A running one, a new one for each cell.
pub enum Running {
    Sim(IpmiSim),
    Pyghmi(Pyghmi),
    Rig(Bmc),
}

/// What a cell needs.
#[derive(Clone, Copy, Default)]
pub struct Wish {
    pub ipv6: bool,
    pub kg: Option<&'static str>,
    /// Sessions that the rig's BMC can hold; small BMCs have four.
    pub room: Option<usize>,
}

impl Peer {
    pub const ALL: [Peer; 3] = [Peer::Sim, Peer::Pyghmi, Peer::Rig];

    pub fn name(self) -> &'static str {
        match self {
            Peer::Sim => "ipmi_sim (suite 3)",
            Peer::Pyghmi => "pyghmi (suite 3)",
            Peer::Rig => "the rig's (suite 17)",
        }
    }

    pub fn start(self, wish: Wish) -> Running {
        let ip = if wish.ipv6 { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        match self {
            Peer::Sim => Running::Sim(IpmiSim::start_at(ip, wish.kg)),
            Peer::Pyghmi => Running::Pyghmi(Pyghmi::start(wish.ipv6, wish.kg)),
            Peer::Rig => {
                let kg = wish.kg.map(|kg| kg.as_bytes().to_vec());
                let mind = Mind { suites: vec![17], kg, room: wish.room.unwrap_or(1000), ..Mind::default() };
                Running::Rig(Bmc::start_at(&SocketAddr::new(ip, 0).to_string(), mind))
            }
        }
    }
}

impl Running {
    pub fn address(&self) -> SocketAddr {
        match self {
            Running::Sim(sim) => sim.address(),
            Running::Pyghmi(node) => node.address(),
            Running::Rig(bmc) => bmc.address(),
        }
    }

    pub fn is_on(&self) -> bool {
        match self {
            Running::Sim(sim) => sim.is_on(),
            Running::Pyghmi(node) => node.is_on(),
            Running::Rig(bmc) => bmc.mind().on,
        }
    }
}
