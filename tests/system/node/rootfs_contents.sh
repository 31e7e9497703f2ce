#!/bin/sh
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rootfs_contents.sh ROOT: called by mmdebstrap when all packages are in; makes of a Debian what a Proxmox VE node shows of itself at rest.
# What differs from node to node (names, certificate, commands that talk to the simulator) comes after the boot, from stand_in.py.
set -eu

root=$1

# A mirror inside: the machine that boots from this has no way out, and installing packages shall be real.
rm -f "$root"/var/cache/apt/archives/*.deb
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -y --no-install-recommends --download-only install \
  python3-proxmoxer python3-requests python3-yaml sudo
mkdir -p "$root/srv/mirror"
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/mirror/"

# package NAME VERSION FOLDER: an empty Debian package, so that dpkg-query answers as on a node.
package() {
  mkdir -p "$3/DEBIAN"
  cat > "$3/DEBIAN/control" <<END
Package: $1
Version: $2
Architecture: all
Maintainer: autoscale.proxmox contributors <nobody@example.com>
Description: stand-in for the package of Proxmox VE with this name
END
  dpkg-deb --root-owner-group --build "$3" "$root/tmp/$1.deb" >/dev/null
  dpkg --root="$root" --install "$root/tmp/$1.deb" >/dev/null
  rm -r "$root/tmp/$1.deb" "$3"
}

# unit FOLDER NAME: a service that is simply active.
unit() {
  mkdir -p "$1/lib/systemd/system"
  printf '[Unit]\nDescription=stand-in for %s\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' "$2" \
    > "$1/lib/systemd/system/$2"
}

case $(sed -n 's/^VERSION_CODENAME=//p' "$root/etc/os-release") in
bookworm) manager=8.4.14 container=5.3.3 cluster=8.1.2 access=8.2.2 ;;
*) manager=9.2.11 container=6.1.10 cluster=9.0.7 access=9.0.6 ;;
esac
work=$root/tmp/package
for name in pveproxy.service pvedaemon.service pvestatd.service pve-guests.service; do unit "$work" "$name"; done
package pve-manager "$manager" "$work"
unit "$work" pve-cluster.service
package pve-cluster "$cluster" "$work"
package pve-container "$container" "$work"
package libpve-access-control "$access" "$work"
package proxmox-ve "${manager%.*}.0" "$work"
chroot "$root" systemctl --quiet enable pveproxy pvedaemon pvestatd pve-guests pve-cluster

# The index of the mirror, from the packages themselves.
(
  cd "$root/srv/mirror"
  for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
  done > Packages
)
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/mirror ./' > "$root/etc/apt/sources.list.d/debian.list"

# Each boot gives itself a name and an id.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: > "$root/etc/machine-id"
install -d -m 0700 "$root/root/.ssh"
