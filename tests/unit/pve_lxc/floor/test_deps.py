# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that are imported late, or are not there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pve_lxc.deps import import_paramiko, import_proxmoxer_core, import_requests, import_yaml
from pve_lxc.errors import DependencyError


@pytest.mark.parametrize(
    ("function", "module", "remedy"),
    [
        (import_requests, "requests", "pip install requests, or apt install python3-requests"),
        (import_proxmoxer_core, "proxmoxer.core", "pip install proxmoxer, or apt install python3-proxmoxer"),
        (import_paramiko, "paramiko", "pip install paramiko, or apt install python3-paramiko"),
        (import_yaml, "yaml", "pip install PyYAML, or apt install python3-yaml"),
    ],
)
def test_missing_package_is_named_for_pip_and_for_apt(monkeypatch, function, module, remedy):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match=remedy):
        function()


def test_missing_requests_never_ends_the_process_through_proxmoxer(monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(DependencyError, match="requests"):
        import_proxmoxer_core()


PROGRAM = """
import sys
import pve_lxc.backend.api
print(sorted(name for name in ("requests", "proxmoxer", "paramiko", "yaml", "sqlite3", "asyncio") if name in sys.modules))
"""


def test_importing_the_client_imports_no_third_party_package():
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
