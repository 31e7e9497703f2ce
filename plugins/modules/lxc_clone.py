#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_clone
short_description: Clone Proxmox VE containers, and remove clones
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Makes one clone of an LXC container or template, or many, in full or linked, and gives each its sizes, its network and its tags. Starts it if asked
    to, and waits until it answers.
  - A clone is known by its O(name) or O(vmid). One that is there is not made again, and keeps the sizes and the network that it has, so that this
    module never works against whoever changed them later. With O(start=true) it is started if it does not run.
  - The lowest free vmid is used unless O(vmid) or O(vmid_range) says otherwise. When another run takes it first, the next one is used. When two runs
    make a clone of the same name at the same time, the earlier one stays, and the other run takes it over and removes its own.
  - A running source is cloned through a temporary snapshot that is deleted afterwards, also when cloning fails. One that was left by a run that
    was killed is deleted by the next run with that source.
  - A clone that cannot be completed is removed again. One that was left half made by a run that was killed is completed by the next run.
  - One clone that fails does not stop the others. All results come back, and then the task fails.
notes:
  - Each clone gets the tag C(autoscale-clone) when it is complete, and a line in its notes from the beginning, by which a run recognises what it made.
  - "Privileges: VM.Audit and VM.Clone on the source, VM.Allocate on the new container or its pool, Datastore.AllocateSpace on the storage, SDN.Use on
    the bridge, VM.Config.Options (tags and notes); VM.Snapshot on a running source; VM.Config.CPU and VM.Config.Memory for sizes,
    VM.Config.Network for O(network), VM.PowerMgmt for O(start) and O(state=absent)."
  - Proxmox gives every interface of a clone a new MAC address. A clone keeps the fixed IP addresses of its source unless O(network) says otherwise.
seealso:
  - module: autoscale.proxmox.lxc_resize
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
  state:
    description:
      - V(present) makes the clones that are not there.
      - V(absent) destroys those that are there, running ones after a shutdown. It destroys nothing that was not made as a clone by this module (that is,
        nothing without the tag C(autoscale-clone)) unless O(force) is given, and nothing that is protected, locked or managed by HA even then.
    type: str
    choices: [present, absent]
    default: present
  name: &name
    description:
      - Hostname of the clone. With O(count), V({number}) in it stands for 1, 2 and so on, and V({number:02}) for 01, 02 and so on.
        Without it, a hyphen and the number are appended.
      - Can be left out when O(vmid) is given. The clone then keeps the hostname of its source.
    type: str
  vmid: &vmid
    description: Id of the clone, from V(100) on. If not given, the lowest free one is used.
    type: int
  count:
    description: How many clones to make, V(1) to V(1000), numbered by their O(name). Going from V(3) to V(5) makes two more. Going back removes none.
    type: int
  vmid_range:
    description: Range to choose ids from, as in V(200-299). The lowest free one is used.
    type: str
  source_vmid: &source_vmid
    description: Id of what to clone. Give this or O(source_name) unless O(state=absent).
    type: int
  source_name: &source_name
    description: Hostname of what to clone.
    type: str
  snapshot: &snapshot
    description: Snapshot of the source to clone, instead of its present state.
    type: str
  full: &full
    description:
      - Whether everything is copied (V(true)), or the clone shares what it does not change with its source (V(false)). Only templates can be cloned
        the second way, and only on some storages.
      - If not given, a template is cloned linked where its storage can, and everything else in full.
    type: bool
  node: &node
    description: Node on which the clone is to live. If not given, its source's. For another node the storage must be shared.
    type: str
  storage: &storage
    description: Storage for a full clone. If not given, its source's.
    type: str
  pool: &pool
    description: Resource pool for the clone.
    type: str
  description: &description
    description: Text for the notes of the clone, above the line that marks it as one.
    type: str
  tags: &tags
    description: Tags for the clone, besides those of its source and C(autoscale-clone).
    type: list
    elements: str
  network: &network
    description:
      - What is to be different in the clone's first interface, C(net0). Everything else in it stays as it is in the source. A source
        without C(net0) is an error, because no bridge is invented.
      - With O(count), V({number}) can be used in these values too.
    type: dict
    suboptions:
      ip:
        description: IPv4 address with its prefix length as in V(192.0.2.10/24), V(dhcp) or V(manual).
        type: str
      gw:
        description: IPv4 gateway. The source's is dropped when O(network.ip) is V(dhcp) or V(manual).
        type: str
      ip6:
        description: IPv6 address with its prefix length, V(auto), V(dhcp) or V(manual).
        type: str
      gw6:
        description: IPv6 gateway. The source's is dropped when O(network.ip6) is V(auto), V(dhcp) or V(manual).
        type: str
      hwaddr:
        description: MAC address. If not given, Proxmox makes a new one.
        type: str
      bridge:
        description: Bridge. If not given, the source's.
        type: str
      tag:
        description: VLAN tag, V(1) to V(4094).
        type: int
      mtu:
        description: Largest packet in bytes, V(64) to V(65535).
        type: int
      rate:
        description: Limit of the bandwidth in megabytes per second.
        type: float
      firewall:
        description: Whether Proxmox's firewall is used.
        type: bool
  start: &start
    description: Whether the clone is to run. With V(false), or when not given, it is neither started nor stopped.
    type: bool
  cores: &cores
    description: CPUs, absolute or relative to the source's, as in M(autoscale.proxmox.lxc_resize). Only for a clone that is made now, as all sizes.
    type: str
  min_cores: &min_cores
    description: The least that O(cores) may come to.
    type: str
  max_cores: &max_cores
    description: The most that O(cores) may come to.
    type: str
  cpulimit: &cpulimit
    description: CPU time in cores and fractions of them, absolute or relative to the source's. V(0) is unlimited.
    type: str
  min_cpulimit: &min_cpulimit
    description: The least that O(cpulimit) may come to, in cores.
    type: str
  max_cpulimit: &max_cpulimit
    description: The most that O(cpulimit) may come to, in cores.
    type: str
  cpuunits: &cpuunits
    description: Weight against other containers, absolute or relative to the source's.
    type: str
  min_cpuunits: &min_cpuunits
    description: The least that O(cpuunits) may come to.
    type: str
  max_cpuunits: &max_cpuunits
    description: The most that O(cpuunits) may come to.
    type: str
  memory: &memory
    description: Memory in MiB or with a suffix as in V(2G), absolute or relative to the source's.
    type: str
  min_memory: &min_memory
    description: The least that O(memory) may come to, in MiB or with a suffix.
    type: str
  max_memory: &max_memory
    description: The most that O(memory) may come to, in MiB or with a suffix.
    type: str
  swap: &swap
    description: Swap in MiB or with a suffix, absolute or relative to the source's.
    type: str
  min_swap: &min_swap
    description: The least that O(swap) may come to, in MiB or with a suffix.
    type: str
  max_swap: &max_swap
    description: The most that O(swap) may come to, in MiB or with a suffix.
    type: str
  force: &force
    description: With O(state=absent), whether to destroy a container that was not made as a clone here, or that is a template.
    type: bool
  containers:
    description:
      - The clones, instead of O(name), O(vmid) and O(count). What stands beside this list is the default of its entries.
      - No hostname, vmid, MAC address or fixed IP address may be given twice.
    type: list
    elements: dict
    suboptions:
      name: *name
      vmid: *vmid
      source_vmid: *source_vmid
      source_name: *source_name
      snapshot: *snapshot
      full: *full
      node: *node
      storage: *storage
      pool: *pool
      description: *description
      tags: *tags
      network: *network
      start: *start
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
      force: *force
  timeout:
    description: How many seconds one step (copying, a snapshot, a start, a shutdown) may take, waiting for a lock of the source included.
    type: int
    default: 600
  wait_timeout:
    description:
      - How many seconds a started clone may take until its node says that it runs and, unless its addresses are all V(manual), it has an address.
        With V(0) this is not waited for.
    type: int
    default: 120
"""

EXAMPLES = r"""
# The connection is taken from PROXMOX_HOST, PROXMOX_TOKEN_ID and so on, or given once for all tasks:
#   module_defaults:
#     group/autoscale.proxmox.lxc:
#       api_host: pve.example.com
#       api_token_id: automation@pve!clone
#       api_token_secret: "{{ vault_proxmox_token_secret }}"
#       ca_path: /etc/ssl/pve-root-ca.pem

- name: Make three web servers of a template and start them
  autoscale.proxmox.lxc_clone:
    source_name: debian-template
    name: web-{number}
    count: 3
    vmid_range: 200-299
    cores: 2
    memory: 2G
    tags: [web]
    network:
      ip: 192.0.2.1{number}/24
      gw: 192.0.2.1
    start: true
  register: clones

- name: Show what cloning a running container would do
  autoscale.proxmox.lxc_clone:
    source_vmid: 101
    name: web-copy
    network:
      ip: dhcp
  check_mode: true
  diff: true

- name: Make several clones that differ
  autoscale.proxmox.lxc_clone:
    source_vmid: 9000
    full: true
    storage: local-zfs
    containers:
      - name: database
        vmid: 210
        memory: 8G
      - name: cache
        vmid: 211
        memory: "+512"
        node: pve2

- name: Remove the web servers
  autoscale.proxmox.lxc_clone:
    state: absent
    name: web-{number}
    count: 3
"""

RETURN = r"""
msg:
  description: How many containers were changed, or which failed and why.
  returned: always
  type: str
  sample: 3 of 3 containers changed
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
      sample: containers[1].network.ip
    value:
      description: What stands there.
      returned: always
      type: str
      sample: 192.0.2.300
    msg:
      description: What is wrong and what is allowed.
      returned: always
      type: str
      sample: allowed are an IPv4 address with its prefix length, as in 192.0.2.10/24, and dhcp, manual
results:
  description: What became of each clone, in the order given.
  returned: when the request could be carried out, also when clones failed
  type: list
  elements: dict
  contains:
    vmid:
      description: Id of the clone. In check mode the one that is free now. None when it was not made.
      returned: always
      type: int
      sample: 200
    name:
      description: Its hostname.
      returned: always
      type: str
      sample: web-1
    node:
      description: Where it lives. Empty when it was not made.
      returned: always
      type: str
      sample: pve1
    state:
      description: V(present) or V(absent), what it is now or in check mode would be.
      returned: always
      type: str
      sample: present
    status:
      description: V(running) or V(stopped). Empty when it is not there.
      returned: always
      type: str
      sample: running
    source_vmid:
      description: What it was cloned from. None when that is not known.
      returned: always
      type: int
      sample: 9000
    full:
      description: Whether it was copied in full. None when it was not made in this run.
      returned: always
      type: bool
      sample: false
    net0:
      description: Its first interface in Proxmox's words. In check mode without the MAC address that Proxmox will make.
      returned: always
      type: str
      sample: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:0A:42:A4,ip=192.0.2.11/24,type=veth
    tags:
      description: Its tags.
      returned: always
      type: list
      elements: str
      sample: [autoscale-clone, web]
    addresses:
      description: The IP addresses with which it answered. Empty when it was not waited for.
      returned: always
      type: list
      elements: str
      sample: [192.0.2.11]
    changed:
      description: Whether it was made, completed, started or destroyed, or in check mode would be.
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
        - Why, in a word for programs. V(cloned), V(started), V(destroyed) or V(unchanged) when all is well.
        - V(invalid_request), V(linked_clone_impossible), V(snapshot_impossible), V(no_free_id), V(locked), V(not_a_clone), V(protected), V(template) or
          V(ha_busy) when it was refused.
        - V(not_found), V(name_not_unique), V(node_unreachable), V(permission_denied), V(authentication_failed), V(refused_by_proxmox), V(config_changed),
          V(half_applied), V(not_in_effect) or V(connection_lost) when it could not be carried out, V(outcome_unknown) when nobody knows.
        - V(not_ready) when it was made and started, but did not answer in time. It is kept.
      returned: always
      type: str
      sample: cloned
    msg:
      description: The same as a sentence.
      returned: always
      type: str
      sample: linked clone of 9000 (debian-template) on pve1, started
    before:
      description: Its sizes before. Empty when it was not there.
      returned: always
      type: dict
      contains: &allocation
        cores:
          description: How many CPUs it may use. None is all of its node's.
          returned: when it was there
          type: int
          sample: 2
        cpulimit:
          description: CPU time in cores. None is unlimited.
          returned: when it was there
          type: float
          sample: 1.5
        cpuunits:
          description: Weight. None is the node's default.
          returned: when it was there
          type: int
          sample: 100
        memory:
          description: Memory in MiB.
          returned: when it was there
          type: int
          sample: 2048
        swap:
          description: Swap in MiB. None means that the key is absent, for which Proxmox gives no swap.
          returned: when it was there
          type: int
          sample: 512
    after:
      description: Its sizes now, read back. In check mode what they would be. Empty when it is not there.
      returned: always
      type: dict
      contains: *allocation
    pending:
      description: Always empty, because a clone is changed before it starts.
      returned: always
      type: dict
      sample: {}
    restart_required:
      description: Always false, because a clone is changed before it starts.
      returned: always
      type: bool
      sample: false
    transport:
      description: The way that was taken.
      returned: always
      type: str
      sample: api
"""

from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import clone_options
from ansible_collections.autoscale.proxmox.plugins.module_utils._module import create_module, format_outcomes, run_module, shown_container, warn_all
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.clone import clone_containers
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.clone_absent import remove_clones
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.clone_outcome import format_clone_diff, format_clone_outcome
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.clone_request import parse_clone_requests
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.clone_settings import parse_clone_settings


def main():
    module = create_module(
        {
            **clone_options(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "count": {"type": "int"},
            "vmid_range": {"type": "str"},
            "containers": {"type": "list", "elements": "dict", "options": clone_options()},
            "timeout": {"type": "int", "default": 600},
            "wait_timeout": {"type": "int", "default": 120},
        },
    )

    def clone(backend):
        is_absent = module.params["state"] == "absent"
        settings = parse_clone_settings(module.params, is_check=module.check_mode)
        requests = parse_clone_requests(module.params, is_absent=is_absent)
        done = remove_clones(backend, requests, settings) if is_absent else clone_containers(backend, requests, settings)
        outcomes = [one.outcome for one in done]
        warn_all(module, outcomes)
        result = format_outcomes(outcomes, is_check=module.check_mode, is_diff=False)
        result["results"] = [format_clone_outcome(one) for one in done]
        if module._diff:
            shown = {shown_container(one.outcome): format_clone_diff(one) for one in done if one.outcome.is_changed}
            result["diff"] = {
                "before": {name: before for name, (before, dummy) in shown.items()},
                "after": {name: after for name, (dummy, after) in shown.items()},
            }
        return result

    run_module(module, clone)


if __name__ == "__main__":
    main()
