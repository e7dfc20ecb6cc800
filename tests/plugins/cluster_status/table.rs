//! What is said of each recorded cluster: `MANAGER/SHAPE: stays|MOVES|blind: STATE - FINDINGS`; the word in the middle is the answer
//! with `--failover` on the master: OK, CRITICAL or UNKNOWN.

/// One line per recorded cluster.
pub const CLUSTERS: &str = r#"
pacemaker/answer-cut-off: blind: UNKNOWN - pacemaker: cannot understand the answer of /usr/sbin/crm_mon -1 --output-as=xml: the root node was opened but never closed
pacemaker/empty-result: blind: UNKNOWN - pacemaker: cannot understand the answer of /usr/sbin/crm_mon -1 --output-as=xml: it has no current_dc
pacemaker/failcount-left: stays: WARNING - pacemaker: web has failed 3 times on n2; after the repair: crm_resource --cleanup
pacemaker/fence-device-missing: stays: WARNING - pacemaker: there is no fence device
pacemaker/fencing-failed: stays: CRITICAL - pacemaker: fencing has failed: reboot of n1
pacemaker/fencing-off: stays: WARNING - pacemaker: fencing is switched off (stonith-enabled=false)
pacemaker/healthy: stays: OK - pacemaker: 2 of 2 nodes online, 4 resources, DC n2 with quorum
pacemaker/maintenance: stays: WARNING - pacemaker: maintenance mode: nothing is started, stopped or watched
pacemaker/n1-offline: stays: WARNING - pacemaker: node n1 is offline
pacemaker/n2-fenced: stays: OK - pacemaker: 2 of 2 nodes online, 4 resources, DC n1 with quorum
pacemaker/n2-unclean-fence-failing-later: stays: CRITICAL - pacemaker: node n2 is unclean: it has to be fenced
pacemaker/n2-unclean-fence-failing: stays: CRITICAL - pacemaker: node n2 is unclean: it has to be fenced
pacemaker/no-dc: stays: CRITICAL - pacemaker: there is no DC
pacemaker/no-quorum: stays: CRITICAL - pacemaker: this partition has no quorum
pacemaker/no-right: blind: UNKNOWN - pacemaker: cannot run /usr/sbin/crm_mon -1 --output-as=xml: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/crm_mon -1 --output-as\=xml
pacemaker/not-running: blind: CRITICAL - pacemaker: Pacemaker does not run on this node; run: systemctl status pacemaker
pacemaker/resource-blocked: stays: CRITICAL - pacemaker: resource web is blocked on n2
pacemaker/resource-failed-for-good: MOVES: CRITICAL - pacemaker: resource web has failed on n1
pacemaker/resource-failed: stays: CRITICAL - pacemaker: resource web has failed on n1
pacemaker/resource-on-two-nodes: stays: CRITICAL - pacemaker: resource web is active on n1 and n2
pacemaker/resource-stopped: stays: CRITICAL - pacemaker: resource vip is stopped
pacemaker/resource-switched-off: stays: WARNING - pacemaker: resource vip is switched off
pacemaker/resource-unmanaged: stays: WARNING - pacemaker: resource vip is not managed on n2
pacemaker/standby-n2: stays: WARNING - pacemaker: node n2 is standby, pacemaker: resource fence-n1 is stopped
rgmanager/answer-cut-off: blind: UNKNOWN - rgmanager: cannot understand the answer of /usr/sbin/clustat: it lists no member
rgmanager/both-started: stays: OK - rgmanager: quorate, 2 members online, 2 services started
rgmanager/disabled-but-mounted: stays: CRITICAL - rgmanager: service mail1 is disabled and not owned by this node, but /var/opt/scalix/m1 is mounted here
rgmanager/inquorate: stays: CRITICAL - rgmanager: this partition has no quorum (Inquorate)
rgmanager/member-offline: stays: CRITICAL - rgmanager: member nodeb.example.org is offline
rgmanager/member-without-rgmanager: stays: CRITICAL - rgmanager: member nodeb.example.org runs no rgmanager
rgmanager/service-failed: stays: CRITICAL - rgmanager: service mail1 has failed, last owner nodea.example.org; look at what it left behind, then: clusvcadm -d mail1
rgmanager/service-recovering: stays: WARNING - rgmanager: service mail1 is recovering on nodeb.example.org
rgmanager/started-but-not-mounted: stays: CRITICAL - rgmanager: service mail1 is started here, but /var/opt/scalix/m1 is not mounted
rgmanager/strange-state: blind: UNKNOWN - rgmanager: cannot understand the answer of /usr/sbin/clustat: odd service "service:mail1                  nodea.example.org              enchanted"
rgmanager/tool-error: blind: UNKNOWN - rgmanager: cannot run /usr/sbin/clustat: exit code 255: Could not connect to CMAN: No such file or directory
pmgcm/line-cut-off: blind: UNKNOWN - pmgcm: cannot understand the answer of /usr/bin/pmgcm status: odd line "pmg6(2)   192.0.2.128"
pmgcm/master-and-node: stays: OK - pmgcm: master pmg5, 2 nodes in sync
pmgcm/master-loaded: stays: WARNING - pmgcm: pmg5 load 9.5 (warning at 5), pmgcm: pmg5 memory 97.0% (warning at 95), pmgcm: pmg5 disk 93.0% (warning at 90)
pmgcm/no-cluster: stays: CRITICAL - pmgcm: no cluster is defined on this node
pmgcm/no-master: stays: CRITICAL - pmgcm: there is no master
pmgcm/no-right: blind: UNKNOWN - pmgcm: cannot run /usr/bin/pmgcm status: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/bin/pmgcm status
pmgcm/node-behind: stays: WARNING - pmgcm: pmg6 is not in sync
pmgcm/node-missing: stays: CRITICAL - pmgcm: 1 nodes instead of 2
pmgcm/node-unknown: stays: WARNING - pmgcm: the state of pmg6 is not known
pmgcm/node-unreachable: stays: CRITICAL - pmgcm: pmg6: ERROR: 500 Can't connect to 192.0.2.128:8006
pmgcm/tool-error: blind: UNKNOWN - pmgcm: cannot run /usr/bin/pmgcm status: exit code 255: unable to parse '/etc/pmg/cluster.conf'
pmgcm/two-masters: stays: CRITICAL - pmgcm: 2 masters: pmg5, pmg6
keepalived/address-missing: stays: CRITICAL - keepalived: VI_1 holds a part of its addresses; missing: 192.0.2.20
keepalived/backup: stays: OK - keepalived: VI_1 is BACKUP, keepalived: VI_6 is BACKUP
keepalived/daemon-dead-addresses-left: stays: CRITICAL - keepalived: keepalived does not run on this node; run: systemctl status keepalived, keepalived: VI_1: 192.0.2.10, 192.0.2.20 is held and nobody watches it, keepalived: VI_6: fd00::10 is held and nobody watches it
keepalived/ip-fails: blind: UNKNOWN - keepalived: cannot run /usr/sbin/ip -o address show: exit code 1: Cannot open netlink socket
keepalived/master: stays: OK - keepalived: VI_1 is MASTER, keepalived: VI_6 is MASTER
keepalived/no-instance: blind: UNKNOWN - keepalived: cannot understand /etc/keepalived/keepalived.conf: it names no vrrp_instance with a virtual_ipaddress
keepalived/pid-reused: stays: CRITICAL - keepalived: keepalived does not run on this node; run: systemctl status keepalived
drbd/v84-in-sync: stays: OK - drbd: drbd0 is Primary and in sync, peer Secondary
drbd/v84-line-cut-off: blind: UNKNOWN - drbd: cannot understand /proc/drbd: odd line "0: cs:Connected ro:Primary"
drbd/v84-no-data: stays: CRITICAL - drbd: drbd0/0 has the disk Diskless
drbd/v84-no-resource: stays: WARNING - drbd: no resource is configured
drbd/v84-own-disk-failed: MOVES: CRITICAL - drbd: drbd0/0 has the disk Diskless
drbd/v84-peer-lost: stays: WARNING - drbd: drbd0 has no connection to peer (WFConnection)
drbd/v84-split-brain: stays: CRITICAL - drbd: drbd0 is StandAlone: a split brain, or disconnected by hand
drbd/v84-sync-source: stays: WARNING - drbd: drbd0 synchronises with peer (Inconsistent)
drbd/v84-sync-target: stays: WARNING - drbd: drbd0 synchronises with peer (UpToDate), drbd: drbd0/0 has the disk Inconsistent, 17.3% in sync
drbd/v9-answer-cut-off: blind: UNKNOWN - drbd: cannot understand the answer of /usr/sbin/drbdsetup status --json --statistics: control character (\u0000-\u001F) found while parsing a string at line 21 column 0
drbd/v9-in-sync: stays: OK - drbd: r0 is Primary and in sync, pbx2 Secondary
drbd/v9-no-right: blind: UNKNOWN - drbd: cannot run /usr/sbin/drbdsetup status --json --statistics: it needs root; give --sudo and add to sudoers: nagios ALL=(root) NOPASSWD: /usr/sbin/drbdsetup status --json --statistics
drbd/v9-peer-lost: stays: WARNING - drbd: r0 has no connection to pbx2 (Connecting)
drbd/v9-suspended: stays: CRITICAL - drbd: r0 has suspended its I/O until the peer is fenced or back
drbd/v9-sync-target: stays: WARNING - drbd: r0 synchronises with pbx2 (UpToDate), drbd: r0/0 has the disk Inconsistent, 43.5% in sync
drbd/v9-tool-missing: blind: UNKNOWN - drbd: cannot run drbdsetup: it is not installed; install drbd-utils
drbd/v9-two-primaries: stays: CRITICAL - drbd: r0 has two primaries
"#;
