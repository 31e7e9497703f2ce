# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command but ``run`` and ``recommend``: a cycle starts each minute, so it loads none of these."""

from __future__ import annotations

from typing import Any

from .access_command import add_access
from .boost_command import add_boost
from .check_command import add_check
from .check_config_command import add_check_config
from .explain_command import add_explain
from .history_command import add_history
from .metrics_command import add_metrics
from .migrate_command import add_migrate
from .notify_command import add_notify
from .release_command import add_release
from .replay_command import add_replay
from .report_command import add_report
from .rollback_command import add_rollback
from .status_command import add_status


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
