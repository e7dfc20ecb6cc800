//! `fence_redfish`: the Redfish driver as a ClusterLabs fence agent that users of the field's agent of the same name can swap in.
//!
//! Refuses to choose between several systems, where the other one takes the last.

use super::{Access, PORT, ROOT, RedfishSwitch, Trust, Wanted};
use crate::agent_api::{Agent, Kind, Opt, Values, login};
use crate::power::PowerSwitch;
use plugin_core::Host;

const IGNORED: &str = "Accepted for drop-in use, without effect: it is always TLS, and the certificate is verified unless ssl_insecure is set";

/// The agent.
pub const FENCE_REDFISH: Agent = Agent {
    name: "fence_redfish",
    shortdesc: "Fence agent for Redfish over HTTPS",
    longdesc: "fence_redfish switches a node's power through the Redfish service of its BMC, always over TLS. It reports success for off only \
        after the service has said Off twice. A service with several systems needs to be told which one is the node (plug or systems_uri). The \
        password comes by standard input, from a file (--password-file), from a script or from the environment variable REDFISH_PASSWORD; \
        --password is visible to every user of this machine while the agent runs.",
    options: &[
        login::IP,
        Opt::text("ipport", "TCP port of the BMC").short('u').kind(Kind::Integer).default("443"),
        login::USERNAME,
        login::PASSWORD.env("REDFISH_PASSWORD"),
        login::PASSWORD_FILE,
        login::PASSWORD_SCRIPT,
        Opt::text("redfish-uri", "Path of the service's root").default("/redfish/v1"),
        Opt::text("systems-uri", "Path of the system, for example /redfish/v1/Systems/System.Embedded.1"),
        Opt::text("plug", "Id or UUID of the system; other words are ignored where the service has one system only").short('n').old(&["port"]),
        login::PORT_AS_IP,
        Opt::text("ca-file", "PEM file with the authority of the BMC's certificate, in place of the system's authorities"),
        Opt::text("pin", "SHA-256 of the BMC's certificate (sha256:HEX): believe this one and no authority"),
        Opt::text("ssl-insecure", "Believe any certificate: who controls the way to the BMC gets the password").kind(Kind::Boolean),
        Opt::text("ssl", IGNORED).short('z').kind(Kind::Boolean).default("1"),
        Opt::text("ssl-secure", IGNORED).kind(Kind::Boolean),
        Opt::text("gnutlscli-path", IGNORED),
    ],
    build,
};

fn build(values: &Values, host: &dyn Host) -> Result<Box<dyn PowerSwitch>, String> {
    let path = |name: &str| match values.text(name) {
        Some(path) if !path.starts_with('/') => Err(format!("{}={path}: a path begins with /", name.replace('-', "_"))),
        path => Ok(path.map(str::to_owned)),
    };
    let (ip, port) = endpoint(login::address(values)?, login::port(values)?)?;
    let trust = Trust::parse(values.text("ca-file").map(Into::into), values.text("pin"), values.is_set("ssl-insecure"))?;
    let user = values.text("username").ok_or("username= is missing: name the BMC's user")?;
    let mut access = Access::new(host, ip, user, login::password(values, host)?, &trust)?;
    access.port = port;
    access.root = path("redfish-uri")?.map_or_else(|| ROOT.to_owned(), |root| format!("{}/", root.trim_end_matches('/')));
    let plug = values.text("plug").filter(|_| !values.is_set("port-as-ip"));
    access.wanted = match (path("systems-uri")?, plug) {
        (Some(path), _) => Wanted::Path(path),
        (None, Some(plug)) => Wanted::Hinted(plug.to_owned()),
        (None, None) => Wanted::Only,
    };
    let limit = values.seconds("login-timeout") + values.seconds("shell-timeout");
    Ok(Box::new(RedfishSwitch::new(access).within(limit)))
}

/// The field's agent takes ADDRESS:PORT as `ip`, too.
fn endpoint(ip: &str, port: Option<u16>) -> Result<(&str, u16), String> {
    match ip.split_once(':') {
        Some((ip, inner)) if !inner.contains(':') => Ok((ip, inner.parse().map_err(|_| format!("ip={ip}:{inner}: that is no port"))?)),
        _ => Ok((ip, port.unwrap_or(PORT))),
    }
}
