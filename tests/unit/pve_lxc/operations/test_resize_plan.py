# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one resize: pure, with literal writes."""

from __future__ import annotations

from typing import Any

from pve_lxc.model.allocation import Allocation
from pve_lxc.model.guest import Guest, GuestConfig
from pve_lxc.model.plan import ConfigWrite, ResizePlan
from pve_lxc.model.reason import Reason
from pve_lxc.operations.request import parse_requests
from pve_lxc.operations.resize import plan_resize, plan_to

MIB = 1024 * 1024
HAS = Allocation(cores=2, cpulimit=1.5, cpuunits=100, memory_mib=1024, swap_mib=512)


def plan(asked: dict[str, Any], has: Allocation = HAS, *, cgroup_mode: int | None = 2, guest: dict[str, Any] | None = None, **config: Any) -> ResizePlan:
    [request] = parse_requests({"vmid": 101, **asked})
    container = Guest(101, "web", "pve1", **{"status": "running", "memory_bytes": 300.0 * MIB, **(guest or {})})
    return plan_resize(request, container, GuestConfig(101, "pve1", "d1", has, **config), cgroup_mode)


def test_only_what_differs_is_written():
    made = plan({"cores": "4", "memory": "1024", "swap": "512"})
    assert made.writes == (ConfigWrite({"cores": 4}),)
    assert (made.reason, made.message, made.digest) == (Reason.RESIZED, "cores 2 -> 4", "d1")


def test_a_container_that_has_it_all_is_unchanged():
    made = plan({"cores": "2", "cpulimit": "1.50", "memory": "1G"})
    assert (made.writes, made.reason, made.is_refused) == ((), Reason.UNCHANGED, False)


def test_unchanged_is_decided_on_the_configuration_and_not_on_the_lagging_figures_of_the_cluster():
    made = plan({"memory": "2048"}, guest={"max_memory_bytes": 2048.0 * MIB})
    assert made.writes == (ConfigWrite({"memory": 2048}),)


def test_relative_sizes_become_absolute_ones():
    made = plan({"cores": "+1", "cpulimit": "-0.4", "memory": "+1G", "swap": "-512"})
    assert made.after == Allocation(cores=3, cpulimit=1.1, cpuunits=100, memory_mib=2048, swap_mib=0)
    assert made.writes == (ConfigWrite({"cores": 3, "cpulimit": "1.1", "memory": 2048, "swap": 0}),)


def test_on_cgroup_one_memory_is_written_before_cpu():
    made = plan({"cores": "4", "memory": "2048"}, cgroup_mode=1)
    assert made.writes == (ConfigWrite({"memory": 2048}), ConfigWrite({"cores": 4}))


def test_an_unknown_cgroup_mode_counts_as_two():
    assert plan({"cores": "4", "memory": "2048"}, cgroup_mode=None).writes == (ConfigWrite({"cores": 4, "memory": 2048}),)


def test_unlimited_cpu_is_written_as_a_deletion():
    made = plan({"cpulimit": "0"})
    assert made.writes == (ConfigWrite({}, ("cpulimit",)),)
    assert made.message == "cpulimit 1.5 -> unset"


def test_unlimited_cpu_that_is_unlimited_already_is_unchanged():
    assert plan({"cpulimit": "0"}, Allocation(memory_mib=1024)).reason is Reason.UNCHANGED


def test_a_core_more_than_all_of_the_nodes_is_refused_and_not_guessed():
    made = plan({"cores": "+1"}, Allocation(memory_mib=1024))
    assert (made.is_refused, made.reason, made.writes) == (True, Reason.INVALID_REQUEST, ())
    assert made.message == "no cores are set, which means all of the node's: +1 has nothing to start from; give cores as an absolute size"


def test_half_a_core_more_than_unlimited_is_refused_and_not_guessed():
    made = plan({"cpulimit": "+0.5"}, Allocation(cores=2, memory_mib=1024))
    assert made.message == "no cpulimit is set, which means unlimited: +0.5 has nothing to start from; give cpulimit as an absolute size"


def test_more_swap_than_an_absent_key_gives_starts_from_none():
    assert plan({"swap": "+512"}, Allocation(memory_mib=1024)).writes == (ConfigWrite({"swap": 512}),)


def test_fewer_cores_than_one_are_refused():
    made = plan({"cores": "-2"})
    assert (made.is_refused, made.message) == (True, "cores would become 0; Proxmox allows 1 to 8192")


def test_a_result_above_the_maximum_is_held_there_and_the_message_says_so():
    made = plan({"memory": "+4G", "max_memory": "4G"})
    assert made.after.memory_mib == 4096
    assert made.message == "memory 1024 -> 4096; memory is held at max_memory 4096 instead of 5120"


def test_a_result_below_the_minimum_is_held_there_and_the_message_says_so():
    made = plan({"cores": "-4", "min_cores": "1"})
    assert (made.after.cores, made.message) == (1, "cores 2 -> 1; cores is held at min_cores 1 instead of -2")


def test_unlimited_is_above_every_maximum():
    made = plan({"cpulimit": "0", "max_cpulimit": "4"})
    assert made.writes == (ConfigWrite({"cpulimit": "4"}),)
    assert made.message == "cpulimit 1.5 -> 4; cpulimit is held at max_cpulimit 4 instead of unlimited"


def test_unlimited_is_not_below_a_minimum():
    assert plan({"cpulimit": "0", "min_cpulimit": "1"}).after.cpulimit is None


def test_plus_nothing_holds_what_a_container_has_between_the_bounds():
    made = plan({"memory": "+0", "min_memory": "2G"})
    assert made.after.memory_mib == 2048


def test_another_digest_than_the_one_asked_for_is_refused_before_anything_else():
    made = plan({"cores": "2", "digest": "d0"}, lock="backup")
    assert (made.is_refused, made.reason) == (True, Reason.CONFIG_CHANGED)
    assert made.message == "the configuration has digest d1, not d0: somebody changed it since you read it"


def test_the_digest_asked_for_lets_the_change_through():
    assert plan({"cores": "4", "digest": "d1"}).is_change


def test_a_locked_container_is_refused_with_the_name_of_the_lock():
    made = plan({"cores": "4"}, lock="backup")
    assert (made.is_refused, made.reason) == (True, Reason.LOCKED)
    assert made.message == "the container is locked (backup); try again when that is over"


def test_a_locked_container_that_has_it_all_is_unchanged():
    assert plan({"cores": "2"}, lock="backup").reason is Reason.UNCHANGED


def test_a_template_may_be_resized():
    assert plan({"cores": "4"}, guest={"status": "stopped", "is_template": True}, is_template=True).is_change


def test_less_memory_for_a_running_container_is_refused_because_shared_memory_is_not_seen():
    made = plan({"memory": "512"})
    assert (made.is_refused, made.reason, made.writes, made.after) == (True, Reason.SHMEM_UNKNOWN, (), HAS)
    assert made.message == (
        "memory is not lowered from 1024 to 512 MiB: Proxmox shows 300 MiB in use, but that leaves out shared memory and tmpfs, so over the API "
        "nobody can know whether 512 MiB are enough. Stop the container first, or give force"
    )


def test_a_refused_memory_holds_back_the_cores_of_the_same_request():
    assert plan({"memory": "512", "cores": "4"}).writes == ()


def test_less_memory_than_proxmox_shows_in_use_is_refused_for_that():
    made = plan({"memory": "256"})
    assert made.reason is Reason.BELOW_WORKING_SET
    assert "Proxmox shows 300 MiB in use, more than 256 MiB, so the kernel will kill inside it at once" in made.message


def test_forced_less_memory_is_written_with_a_warning():
    made = plan({"memory": "512", "force": True})
    assert made.writes == (ConfigWrite({"memory": 512}),)
    assert made.warnings == (
        "memory shrinks by force: Proxmox shows 300 MiB in use, but that leaves out shared memory and tmpfs, so over the API nobody can know "
        "whether 512 MiB are enough",
    )


def test_forced_less_memory_than_in_use_warns_in_stronger_words():
    made = plan({"memory": "256", "force": True})
    assert made.warnings == ("memory shrinks by force: Proxmox shows 300 MiB in use, more than 256 MiB, so the kernel will kill inside it at once",)


def test_less_memory_is_refused_when_use_was_not_measured():
    made = plan({"memory": "512"}, guest={"memory_bytes": None})
    assert (made.is_refused, made.reason) == (True, Reason.NOT_MEASURED)


def test_a_stopped_container_may_have_less_memory():
    made = plan({"memory": "512"}, guest={"status": "stopped", "memory_bytes": 0.0})
    assert (made.writes, made.warnings) == ((ConfigWrite({"memory": 512}),), ())


def test_a_container_of_unknown_state_counts_as_running():
    assert plan({"memory": "512"}, guest={"status": "unknown", "memory_bytes": None}).is_refused


def test_less_memory_than_the_default_is_less_memory():
    assert plan({"memory": "256"}, Allocation(cores=1), guest={"memory_bytes": 10.0 * MIB}).reason is Reason.SHMEM_UNKNOWN


def test_a_container_of_the_autoscale_loop_is_resized_with_a_warning():
    made = plan({"cores": "4"}, tags=("autoscale-managed", "web"))
    assert made.is_change
    assert made.warnings == ("the container has the tag autoscale-managed: the autoscale loop will take this change as an operator's",)


def test_a_raw_line_that_overrides_the_change_is_named():
    made = plan({"cores": "4", "memory": "2048"}, raw_lxc_keys=("lxc.cgroup2.cpuset.cpus", "lxc.cgroup2.cpu.max", "lxc.apparmor.profile"))
    assert made.warnings == ("the line lxc.cgroup2.cpuset.cpus of the configuration overrides cores: the change has no effect while it is there",)


def test_plan_to_brings_back_absence_and_never_deletes_swap_together_with_memory():
    guest, config = Guest(101, "web", "pve1", "running"), GuestConfig(101, "pve1", "d1", HAS)
    made = plan_to(guest, config, Allocation(memory_mib=2048), cgroup_mode=2, reason=Reason.GROW_MEMORY, message="back")
    assert made.writes == (ConfigWrite({"memory": 2048}, ("cores", "cpulimit", "cpuunits")), ConfigWrite({}, ("swap",)))


def test_plan_to_writes_the_default_where_memory_would_have_to_be_deleted():
    guest, config = Guest(101, "web", "pve1", "running"), GuestConfig(101, "pve1", "d1", HAS)
    made = plan_to(guest, config, Allocation(2, 1.5, 100, None, 512), cgroup_mode=2, reason=Reason.RESIZED, message="")
    assert (made.writes, made.after.memory_mib) == ((ConfigWrite({"memory": 512}),), 512)


def test_plan_to_does_not_write_a_rounding_error():
    guest, config = Guest(101, "web", "pve1", "running"), GuestConfig(101, "pve1", "d1", Allocation(cpulimit=0.3, memory_mib=512))
    made = plan_to(guest, config, Allocation(cpulimit=0.1 + 0.2, memory_mib=512), cgroup_mode=2, reason=Reason.GROW_CPU, message="")
    assert made.writes == ()
