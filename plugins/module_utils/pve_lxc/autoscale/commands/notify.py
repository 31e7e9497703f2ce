# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lxc-autoscale notify --test``: one test message through each notifier, and what answered."""

from __future__ import annotations

from typing import Any

from ...clock import SystemClock
from ..exit_codes import EXIT_DONE, EXIT_SOME_FAILED
from ..notify.plan import Message
from ..notify.send import deliver
from ..terminal.table import wrap
from .session import Session, add_command


def add_notify(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "notify", _notify, "send one test message through each notifier and say what answered; asks nobody else")
    parser.add_argument("--test", action="store_true", required=True, help="needed, so that nothing is sent by mistake")
    parser.add_argument("name", nargs="*", metavar="NAME", help="only these notifiers")


def _notify(session: Session) -> int:
    wanted = session.arguments.name
    notifiers = [notifier for notifier in session.config.notifiers if not wanted or notifier.name in wanted]
    unknown = [name for name in wanted if name not in {notifier.name for notifier in notifiers}]
    secrets = tuple(secret for notifier in notifiers for secret in notifier.secrets)
    message = Message(
        f"lxc-autoscale {session.config.node}: test",
        ("This is a test. Nothing was changed, and nothing is wrong.",),
        {"node": session.config.node, "is_good": True, "is_failure": False, "is_test": True},
    )
    deliveries = deliver([(notifier, message) for notifier in notifiers], secrets, SystemClock())
    kinds = {notifier.name: notifier.kind for notifier in notifiers}
    rows = [{"name": delivery.name, "kind": kinds[delivery.name], "sent": delivery.is_sent, "answer": delivery.answer} for delivery in deliveries]
    rows += [{"name": name, "kind": "", "sent": False, "answer": "there is no such notifier in the configuration"} for name in unknown]

    def lines() -> list[str]:
        if not rows:
            return ["there is no notifier in the configuration (section notify)"]
        return [line for row in rows for line in wrap(f"{row['name']} ({row['kind'] or '?'}): {'sent' if row['sent'] else 'FAILED'}: {row['answer']}", 0)]

    session.say({"notifiers": rows}, lines)
    return EXIT_DONE if all(row["sent"] for row in rows) else EXIT_SOME_FAILED
