//! From `cluster.toml` to drivers. Reads the secrets; sends nothing.

use super::{Level, PowerError, PowerSwitch};
use crate::external::External;
use crate::ipmi::{self, CipherSuite, IpmiSwitch, Login, Privilege};
use crate::redfish::{Access, RedfishSwitch, Trust, Wanted};
use plugin_core::cluster::{Cluster, Device, Driver};
use plugin_core::{Host, secret};

/// The devices that switch `target`, lowest level first; empty if none is configured.
///
/// # Errors
/// [`PowerError::Config`]: a secret or an authority that can't be read, a user name or password that does not fit.
pub fn switches(cluster: &Cluster, target: &str, host: &dyn Host) -> Result<Vec<Level>, PowerError> {
    let mut levels: Vec<Level> = Vec::new();
    for device in cluster.devices_of(target) {
        let entry = (driver(device, host)?, device.identity.clone());
        match levels.last_mut().filter(|l| l.level == device.level) {
            Some(level) => level.devices.push(entry),
            None => levels.push(Level { level: device.level, devices: vec![entry] }),
        }
    }
    Ok(levels)
}

fn driver(device: &Device, host: &dyn Host) -> Result<Box<dyn PowerSwitch>, PowerError> {
    let wrong = |what: String| PowerError::Config(format!("use the level {} fence device of {}: {what}", device.level, device.target));
    match device.driver {
        Driver::Ipmi => {
            let missing = || wrong("address, user or secret is missing".into());
            let (Some(address), Some(user), Some(path)) = (&device.address, &device.user, &device.secret) else { return Err(missing()) };
            let password = secret::read(host, path).map_err(|e| wrong(format!("cannot {e}")))?;
            let kg = device.kg.as_deref().map(|path| secret::read(host, path)).transpose().map_err(|e| wrong(format!("cannot {e}")))?;
            let kg = kg.map(|digits| ipmi::kg(digits.expose())).transpose().map_err(|e| wrong(format!("kg: {e}")))?;
            // OPERATOR may switch and read (IPMI 2.0 appendix G); asking for more would only shut out careful users.
            let privilege = device.privlvl.as_deref().map_or(Ok(Privilege::Operator), Privilege::parse).map_err(wrong)?;
            let login = Login::new(user, password.expose().as_bytes(), kg.as_deref(), privilege).map_err(wrong)?;
            let suites = match &device.cipher {
                Some(numbers) => numbers.iter().map(|n| CipherSuite::parse(&n.to_string())).collect::<Result<_, _>>().map_err(wrong)?,
                None => CipherSuite::DEFAULT.to_vec(),
            };
            let switch = IpmiSwitch::new(address, device.port.unwrap_or(ipmi::PORT), login, suites);
            Ok(Box::new(match device.packet_timeout {
                Some(first) => switch.packet_timeout(first.or_forever()),
                None => switch,
            }))
        }
        Driver::External => {
            let agent = device.agent.as_deref().ok_or_else(|| wrong("agent is missing".into()))?;
            let secret = device.secret.as_deref().map(|path| secret::read(host, path)).transpose().map_err(|e| wrong(format!("cannot {e}")))?;
            let mut options = device.options.clone();
            options.extend(device.address.clone().map(|address| ("ip".into(), address)));
            options.extend(device.port.map(|port| ("ipport".into(), port.to_string())));
            options.extend(device.user.clone().map(|user| ("username".into(), user)));
            Ok(Box::new(External::new(agent, options, secret).map_err(wrong)?))
        }
        Driver::Redfish => {
            let missing = || wrong("address, user or secret is missing".into());
            let (Some(address), Some(user), Some(path)) = (&device.address, &device.user, &device.secret) else { return Err(missing()) };
            let password = secret::read(host, path).map_err(|e| wrong(format!("cannot {e}")))?;
            let trust = Trust::parse(device.ca.clone(), device.pin.as_deref(), device.insecure).map_err(wrong)?;
            let mut access = Access::new(host, address, user, password, &trust).map_err(wrong)?;
            access.port = device.port.unwrap_or(access.port);
            access.wanted = device.system.as_deref().map_or(Wanted::Only, Wanted::parse);
            Ok(Box::new(RedfishSwitch::new(access)))
        }
    }
}
