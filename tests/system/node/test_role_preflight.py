# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role refuses, and whether it says what to do about it; nothing is changed by then."""

from __future__ import annotations

import pytest

CGROUP_ROOT = "/run/pve-cgroup"
DAEMON = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture(scope="module")
def nodes(boot_for_module, suites):
    return boot_for_module(*suites)


def check(nodes, **variables):
    """Run the role in check mode and return what it said, without the line breaks of messages."""
    done = nodes.playbook("autoscale_install", "--check", "--diff", **{"lxc_autoscale_cgroup_root": CGROUP_ROOT, **variables})
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def on_each(nodes, command):
    for machine in nodes.machines.values():
        machine.run(command)


def refusals(nodes, output):
    return output.count("failed=1"), len(nodes.machines)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"lxc_autoscale_cgroup_root": "/nowhere"}, "There is no /nowhere/cgroup.controllers: this node runs cgroup v1"),
        ({"lxc_autoscale_interval": "2s"}, "lxc_autoscale_interval is 2s: allowed are 5s to 3600s"),
        ({"lxc_autoscale_interval": "often"}, "lxc_autoscale_interval is often: allowed are 5s to 3600s"),
        ({"lxc_autoscale_config": {"mode": "apply"}}, "lxc_autoscale_mode is recommend and lxc_autoscale_config says mode: apply. Say it once."),
        ({"lxc_autoscale_config": {"interval_seconds": 30}}, "The timer follows lxc_autoscale_interval; leave the other out."),
        ({"lxc_autoscale_config": {"observe": {"cgroup_root": "/x"}}}, "Give lxc_autoscale_cgroup_root alone."),
        ({"lxc_autoscale_mode": "aply"}, "value of lxc_autoscale_mode must be one of: recommend, apply"),
    ],
    ids=["cgroup v1", "too often", "no time", "two modes", "two intervals", "two roots", "no mode"],
)
def test_variables_that_cannot_work_are_refused_with_what_is_allowed(nodes, variables, text):
    code, output = check(nodes, **variables)
    assert (code, text in output) == (2, True), output
    assert refusals(nodes, output) == (len(nodes.machines), len(nodes.machines))


def test_a_machine_that_is_no_node_is_refused(nodes):
    on_each(nodes, "mv /usr/bin/pveversion /usr/bin/pveversion.away")
    code, output = check(nodes)
    on_each(nodes, "mv /usr/bin/pveversion.away /usr/bin/pveversion")
    assert code == 2
    assert "is not a node of Proxmox VE: pveversion does not answer. Give the nodes themselves" in output


def test_another_autoscaler_that_is_active_is_refused(nodes):
    for machine in nodes.machines.values():
        machine.write("/etc/systemd/system/lxc_autoscale.service", DAEMON)
    on_each(nodes, "systemctl daemon-reload && systemctl start lxc_autoscale")
    code, output = check(nodes)
    assert code == 2
    assert "lxc_autoscale.service (LXC AutoScale) is active on this node or starts at its next boot." in output
    assert "lxc_autoscale_takeover: true" in output
    on_each(nodes, "systemctl stop lxc_autoscale && systemctl --quiet enable lxc_autoscale")
    assert check(nodes)[0] == 2
    on_each(nodes, "systemctl --quiet disable lxc_autoscale && rm /etc/systemd/system/lxc_autoscale.service && systemctl daemon-reload")
    assert check(nodes)[0] == 0


def test_an_api_that_does_not_let_localhost_in_is_refused(nodes):
    on_each(nodes, 'printf \'ALLOW_FROM="192.168.1.0/24"\\nDENY_FROM="all"\\nPOLICY="allow"\\n\' > /etc/default/pveproxy')
    code, output = check(nodes)
    assert code == 2
    assert "/etc/default/pveproxy does not let localhost in (ALLOW_FROM=192.168.1.0/24): add 127.0.0.1 there" in output
    on_each(nodes, "printf 'ALLOW_FROM=192.168.1.0/24,127.0.0.1\\nPOLICY=deny\\n' > /etc/default/pveproxy")
    assert check(nodes)[0] == 0
    on_each(nodes, "rm /etc/default/pveproxy")


def test_an_api_that_is_bound_to_one_address_is_asked_there(nodes):
    on_each(nodes, 'printf \'# LISTEN_IP="10.0.0.1"\\nLISTEN_IP="192.0.2.7"\\n\' > /etc/default/pveproxy')
    code, output = check(nodes)
    on_each(nodes, "rm /etc/default/pveproxy")
    assert code == 0
    assert "host: 192.0.2.7" in output


def test_whoever_is_not_root_is_told_so(nodes):
    # An account without rights, in the place of root: what the role asks about itself is the same.
    on_each(nodes, "useradd --create-home someone && install -d -o someone -m 700 /home/someone/.ssh")
    on_each(nodes, "install -o someone -m 600 /root/.ssh/authorized_keys /home/someone/.ssh/authorized_keys")
    code, output = check(nodes, ansible_user="someone")
    assert code == 2
    assert "Root is needed on" in output
    assert "set ansible_user to root, or become to true where there is sudo." in output
