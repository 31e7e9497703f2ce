# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A home node on which LXC AutoScale runs, with an enterprise source that answers 401, without python3-apt, and with an API for few addresses: the old
file is read, the old daemon is stopped when told to, and packages are installed all the same; and the service with pct to fall back on.
"""

from __future__ import annotations

import re

import pytest

DAEMON = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
OLD = """
DEFAULT:
  poll_interval: 300
  cpu_upper_threshold: 80
  cpu_lower_threshold: 20
  min_cores: 1
  max_cores: 4
  ignore_lxc: ["104"]
  gotify_token: an-old-secret
TIER_web:
  lxc_containers: [101]
  max_memory: 4096
"""
# A web server that asks everybody for a subscription, as enterprise.proxmox.com does.
REFUSE = """
import http.server
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(401, "Unauthorized")
http.server.HTTPServer(("127.0.0.1", 8401), Refuse).serve_forever()
"""


@pytest.fixture(scope="module")
def taken_over(boot_for_module, suites):
    cluster = boot_for_module(*suites)
    for machine in cluster.machines.values():
        machine.write("/run/refuse.py", REFUSE)
        machine.run("systemd-run --quiet --unit=refuse /usr/bin/python3 /run/refuse.py")
        machine.write("/etc/apt/sources.list.d/pve-enterprise.list", "deb [trusted=yes] http://127.0.0.1:8401/debian/pve stable pve-enterprise\n")
        machine.run("dpkg --remove --force-depends python3-apt")
        machine.write("/etc/default/pveproxy", "ALLOW_FROM=192.168.1.0/24,127.0.0.1\nPOLICY=deny\n")
        machine.write("/etc/systemd/system/lxc_autoscale.service", DAEMON)
        machine.write("/etc/lxc_autoscale/lxc_autoscale.yaml", OLD, "0600")
        machine.run("systemctl daemon-reload && systemctl --quiet enable --now lxc_autoscale")
    variables = {"lxc_autoscale_cgroup_root": "/run/pve-cgroup", "lxc_autoscale_takeover": True}
    runs = [cluster.playbook("autoscale_install", "--diff", **variables) for _attempt in ("first", "second")]
    for done in runs:
        assert done.returncode == 0, done.stdout + done.stderr
    return cluster, [done.stdout for done in runs]


def test_a_source_that_answers_401_is_a_warning_and_python3_apt_is_not_needed(taken_over):
    cluster, (first, _second) = taken_over
    assert first.count("WARNING: not every package source could be read; going on with the others.") == len(cluster.machines)
    assert "401" in first
    for machine in cluster.machines.values():
        assert (
            machine.text("dpkg-query --show --showformat='${db:Status-Status} ' python3-proxmoxer python3-requests python3-yaml")
            == "installed installed installed "
        )
        assert machine.run("dpkg-query --show --showformat='${db:Status-Status}' python3-apt", check=False).stdout != "installed"
        machine.run("systemctl start lxc-autoscale.service")


def test_an_api_that_lets_localhost_in_is_no_obstacle(taken_over):
    for machine in taken_over[0].machines.values():
        assert re.search(r"^  host: localhost$", machine.text("cat /etc/lxc-autoscale/config.yaml"), re.MULTILINE)


def test_the_old_daemon_is_stopped_and_does_not_come_back(taken_over):
    for machine in taken_over[0].machines.values():
        assert machine.run("systemctl is-active lxc_autoscale", check=False).stdout.strip() == "inactive"
        assert machine.run("systemctl is-enabled lxc_autoscale", check=False).stdout.strip() == "disabled"


def test_the_old_file_is_in_the_new_one_and_mode_and_interval_are_the_role_s(taken_over):
    for machine in taken_over[0].machines.values():
        config = machine.text("cat /etc/lxc-autoscale/config.yaml")
        assert re.search(r"^mode: recommend$", config, re.MULTILINE)
        assert re.search(r"^interval_seconds: 60$", config, re.MULTILINE)
        assert re.search(r"^  web:$", config, re.MULTILINE)
        assert "max_memory_mib: 4096" in config
        assert machine.text("lxc-autoscale check-config | head -n 1") == "/etc/lxc-autoscale/config.yaml is good."


def test_what_means_something_else_is_listed_and_secrets_are_not(taken_over):
    first = taken_over[1][0]
    assert "/etc/lxc_autoscale/lxc_autoscale.yaml was read." in first
    assert "max_memory (line" in first
    assert "means something else here" in first
    assert "an-old-secret" not in first


def test_the_second_run_changes_nothing(taken_over):
    counts = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", taken_over[1][1], re.MULTILINE)
    assert counts == [(name, "0") for name in sorted(taken_over[0].machines)]


@pytest.fixture(scope="module")
def fallen_back(taken_over):
    """The nodes after one more play, without the takeover: pct to fall back on, and an API that is bound to one address and answers nobody."""
    cluster = taken_over[0]
    for machine in cluster.machines.values():
        machine.write("/etc/default/pveproxy", '# LISTEN_IP="10.0.0.1"\nLISTEN_IP="192.0.2.7"\n')
    done = cluster.playbook(
        "autoscale_install",
        lxc_autoscale_cgroup_root="/run/pve-cgroup",
        lxc_autoscale_pct_fallback=True,
        # Nobody listens there.
        lxc_autoscale_config={"connection": {"port": 8007, "retries": 0}},
    )
    return cluster, done


def test_another_autoscaler_that_is_neither_active_nor_enabled_is_no_obstacle(fallen_back):
    cluster, done = fallen_back
    assert done.returncode == 0, done.stdout + done.stderr
    for machine in cluster.machines.values():
        assert machine.run("systemctl cat lxc_autoscale.service").stdout.endswith(DAEMON)


def test_an_api_that_is_bound_to_one_address_is_asked_there(fallen_back):
    for machine in fallen_back[0].machines.values():
        assert re.search(r"^  host: 192\.0\.2\.7$", machine.text("cat /etc/lxc-autoscale/config.yaml"), re.MULTILINE)


def test_with_pct_to_fall_back_on_the_service_runs_as_root_and_outlives_the_api(fallen_back):
    cluster, done = fallen_back
    for number, machine in enumerate(cluster.machines.values(), 1):
        assert machine.text("systemctl show --value --property=User lxc-autoscale.service") == "root"
        assert f"{number}01  web{number}" in done.stdout
        said = machine.text("lxc-autoscale recommend")
        assert "from here on pct is used on the node (local)" in said
