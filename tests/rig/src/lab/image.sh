#!/bin/sh
# Builds the root file system that both nodes of the lab share as their lowest layer: image.sh DESTINATION < sources.list
# Its hash is the image's key: whatever changes here leads to a new image. The mirror's address stays out of it.
set -eu
root=$1
packages=systemd,systemd-sysv,dbus,iproute2,iputils-ping,openssh-server,openssh-client,nginx-light,icinga2-bin,icinga2-common,e2fsprogs
packages=$packages,procps,curl,jq,libcap2-bin,ca-certificates,postgresql-15

mmdebstrap --mode=root --variant=minbase --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' ${APT_PROXY:+--aptopt="$APT_PROXY"} \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$root" -

rm -rf "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/apt/lists/*
rm -f "$root/etc/machine-id" "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"

unit() { systemctl --root="$root" --quiet "$@" 2>/dev/null; }
unit disable nginx.service getty@tty1.service || true
# One empty database, the same bytes on both nodes: either is a copy of the other. The agent starts it, never the boot.
printf 'manual\n' > "$root/etc/postgresql/15/main/start.conf"
unit disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer logrotate.timer || true
unit mask systemd-logind.service console-getty.service getty@.service e2scrub_reap.service systemd-networkd.service
# Gate G12: a node that sleeps reads OFF and comes back later.
unit mask sleep.target suspend.target hibernate.target hybrid-sleep.target suspend-then-hibernate.target
unit enable ssh.service icinga2.service
unit set-default multi-user.target

cat > "$root/usr/local/sbin/lab-net" <<'NET'
#!/bin/sh
# Addresses from /etc/lab-net, lines of "INTERFACE ADDRESS/LENGTH".
ip link set lo up
while read -r interface address; do
    ip address replace "$address" dev "$interface"
    ip link set "$interface" up
done < /etc/lab-net
NET
chmod 755 "$root/usr/local/sbin/lab-net"
cat > "$root/etc/systemd/system/lab-net.service" <<'UNIT'
[Unit]
Description=Addresses of the lab's node
DefaultDependencies=no
Before=network.target network-online.target
Wants=network.target
After=systemd-tmpfiles-setup.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-net

[Install]
WantedBy=multi-user.target network-online.target
UNIT
unit enable lab-net.service

printf '127.0.0.1 localhost\n10.77.0.1 n1\n10.77.0.2 n2\n10.77.0.25 witness\n10.77.0.254 gateway\n' > "$root/etc/hosts"

# Persistent, so that the journal of a node that was killed can be read from its upper layer.
mkdir -p "$root/var/log/journal" "$root/etc/systemd/journald.conf.d" "$root/etc/ssh/sshd_config.d" "$root/srv/data"
printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' > "$root/etc/systemd/journald.conf.d/lab.conf"
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\nUsePAM no\nMaxStartups 100\n' > "$root/etc/ssh/sshd_config.d/lab.conf"

# One page: the node's name and a file that lies on the shared disk. Without the mount it is a 503, which `verify` counts as no answer.
cat > "$root/etc/nginx/sites-available/default" <<'SITE'
server {
    listen 0.0.0.0:80 default_server;
    root /srv/data/www;
    default_type text/plain;
    ssi on;
    ssi_types text/plain;
    location / { try_files /page.txt @nodata; }
    location @nodata { return 503; }
}
SITE
