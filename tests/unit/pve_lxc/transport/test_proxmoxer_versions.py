# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client works with the proxmoxer of Debian 12, of Debian 13 and of PyPI: each in a process of its own, over real TLS."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from support.scripted_server import Answer, ok

ROOT = pathlib.Path(__file__).resolve().parents[4]
VERSIONS = ROOT / ".cache" / "proxmoxer"

PROGRAM = """
import json, sys
import proxmoxer
from pve_lxc.backend.api import get_proxmox_client
from pve_lxc.errors import ProxmoxValidationError
host, port, ca_path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = get_proxmox_client(host=host, port=port, user="auto@pve", password="pass", ca_path=ca_path)
seen = {"version": proxmoxer.__version__, "ids": client.get_container_ids()}
client.update_container_config("pve1", 101, memory=512)
try:
    client.update_container_config("pve1", 101, cores=0)
except ProxmoxValidationError as error:
    seen["fields"] = error.fields
json.dump(seen, sys.stdout)
"""


@pytest.mark.parametrize("version", ["1.2.0", "2.2.0", "2.3.0"])
def test_client_reads_writes_and_understands_refusals(start_server, version):
    folder = VERSIONS / version
    assert (folder / "proxmoxer").is_dir(), f"proxmoxer {version} is not there; run: make prepare"
    refusal = {"data": None, "message": "Parameter verification failed.\n", "errors": {"cores": "value must have a minimum value of 1"}}
    server = start_server(
        ok({"ticket": "PVE:auto@pve:1", "CSRFPreventionToken": "csrf-1"}),
        ok([{"type": "lxc", "vmid": 102}, {"type": "qemu", "vmid": 100}, {"type": "lxc", "vmid": 101}]),
        ok(None),
        Answer(400, "Parameter verification failed.", refusal),
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "plugins" / "module_utils")])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "127.0.0.1", str(server.port), server.ca_path], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"version": version, "ids": [101, 102], "fields": {"cores": "value must have a minimum value of 1"}}
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", "/api2/json/access/ticket"),
        ("GET", "/api2/json/cluster/resources"),
        ("PUT", "/api2/json/nodes/pve1/lxc/101/config"),
        ("PUT", "/api2/json/nodes/pve1/lxc/101/config"),
    ]
