# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what it would do without changing anything.
  diff_mode:
    description: Returns what has changed, or in check mode would change, when run in diff mode.
  action_group:
    description: Use V(group/autoscale.proxmox.lxc) in C(module_defaults) to give the connection options once for all modules of this collection.
    support: full
    membership:
      - autoscale.proxmox.lxc
"""
