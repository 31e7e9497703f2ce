# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads every file with API calls, so that the table is complete."""

from __future__ import annotations

from . import (
    calls_access,
    calls_access_change,
    calls_clone,
    calls_cluster,
    calls_guest,
    calls_machine,
    calls_node,
    calls_snapshot,
    calls_storage,
    calls_task,
    config_change,
    config_read,
    power,
)
from .router import ROUTES

CALL_FILES = (
    calls_access,
    calls_access_change,
    calls_clone,
    calls_cluster,
    calls_guest,
    calls_machine,
    calls_node,
    calls_snapshot,
    calls_storage,
    calls_task,
    config_change,
    config_read,
    power,
)

__all__ = ["CALL_FILES", "ROUTES"]
