# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  vmids:
    description:
      - Only the containers with these ids.
      - Every mark that is given must fit, and one value of it is enough. Without any mark all containers are returned that the user may see.
    type: list
    elements: int
  names:
    description: Only the containers with these hostnames.
    type: list
    elements: str
  nodes:
    description: Only the containers on these nodes.
    type: list
    elements: str
  tags:
    description: Only the containers with at least one of these tags.
    type: list
    elements: str
  pools:
    description: Only the containers in these resource pools. Proxmox shows pools only with the privilege Pool.Audit.
    type: list
    elements: str
  status:
    description:
      - Only the containers with these states. V(unknown) is what Proxmox says of a container whose node does not answer.
    type: list
    elements: str
    choices: [running, stopped, unknown]
  gather:
    description:
      - What to return of each container beside the basic facts, which all come with one request.
      - V(config) is the configuration that is in force, with its digest. V(pending) is what waits for a restart. Either or both cost one request per container.
      - V(metrics) are the figures of the last ten seconds. They cost no request.
      - V(history) are the rows of Proxmox's own statistics, V(snapshots) the snapshots and V(interfaces) the network interfaces
        of running containers. Each costs one request per container.
    type: list
    elements: str
    choices: [config, pending, metrics, history, snapshots, interfaces]
    default: []
  history_timeframe:
    description:
      - Span of V(history) in O(gather). Proxmox VE 9 keeps a row per minute for the hour and the day, Proxmox VE 8 only for the hour.
    type: str
    choices: [hour, day, week]
    default: hour
  history_consolidation:
    description: Whether a row of V(history) in O(gather) holds the averages or the greatest values of its time.
    type: str
    choices: [average, max]
    default: average
"""
