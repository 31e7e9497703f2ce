#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_info
short_description: Return information about Proxmox VE containers and nodes
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Returns the LXC containers and the nodes of a Proxmox VE cluster as plain values. M(autoscale.proxmox.lxc_facts) returns the same as facts.
  - One request finds all containers and nodes of the cluster. Only what O(gather) asks for costs more, some containers at a time.
  - A node that does not answer is named in C(unreachable_nodes) and is no failure. What cannot be read of one container stands in its C(errors),
    and the others go on.
notes:
  - Proxmox answers with an empty list, not with an error, when the user or token may see nothing. The module warns then.
seealso:
  - module: autoscale.proxmox.lxc_facts
  - module: autoscale.proxmox.lxc_resize
extends_documentation_fragment:
  - autoscale.proxmox.connection
  - autoscale.proxmox.selection
  - autoscale.proxmox.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is ever changed.
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
"""

EXAMPLES = r"""
# The connection is taken from PROXMOX_HOST, PROXMOX_TOKEN_ID and so on, or given once for all tasks:
#   module_defaults:
#     group/autoscale.proxmox.lxc:
#       api_host: pve.example.com
#       api_token_id: automation@pve!resize
#       api_token_secret: "{{ vault_proxmox_token_secret }}"
#       ca_path: /etc/ssl/pve-root-ca.pem

- name: Look at the running containers with what they use
  autoscale.proxmox.lxc_info:
    status: [running]
    gather: [metrics]
  register: lxc

- name: Name the containers that use more than nine tenths of their memory
  ansible.builtin.debug:
    msg: "{{ item.vmid }} ({{ item.name }}) is nearly full"
  loop: "{{ lxc.containers.values() }}"
  loop_control:
    label: "{{ item.vmid }}"
  when: item.metrics.mem is not none and item.metrics.mem > 0.9 * item.maxmem

- name: Read a day of statistics of two containers, with the greatest value of each row's time
  autoscale.proxmox.lxc_info:
    vmids: [101, 102]
    gather: [history]
    history_timeframe: day
    history_consolidation: max
  register: lxc_history
"""

RETURN = r"""
containers:
  description: The containers by their id, as a string.
  returned: always
  type: dict
  contains:
    <vmid>:
      description: One container.
      returned: for each container that fits
      type: dict
      contains:
        vmid:
          description: Id of the container.
          returned: always
          type: int
          sample: 101
        name:
          description: Hostname. Empty when its node does not answer.
          returned: always
          type: str
          sample: web
        node:
          description: Where it lives.
          returned: always
          type: str
          sample: pve1
        status:
          description: V(running), V(stopped), or V(unknown) when its node does not answer.
          returned: always
          type: str
          sample: running
        template:
          description: Whether it is a template.
          returned: always
          type: bool
          sample: false
        lock:
          description: Name of its lock, as in V(backup). Empty without one.
          returned: always
          type: str
          sample: ""
        tags:
          description: Its tags, sorted.
          returned: always
          type: list
          elements: str
          sample: [prod, web]
        pool:
          description: Its resource pool. Empty without one, and without the privilege Pool.Audit.
          returned: always
          type: str
          sample: customers
        hastate:
          description: State of its high-availability service. Empty when it has none.
          returned: always
          type: str
          sample: started
        uptime:
          description: Seconds since its start. V(0) when stopped.
          returned: always
          type: int
          sample: 86400
        maxcpu:
          description: Its cores, else its CPU limit, else the CPUs of its node. Up to ten seconds old.
          returned: always
          type: float
          sample: 2
        maxmem:
          description: Its memory in bytes. Up to ten seconds old.
          returned: always
          type: int
          sample: 2147483648
        maxdisk:
          description: Size of its root file system in bytes.
          returned: always
          type: int
          sample: 8589934592
        errors:
          description: What could not be gathered, by the word in O(gather), each with the reason as a sentence. Empty when all went well.
          returned: always
          type: dict
          sample: {"history": "its node pve3 cannot be reached"}
        config:
          description: The configuration that is in force, with Proxmox's own keys and types. Keys that are not set are absent.
          returned: with V(config) in O(gather)
          type: dict
          sample: {"arch": "amd64", "cores": 2, "digest": "0c40ba44e6d9b62a4a0d5e3ab9a5ca4c4ac1c8b6", "hostname": "web", "memory": 2048, "swap": 512}
          contains:
            digest:
              description: Checksum of the configuration, for O(autoscale.proxmox.lxc_resize#module:digest).
              returned: always
              type: str
              sample: 0c40ba44e6d9b62a4a0d5e3ab9a5ca4c4ac1c8b6
            cores:
              description: How many CPUs it may use.
              returned: when set
              type: int
              sample: 2
            cpulimit:
              description: CPU time in cores, as text.
              returned: when set
              type: str
              sample: "1.5"
            cpuunits:
              description: Weight.
              returned: when set
              type: int
              sample: 100
            memory:
              description: Memory in MiB.
              returned: always
              type: int
              sample: 2048
            swap:
              description: Swap in MiB.
              returned: when set
              type: int
              sample: 512
            hostname:
              description: Hostname.
              returned: when set
              type: str
              sample: web
        pending:
          description: What waits for a restart, by Proxmox's own keys. None for what will be deleted.
          returned: with V(pending) in O(gather)
          type: dict
          sample: {"nameserver": "192.0.2.53"}
        metrics:
          description: The figures that the cluster broadcasts, up to ten seconds old. None where not measured.
          returned: with V(metrics) in O(gather)
          type: dict
          contains:
            cpu:
              description: CPU used, V(0) to V(1) of C(maxcpu).
              returned: always
              type: float
              sample: 0.21
            cpu_cores:
              description: CPU used, in cores.
              returned: always
              type: float
              sample: 0.42
            mem:
              description: Memory used in bytes, without the page cache and without shared memory and tmpfs.
              returned: always
              type: int
              sample: 734003200
            disk:
              description: Bytes used in its root file system.
              returned: always
              type: int
              sample: 2147483648
        history:
          description: Proxmox's own statistics, oldest first. None where a row has no figure.
          returned: with V(history) in O(gather)
          type: list
          elements: dict
          contains:
            time:
              description: Seconds since 1970 (UTC).
              returned: always
              type: int
              sample: 1767225600
            cpu:
              description: CPU used, V(0) to V(1) of C(maxcpu).
              returned: always
              type: float
              sample: 0.21
            maxcpu:
              description: Cores, else CPU limit, else the CPUs of the node.
              returned: always
              type: float
              sample: 2
            mem:
              description: Memory used in bytes.
              returned: always
              type: int
              sample: 734003200
            maxmem:
              description: Memory in bytes.
              returned: always
              type: int
              sample: 2147483648
            pressurecpusome:
              description: Share of time in percent in which a process waited for CPU. Since Proxmox VE 9.
              returned: always
              type: float
              sample: 0.4
            pressurememorysome:
              description: Share of time in percent in which a process waited for memory. Since Proxmox VE 9.
              returned: always
              type: float
              sample: 0
            pressurememoryfull:
              description: Share of time in percent in which all processes waited for memory. Since Proxmox VE 9.
              returned: always
              type: float
              sample: 0
        snapshots:
          description: Its snapshots, as Proxmox describes them.
          returned: with V(snapshots) in O(gather)
          type: list
          elements: dict
          contains:
            name:
              description: Name of the snapshot.
              returned: always
              type: str
              sample: before-upgrade
            description:
              description: What somebody wrote about it.
              returned: when Proxmox has it
              type: str
              sample: before the upgrade
            snaptime:
              description: When it was made, in seconds since 1970 (UTC).
              returned: when Proxmox has it
              type: int
              sample: 1767225600
            parent:
              description: Name of the snapshot before it.
              returned: when there is one
              type: str
              sample: fresh
        interfaces:
          description: Network interfaces of a running container, as Proxmox describes them. Empty for the others.
          returned: with V(interfaces) in O(gather)
          type: list
          elements: dict
          contains:
            name:
              description: Name of the interface.
              returned: always
              type: str
              sample: eth0
            hwaddr:
              description: MAC address.
              returned: always
              type: str
              sample: bc:24:11:00:00:01
            inet:
              description: IPv4 address with the length of its prefix.
              returned: when it has one
              type: str
              sample: 192.0.2.10/24
            inet6:
              description: IPv6 address with the length of its prefix.
              returned: when it has one
              type: str
              sample: fe80::be24:11ff:fe00:1/64
nodes:
  description: All nodes of the cluster by their name.
  returned: always
  type: dict
  contains:
    <node>:
      description: One node. Without the privilege Sys.Audit on it most of it is None.
      returned: for each node
      type: dict
      contains:
        node:
          description: Its name.
          returned: always
          type: str
          sample: pve1
        status:
          description: V(online), V(offline) or V(unknown).
          returned: always
          type: str
          sample: online
        cgroup_mode:
          description: Version of the control groups, V(2) on every current node.
          returned: always
          type: int
          sample: 2
        maxcpu:
          description: Its CPUs.
          returned: always
          type: int
          sample: 16
        cpu:
          description: CPU used, V(0) to V(1) of all CPUs.
          returned: always
          type: float
          sample: 0.12
        mem:
          description: Memory used in bytes.
          returned: always
          type: int
          sample: 17179869184
        maxmem:
          description: Memory installed in bytes.
          returned: always
          type: int
          sample: 68719476736
        uptime:
          description: Seconds since its start.
          returned: always
          type: int
          sample: 604800
        hastate:
          description: What the high-availability manager says of it, as in V(maintenance). Empty when it says nothing.
          returned: always
          type: str
          sample: ""
unreachable_nodes:
  description: Names of the nodes that are not online. They are no failure; their containers have the status V(unknown).
  returned: always
  type: list
  elements: str
  sample: [pve3]
"""

from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import selection_options
from ansible_collections.autoscale.proxmox.plugins.module_utils._facts import read_facts
from ansible_collections.autoscale.proxmox.plugins.module_utils._module import create_module, run_module


def main():
    module = create_module(selection_options())
    run_module(module, lambda backend: {"changed": False, **read_facts(module, backend)})


if __name__ == "__main__":
    main()
