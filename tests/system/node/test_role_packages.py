# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages on a home node: an enterprise source that answers 401, and no python3-apt."""

from __future__ import annotations

# A web server that asks everybody for a subscription, as enterprise.proxmox.com does.
REFUSE = """
import http.server
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(401, "Unauthorized")
http.server.HTTPServer(("127.0.0.1", 8401), Refuse).serve_forever()
"""


def test_a_source_that_answers_401_is_a_warning_and_python3_apt_is_not_needed(boot, suites):
    cluster = boot(*suites)
    for machine in cluster.machines.values():
        machine.write("/run/refuse.py", REFUSE)
        machine.run("systemd-run --quiet --unit=refuse /usr/bin/python3 /run/refuse.py")
        machine.write("/etc/apt/sources.list.d/pve-enterprise.list", "deb [trusted=yes] http://127.0.0.1:8401/debian/pve stable pve-enterprise\n")
        machine.run("dpkg --remove --force-depends python3-apt")
    done = cluster.playbook("autoscale_install", lxc_autoscale_cgroup_root="/run/pve-cgroup")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("WARNING: not every package source could be read; going on with the others.") == len(cluster.machines)
    assert "401" in done.stdout
    for machine in cluster.machines.values():
        assert (
            machine.text("dpkg-query --show --showformat='${db:Status-Status} ' python3-proxmoxer python3-requests python3-yaml")
            == "installed installed installed "
        )
        machine.run("systemctl start lxc-autoscale.service")
