//! `cluster.toml` of the simulated pair.

use crate::bmc::identity;
use crate::machine::{address, device, folder, unit};
use crate::world::{GROUPS, NAMES};
use std::fmt::Write as _;

/// `cluster.toml` of the pair.
pub fn configuration(groups: usize) -> String {
    let mut text = "schema = 1\nname = \"sim\"\nautomatic = true\n\n[nodes]\nn1 = { lan = \"192.0.2.1\", heartbeat = \"192.168.250.1\" }\n\
                    n2 = { lan = \"192.0.2.2\", heartbeat = \"192.168.250.2\" }\n\n[links]\nlan = { interface = \"eth0\", clients = true }\n\
                    heartbeat = { interface = \"eth1\" }\n\n[witness]\nhosts = [\"ping:192.0.2.254\"]\n\n[confirm]\nsilence = \"2s\"\nhung = \"15s\"\n\n\
                    [fence]\ndelay = { n1 = \"0s\", n2 = \"5s\" }\n\n[limits]\ninterval = \"0s\"\nper_day = 0\n\n\
                    [triggers]\ntwinguard-master-alive = \"peer-lost\"\ntwinguard-network-failover = \"peer-lan-lost\"\n\
                    twinguard-raid = \"self\"\n\n"
        .to_owned();
    for (node, name) in NAMES.iter().enumerate() {
        let _ = write!(
            text,
            "[[fence.device]]\ntarget = \"{}\"\ndriver = \"ipmi\"\naddress = \"198.51.100.{}\"\nuser = \"fence\"\nsecret = \"/etc/twinguard/secret/bmc\"\n\
             identity = \"{}\"\n\n",
            name,
            node + 1,
            identity(node)
        );
    }
    for (group, home) in (0..groups).zip(NAMES) {
        let _ = write!(
            text,
            "[[group]]\nname = \"{}\"\nhome = \"{home}\"\nip = [{{ address = \"{address}/24\", link = \"lan\" }}]\ndata = {{ kind = \"device\" }}\n\
             mounts = [{{ device = \"{}\", path = \"{}\", fs = \"ext4\" }}]\nservices = [\"{}\"]\nverify = [\"banner:{address}:25\"]\n\n",
            GROUPS[group],
            device(group),
            folder(group),
            unit(group),
            address = address(group),
        );
    }
    text + "[notify]\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\nrelays = [\"smtp://192.0.2.25\"]\n"
}
