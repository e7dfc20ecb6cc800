//! Why an automatic act was refused: one code per reason, with what an administrator does about it.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $advice:literal;)+) => {
        /// A refusal code. Stable: mails, the status file, the journal and the second line of the failover checks carry it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Refusal {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl Refusal {
            /// Every code, in the order of the inventory.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name,)+];

            /// The code as it is printed and stored.
            pub const fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)+ }
            }

            /// What to do now, one sentence for the administrator.
            pub const fn advice(self) -> &'static str {
                match self { $(Refusal::$name => $advice,)+ }
            }
        }
    };
}

refusals! {
    /// G0: the state is not HARD yet.
    Soft = "SOFT", "nothing: Icinga has not confirmed the failure yet";
    /// G0: not CRITICAL or DOWN.
    NotCritical = "NOT_CRITICAL", "nothing: only CRITICAL starts a takeover";
    /// G0: the check result is too old, or lies in the future.
    StaleEvent = "STALE_EVENT", "look at the clock and at Icinga's latency";
    /// G0: the service has no meaning in `[triggers]`, or the caller may not ask.
    NotAllowed = "NOT_ALLOWED", "name the service in [triggers] of cluster.toml if it may start a takeover";
    /// G1: host or service is in a downtime, or flapping.
    Downtime = "DOWNTIME", "end the downtime if the takeover is wanted";
    /// G1: maintenance is on.
    Maintenance = "MAINTENANCE", "end the maintenance if the takeover is wanted";
    /// G1: an update holds its lock.
    UpdateLock = "UPDATE_LOCK", "finish the update and release its lock";
    /// `automatic = false`.
    AutomaticOff = "AUTOMATIC_OFF", "set automatic = true in cluster.toml on both nodes";
    /// G2: this node is not the slave of a group that the peer serves.
    Role = "ROLE", "look at `twinguard status`; a STANDBY node has to be rejoined first";
    /// G2: booted and not yet agreed with the peer.
    Inert = "INERT", "look at the peer; after a loss of both nodes a person decides who leads";
    /// G2: automation is frozen.
    Frozen = "FROZEN", "resolve the split brain or the corrupt state, then unfreeze";
    /// G2: an attempt is open already.
    AttemptOpen = "ATTEMPT_OPEN", "nothing: the attempt goes on by itself";
    /// G8: too many takeovers lately.
    RateLimit = "RATE_LIMIT", "find out why the nodes fail so often; move the group by hand if needed";
    /// The durable state can't be written.
    StateUnwritable = "STATE_UNWRITABLE", "make room or make the state directory writable";
    /// The durable state can't be read.
    StateCorrupt = "STATE_CORRUPT", "restore the state directory, or found the pair anew after checking who holds the data";
    /// G3: the peer shows a sign of life.
    PeerAlive = "PEER_ALIVE", "nothing: the peer lives; look at the check that called";
    /// G3: the service answers at the cluster IP.
    PeerServes = "PEER_SERVES", "look at the links between the nodes: clients are being served";
    /// G3: this node's own probes were not punctual.
    SelfStalled = "SELF_STALLED", "look at this node's load, or at the hypervisor that stuns it";
    /// G4: this node is the isolated one.
    Isolated = "ISOLATED", "look at this node's network: no gateway or witness answers";
    /// The peer answers with another host key: somebody is alive there.
    HostKey = "HOST_KEY", "if the node was replaced: twinguard rejoin --accept-host-key";
    /// G9: the nodes' configurations differ.
    Config = "CONFIG", "copy the same cluster.toml to both nodes";
    /// G9: the nodes speak different protocol versions.
    Protocol = "PROTOCOL", "install the same version on both nodes";
    /// G5: the nodes' clocks differ.
    Clock = "CLOCK", "repair the time synchronisation of both nodes";
    /// G5: this node can't run the group.
    Unfit = "UNFIT", "repair this node: what it lacks is said beside the code";
    /// G11: not enough memory for one more group.
    Capacity = "CAPACITY", "free memory on this node";
    /// G12: something would start a managed resource at boot.
    BootStarts = "BOOT_STARTS", "disable the named unit or fstab entry: only twinguard may start it";
    /// G12: managed data lies on NFS.
    Nfs = "NFS", "move the data to a block device (BM4)";
    /// G10: another cluster manager owns the resources.
    ForeignManager = "FOREIGN_MANAGER", "stop the other cluster manager, or set its adapter";
    /// G6: the data are older than `max_loss` allows.
    DataStale = "DATA_STALE", "repair the replication, or accept the named loss by hand";
    /// G6: the age of the data is unknown.
    DataUnknown = "DATA_UNKNOWN", "repair the replication checks";
    /// G6: the volume group belongs to the other node.
    DataOwned = "DATA_OWNED", "confirm that the other node is off";
    /// G6: replication is split.
    DataSplit = "DATA_SPLIT", "name the survivor: twinguard repair --survivor";
    /// The peer may not take the groups, or does not answer whether it may.
    PeerUnfit = "PEER_UNFIT", "look at the other node: what it lacks is said beside the code";
    /// T5: the data carry a higher epoch than this node knows.
    DataNewer = "DATA_NEWER", "somebody else was master later: find out who, before anything is started";
    /// G7: no fence device is configured for the peer.
    NoStonith = "NO_STONITH", "configure a [[fence.device]] for the peer: without one no automatic takeover";
    /// G7: the fence device does not answer.
    DeviceSilent = "DEVICE_SILENT", "look at the peer's BMC; if the peer is surely off, a person takes over by hand";
    /// G7: the fence device denies the credentials.
    DeviceDenied = "DEVICE_DENIED", "correct user and secret of the peer's fence device";
    /// G7: the device is not the peer's.
    Identity = "IDENTITY", "correct address or identity: this device would switch off another machine";
    /// G7: the device can't show whose it is, and no drill has proven it.
    Undrilled = "UNDRILLED", "prove on purpose which node the device switches: twinguard drill fence";
    /// Fence: the device goes on saying ON.
    SaysOn = "SAYS_ON", "switch the peer off by hand";
    /// Fence: the device says OFF and the peer answers.
    OffButAlive = "OFF_BUT_ALIVE", "correct the fence device: it does not switch the peer";
    /// Fence: no level could confirm OFF.
    FenceFailed = "FENCE_FAILED", "switch the peer off by hand and confirm it";
    /// F4: an attempt that may not be abandoned runs out.
    Draining = "DRAINING", "wait a minute: an accepted off may still arrive";
    /// T3: the file system needs a person.
    Fsck = "FSCK", "run fsck by hand on the named device";
    /// T4: a mount failed.
    Mount = "MOUNT", "mount by hand to see why";
    /// T7: somebody else answers for the cluster IP.
    VipConflict = "VIP_CONFLICT", "find the machine with the named hardware address";
    /// T8: a service did not start.
    Service = "SERVICE", "look at the unit's journal";
    /// An operator typed another name.
    NameMismatch = "NAME_MISMATCH", "type the node's name exactly";
    /// RX12: the operator's session came over the cluster IP.
    OverVip = "OVER_VIP", "log in through the node's own address";
    /// RX11: the command belongs on the other node.
    WrongNode = "WRONG_NODE", "run it on the node that is named";
    /// MD2: calls are active.
    CallsActive = "CALLS_ACTIVE", "repeat with the acknowledgement that calls will drop";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
