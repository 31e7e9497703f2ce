# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role from check mode on an untouched node to the last file, on all Debian releases at once.

The tests of this file use one cluster one after the other; each leaves the loop installed and working.
"""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.booted.machine import Machine

CGROUP_ROOT = "/run/pve-cgroup"
SECRET = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
RIGHTS = "{ pveum role list --output-format json; pveum user list --output-format json; pveum acl list --output-format json; }"
WORST_SCORE = 2.0
OLD = "0.0.9-0123456789ab"
# What belongs to the loop anywhere on a node; the journal may speak of it.
OURS = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /run/pve-cgroup -o -path /var/log -o -path /root/.ansible \) -prune -o -name '*lxc-autoscale*' -print"
)


def changed_counts(output: str) -> dict[str, int]:
    """Return host -> how many tasks changed something, from the recap."""
    return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)}


def own_journal(machine: Machine) -> str:
    return machine.text("journalctl --no-pager --output=cat --unit=lxc-autoscale.service --unit=lxc-autoscale-failure.service --lines=40")


def last_run(machine: Machine) -> int:
    return int(json.loads(machine.text("lxc-autoscale status --json"))["run"]["run_id"])


@pytest.fixture(scope="module")
def life(boot_for_module, suites):
    """A cluster on which the role ran in check mode, then really, then once more; and what was seen in between."""
    cluster = boot_for_module(*suites)

    def install(*arguments, is_good=True, **variables):
        given = {"lxc_autoscale_cgroup_root": CGROUP_ROOT, "lxc_autoscale_interval": "60min", **variables}
        done = cluster.playbook("autoscale_install", *arguments, **given)
        assert (done.returncode == 0) == is_good, done.stdout + done.stderr
        return done.stdout

    machines = list(cluster.machines.values())
    seen = SimpleNamespace(cluster=cluster, machines=machines, install=install)
    seen.check = install("--check", "--diff")
    left = f"{OURS}; id lxc-autoscale; {RIGHTS} | grep -i autoscale"
    seen.left_by_check = {machine.hostname: machine.run(left, check=False).stdout for machine in machines}
    seen.first = install("-vvv")
    seen.second = install("--diff")
    return seen


def test_check_mode_before_the_first_run_says_what_it_leaves_out_and_changes_nothing(life):
    assert "is not on this node yet, so what it would do is left out" in life.check
    assert "These packages are missing and would be installed: python3-proxmoxer, python3-requests, python3-yaml" in life.check
    assert "+mode: recommend" in life.check
    assert life.left_by_check == dict.fromkeys(life.left_by_check, "")


def test_the_first_run_shows_what_the_loop_sees(life):
    for number, machine in enumerate(life.machines, 1):
        assert f"2 containers on {machine.hostname}" in life.first
        assert f"{number}01  web{number}" in life.first


def test_the_second_run_changes_nothing(life):
    assert changed_counts(life.second) == {machine.hostname: 0 for machine in life.machines}


def test_the_sandbox_is_as_tight_as_it_can_be(life, record_property):
    for machine in life.machines:
        line = machine.text("systemd-analyze security --no-pager lxc-autoscale.service | tail -n 1")
        record_property("shown", f"systemd-analyze security: {machine.suite}: {line.lstrip('→ ')}")
        score = float(re.search(r"lxc-autoscale\.service: ([0-9.]+)", line).group(1))
        assert score <= WORST_SCORE


def look_from_inside(machine: Machine, script: str) -> list[str]:
    """Run a shell script as the service runs, with every line of its unit but those that say where its output goes."""
    left_out = ("ExecStart=", "OnFailure=", "LogLevelMax=", "Standard")
    unit = [line for line in machine.text("cat /etc/systemd/system/lxc-autoscale.service").splitlines() if not line.startswith(left_out)]
    unit.insert(unit.index("[Service]") + 1, "StandardOutput=truncate:/run/look.txt\nStandardError=inherit\nExecStart=/bin/sh /run/look.sh")
    machine.write("/run/look.sh", script)
    machine.write("/run/systemd/system/look.service", "\n".join(unit))
    machine.run("systemctl daemon-reload && systemctl start look.service")
    return machine.text("cat /run/look.txt").splitlines()


def test_memory_and_pressure_of_the_node_can_be_read_from_inside_the_sandbox(life):
    look = "cut -c1-9 /proc/meminfo | head -n 1; head -c 9 /proc/pressure/memory; echo; head -c 6 /run/pve-cgroup/lxc/*/memory.max >/dev/null && echo limits"
    for machine in life.machines:
        assert look_from_inside(machine, look) == ["MemTotal:", "some avg1", "limits"]


def test_nothing_else_of_the_node_can_be_reached_from_inside_the_sandbox(life):
    look = """
    id -un
    test -e /proc/1 || echo no other processes
    ls /root >/dev/null 2>&1 || echo no homes
    touch /etc/x /usr/x /var/x 2>/dev/null || echo nothing to write
    cat /etc/lxc-autoscale/token >/dev/null 2>&1 || echo no token
    cat /etc/pve/local/pve-ssl.pem >/dev/null 2>&1 || echo nothing of Proxmox
    touch "$STATE_DIRECTORY/x" && rm "$STATE_DIRECTORY/x" && echo state
    """
    for machine in life.machines:
        seen = look_from_inside(machine, look)
        assert seen == ["lxc-autoscale", "no other processes", "no homes", "nothing to write", "no token", "nothing of Proxmox", "state"]


def test_the_service_is_ordered_after_proxmox_and_waits_five_minutes_after_a_boot(life):
    for machine in life.machines:
        after = machine.text("systemctl show --value --property=After lxc-autoscale.service").split()
        assert {"pve-cluster.service", "pveproxy.service", "pve-guests.service"} <= set(after)
        timer = machine.text("systemctl show --property=TimersMonotonic --property=AccuracyUSec lxc-autoscale.timer")
        assert "OnBootUSec=5min" in timer
        assert "OnUnitActiveUSec=1h" in timer
        assert "AccuracyUSec=1s" in timer


def test_an_idle_cycle_logs_nothing(life):
    for machine in life.machines:
        machine.run("journalctl --rotate && journalctl --vacuum-time=1s && systemctl start lxc-autoscale.service")
        assert machine.text("journalctl --no-pager --output=cat --quiet --unit=lxc-autoscale.service") == ""


def test_the_command_as_root_leaves_nothing_that_locks_the_service_out(life):
    for machine in life.machines:
        assert "recommend" in machine.text("lxc-autoscale recommend")
        assert machine.text("find /var/lib/lxc-autoscale ! -user lxc-autoscale") == ""
        assert machine.run("lxc-autoscale status --nonsense", check=False).returncode == 2
        machine.run("systemctl start lxc-autoscale.service")


@pytest.fixture(scope="module")
def renewed(life):
    """What was seen of two plays. One found secrets broken and was given a configuration with a mistake: it mends the former before it refuses the latter.
    The other brought a new version and was asked for new secrets.
    """
    first, last = life.machines[0], life.machines[-1]
    seen = SimpleNamespace(old=[machine.text("cat /etc/lxc-autoscale/token") for machine in life.machines])
    first.write("/etc/lxc-autoscale/token", "0f8fad5b-d9cb-469f-a165-70867728950e\n", "0644")
    assert first.run("systemctl start lxc-autoscale.service", check=False).returncode != 0
    last.run("rm /etc/lxc-autoscale/token")
    assert last.run("systemctl start lxc-autoscale.service", check=False).returncode != 0
    assert "exit status 243" in own_journal(last)
    seen.mended = life.install("-vvv", is_good=False, lxc_autoscale_config={"polcy": {"preset": "safe"}})
    seen.kept = [machine.text("cat /etc/lxc-autoscale/config.yaml") for machine in life.machines]
    seen.old += [machine.text("cat /etc/lxc-autoscale/token") for machine in life.machines]
    for machine in life.machines:
        machine.run(
            f"cd /usr/local/lib/lxc-autoscale && cp -a $(readlink current) {OLD} && touch -d '-1 day' {OLD} && ln -sfn {OLD} current"
            " && systemctl start lxc-autoscale.service"
        )
    seen.runs_before = {machine.hostname: last_run(machine) for machine in life.machines}
    seen.upgraded = life.install("-vvv", "--diff", lxc_autoscale_rotate_token=True)
    seen.runs_after = {machine.hostname: last_run(machine) for machine in life.machines}
    seen.new = [machine.text("cat /etc/lxc-autoscale/token") for machine in life.machines]
    return seen


def test_a_configuration_that_the_new_code_refuses_is_not_put_in_place(life, renewed):
    assert "there is no such key; is policy meant?" in renewed.mended
    assert ["polcy" in config or "mode: recommend" not in config for config in renewed.kept] == [False for _machine in life.machines]


def test_secrets_are_mended_without_being_seen(life, renewed):
    assert "did not hold its secret" in renewed.mended
    assert ("Proxmox did not accept the one in /etc/lxc-autoscale/token" in renewed.mended) == (len(life.machines) > 1)
    assert renewed.upgraded.count("given a new secret: as asked for") >= len(life.machines)
    assert set(renewed.old) & set(renewed.new) == set()
    assert len(set(renewed.new)) == len(life.machines)
    for machine, secret in zip(life.machines, renewed.new, strict=True):
        assert SECRET.fullmatch(secret)
        assert machine.text("stat -c '%a %U %G' /etc/lxc-autoscale/token") == "600 root root"
        machine.run("systemctl start lxc-autoscale.service")
    outputs = "".join([life.check, life.first, life.second, renewed.mended, renewed.upgraded])
    for machine in life.machines:
        outputs += machine.text("journalctl --no-pager --output=export; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /etc/lxc-autoscale/config.yaml")
        outputs += machine.text("strings -a /var/lib/lxc-autoscale/state.sqlite 2>/dev/null || tr -cd '[:print:]' < /var/lib/lxc-autoscale/state.sqlite")
    assert [secret for secret in [*renewed.old, *renewed.new] if secret in outputs] == []


def test_an_upgrade_keeps_the_state_and_one_version_to_go_back_to(life, renewed):
    # The version that runs, and the secret that was asked for: nothing else is changed.
    assert changed_counts(renewed.upgraded) == {machine.hostname: 2 for machine in life.machines}
    for machine in life.machines:
        assert machine.text("ls /usr/local/lib/lxc-autoscale | wc -l") == "3"
        assert machine.text("readlink /usr/local/lib/lxc-autoscale/current") != OLD
        # The role makes a run at its end, and the timer may have made one meanwhile.
        before = renewed.runs_before[machine.hostname]
        assert before < renewed.runs_after[machine.hostname] <= before + 2


def test_the_api_s_certificate_is_pinned_and_an_own_one_is_the_one_that_counts(life):
    for machine in life.machines:
        # pveproxy would present this one; here it still presents the other, so nobody may be believed.
        machine.run("cp /etc/pve/pve-root-ca.pem /etc/pve/local/pveproxy-ssl.pem")
        done = machine.run("lxc-autoscale recommend", check=False)
        assert (done.returncode, "does not have the fingerprint" in done.stderr) == (3, True)
        machine.run("rm /etc/pve/local/pveproxy-ssl.pem && lxc-autoscale recommend")


def test_removal_leaves_what_is_to_be_kept_and_purge_leaves_nothing(life):
    first, *others = life.machines
    done = life.cluster.playbook("autoscale_remove", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    first.run("systemctl is-active lxc-autoscale.timer")
    if others:
        done = life.cluster.playbook("autoscale_remove", "--limit", first.hostname)
        assert done.returncode == 0, done.stdout + done.stderr
        # The other node goes on: its token and the user are there.
        others[0].run("systemctl start lxc-autoscale.service")
    done = life.cluster.playbook("autoscale_remove")
    assert done.returncode == 0, done.stdout + done.stderr
    for machine in life.machines:
        assert sorted(machine.text(OURS).splitlines()) == ["/etc/lxc-autoscale", "/var/lib/lxc-autoscale"]
        assert machine.text("ls /etc/lxc-autoscale /var/lib/lxc-autoscale").split() == [
            "/etc/lxc-autoscale:",
            "config.yaml",
            "/var/lib/lxc-autoscale:",
            "state.sqlite",
            "state.sqlite.lock",
        ]
        assert "autoscale" not in machine.text(RIGHTS).lower()
    # The first node was left before: there was nothing to do on it.
    assert changed_counts(done.stdout)[first.hostname] == 0 or not others
    done = life.cluster.playbook("autoscale_remove", lxc_autoscale_purge=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for machine in life.machines:
        assert machine.text(OURS) == ""
        assert machine.run("id lxc-autoscale", check=False).returncode != 0
        assert machine.text("systemctl list-units --all --no-legend '*lxc-autoscale*'") == ""
