# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop with pct of its own machine to fall back on: only when told to, and it says so."""

from __future__ import annotations

import os
import stat

import pytest
from pve_lxc.autoscale.assembly import assemble, connect_backend
from pve_lxc.autoscale.config_file import parse_config
from pve_lxc.errors import ProxmoxConnectionError

# Nobody listens on port 1.
TEXT = "node: pve1\nconnection: {{host: 127.0.0.1, port: 1, token_id: a@pve!b, retries: 0, pct_fallback: {}}}\nobserve: {{source: api}}\n"
RESOURCES = '[{"type":"node","node":"pve1","status":"online"},{"type":"lxc","vmid":101,"node":"pve1","name":"web","status":"running"}]'


def config(value: str):
    return parse_config(TEXT.format(value), source="test", environment={"PROXMOX_TOKEN_SECRET": "a-secret"})


@pytest.fixture
def pvesh(tmp_path, monkeypatch):
    """A pvesh that prints the cluster's list."""
    command = tmp_path / "bin" / "pvesh"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\necho '{RESOURCES}'\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")


def test_without_the_key_a_silent_api_is_an_error(pvesh):
    with pytest.raises(ProxmoxConnectionError):
        connect_backend(config("false")).read_cluster()


def test_with_the_key_the_same_is_asked_by_commands(pvesh):
    warnings: list[str] = []
    backend = connect_backend(config("true"), warnings.append)
    assert list(backend.read_cluster().guests) == [101]
    assert backend.transport == "local"
    assert len(warnings) == 1
    assert warnings[0].endswith("from here on pct is used on the node (local)")


def test_the_cycle_is_told_which_way_was_taken(pvesh, tmp_path):
    from dataclasses import replace

    parts = assemble(replace(config("true"), state_path=str(tmp_path / "state.sqlite")))
    try:
        assert list(parts.warnings) == []
        parts.backend.read_cluster()
        assert len(parts.warnings) == 1
    finally:
        parts.close()
