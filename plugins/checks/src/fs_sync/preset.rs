//! Ready-made lists of what has to be the same on both nodes.

/// A product whose files are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// `BlueMind`: everything under /etc and six files elsewhere (BM9)
    Bluemind,
    /// Scalix: instance.cfg, workers, connectors and Apache's files of both instances (SX17)
    Scalix,
}

/// BM9, with the files of /etc that belong to one node only left out.
const BLUEMIND: [&str; 7] = [
    "/etc",
    "/usr/share/bm-elasticsearch/config/elasticsearch.yml",
    "/etc/aliases",
    "/etc/aliases.db",
    "/etc/sysctl.conf",
    "/etc/ssl/certs/bm_cert.pem",
    "/var/lib/bm-ca/ca-cert.pem",
];

/// SX17.
const SCALIX: [&str; 3] = ["/etc/opt/scalix", "/etc/opt/scalix-tomcat", "/etc/httpd/conf.d"];

/// What differs between two healthy nodes.
const PER_NODE: [&str; 27] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mailname",
    "/etc/machine-id",
    "/etc/adjtime",
    "/etc/mtab",
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/resolv.conf",
    "/etc/.pwd.lock",
    "/etc/ld.so.cache",
    "/etc/network/",
    "/etc/netplan/",
    "/etc/NetworkManager/",
    "/etc/sysconfig/network-scripts/",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/ssh/ssh_host_*",
    "/etc/iscsi/initiatorname.iscsi",
    "/etc/lvm/archive/",
    "/etc/lvm/backup/",
    "/etc/lvm/cache/",
    "/etc/lvm/devices/",
    "/etc/mdadm/",
    "/etc/icinga2/",
    "/etc/twinguard/secret/",
    "/etc/.git/",
    "/etc/systemd/system/*.wants/",
];

impl Preset {
    /// Its trees.
    pub const fn paths(self) -> &'static [&'static str] {
        match self {
            Preset::Bluemind => &BLUEMIND,
            Preset::Scalix => &SCALIX,
        }
    }

    /// What it leaves out.
    pub const fn excludes(self) -> &'static [&'static str] {
        match self {
            Preset::Bluemind | Preset::Scalix => &PER_NODE,
        }
    }
}
