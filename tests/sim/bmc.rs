//! The BMC of the simulated peer behind the product's own seam for power switches: slow, silent, lying, refusing, crossed.

use crate::world::{Bmc, Manner, NAMES, Shared, World};
use fence::power::{Power, PowerError, PowerSwitch};
use plugin_core::Host;
use std::time::Duration;

/// What the configuration says of each BMC.
pub fn identity(node: usize) -> String {
    format!("guid:a1234567-89ab-cdef-a123-456789abcd0{node}")
}

/// The switch of `target`, driven by the other node.
pub struct Switch {
    pub shared: Shared,
    pub target: usize,
    /// The second level instead of the BMC.
    pub pdu: bool,
    /// When the fence began.
    pub began: u64,
}

/// The device itself.
pub fn device(world: &mut World, target: usize, pdu: bool) -> &mut Bmc {
    let machine = &mut world.machines[target];
    if pdu { machine.pdu.as_mut().expect("a second level") } else { &mut machine.bmc }
}

impl Switch {
    /// One exchange: time passes, and whoever can't be reached stays silent for a second.
    fn exchange(&self, host: &dyn Host) -> Result<Manner, PowerError> {
        let (net, latency, manner) = {
            let mut world = self.shared.lock();
            let bmc = device(&mut world, self.target, self.pdu);
            (bmc.net, bmc.latency, bmc.manner)
        };
        let patience = Duration::from_secs(2).min(host.left());
        if !net || Duration::from_millis(latency) > patience {
            host.wait(patience);
            return Err(PowerError::Silent(format!("reach the BMC of {}", NAMES[self.target])));
        }
        host.wait(Duration::from_millis(latency));
        if manner == Manner::Denies {
            return Err(PowerError::Denied("log in".to_owned()));
        }
        Ok(manner)
    }
}

impl PowerSwitch for Switch {
    fn name(&self) -> String {
        format!("{} of {}", if self.pdu { "PDU" } else { "BMC" }, NAMES[self.target])
    }

    fn identity(&mut self, host: &dyn Host) -> Result<Option<String>, PowerError> {
        let manner = self.exchange(host)?;
        Ok(Some(identity(if manner == Manner::Crossed { 1 - self.target } else { self.target })))
    }

    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError> {
        self.exchange(host)?;
        let mut world = self.shared.lock();
        let on = world.machines[self.target].power;
        Ok(if on && !device(&mut world, self.target, self.pdu).blind { Power::On } else { Power::Off })
    }

    fn set(&mut self, host: &dyn Host, want: Power) -> Result<(), PowerError> {
        let manner = self.exchange(host)?;
        let mut world = self.shared.lock();
        let target = self.target;
        assert_eq!(want, Power::Off, "the agent only ever switches off");
        world.say(|| format!("the BMC of {} is told: off ({manner:?})", NAMES[target]));
        match manner {
            // Who a device is, is asked when a fence begins; nobody swaps cables between that question and the command.
            Manner::Crossed if device(&mut world, target, self.pdu).crossed_at > self.began => {}
            Manner::Crossed => world.break_law("I13: a power command went to a BMC that is not the peer's".to_owned()),
            Manner::Refuses => return Err(PowerError::Refused("off: insufficient".to_owned())),
            Manner::Lies => device(&mut world, target, self.pdu).told += 1,
            Manner::Good | Manner::Mumbles | Manner::Denies => {
                let now = world.now;
                let told = device(&mut world, target, self.pdu);
                told.told += 1;
                let at = now + told.off_after;
                // Whoever switches, the machine has one mains.
                let off_at = &mut world.machines[target].bmc.off_at;
                *off_at = Some(off_at.map_or(at, |old| old.min(at)));
            }
        }
        drop(world);
        if manner == Manner::Mumbles {
            host.wait(Duration::from_secs(2).min(host.left()));
            return Err(PowerError::Silent("hear the answer to off".to_owned()));
        }
        Ok(())
    }
}
