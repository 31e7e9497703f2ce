# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up loops for the tests of the report: the state as a run leaves it, and Proxmox's records beside it."""

from __future__ import annotations

from pve_lxc.autoscale.report.data import Gathered
from pve_lxc.autoscale.terminal.status_text import Status
from pve_lxc.model.reason import Reason
from pve_lxc.policy.demand import DemandRow
from pve_lxc.policy.hold import Hold

# 23 November 2026, 12:00 UTC.
NOW = 1795435200.0
HOUR = 3600.0


def sizes(memory, cores=4, cpulimit=None):
    return {"cores": cores, "cpulimit": cpulimit, "cpuunits": None, "memory": memory, "swap": 512}


def decision(vmid, has, *, name="web", reason="within_band", msg="nothing to do", run_id=7, ago=60.0):
    return {
        "vmid": vmid, "name": name, "node": "pve1", "change": False, "reason": reason, "reasons": [reason], "msg": msg, "before": has, "target": has,
        "usage": {"cpu_cores": 0.5, "memory_mib": 300.0}, "run_id": run_id, "time": NOW - ago,
    }  # fmt: skip


def change(vmid, hours_ago, before, after, *, number=1, failed=False, is_open=False, reason="shrink_memory", msg="done", run_id=1):
    moment = NOW - hours_ago * HOUR
    outcome = None if is_open else {"changed": not failed, "failed": failed, "reason": "refused_by_proxmox" if failed else reason, "msg": msg, "after": after}
    return {
        "change_id": number, "run_id": run_id, "vmid": vmid, "name": "web", "node": "pve1", "begun": moment, "reason": reason, "message": "", "ended": moment,
        "before": before, "target": after, "outcome": outcome, "identity": "", "undoes_from": None,
    }  # fmt: skip


def baseline(memory, cores=4):
    return {"memory": {"baseline": {"cores": cores, "cpulimit": None, "cpuunits": None, "memory_mib": memory, "swap_mib": 512}}}


def row(hours_ago, cpu, memory, peak=None, hours=1.0):
    return DemandRow(NOW - hours_ago * HOUR, hours * HOUR, cpu, cpu if peak is None else peak, memory, 4.0)


def status(decisions, *, ended_ago=60.0, holds=None, mode="apply", notices=()):
    run = {"run_id": 7, "mode": mode, "started": NOW - ended_ago - 1, "ended": NOW - ended_ago, "result": "1 changed, 0 failed", "is_failed": False}
    return Status("pve1", mode, 60.0, NOW, run, run, run, decisions, [], [], holds or {}, {}, notices)


def gathered(decisions, *, changes=(), memories=None, records=None, kills=None, problem="", began_ago=10.0, **of_status):
    return Gathered(status(decisions, **of_status), memories or {}, changes, kills if kills is not None else {}, NOW - began_ago * HOUR, records or {}, problem)


def rolled_back(vmid):
    return {vmid: Hold(Reason.ROLLED_BACK, float("inf"))}
