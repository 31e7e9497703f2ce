# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role refuses, and whether it says what to do about it; nothing is changed by then."""

from __future__ import annotations

import re

import pytest

CGROUP_ROOT = "/run/pve-cgroup"
DAEMON = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


# What is wrong in each situation, as variables of a host, and what the role says about it.
WRONG = {
    "cgroup v1": ({"lxc_autoscale_cgroup_root": "/nowhere"}, "There is no /nowhere/cgroup.controllers: this node runs cgroup v1"),
    "too often": ({"lxc_autoscale_interval": "2s"}, "lxc_autoscale_interval is 2s: allowed are 5s to 3600s"),
    "no time": ({"lxc_autoscale_interval": "often"}, "lxc_autoscale_interval is often: allowed are 5s to 3600s"),
    "two modes": (
        {"lxc_autoscale_config": {"mode": "apply"}},
        "lxc_autoscale_mode is recommend and lxc_autoscale_config says mode: apply. Say it once.",
    ),
    "two intervals": ({"lxc_autoscale_config": {"interval_seconds": 30}}, "The timer follows lxc_autoscale_interval; leave the other out."),
    "two roots": ({"lxc_autoscale_config": {"observe": {"cgroup_root": "/x"}}}, "Give lxc_autoscale_cgroup_root alone."),
    "no mode": ({"lxc_autoscale_mode": "aply"}, "value of lxc_autoscale_mode must be one of: recommend, apply"),
    "not root": ({"ansible_user": "someone"}, "set ansible_user to root, or become to true where there is sudo."),
}


@pytest.fixture(scope="module")
def nodes(boot_for_module, suites):
    return boot_for_module(*suites)


def check(nodes, *arguments, **options):
    """Run the role in check mode and return how it ended and what it said."""
    done = nodes.playbook("autoscale_install", "--check", "--diff", *arguments, **options)
    return done.returncode, done.stdout + done.stderr


def check_nodes(nodes):
    """The same for the nodes as they are, without the line breaks of messages."""
    code, output = check(nodes, lxc_autoscale_cgroup_root=CGROUP_ROOT)
    return code, " ".join(output.split())


def on_each(nodes, command):
    for machine in nodes.machines.values():
        machine.run(command)


def host_of(machine, situation):
    """Return the name of the host that is a machine in a situation: pve-trixie-too-often."""
    return f"{machine.hostname}-{situation.replace(' ', '-')}"


@pytest.fixture(scope="module")
def refused(nodes):
    """What one playbook says about each situation on each machine: every situation is a host of its own, by its variables."""
    # An account without rights, in the place of root: what the role asks about itself is the same.
    on_each(nodes, "useradd --create-home someone && install -d -o someone -m 700 /home/someone/.ssh")
    on_each(nodes, "install -o someone -m 600 /root/.ssh/authorized_keys /home/someone/.ssh/authorized_keys")
    hosts = {
        host_of(machine, situation): {"ansible_host": machine.address, "lxc_autoscale_cgroup_root": CGROUP_ROOT, **variables}
        for situation, (variables, _text) in WRONG.items()
        for machine in nodes.machines.values()
    }
    # Fewer at a time than the ten from which on sshd turns some away (MaxStartups).
    code, output = check(nodes, "--limit", ",".join(hosts), "--forks", "8", hosts=hosts)
    assert code == 2, output
    return output


def said_of(output, host):
    """Return a host's counts in the recap of a playbook, and all lines that say what failed on it."""
    (recap,) = re.findall(rf"^{re.escape(host)}\s*: (.*)$", output, re.MULTILINE)
    failures = re.findall(rf"^(?:fatal|failed): \[{re.escape(host)}\].*$", output, re.MULTILINE)
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}, "\n".join(failures)


@pytest.mark.parametrize("situation", WRONG)
def test_what_cannot_work_is_refused_with_what_is_allowed_and_nothing_is_changed(nodes, refused, situation):
    for machine in nodes.machines.values():
        counts, failures = said_of(refused, host_of(machine, situation))
        assert WRONG[situation][1] in failures, refused
        assert (counts["failed"], counts["changed"], counts["unreachable"]) == (1, 0, 0)


def test_whoever_is_not_root_is_told_on_which_host(nodes, refused):
    for machine in nodes.machines.values():
        host = host_of(machine, "not root")
        assert f"Root is needed on {host}: " in said_of(refused, host)[1]


def test_a_machine_that_is_no_node_is_refused(nodes):
    on_each(nodes, "mv /usr/bin/pveversion /usr/bin/pveversion.away")
    code, output = check_nodes(nodes)
    on_each(nodes, "mv /usr/bin/pveversion.away /usr/bin/pveversion")
    assert code == 2
    assert "is not a node of Proxmox VE: pveversion does not answer. Give the nodes themselves" in output


@pytest.fixture(scope="module")
def steps(nodes):
    """What the role says while another autoscaler runs and the API does not let localhost in, and when only the other's start at the next boot is left."""
    for machine in nodes.machines.values():
        machine.write("/etc/systemd/system/lxc_autoscale.service", DAEMON)
    on_each(nodes, "systemctl daemon-reload && systemctl start lxc_autoscale")
    on_each(nodes, 'printf \'ALLOW_FROM="192.168.1.0/24"\\nDENY_FROM="all"\\nPOLICY="allow"\\n\' > /etc/default/pveproxy')
    both = check_nodes(nodes)
    on_each(nodes, "rm /etc/default/pveproxy && systemctl stop lxc_autoscale && systemctl --quiet enable lxc_autoscale")
    enabled = check_nodes(nodes)
    on_each(nodes, "systemctl --quiet disable lxc_autoscale && rm /etc/systemd/system/lxc_autoscale.service && systemctl daemon-reload")
    return both, enabled


# That a node on which it is neither active nor enabled is not refused, and one that lets 127.0.0.1 in: test_role_takeover.py installs there.
def test_another_autoscaler_that_is_active_or_starts_at_the_next_boot_is_refused(nodes, steps):
    for code, output in steps:
        assert code == 2
        for machine in nodes.machines.values():
            assert f"failed: [{machine.hostname}] (item=lxc_autoscale.service (LXC AutoScale) is active on this...)" in output, output
        assert "is active on this node or starts at its next boot." in output
        assert "lxc_autoscale_takeover: true" in output


def test_an_api_that_does_not_let_localhost_in_is_refused(nodes, steps):
    both, enabled = steps
    for machine in nodes.machines.values():
        assert f"failed: [{machine.hostname}] (item=/etc/default/pveproxy does not let localhost in...)" in both[1], both[1]
        assert f"ok: [{machine.hostname}] => (item=/etc/default/pveproxy does not let localhost in...)" in enabled[1], enabled[1]
    assert "/etc/default/pveproxy does not let localhost in (ALLOW_FROM=192.168.1.0/24): add 127.0.0.1 there" in both[1]
