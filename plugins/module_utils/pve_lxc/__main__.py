# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m pve_lxc``, for the checkout only: on a node a launcher of its own stands beside the package."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
