# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody would write who wants `pct list` with status, and with `config` each container's configuration: one line for each container."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from pve_lxc.backend.api import get_proxmox_client


def main() -> None:
    client = get_proxmox_client(
        host=os.environ["PROXMOX_HOST"],
        port=int(os.environ["PROXMOX_PORT"]),
        user=os.environ["PROXMOX_USER"],
        token_id=os.environ["PROXMOX_TOKEN_ID"],
        token_secret=os.environ["PROXMOX_TOKEN_SECRET"],
        ca_path=os.environ["PROXMOX_CA_PATH"],
    )
    rows = [row for row in client.get_containers() if not row.get("template")]
    lines = [f"{row['vmid']} {row['status']} {row['name']}" for row in rows]
    if sys.argv[1] == "config":
        with ThreadPoolExecutor(4) as executor:
            configs = executor.map(lambda row: client.get_container_config(row["node"], row["vmid"]), rows)
            lines = [f"{line} {config['memory']} {config['digest']}" for line, config in zip(lines, configs)]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
