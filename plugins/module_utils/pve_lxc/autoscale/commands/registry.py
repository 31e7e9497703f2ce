# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command but ``run`` and ``recommend``: a cycle starts each minute, so it loads none of these."""

from __future__ import annotations

from typing import Any

from .access import add_access
from .boost import add_boost
from .check import add_check
from .check_config import add_check_config
from .explain import add_explain
from .history import add_history
from .metrics import add_metrics
from .migrate import add_migrate
from .notify import add_notify
from .release import add_release
from .replay import add_replay
from .report import add_report
from .rollback import add_rollback
from .status import add_status


def add_commands(commands: Any) -> None:
    """Add them in the order in which ``--help`` shows them.

    Args:
        commands: what argparse's add_subparsers returned.
    """
    add_status(commands)
    add_explain(commands)
    add_history(commands)
    add_rollback(commands)
    add_release(commands)
    add_check(commands)
    add_boost(commands)
    add_metrics(commands)
    add_notify(commands)
    add_report(commands)
    add_check_config(commands)
    add_migrate(commands)
    add_replay(commands)
    add_access(commands)
