#!/bin/sh
# Lays unpacked packages and a test's own configuration over this machine's files and runs a program there. Called in mount and
# process namespaces of its own, so that nothing of this is seen outside, and nothing of it outlives its first process.
#   enter.sh LAYER CONFIGURATION WORK PROGRAM [ARGUMENT …]
set -eu
layer=$1 configuration=$2 work=$3
shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$work/over"
mkdir "$work/over/up" "$work/over/work" "$work/over/root"
root=$work/over/root
mount -t overlay -o "lowerdir=/,upperdir=$work/over/up,workdir=$work/over/work" overlay "$root"
cp -a "$layer/usr" "$layer/etc" "$root"
cp -a "$configuration/etc" "$root"
mount --bind "$work" "$root$work"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
# The users of both servers, as their packages would make them; where a server is installed its own users and queue are there.
for user in postfix:64801 postdrop:64802 Debian-exim:64803; do
    name=${user%:*} id=${user#*:}
    grep -q "^$name:" "$root/etc/passwd" || echo "$name:x:$id:$id::/:/usr/sbin/nologin" >>"$root/etc/passwd"
    grep -q "^$name:" "$root/etc/group" || echo "$name:x:$id:" >>"$root/etc/group"
done
for folder in var/spool/postfix var/lib/postfix var/spool/exim4 var/log/exim4; do
    rm -rf "${root:?}/$folder"
    mkdir -p "$root/$folder"
done
chroot "$root" chown postfix /var/lib/postfix
chroot "$root" chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4
exec chroot "$root" "$@"
