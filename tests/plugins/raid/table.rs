//! What is said of each recorded machine: `BACK END/SHAPE: STATE - FINDINGS`. SEVERE is a CRITICAL that may start a takeover too.

/// Controllers, by their vendors' tools.
pub const CONTROLLERS: &str = r#"
3ware/battery-cut-off: UNKNOWN - 3ware: cannot understand the answer of /usr/sbin/tw_cli /c0 show: it is cut off: there is a battery and it is not told
3ware/battery-tests: WARNING - 3ware c0/bbu battery Testing (online On, ready No, voltage OK, temperature OK)
3ware/battery-weak: WARNING - 3ware c0/bbu battery WeakBat (online On, ready No, voltage OK, temperature OK)
3ware/cache-off-with-battery: WARNING - 3ware c0/u0 write cache is off
3ware/drive-predicts-failure: WARNING - 3ware c0/p1 in u0 SMART-FAILURE
3ware/drive-with-ecc-errors: WARNING - 3ware c0/p1 in u0 ECC-ERROR
3ware/empty-port: OK - 3ware: 1 array, 2 drives fine
3ware/enclosure-fan-stands: WARNING - 3ware c0/e0/fan1 FAILURE OFF
3ware/mirror-and-spare: OK - 3ware: 1 array, 3 drives, 1 spare, 1 battery fine
3ware/mirror-lost-a-drive: CRITICAL - 3ware c0/u0 RAID-1 DEGRADED, 3ware c0/p1 in u0 DEGRADED
3ware/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
3ware/no-right: UNKNOWN - 3ware: cannot run /usr/sbin/tw_cli show: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/tw_cli show
3ware/rebuild-onto-the-spare: WARNING - 3ware c0/u0 RAID-1 REBUILDING 41%, 3ware c0/p2 in no unit DRIVE-REMOVED
3ware/strange-state: UNKNOWN - 3ware c0/u0 RAID-1 ENCHANTED
3ware/tool-error: UNKNOWN - 3ware: cannot run /usr/sbin/tw_cli show: exit code 1: Error: (CLI:003) Specified controller does not exist.
3ware/two-controllers-one-degraded: CRITICAL - 3ware c1/u0 RAID-1 DEGRADED, 3ware c1/p1 in u0 DRIVE-REMOVED
3ware/unit-inoperable: SEVERE - 3ware c0/u0 RAID-1 INOPERABLE, 3ware c0/p0 in u0 DEVICE-ERROR, 3ware c0/p1 in u0 DRIVE-REMOVED
3ware/units-cut-off: UNKNOWN - 3ware: cannot understand the answer of /usr/sbin/tw_cli /c0 show: it is cut off: 1 of 2 units and 0 of 3 drives
3ware/verify-runs: OK - 3ware c0/u0 RAID-1 VERIFYING 29%, 3ware: 3 drives, 1 spare, 1 battery fine
arcconf/answer-cut-off: UNKNOWN - arcconf: cannot understand the answer of /usr/Arcconf/arcconf getconfig 1 al: it is cut off: it does not say that the command was completed
arcconf/battery-charges: WARNING - arcconf c1/bbu Charging
arcconf/battery-failed: WARNING - arcconf c1/bbu Failed
arcconf/battery-too-hot: WARNING - arcconf c1/bbu Optimal, too hot
arcconf/cache-off-with-battery: WARNING - arcconf c1/l0 write cache is off
arcconf/drive-predicts-failure: WARNING - arcconf c1/d1 Online, failure predicted
arcconf/failed-stripes: WARNING - arcconf c1/l0 has failed stripes
arcconf/mirror-and-spare: OK - arcconf: 1 controller, 1 array, 2 drives, 1 spare, 1 battery fine
arcconf/mirror-lost-a-drive: CRITICAL - arcconf c1/l0 RAID-1 Degraded, arcconf c1/d1 Failed
arcconf/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
arcconf/no-right: UNKNOWN - arcconf: cannot run /usr/Arcconf/arcconf getversion: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/Arcconf/arcconf getversion
arcconf/rebuild-onto-the-spare: WARNING - arcconf c1/l0 RAID-1 Degraded, Rebuild 17%, arcconf c1/d2 Rebuilding
arcconf/tool-error: UNKNOWN - arcconf: cannot run /usr/Arcconf/arcconf getversion: exit code 4: Unable to open the controller device.
arcconf/two-controllers-one-degraded: CRITICAL - arcconf c2/l0 RAID-1 Degraded
arcconf/verify-runs: OK - arcconf c1/l0 RAID-1 Optimal, Verify 62%, arcconf: 1 controller, 2 drives, 1 spare, 1 battery fine
arcconf/volume-failed: SEVERE - arcconf c1/l0 RAID-1 Failed, arcconf c1/d0 Failed, arcconf c1/d1 Failed
areca/answer-cut-off: UNKNOWN - areca: cannot understand the answer of /usr/sbin/cli64 rsf info: it is cut off: GuiErrMsg is missing
areca/check-runs: OK - areca set1 Raid Set # 00 Checking, areca volume1 ARC-1220-VOL#00 Checking(71.0%), areca: 3 drives, 1 spare fine
areca/drive-free-and-incomplete: WARNING - areca disk4 Incomplete
areca/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
areca/no-right: UNKNOWN - areca: cannot run /usr/sbin/cli64 rsf info: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/cli64 rsf info
areca/rebuild: WARNING - areca set1 Raid Set # 00 Rebuilding, areca volume1 ARC-1220-VOL#00 Rebuilding(12.3%)
areca/set-and-spare: OK - areca: 2 arrays, 3 drives, 1 spare fine
areca/set-degraded: CRITICAL - areca set1 Raid Set # 00 Degraded, areca volume1 ARC-1220-VOL#00 Degraded, areca disk4 Failed
areca/set-incomplete: SEVERE - areca set1 Raid Set # 00 Incomplete, areca volume1 ARC-1220-VOL#00 Failed, areca disk4 Failed
areca/strange-state: UNKNOWN - areca set1 Raid Set # 00 Enchanted, areca volume1 ARC-1220-VOL#00 Enchanted
areca/tool-error: UNKNOWN - areca: cannot understand the answer of /usr/sbin/cli64 rsf info: GuiErrMsg<0x09>: Password Required.
cciss/cache-off: WARNING - cciss sg0 write cache enabled: No
cciss/drives-cut-off: UNKNOWN - cciss: cannot understand the answer of /usr/sbin/cciss_vol_status -V /dev/sg0: it is cut off: 1 of 2 logical drives
cciss/mirror-lost-a-drive: CRITICAL - cciss sg0/v0 RAID 1 Using interim recovery mode, cciss sg0/1I:1:2 not OK
cciss/mirror: OK - cciss: 1 array, 2 drives, 1 cache fine
cciss/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
cciss/no-right: UNKNOWN - cciss: cannot run /usr/sbin/cciss_vol_status -V /dev/sg0: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/cciss_vol_status -V /dev/sg0
cciss/old-driver: OK - cciss: 1 array, 1 enclosure part fine
cciss/rebuild: WARNING - cciss sg0/v0 RAID 1 Currently recovering
cciss/tool-error: UNKNOWN - cciss: cannot run /usr/sbin/cciss_vol_status -V /dev/sg0: exit code 1: cciss_vol_status: /dev/sg0: Unknown SCSI device.
cciss/volume-failed: SEVERE - cciss sg0/v0 RAID 1 FAILED
megacli/answer-cut-off: UNKNOWN - megacli: cannot understand the answer of /opt/MegaRAID/MegaCli/MegaCli64 -LDInfo -Lall -aALL -NoLog: it is cut off: its exit code is missing
megacli/battery-failed: WARNING - megacli a0/bbu iBBU Voltage Low
megacli/battery-learns: WARNING - megacli a0/bbu iBBU learns
megacli/battery-to-be-replaced: WARNING - megacli a0/bbu iBBU Battery Replacement required
megacli/cache-switched-off: WARNING - megacli a0/v0 write cache is off: the controller has switched it off
megacli/consistency-check-runs: OK - megacli a0/v0 RAID-1 Optimal, Check Consistency: Completed 14%, Taken 3 min., megacli: 2 drives, 1 spare, 1 battery fine
megacli/drive-predicts-failure: WARNING - megacli a0/e32/s1 Online, Spun Up, failure predicted
megacli/foreign-drive: WARNING - megacli a0/e32/s3 Unconfigured(good), Spun Up, foreign configuration
megacli/mirror-and-spare: OK - megacli: 1 array, 2 drives, 1 spare, 1 battery fine
megacli/mirror-lost-a-drive: CRITICAL - megacli a0/v0 RAID-1 Degraded, megacli a0/e32/s1 Failed
megacli/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
megacli/no-right: UNKNOWN - megacli: cannot run /opt/MegaRAID/MegaCli/MegaCli64 -LDInfo -Lall -aALL -NoLog: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /opt/MegaRAID/MegaCli/MegaCli64 -LDInfo -Lall -aALL -NoLog
megacli/rebuild-onto-the-spare: WARNING - megacli a0/v0 RAID-1 Degraded, rebuilding, megacli a0/e32/s2 Rebuild
megacli/two-adapters-one-degraded: CRITICAL - megacli a1/v0 RAID-1 Partially Degraded
megacli/volume-offline: SEVERE - megacli a0/v0 RAID-1 Offline, megacli a0/e32/s0 Failed, megacli a0/e32/s1 Offline
megacli/volume-without-state: UNKNOWN - megacli: cannot understand the answer of /opt/MegaRAID/MegaCli/MegaCli64 -LDInfo -Lall -aALL -NoLog: a volume without its state
mpt/drives-cut-off: UNKNOWN - mpt: cannot understand the answer of /usr/sbin/mpt-status -i 0: it is cut off: 1 of 2 drives
mpt/mirror-lost-a-drive: CRITICAL - mpt ioc0/v0 DEGRADED, mpt ioc0/p1 MISSING (OUT_OF_SYNC)
mpt/mirror: OK - mpt: 1 array, 2 drives fine
mpt/no-right: UNKNOWN - mpt: cannot run /usr/sbin/mpt-status -p: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/mpt-status -p
mpt/no-volume: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
mpt/resync: WARNING - mpt ioc0/v0 DEGRADED (ENABLED RESYNC_IN_PROGRESS), mpt ioc0/p1 ONLINE (OUT_OF_SYNC)
mpt/tool-error: UNKNOWN - mpt: cannot run /usr/sbin/mpt-status -p: exit code 1: Make sure mptctl is loaded into the kernel
mpt/volume-failed: SEVERE - mpt ioc0/v0 FAILED, mpt ioc0/p0 FAILED, mpt ioc0/p1 FAILED
sas-ircu/answer-cut-off: UNKNOWN - sas-ircu: cannot understand the answer of /usr/sbin/sas2ircu 0 DISPLAY: it is cut off: it does not say that it completed
sas-ircu/consistency-check-runs: OK - sas-ircu sas2c0/v1 RAID1 Okay (OKY), Consistency Check 40%, sas-ircu: 2 drives, 1 spare fine
sas-ircu/drives-without-volumes: OK - sas-ircu: 2 drives fine
sas-ircu/mirror-and-spare: OK - sas-ircu: 1 array, 2 drives, 1 spare fine
sas-ircu/mirror-lost-a-drive: CRITICAL - sas-ircu sas2c0/v1 RAID1 Degraded (DGD), sas-ircu sas2c0/1:1 Missing (MIS)
sas-ircu/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
sas-ircu/no-right: UNKNOWN - sas-ircu: cannot run /usr/sbin/sas2ircu LIST: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/sas2ircu LIST
sas-ircu/rebuild-onto-the-spare: WARNING - sas-ircu sas2c0/v1 RAID1 Degraded (DGD), Synchronize 2.93%, sas-ircu sas2c0/1:1 Rebuilding (RBLD)
sas-ircu/tool-error: UNKNOWN - sas-ircu: cannot run /usr/sbin/sas2ircu LIST: exit code 3: SAS2IRCU: Failed to open the driver.
sas-ircu/two-controllers-one-degraded: CRITICAL - sas-ircu sas2c1/v1 RAID1 Degraded (DGD), sas-ircu sas2c1/1:1 Failed (FLD)
sas-ircu/volume-failed: SEVERE - sas-ircu sas2c0/v1 RAID1 Failed (FLD), sas-ircu sas2c0/1:0 Failed (FLD), sas-ircu sas2c0/1:1 Failed (FLD)
sas-ircu/volume-missing: CRITICAL - sas-ircu sas2c0/v1 RAID1 Missing (MIS), sas-ircu sas2c0/1:0 Missing (MIS)
ssacli/answer-cut-off: UNKNOWN - ssacli: cannot understand the answer of /usr/sbin/ssacli controller all show status: it has no status of a controller
ssacli/battery-failed: WARNING - ssacli slot0 battery Failed (Replace Batteries/Capacitors)
ssacli/battery-recharges: WARNING - ssacli slot0 battery Recharging
ssacli/cache-disabled: WARNING - ssacli slot0 cache Temporarily Disabled
ssacli/controller-without-arrays: OK - ssacli: 1 controller, 1 drive fine
ssacli/drive-line-cut-off: UNKNOWN - ssacli: cannot understand the answer of /usr/sbin/ssacli controller slot=0 logicaldrive all show: odd line "logicaldrive 1 (931.5 GB, RAI"
ssacli/drive-predicts-failure: WARNING - ssacli slot0/1I:1:2 Predictive Failure
ssacli/mirror-and-spare: OK - ssacli: 1 controller, 1 array, 2 drives, 1 spare, 1 battery, 1 cache fine
ssacli/mirror-lost-a-drive: CRITICAL - ssacli slot0/l1 RAID 1 Interim Recovery Mode, ssacli slot0/1I:1:2 Failed
ssacli/no-cache-module: OK - ssacli: 1 controller, 1 array, 2 drives, 1 spare fine
ssacli/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
ssacli/no-right: UNKNOWN - ssacli: cannot run /usr/sbin/ssacli controller all show status: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/ssacli controller all show status
ssacli/rebuild-onto-the-spare: CRITICAL - ssacli slot0/1I:1:2 Failed
ssacli/spare-stands-in: CRITICAL - ssacli slot0/1I:1:2 Failed
ssacli/tool-error: UNKNOWN - ssacli: cannot run /usr/sbin/ssacli controller all show status: exit code 1: Another instance of ssacli is running! Stop it first.
ssacli/two-controllers-one-degraded: WARNING - ssacli slot3/l1 RAID 1 Ready for Rebuild
ssacli/volume-failed: SEVERE - ssacli slot0/l1 RAID 1 Failed, ssacli slot0/1I:1:1 Failed, ssacli slot0/1I:1:2 Failed
storcli/answer-cut-off: UNKNOWN - storcli: cannot understand the answer of /opt/MegaRAID/storcli/storcli64 /call show all J: control character (\u0000-\u001F) found while parsing a string at line 47 column 0
storcli/cache-off-with-cachevault: WARNING - storcli c0/v0 write cache is off (RWTD)
storcli/cachevault-failed: WARNING - storcli c0/bbu CVPM02 Degraded (Needs Attention)
storcli/cachevault-learns: WARNING - storcli c0/bbu CVPM02 Learning
storcli/drive-missing: CRITICAL - storcli c0/v0 RAID1 degraded, storcli c0/e252/s1 missing
storcli/drive-predicts-failure: WARNING - storcli c0/e252/s1 online, failure predicted
storcli/drives-cut-off: UNKNOWN - storcli: cannot understand the answer of /opt/MegaRAID/storcli/storcli64 /call show all J: c0 has more drives than it lists
storcli/foreign-drive: WARNING - storcli c0/e252/s3 unconfigured good, foreign configuration
storcli/mirror-and-spare: OK - storcli: 1 controller, 1 array, 2 drives, 1 spare, 1 battery fine
storcli/mirror-lost-a-drive: CRITICAL - storcli c0/v0 RAID1 degraded, storcli c0/e252/s1 Failed
storcli/no-controller: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
storcli/no-right: UNKNOWN - storcli: cannot run /opt/MegaRAID/storcli/storcli64 /call show all J: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /opt/MegaRAID/storcli/storcli64 /call show all J
storcli/perccli-state-unknown: UNKNOWN - storcli c0/v0 RAID1 Xyzzy
storcli/rebuild-onto-the-spare: WARNING - storcli c0 controller Needs Attention, storcli c0/v0 RAID1 degraded, storcli c0/e252/s2 rebuilding
storcli/tool-error: UNKNOWN - storcli: cannot understand the answer of /opt/MegaRAID/storcli/storcli64 /call show all J: Failure: Firmware fault
storcli/two-controllers-one-degraded: CRITICAL - storcli c1/v0 RAID6 partially degraded
storcli/volume-offline: SEVERE - storcli c0/v0 RAID1 offline, storcli c0/e252/s0 Failed, storcli c0/e252/s1 offline
"#;

/// RAID of the kernel.
pub const KERNEL: &str = r#"
btrfs/corruption: WARNING - btrfs data/2 read_errs 1, corruption_errs 4
btrfs/mirror-misses-a-drive: CRITICAL - btrfs data 1 of 2 devices missing, btrfs data/2 missing
btrfs/mirror: OK - btrfs: 1 array, 2 drives fine
btrfs/no-device: UNKNOWN - btrfs: cannot understand /sys/fs/btrfs/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0: it lists no device
btrfs/no-label-and-no-counters: OK - btrfs: 1 array, 2 drives fine
dm/line-cut-off: UNKNOWN - dm: cannot understand the answer of /usr/sbin/dmsetup status: odd line "vg-root: 0 2097152 raid raid1 2 A"
dm/linear-only: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
dm/mirror-and-raid5: OK - dm: 3 arrays fine
dm/mirror-syncs: WARNING - dm vg-old mirror AA, sync 25.0%
dm/mirror-write-failed: CRITICAL - dm vg-old mirror AD
dm/no-right: UNKNOWN - dm: cannot run /usr/sbin/dmsetup status: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/dmsetup status
dm/raid1-all-dead: SEVERE - dm vg-root raid1 DD
dm/raid1-lost-a-leg: CRITICAL - dm vg-root raid1 AD
dm/raid1-recovers: WARNING - dm vg-root raid1 Aa, recover 25.0%
dm/scrub-runs: OK - dm vg-root raid1 AA, check 50.0%
drbd/v84-in-sync: OK - drbd: 1 array, 1 drive fine
drbd/v84-line-cut-off: UNKNOWN - drbd: cannot understand /proc/drbd: odd line "0: cs:Connected ro:Primary"
drbd/v84-no-data: SEVERE - drbd drbd0/0 Primary disk Diskless, drbd drbd0/peer WFConnection (DUnknown)
drbd/v84-no-resource: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
drbd/v84-own-disk-failed: CRITICAL - drbd drbd0/0 Primary disk Diskless
drbd/v84-peer-lost: CRITICAL - drbd drbd0/peer WFConnection (DUnknown)
drbd/v84-split-brain: CRITICAL - drbd drbd0/peer StandAlone (DUnknown)
drbd/v84-sync-source: WARNING - drbd drbd0/peer SyncSource (Inconsistent)
drbd/v84-sync-target: WARNING - drbd drbd0/0 Secondary disk Inconsistent
drbd/v9-answer-cut-off: UNKNOWN - drbd: cannot understand the answer of /usr/sbin/drbdsetup status --json --statistics: control character (\u0000-\u001F) found while parsing a string at line 21 column 0
drbd/v9-in-sync: OK - drbd: 1 array, 1 drive fine
drbd/v9-no-right: UNKNOWN - drbd: cannot run /usr/sbin/drbdsetup status --json --statistics: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/drbdsetup status --json --statistics
drbd/v9-peer-lost: CRITICAL - drbd r0/pbx2 Connecting (DUnknown)
drbd/v9-suspended: CRITICAL - drbd r0 I/O is suspended, drbd r0/pbx2 Connecting (DUnknown)
drbd/v9-sync-target: WARNING - drbd r0/0 Secondary disk Inconsistent
drbd/v9-tool-missing: UNKNOWN - drbd: cannot run drbdsetup: it is not installed; install drbd-utils
drbd/v9-two-primaries: OK - drbd: 1 array, 1 drive fine
md/answer-cut-off: UNKNOWN - md: cannot understand /proc/mdstat: odd array "md0 : active raid1 sda1[0] sdb1[1]"
md/array-broken: SEVERE - md md0 raid5 [U__], broken, md md0/sdb1 failed, md md0/sdc1 failed
md/array-inactive: CRITICAL - md md0 is inactive
md/check-of-a-degraded-array: CRITICAL - md md0 raid6 [UUU_], check 11%
md/check-runs: OK - md md0 raid1 [UU], check 98.3%, md: 2 drives fine
md/end-cut-off: UNKNOWN - md: cannot understand /proc/mdstat: it is cut off: the unused devices are missing
md/mirror-and-spare: OK - md: 1 array, 2 drives, 1 spare fine
md/mirror-lost-a-drive: CRITICAL - md md0 raid1 [U_], md md0/sdb1 failed
md/mirror-misses-a-drive: CRITICAL - md md0 raid1 [U_]
md/no-array: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
md/no-mdstat: UNKNOWN - md: cannot understand /proc/mdstat: it does not start with Personalities
md/rebuild-onto-the-spare: WARNING - md md0 raid5 [UU_], recovery 12.6%
md/resync-waits: WARNING - md md1 raid1 [UU], resync waits, md md0 raid1 [UU], resync 9.9%
md/stripes-and-container: OK - md: 3 arrays, 4 drives fine
zfs/answer-cut-off: UNKNOWN - zfs: cannot understand the answer of /usr/sbin/zpool status -p: it is cut off: a pool without its state or its errors
zfs/checksum-errors: WARNING - zfs tank/ata-B ONLINE, 7 errors
zfs/data-errors: WARNING - zfs tank ONLINE, 2 data errors, use '-v' for a list
zfs/mirror-and-spare: OK - zfs: 1 array, 2 drives, 1 spare fine
zfs/mirror-lost-a-drive: CRITICAL - zfs tank DEGRADED, zfs tank/ata-B FAULTED (too many errors), 15 errors
zfs/no-pool: UNKNOWN - no RAID controller and no array was found; install the controller's tool, or give --if-present
zfs/no-right: UNKNOWN - zfs: cannot run /usr/sbin/zpool status -p: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/zpool status -p
zfs/pool-faulted: SEVERE - zfs tank FAULTED, zfs tank/ata-A UNAVAIL (cannot open), zfs tank/ata-B UNAVAIL (cannot open)
zfs/pool-suspended: SEVERE - zfs tank SUSPENDED, List of errors unavailable: pool I/O is currently suspended, zfs tank/ata-A REMOVED, zfs tank/ata-B REMOVED
zfs/resilver: WARNING - zfs tank DEGRADED, resilver 40%
zfs/scrub-runs: OK - zfs tank ONLINE, scrub 25.5%, zfs: 2 drives fine
zfs/spare-stands-in: CRITICAL - zfs tank DEGRADED, zfs tank/ata-B UNAVAIL (cannot open)
zfs/tool-error: UNKNOWN - zfs: cannot run /usr/sbin/zpool status -p: exit code 1: Try running '/sbin/modprobe zfs' as root to load them.
"#;
