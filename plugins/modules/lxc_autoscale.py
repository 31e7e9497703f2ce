#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_autoscale
short_description: Size Proxmox VE containers by their use, in one cycle from a controller
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Makes one cycle of the autoscale loop for the nodes of a cluster, with the same engine as the service on a node. It decides about every container what
    CPU and memory it should have, says why, and with O(mode=apply) gives it that.
  - What the containers did is read from Proxmox's own records in every run, for nobody watches them between two runs.
  - Over the API nobody can see shared memory, so memory is only grown. CPU is lowered where a day of records under the present limit tells that less will do.
  - One container, or one node, that fails does not stop the others. All results come back, and then the task fails.
notes:
  - Let either a controller or the loop on the node change a container, not both. Each would take the other's changes for an operator's and leave the container
    alone for a day.
  - With C(transport=ssh) or C(transport=local) the figures are those of C(pvesh), which are the API's.
  - A run costs about three requests for each running container, and for each changed one three more.
seealso:
  - module: autoscale.proxmox.lxc_resize
  - module: autoscale.proxmox.lxc_info
extends_documentation_fragment:
  - autoscale.proxmox.connection
  - autoscale.proxmox.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is written, the file at O(state_path) included.
  diff_mode:
    support: full
    details: Shows what containers have and should have, with O(mode=recommend) too.
options:
  mode:
    description:
      - V(recommend) decides and changes nothing.
      - V(apply) changes what was decided. Each change is written into the file at O(state_path) before it is made. It works from the second run
        with that file on, because only then it is known to be on storage that lasts; until then V(apply) recommends, with a warning.
      - V(rollback) puts back what V(apply) changed, by that file, and leaves those containers alone for a day.
    type: str
    choices: [recommend, apply, rollback]
    default: recommend
  config:
    description:
      - Selection, bounds, policy, tiers and so on, as in the loop's configuration file. C(docs/configuration.md) of the collection lists every key.
      - The keys C(connection), C(metrics), C(mode), C(node), C(notify) and C(state) are errors here, because the options of the module say the same.
    type: dict
  config_file:
    description: Path of such a file, in the loop's format or in that of LXC AutoScale. What it says about connection, mode, node, state, metrics and
      notifications is passed over, so the file of a node can be used.
    type: path
  state_path:
    description:
      - File that holds what was found at first sight, what was changed, and what is to be left alone. It is made if it is not there, and its folder too.
      - An absolute path. It must survive until the next run, which the file system of an execution environment does not. Mount a folder.
      - Not given, each run knows the records only, and operators' changes of the last day are told by them alone.
    type: path
  nodes:
    description: Nodes whose containers are looked at. Not given, all that are online.
    type: list
    elements: str
  vmid:
    description:
      - With O(mode=rollback), the container to put back. Without O(to) it goes back to before its newest change.
      - In another mode this, O(to) and O(force) are errors. Which containers are looked at is said by C(selection) in O(config).
    type: int
  to:
    description:
      - With O(mode=rollback), to when. A moment such as V(2h), V(yesterday 14:00) or V(2026-11-22 14:00) in the controller's time, or the number of a
        run, to before which it goes back.
      - Without O(vmid), all containers that were changed since are put back.
    type: str
  force:
    description: With O(mode=rollback), whether it is put back although somebody has changed the container since, or memory is taken away of
      which nobody can know whether it is in use.
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

- name: Say what every container of the cluster should have, and why
  autoscale.proxmox.lxc_autoscale:
  register: sized

- name: Show those that should have other sizes
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.msg }}"
  loop: "{{ sized.results | selectattr('should_change') }}"
  loop_control:
    label: "{{ item.vmid }}"

- name: Size the web servers of two nodes, within bounds
  autoscale.proxmox.lxc_autoscale:
    mode: apply
    state_path: /var/lib/awx_projects/lxc-autoscale.sqlite
    nodes: [pve1, pve2]
    config:
      selection:
        tags: [web]
      bounds:
        max_cpu_cores: 8
        max_memory_mib: 16384
      policy:
        preset: safe

- name: Show what a run with the file of a node would change
  autoscale.proxmox.lxc_autoscale:
    mode: apply
    state_path: /var/lib/awx_projects/lxc-autoscale.sqlite
    config_file: files/lxc-autoscale.yaml
  check_mode: true
  diff: true

- name: Put a container back to before its newest change
  autoscale.proxmox.lxc_autoscale:
    mode: rollback
    state_path: /var/lib/awx_projects/lxc-autoscale.sqlite
    vmid: 101
"""

RETURN = r"""
msg:
  description: How many containers were changed or should be, or what failed.
  returned: always
  type: str
  sample: 2 of 24 containers should have other sizes; nothing was changed
problems:
  description: Everything that is wrong with the options or the configuration. Nothing was read or written then.
  returned: when they cannot be used
  type: list
  elements: dict
  contains:
    place:
      description: Option or key.
      returned: always
      type: str
      sample: policy.preset
    value:
      description: What stands there.
      returned: always
      type: str
      sample: fast
    msg:
      description: What is wrong and what is allowed.
      returned: always
      type: str
      sample: allowed is one of safe, balanced, lean
results:
  description: One entry for each container of the nodes that were looked at, by ascending id; with O(mode=rollback) of those that were asked for.
  returned: when the options could be used, also when containers failed
  type: list
  elements: dict
  contains:
    vmid:
      description: Id of the container.
      returned: always
      type: int
      sample: 101
    name:
      description: Its hostname.
      returned: always
      type: str
      sample: web
    node:
      description: Where it lives.
      returned: always
      type: str
      sample: pve1
    changed:
      description: Whether it was changed, or in check mode would be.
      returned: always
      type: bool
      sample: true
    should_change:
      description: Whether it should have other sizes than it had.
      returned: when it was decided about
      type: bool
      sample: true
    failed:
      description: Whether what was to be done did not happen.
      returned: always
      type: bool
      sample: false
    reason:
      description: Why it has or gets what it has, in a word for programs; docs/policy.md lists them. When a change failed, why it did.
      returned: always
      type: str
      sample: grow_memory
    reasons:
      description: Every reason that played a part in the decision, strongest first.
      returned: when it was decided about
      type: list
      elements: str
      sample: [grow_memory, unchanged]
    msg:
      description: The same as a sentence with the figures.
      returned: always
      type: str
      sample: "memory 1024 -> 1184 MiB: 1180 MiB are wanted"
    before:
      description: What it had. Empty when it was not read. Of a root file system that is to grow C(rootfs) is there as well, as in V(8G).
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
    target:
      description: What it should have; the same as C(before) where nothing is to be done. Empty when it was not read.
      returned: when it was decided about
      type: dict
      contains: *allocation
    after:
      description: What it has now. In check mode with O(mode=apply) what it would have.
      returned: always
      type: dict
      contains: *allocation
    pending:
      description: What of its configuration waits for a restart, in Proxmox's words.
      returned: always
      type: dict
      sample: {}
    restart_required:
      description: Whether anything waits for a restart.
      returned: always
      type: bool
      sample: false
    transport:
      description: The way that was taken.
      returned: with O(mode=rollback)
      type: str
      sample: api
    usage:
      description: What was measured, with units in the names. Empty when nothing was.
      returned: when it was decided about
      type: dict
      sample: {"cpu_cores": 0.4, "memory_mib": 812.0, "memory_source": "api"}
    cpu_demand_cores:
      description: CPU that it is thought to need, before bounds and guards. None when that cannot be said.
      returned: when it was decided about
      type: float
      sample: 0.9
    memory_demand_mib:
      description: The same of memory, in MiB.
      returned: when it was decided about
      type: float
      sample: 1180.2
    cpu_bounds_cores:
      description: Least and largest CPU that it may be given. None when its CPU is not managed.
      returned: when it was decided about
      type: list
      elements: float
      sample: [1, 4]
    memory_bounds_mib:
      description: The same of memory, in MiB.
      returned: when it was decided about
      type: list
      elements: float
      sample: [512, 2048]
    swap_bounds_mib:
      description: The same of swap, in MiB.
      returned: when it was decided about, and its swap is sized
      type: list
      elements: float
      sample: [256, 1024]
totals:
  description: What all of them have and should have together.
  returned: when it was decided about containers
  type: dict
  contains:
    containers:
      description: How many there are on the nodes that were looked at.
      returned: always
      type: int
      sample: 24
    should_change:
      description: How many should have other sizes.
      returned: always
      type: int
      sample: 2
    cores_before:
      description: CPU in cores that those with a limit have.
      returned: always
      type: float
      sample: 94
    cores_target:
      description: CPU in cores that they should have.
      returned: always
      type: float
      sample: 63.5
    memory_before_mib:
      description: Memory that they have.
      returned: always
      type: int
      sample: 133120
    memory_target_mib:
      description: Memory that they should have.
      returned: always
      type: int
      sample: 133632
nodes:
  description: One entry for each node that was looked at.
  returned: when it was decided about containers
  type: list
  elements: dict
  contains:
    node:
      description: Its name.
      returned: always
      type: str
      sample: pve1
    failed:
      description: Whether its cycle failed.
      returned: always
      type: bool
      sample: false
    msg:
      description: Why. Empty when it did not.
      returned: always
      type: str
      sample: ""
    run_id:
      description: Number of the run in the file at O(state_path). None when it failed.
      returned: always
      type: int
      sample: 12
    mode:
      description: V(recommend) or V(apply), as it was run. Empty when it failed.
      returned: always
      type: str
      sample: recommend
    containers:
      description: How many containers it has.
      returned: always
      type: int
      sample: 8
    changed:
      description: How many were changed.
      returned: always
      type: int
      sample: 0
    duration_seconds:
      description: How long its cycle took.
      returned: always
      type: float
      sample: 0.412
    notices:
      description: What else an operator should know.
      returned: always
      type: list
      elements: str
      sample: []
unreachable_nodes:
  description: Nodes that are not online and were not asked for.
  returned: when it was decided about containers
  type: list
  elements: str
  sample: []
settled:
  description: What became of changes that an earlier run had begun when it was stopped; entries as in C(results) without the decision.
  returned: when the options could be used
  type: list
  elements: dict
  sample: []
"""

import os
import tempfile

from ansible_collections.autoscale.proxmox.plugins.module_utils._autoscale import (
    copy_state,
    open_parts,
    pick_nodes,
    read_loop_config,
    require_absolute,
    require_only_for_rollback,
    roll_back,
    run_nodes,
)
from ansible_collections.autoscale.proxmox.plugins.module_utils._autoscale_results import format_diff, format_rollback, format_runs
from ansible_collections.autoscale.proxmox.plugins.module_utils._module import create_module, run_module
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.errors import StateError

NO_STATE = "mode apply needs state_path, a file on storage that lasts: without it nobody would remember what was changed. This is a recommendation only."
NEW_STATE = "the file at state_path was not there: this run makes it and is a recommendation only, the next one that finds it applies."


def main():
    module = create_module(
        {
            "mode": {"type": "str", "choices": ["recommend", "apply", "rollback"], "default": "recommend"},
            "config": {"type": "dict"},
            "config_file": {"type": "path"},
            "state_path": {"type": "path"},
            "nodes": {"type": "list", "elements": "str"},
            "vmid": {"type": "int"},
            "to": {"type": "str"},
            "force": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("config", "config_file")],
        required_if=[("mode", "rollback", ("state_path",))],
    )
    run_module(module, lambda backend: work(module, backend))


def work(module, backend):
    state_path, mode = module.params["state_path"], module.params["mode"]
    require_absolute(state_path)
    require_only_for_rollback(module.params)
    config = read_loop_config(module.params)
    for notice in config.notices:
        module.warn(notice)
    is_lasting = bool(state_path) and os.path.exists(state_path)
    if mode == "rollback" and not is_lasting:
        raise StateError(f"there is no state file {state_path}, so nothing is known of changes from here")
    if mode == "apply" and not is_lasting:
        module.warn(NEW_STATE if state_path else NO_STATE)
    with tempfile.TemporaryDirectory(dir=module.tmpdir) as scratch:
        used_path = os.path.join(scratch, "state.sqlite") if module.check_mode or not state_path else state_path
        if module.check_mode and is_lasting:
            copy_state(state_path, used_path)
        parts = open_parts(config, backend, used_path)
        try:
            return rollback(module, parts) if mode == "rollback" else cycle(module, parts, applies=mode == "apply" and is_lasting)
        finally:
            parts.state.close()


def rollback(module, parts):
    result = format_rollback(roll_back(parts, module.params, is_check=module.check_mode))
    return {**result, "diff": format_diff(result["results"])} if module._diff else result


def cycle(module, parts, applies):
    cluster = parts.backend.read_cluster()
    nodes = pick_nodes(cluster, module.params["nodes"])
    runs = run_nodes(parts, nodes, "apply" if applies and not module.check_mode else "recommend")
    for run in runs:
        for notice in run.result.notices if run.result is not None else ():
            module.warn(f"{run.node}: {notice}")
    result = format_runs(runs, applies=applies, is_check=module.check_mode)
    result["unreachable_nodes"] = [name for name in cluster.unreachable_nodes if name not in nodes]
    return {**result, "diff": format_diff(result["results"])} if module._diff else result


if __name__ == "__main__":
    main()
