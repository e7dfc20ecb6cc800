#!/bin/sh
# Builds a root file system with the Asterisk of Debian unstable (Debian 12 has none): image.sh DESTINATION < sources.list
# The mirror's address stays out of the result.
set -eu
root=$1

mmdebstrap --mode=root --variant=minbase --include=asterisk,asterisk-modules,asterisk-config \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' --aptopt='APT::Install-Recommends "false"' \
    ${APT_PROXY:+--aptopt="$APT_PROXY"} \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    sid "$root" -

rm -rf "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/apt/lists/*
