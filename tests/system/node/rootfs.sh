#!/bin/sh
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rootfs.sh SUITE: print the folder of a bootable Debian, built once with mmdebstrap and then reused. Nobody writes to it afterwards: debctl
# boots it with a scratch layer on top. Root only; needs mmdebstrap and a Debian mirror for the first build.
set -eu

suite=${1:?usage: rootfs.sh bookworm|trixie}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${ROOTFS_CACHE:-$here/../../../.cache/rootfs}

# What every Proxmox VE node has that matters here. The loop's own packages are left out: the role has to install them.
packages=systemd,systemd-sysv,dbus,libnss-systemd,openssh-server,python3,python3-apt,iproute2,procps,ca-certificates

key=$(cat "$0" "$here/rootfs_contents.sh" | sha256sum | cut -c1-12)
folder=$cache/$suite-$key

mkdir -p "$cache"
exec 9>"$cache/.lock-$suite"
flock 9 # two runs must not build the same one
if [ ! -d "$folder" ]; then
  rm -rf "$cache/$suite-"* # of an older recipe
  scratch=$(mktemp -d "$cache/.new-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  chmod 755 "$scratch"
  mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="$here/rootfs_contents.sh" \
    "$suite" "$scratch" </dev/null >&2
  mv -T "$scratch" "$folder"
  trap - EXIT
fi
CDPATH='' cd -- "$folder" && pwd
