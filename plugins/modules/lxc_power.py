#!/usr/bin/python
# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lxc_power
short_description: Start, stop, restart and suspend Proxmox VE containers
version_added: 0.1.0
author:
  - autoscale.proxmox contributors (@autoscale-proxmox)
description:
  - Brings one LXC container, a list of them, or all that have certain marks into a state. A container that is there already is left alone.
  - Containers are shut down gracefully. Only with O(force) are those stopped the hard way that did not shut down in time.
  - Whether a container runs is asked of its own node, before and after, because what the cluster shows is up to ten seconds old.
  - One container that fails does not stop the others. All results come back, and then the task fails.
  - Since Proxmox VE 9.0.16 several containers are started or shut down with one call of the cluster's bulk action. Before that, and for the other
    states, some containers are worked on at a time.
notes:
  - V(suspended) needs CRIU on the node, which Proxmox calls experimental. Proxmox shows a suspended container as stopped, so a container that does not run
    counts as suspended, and V(started) boots it anew.
  - A container that high availability manages is only requested to start or stop. The module waits until its node shows it.
  - A template cannot run, and a locked container (backup, migration) is left alone. Both are failures when they were named, and templates are left out
    of a selection by marks.
  - Needs the privileges VM.Audit and VM.PowerMgmt on the containers.
seealso:
  - module: autoscale.proxmox.lxc_facts
  - module: autoscale.proxmox.lxc_resize
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
  state: &state
    description:
      - What the container is to be. It must be given, beside the containers or for each of them.
      - V(started) runs. V(stopped) does not, and V(shutdown) is another name for it.
      - V(restarted) is shut down and started, which puts pending changes of its configuration into effect. One that does not run is started.
        This is the only state that is never there already.
      - V(suspended) is frozen to disk.
    type: str
    choices: [started, stopped, shutdown, restarted, suspended]
  force: &force
    description:
      - Whether a container that did not shut down within O(timeout) is stopped the hard way, as when its plug was pulled.
      - Not given is the same as V(false). Then such a container goes on running, and the task fails.
    type: bool
  timeout: &timeout
    description:
      - Seconds that a container may take to shut down, V(0) to V(7200). One whose own C(startup) has a C(down=) is given those instead.
      - With V(0) and O(force) it is stopped the hard way at once.
      - Starting and suspending may take as long, and each task of Proxmox is given a minute more than that.
      - Not given is the same as V(60).
    type: int
  containers:
    description:
      - The containers, instead of O(vmid), O(name) or marks. What stands beside this list (O(state), O(force) and O(timeout)) is the default of its entries.
      - No container may be named twice.
    type: list
    elements: dict
    suboptions:
      vmid: *vmid
      name: *name
      state: *state
      force: *force
      timeout: *timeout
  vmids:
    description:
      - The containers with these ids, instead of O(vmid), O(name) or O(containers).
      - This and the following are marks. Every mark that is given must fit, and one value of it is enough.
      - An empty list is refused for every mark, so that an empty variable does not select more than was meant.
      - An id that does not exist fails.
    type: list
    elements: int
  names:
    description: The containers with these hostnames. One that does not exist fails.
    type: list
    elements: str
  nodes:
    description: The containers on these nodes.
    type: list
    elements: str
  tags:
    description: The containers with at least one of these tags.
    type: list
    elements: str
  pools:
    description: The containers in these resource pools. Proxmox shows pools only with the privilege Pool.Audit.
    type: list
    elements: str
  status:
    description:
      - The containers that the cluster shows with these states, up to ten seconds late. It narrows a selection by other marks, and cannot stand alone.
    type: list
    elements: str
    choices: [running, stopped, unknown]
"""

EXAMPLES = r"""
# The connection is taken from PROXMOX_HOST, PROXMOX_TOKEN_ID and so on, or given once for all tasks:
#   module_defaults:
#     group/autoscale.proxmox.lxc:
#       api_host: pve.example.com
#       api_token_id: automation@pve!power
#       api_token_secret: "{{ vault_proxmox_token_secret }}"
#       ca_path: /etc/ssl/pve-root-ca.pem

- name: Make sure that a container runs
  autoscale.proxmox.lxc_power:
    vmid: 101
    state: started

- name: Shut a container down, and stop it the hard way after two minutes
  autoscale.proxmox.lxc_power:
    name: database
    state: stopped
    timeout: 120
    force: true

- name: Show which containers of the pool would be shut down, without doing it
  autoscale.proxmox.lxc_power:
    pools: [development]
    state: stopped
  check_mode: true
  diff: true

- name: Restart the web servers that run
  autoscale.proxmox.lxc_power:
    tags: [web]
    status: [running]
    state: restarted

- name: Bring several containers into different states
  autoscale.proxmox.lxc_power:
    state: started
    containers:
      - vmid: 101
      - name: mail
      - vmid: 103
        state: stopped
        timeout: 300
  register: power
"""

RETURN = r"""
msg:
  description: How many containers were changed, or which failed and why.
  returned: always
  type: str
  sample: 2 of 3 containers changed
problems:
  description: Everything that is wrong in the request. Nothing was read or changed then.
  returned: when the request cannot be carried out as written
  type: list
  elements: dict
  contains:
    place:
      description: Option, or entry of the list and option.
      returned: always
      type: str
      sample: containers[3].timeout
    value:
      description: What stands there.
      returned: always
      type: str
      sample: "-5"
    msg:
      description: What is wrong and what is allowed.
      returned: always
      type: str
      sample: allowed are seconds, 0 to 7200
results:
  description: What became of each container, in the order given, or by ascending vmid when they were selected by marks.
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
        - Why, in a word for programs. V(started), V(stopped), V(restarted), V(suspended) or V(unchanged) when all is well.
        - V(template), V(locked), V(status_unknown) or V(ha_busy) when nothing was tried.
        - V(did_not_stop) when it did not shut down in time, V(task_failed) when Proxmox's task failed, V(not_in_effect) when Proxmox says that it is done
          and the node shows something else.
        - V(not_found), V(name_not_unique), V(node_unreachable), V(permission_denied), V(authentication_failed), V(refused_by_proxmox) or V(connection_lost)
          when it could not be carried out, V(outcome_unknown) when nobody knows.
      returned: always
      type: str
      sample: started
    msg:
      description: The same as a sentence.
      returned: always
      type: str
      sample: stopped -> running
    before:
      description: What it was. Empty when it was not found.
      returned: always
      type: dict
      contains: &power
        status:
          description: V(running), V(stopped), or V(unknown) when its node could not be asked.
          returned: when it was found
          type: str
          sample: stopped
    after:
      description: What it is now, read from its node. In check mode what it would be. Empty when it was not found.
      returned: always
      type: dict
      contains: *power
    pending:
      description: What of its configuration waits for a restart. Always empty here; M(autoscale.proxmox.lxc_facts) returns it.
      returned: always
      type: dict
      sample: {}
    restart_required:
      description: Whether anything waits for a restart. Always false here.
      returned: always
      type: bool
      sample: false
    transport:
      description: The way that was taken.
      returned: always
      type: str
      sample: api
"""

from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import mark_options, power_options
from ansible_collections.autoscale.proxmox.plugins.module_utils._module import create_module, format_outcomes, run_module, warn_all
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.power import change_power_of_containers
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.operations.power_request import parse_power_targets


def main():
    module = create_module(
        {
            **power_options(),
            "containers": {"type": "list", "elements": "dict", "options": power_options()},
            **mark_options(),
        },
    )

    def change_power(backend):
        targets = parse_power_targets(module.params)
        report = change_power_of_containers(backend, targets, is_check=module.check_mode, concurrency=module.params["concurrency"])
        for warning in report.warnings:
            module.warn(warning)
        warn_all(module, report.outcomes)
        return format_outcomes(report.outcomes, is_check=module.check_mode, is_diff=module._diff)

    run_module(module, change_power)


if __name__ == "__main__":
    main()
