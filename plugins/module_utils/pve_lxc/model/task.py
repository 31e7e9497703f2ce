# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of Proxmox that ended well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended.

    Attributes:
        upid: its id; empty where a command waited for it itself.
        exit_status: ``OK``, or ``WARNINGS: n``.
        warnings: the lines of its log that start with WARN, oldest first; empty for ``OK``.
    """

    upid: str
    exit_status: str
    warnings: tuple[str, ...] = ()
