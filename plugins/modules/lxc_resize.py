#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_resize
short_description: Change cores, CPU limit, CPU weight, memory, swap and disk sizes of Proxmox VE containers
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Gives one LXC container, or a list of them, other sizes. Sizes are absolute (V(4)) or relative to what the container has (V(+1)).
  - Only what differs is written, guarded by the digest of the configuration that was read, and read back afterwards.
  - A relative size becomes an absolute one from that reading. When the answer to a write is lost, the container is read again and compared with
    that absolute size; nothing is ever added twice.
  - One container that fails does not stop the others. All results come back, and then the task fails.
  - Disks only grow. A shrink, like everything else that cannot be, is refused before anything of that container is changed.
  - For an unchanged container two readings are made, one of which serves all containers of the task; a changed one costs a write and a reading more.
notes:
  - O(cores) of a running container takes up to ten seconds until Proxmox puts it into effect. The other sizes are in effect at once.
  - On a cluster whose nodes still use cgroup version 1, memory and CPU are written one after the other, memory first.
  - A container that the autoscale loop manages (tag C(autoscale-managed)) is resized with a warning.
seealso:
  - module: autoscale.proxmox.lxc_facts
  - module: autoscale.proxmox.lxc_info
extends_documentation_fragment:
  - autoscale.proxmox.connection
  - autoscale.proxmox.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  vmid: &vmid
    description: Id of the container. Give this or its hostname as O(name).
    type: int
  name: &name
    description: Hostname of the container. It must be the only one of that name in the cluster.
    type: str
  cores: &cores
    description:
      - How many CPUs the container may use, V(1) to V(8192), or a difference as in V(+1).
      - A container without cores has all of its node's; a difference has nothing to start from there and is an error.
    type: str
  min_cores: &min_cores
    description: The least that O(cores) may come to; with O(cores=+0) what the container has is held there.
    type: str
  max_cores: &max_cores
    description: The most that O(cores) may come to; with O(cores=+0) what the container has is held there.
    type: str
  cpulimit: &cpulimit
    description:
      - How much CPU time the container may use, in cores and fractions of them, up to V(8192), or a difference as in V(+0.5). V(0) is unlimited.
    type: str
  min_cpulimit: &min_cpulimit
    description: The least that O(cpulimit) may come to, in cores. Unlimited is above it.
    type: str
  max_cpulimit: &max_cpulimit
    description: The most that O(cpulimit) may come to, in cores. Unlimited is above it and is held there.
    type: str
  cpuunits: &cpuunits
    description:
      - Weight of the container against the others of its node when CPU time is short, V(0) to V(500000), or a difference as in V(-50).
        With cgroup version 2 only V(1) to V(10000) differ.
    type: str
  min_cpuunits: &min_cpuunits
    description: The least that O(cpuunits) may come to.
    type: str
  max_cpuunits: &max_cpuunits
    description: The most that O(cpuunits) may come to.
    type: str
  memory: &memory
    description:
      - Memory in MiB, at least V(16), as in V(2048), with a suffix as in V(2G) (1024 MiB each), or a difference as in V(+512) or V(-1G).
      - Less memory for a running container is refused unless O(force) is given, because Proxmox's API does not tell how much of it is in use.
      - Where the container's node is O(ssh_host), or with O(transport=local), what it needs is read there, and memory is lowered down to that and some
        headroom.
    type: str
  min_memory: &min_memory
    description: The least that O(memory) may come to, in MiB or with a suffix.
    type: str
  max_memory: &max_memory
    description: The most that O(memory) may come to, in MiB or with a suffix.
    type: str
  swap: &swap
    description: Swap in MiB, V(0) or more, with a suffix as in V(1G), or a difference as in V(+512).
    type: str
  min_swap: &min_swap
    description: The least that O(swap) may come to, in MiB or with a suffix.
    type: str
  max_swap: &max_swap
    description: The most that O(swap) may come to, in MiB or with a suffix.
    type: str
  disks: &disks
    description:
      - Disks that are to have another size. A disk that has it already is left alone, and a disk cannot shrink.
      - They are grown one after the other, after the other sizes were changed.
      - Needs the privileges VM.Config.Disk on the container and Datastore.AllocateSpace on the storage.
    type: list
    elements: dict
    suboptions:
      disk:
        description: V(rootfs), or a mount point as in V(mp0).
        type: str
        required: true
      size:
        description: Size with a suffix V(K), V(M), V(G) or V(T) (1024 each) as in V(20G), or what is added to it as in V(+2G).
        type: str
        required: true
  digest: &digest
    description:
      - The configuration must still have this digest, as returned by M(autoscale.proxmox.lxc_facts) with V(config) in C(gather).
        If it has not, nothing is written.
    type: str
  force: &force
    description:
      - Whether a running container's memory may be lowered. On cgroup version 2 a limit below what is in use makes the kernel kill inside the container
        at once, and what Proxmox shows as used leaves out shared memory (for example PostgreSQL's buffers) and tmpfs.
      - Not given is the same as V(false).
    type: bool
  restart: &restart
    description:
      - What to do when something of the request waits for a restart of the container. Almost everything is in effect without one.
      - V(never) leaves it, and C(restart_required) says so. V(if_needed) shuts the container down gracefully and starts it, but only then, and never
        within a minute of its last start. Needs the privilege VM.PowerMgmt.
      - Not given is the same as V(never).
    type: str
    choices: [never, if_needed]
  snapshot: &snapshot
    description:
      - Whether a snapshot is made before the container is changed. It is named after the moment, as in C(resize-20260314-101500), and returned.
        Nothing removes it.
      - Where the storage cannot make one, the container is not changed and fails. An unchanged container gets none. Needs the privilege VM.Snapshot.
      - Not given is the same as V(false).
    type: bool
  containers:
    description:
      - The containers to resize, instead of O(vmid) or O(name). What stands beside this list is the default of its
        entries, except for O(digest).
      - No container may be named twice.
    type: list
    elements: dict
    suboptions:
      vmid: *vmid
      name: *name
      cores: *cores
      min_cores: *min_cores
      max_cores: *max_cores
      cpulimit: *cpulimit
      min_cpulimit: *min_cpulimit
      max_cpulimit: *max_cpulimit
      cpuunits: *cpuunits
      min_cpuunits: *min_cpuunits
      max_cpuunits: *max_cpuunits
      memory: *memory
      min_memory: *min_memory
      max_memory: *max_memory
      swap: *swap
      min_swap: *min_swap
      max_swap: *max_swap
      disks: *disks
      digest: *digest
      force: *force
      restart: *restart
      snapshot: *snapshot
  fail_fast:
    description:
      - Whether the first container that fails stops the task. Containers are then resized one by one, and those after it are returned with the
        reason V(not_tried).
    type: bool
    default: false
"""

EXAMPLES = r"""
# The connection is taken from PROXMOX_HOST, PROXMOX_TOKEN_ID and so on, or given once for all tasks:
#   module_defaults:
#     group/autoscale.proxmox.lxc:
#       api_host: pve.example.com
#       api_token_id: automation@pve!resize
#       api_token_secret: "{{ vault_proxmox_token_secret }}"
#       ca_path: /etc/ssl/pve-root-ca.pem

- name: Give one container two cores and 2 GiB
  autoscale.proxmox.lxc_resize:
    vmid: 101
    cores: 2
    memory: 2G

- name: Show what one core more would change, without changing it
  autoscale.proxmox.lxc_resize:
    vmid: 101
    cores: "+1"
  check_mode: true
  diff: true

- name: Resize several containers, with 512 MiB more for each that says nothing else
  autoscale.proxmox.lxc_resize:
    memory: "+512"
    max_memory: 8G
    containers:
      - vmid: 101
      - vmid: 102
        cores: "+1"
      - vmid: 103
        memory: 1024
  register: resized

- name: Read a configuration with its digest
  autoscale.proxmox.lxc_facts:
    vmids: [102]
    gather: [config]

- name: Grow two disks, with a snapshot to go back to
  autoscale.proxmox.lxc_resize:
    vmid: 102
    snapshot: true
    disks:
      - disk: rootfs
        size: "+2G"
      - disk: mp0
        size: 40G

- name: Resize, and restart if something waits for that
  autoscale.proxmox.lxc_resize:
    vmid: 102
    cores: 4
    restart: if_needed

- name: Write only if nobody changed the configuration since it was read
  autoscale.proxmox.lxc_resize:
    vmid: 102
    swap: 256
    digest: "{{ proxmox_lxc.containers['102'].config.digest }}"

- name: Resize over the API, and over SSH on a node when the API cannot be reached
  autoscale.proxmox.lxc_resize:
    vmid: 101
    memory: "+512"
    ssh_host: pve1.example.com
    ssh_user: lxc-autoscale
    ssh_key_file: ~/.ssh/lxc-autoscale
    ssh_become: sudo

- name: Lower the memory of a container although what it uses cannot be known
  autoscale.proxmox.lxc_resize:
    vmid: 103
    memory: 512
    force: true
"""

RETURN = r"""
msg:
  description: How many containers were changed, or which failed and why.
  returned: always
  type: str
  sample: 2 of 3 containers changed
problems:
  description: Everything that is wrong in the request. Nothing was read or written then.
  returned: when the request cannot be carried out as written
  type: list
  elements: dict
  contains:
    place:
      description: Option, or entry of the list and option.
      returned: always
      type: str
      sample: containers[3].memory
    value:
      description: What stands there.
      returned: always
      type: str
      sample: 12 GiBi
    msg:
      description: What is wrong and what is allowed.
      returned: always
      type: str
      sample: Proxmox allows 16 MiB or more
results:
  description: What became of each container, in the order given.
  returned: when the request could be carried out, also when containers failed
  type: list
  elements: dict
  contains:
    vmid:
      description: Id of the container. None when it was named by a hostname and not found.
      returned: always
      type: int
      sample: 101
    name:
      description: Its hostname.
      returned: always
      type: str
      sample: web
    node:
      description: Where it lives. Empty when it was not found.
      returned: always
      type: str
      sample: pve1
    changed:
      description: Whether it was changed, or in check mode would be.
      returned: always
      type: bool
      sample: true
    failed:
      description: Whether what was asked for did not happen.
      returned: always
      type: bool
      sample: false
    reason:
      description:
        - Why, in a word for programs. V(resized) or V(unchanged) when all is well.
        - V(invalid_request), V(config_changed), V(locked), V(snapshot_impossible), V(shmem_unknown), V(below_working_set) or V(not_measured)
          when the request was refused.
        - V(not_found), V(name_not_unique), V(node_unreachable), V(permission_denied), V(authentication_failed), V(refused_by_proxmox) or V(connection_lost)
          when it could not be carried out, V(not_tried) when another one failed before.
        - V(outcome_unknown) when nobody knows, V(half_applied) when the limits in force may differ from the configuration, V(not_in_effect) when
          Proxmox accepted the write and shows something else.
        - V(task_failed) when a snapshot, a disk or a restart failed in its task, V(did_not_stop) when the container did not shut down for its restart.
      returned: always
      type: str
      sample: resized
    msg:
      description: The same as a sentence.
      returned: always
      type: str
      sample: cores 1 -> 2, memory 1024 -> 2048
    before:
      description: What it had. Empty when it was not read.
      returned: always
      type: dict
      contains: &allocation
        cores:
          description: How many CPUs it may use. None is all of its node's.
          returned: when it was read
          type: int
          sample: 2
        cpulimit:
          description: CPU time in cores. None is unlimited.
          returned: when it was read
          type: float
          sample: 1.5
        cpuunits:
          description: Weight. None is the node's default.
          returned: when it was read
          type: int
          sample: 100
        memory:
          description: Memory in MiB.
          returned: when it was read
          type: int
          sample: 2048
        swap:
          description: Swap in MiB. None means that the key is absent, for which Proxmox gives no swap.
          returned: when it was read
          type: int
          sample: 512
        disks:
          description: Sizes of the disks that the request names, in Proxmox's words. None for one that has none or is not there.
          returned: when O(disks) is given and it was read
          type: dict
          sample: {"rootfs": "10G"}
    after:
      description: What it has now, read back. In check mode what it would have. Empty when it was not read.
      returned: always
      type: dict
      contains:
        <<: *allocation
        snapshot:
          description: Name of the snapshot that was made before.
          returned: when one was made
          type: str
          sample: resize-20260314-101500
    pending:
      description: What of its configuration waits for a restart, in Proxmox's words. None for what will be deleted.
      returned: always
      type: dict
      sample: {"nameserver": "192.0.2.53"}
    restart_required:
      description: Whether anything waits for a restart.
      returned: always
      type: bool
      sample: false
    transport:
      description: The way that was taken.
      returned: always
      type: str
      sample: api
"""

from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import size_options
from ansible_collections.autoscale.proxmox.plugins.module_utils._module import create_module, format_outcomes, run_module, warn_all
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.request import parse_requests
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.resize import resize_containers


def main():
    module = create_module(
        {
            **size_options(),
            "containers": {"type": "list", "elements": "dict", "options": size_options()},
            "fail_fast": {"type": "bool", "default": False},
        },
    )

    def resize(backend):
        outcomes = resize_containers(
            backend,
            parse_requests(module.params),
            is_check=module.check_mode,
            concurrency=module.params["concurrency"],
            is_fail_fast=module.params["fail_fast"],
        )
        warn_all(module, outcomes)
        return format_outcomes(outcomes, is_check=module.check_mode, is_diff=module._diff)

    run_module(module, resize)


if __name__ == "__main__":
    main()
