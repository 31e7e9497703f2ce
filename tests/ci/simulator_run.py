# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator, for a check that needs a Proxmox VE to talk to."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from typing import Any

from . import places

# The identity that documentation and integration tests use: may see and change containers, may not touch users or storage definitions.
TOKEN = "automation@pve!resize"


def load_harness() -> Any:
    """Return the module tests/simulator/harness.py, which starts a simulator as a process of its own."""
    path = places.ROOT / "tests" / "simulator" / "harness.py"
    specification = importlib.util.spec_from_file_location("harness", path)
    if specification is None or specification.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@contextlib.contextmanager
def running_simulator() -> Iterator[Any]:
    """Give a simulator of three nodes and two dozen containers that ends with the block."""
    with load_harness().Simulator(nodes=3, containers=24) as simulator:
        yield simulator


def describe(simulator: Any) -> dict[str, Any]:
    """Return what a client must know, as the variables that integration targets get under the name `simulator`."""
    return {
        "url": simulator.url,
        "host": simulator.host,
        "port": simulator.port,
        "ca_path": str(simulator.ca_path),
        "fingerprint": simulator.fingerprint,
        "control_url": simulator.control_url,
        "tokens": dict(simulator.tokens),
        "users": dict(simulator.users),
    }


def client_variables(simulator: Any) -> dict[str, str]:
    """Return the PROXMOX_* environment variables of one client, as an AWX credential would inject them."""
    user, token_id = TOKEN.split("!")
    return {
        "PROXMOX_HOST": str(simulator.host),
        "PROXMOX_PORT": str(simulator.port),
        "PROXMOX_USER": user,
        "PROXMOX_TOKEN_ID": token_id,
        "PROXMOX_TOKEN_SECRET": str(simulator.tokens[TOKEN]),
        "PROXMOX_CA_PATH": str(simulator.ca_path),
    }
