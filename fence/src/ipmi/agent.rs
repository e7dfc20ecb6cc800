//! `fence_ipmi`: the IPMI driver as a ClusterLabs fence agent that `fence_ipmilan` users can swap in.
//!
//! Refuses what it could not do safely: cipher suite 0, `method=cycle` (cannot be verified), a bridged `target`.

use super::{CipherSuite, IpmiSwitch, Login, PORT, Privilege, kg};
use crate::agent_api::{Agent, Kind, Opt, Values, login};
use crate::power::PowerSwitch;
use plugin_core::Host;

const IGNORED: &str = "Accepted for drop-in use, without effect: the session is IPMI 2.0, spoken without ipmitool";

/// The agent.
pub const FENCE_IPMI: Agent = Agent {
    name: "fence_ipmi",
    shortdesc: "Fence agent for IPMI 2.0 over LAN",
    longdesc: "fence_ipmi switches a node's power through its BMC, over IPMI 2.0 (RMCP+) with cipher suite 17 or 3. It reports success \
        for off only after the BMC has said OFF twice. The password comes by standard input, from a file (--password-file), from a \
        script or from the environment variable IPMI_PASSWORD; --password is visible to every user of this machine while the agent runs.",
    options: &[
        login::IP,
        Opt::text("ipport", "UDP port of the BMC").short('u').kind(Kind::Integer).default("623"),
        login::USERNAME,
        login::PASSWORD.env("IPMI_PASSWORD"),
        login::PASSWORD_FILE,
        login::PASSWORD_SCRIPT,
        Opt::text("privlvl", "Privilege level; an account that may not be administrator is asked for as operator, which suffices")
            .short('L')
            .kind(Kind::Choice(&["callback", "user", "operator", "administrator"]))
            .default("administrator"),
        Opt::text("cipher", "Cipher suites in the order in which they are tried: 17, 3 or 17,3").short('C').default("17,3"),
        Opt::text("hexadecimal-kg", "Kg as hexadecimal digits, if the BMC has one"),
        Opt::text("plug", "Ignored, unless port_as_ip makes it the address of the BMC").short('n').old(&["port"]),
        login::PORT_AS_IP,
        Opt::text("method", "onoff; cycle is refused, since nobody could see the node off")
            .short('m')
            .kind(Kind::Choice(&["onoff", "cycle"]))
            .default("onoff"),
        Opt::text("target", "Refused: a bridged request would switch another machine"),
        Opt::text("packet-timeout", "Wait X seconds for the first packet before it is sent again; later waits follow the pace of the BMC")
            .kind(Kind::Seconds)
            .default("0.25"),
        Opt::text("lanplus", IGNORED).short('P').kind(Kind::Boolean),
        Opt::text("auth", IGNORED).short('A'),
        Opt::text("ipmitool-path", IGNORED),
        Opt::text("ipmitool-timeout", IGNORED),
    ],
    build,
};

fn build(values: &Values, host: &dyn Host) -> Result<Box<dyn PowerSwitch>, String> {
    if values.text("method").is_some_and(|method| method.eq_ignore_ascii_case("cycle")) {
        return Err("method=cycle can't be verified: the node is never seen off; use method=onoff".into());
    }
    if values.text("target").is_some() {
        return Err("target= (a bridged request) is not supported: it would switch another machine".into());
    }
    let ip = login::address(values)?;
    let suites = values
        .text("cipher")
        .unwrap_or_default()
        .split([',', ' '])
        .filter(|s| !s.is_empty())
        .map(CipherSuite::parse)
        .collect::<Result<Vec<_>, _>>()?;
    let key = values.text("hexadecimal-kg").map(kg).transpose().map_err(|e| format!("hexadecimal_kg: {e}"))?;
    let privilege = Privilege::parse(values.text("privlvl").unwrap_or("administrator"))?;
    let password = login::password(values, host)?;
    let login = Login::new(values.text("username").unwrap_or_default(), password.expose().as_bytes(), key.as_deref(), privilege)?;
    let port = login::port(values)?.unwrap_or(PORT);
    let limit = values.seconds("login-timeout") + values.seconds("shell-timeout");
    Ok(Box::new(IpmiSwitch::new(ip, port, login, suites).within(limit).packet_timeout(values.seconds("packet-timeout"))))
}
