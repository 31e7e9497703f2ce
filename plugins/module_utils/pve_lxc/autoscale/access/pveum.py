# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pveum`` on this node: what access there is, commands that change it, and tokens, whose secret Proxmox shows once and only there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...errors import CommandError
from ...ports import CommandRunner
from .plan import AclLine, Command, Present

# Perl takes most of a second to start, and a lock of the cluster's file system may be waited for.
TIMEOUT_SECONDS = 60.0

_JSON = ("--output-format", "json")
_COMMENT = "lxc-autoscale of this node (managed by Ansible)"


class Pveum:
    """Proxmox's user management by its command; every method raises CommandError."""

    def __init__(self, runner: CommandRunner, user: str) -> None:
        """Use this runner for this user's tokens; nothing is run yet."""
        self._runner = runner
        self._user = user

    def read(self) -> Present:
        """Return what there is."""
        entries = self._list("acl", "list")
        users = frozenset(str(entry["userid"]) for entry in self._list("user", "list"))
        tokens = self._list("user", "token", "list", self._user) if self._user in users else []
        return Present(
            roles={str(entry["roleid"]): _split(entry.get("privs")) for entry in self._list("role", "list")},
            users=users,
            acl=tuple(
                AclLine(str(entry["path"]), str(entry["roleid"]), bool(int(entry.get("propagate", 1)))) for entry in entries if entry["ugid"] == self._user
            ),
            strangers_roles=frozenset(str(entry["roleid"]) for entry in entries if entry["ugid"] != self._user),
            tokens=frozenset(str(entry["tokenid"]) for entry in tokens),
            separated_tokens=frozenset(str(entry["tokenid"]) for entry in tokens if int(entry.get("privsep", 1))),
        )

    def carry_out(self, command: Command) -> None:
        """Run one command; what another node has done meanwhile counts as done."""
        exit_code, dummy_output, error_output = self._run(command.words)
        if exit_code != 0 and not ("add" in command.words and "already exists" in error_output):
            raise _failure(command.words, exit_code, error_output)

    def add_token(self, token: str) -> str:
        """Make a token with all rights of its user and return its secret."""
        return self._secret(("user", "token", "add", self._user, token, "--privsep", "0", "--comment", _COMMENT))

    def renew_token(self, token: str) -> str:
        """Give a token a new secret, which ends the old one, and return it.

        Proxmox VE 9 can do that in one step. Before, the token is removed and made again.
        """
        words = ("user", "token", "modify", self._user, token, "--privsep", "0", "--regenerate", "1")
        exit_code, output, error_output = self._run((*words, *_JSON))
        if exit_code == 0:
            return _read_secret(words, output)
        if "regenerate" not in error_output:
            raise _failure(words, exit_code, error_output)
        self.carry_out(Command(("user", "token", "remove", self._user, token), ""))
        return self.add_token(token)

    def _secret(self, words: Sequence[str]) -> str:
        exit_code, output, error_output = self._run((*words, *_JSON))
        if exit_code != 0:
            raise _failure(words, exit_code, error_output)
        return _read_secret(words, output)

    def _list(self, *words: str) -> list[dict[str, Any]]:
        exit_code, output, error_output = self._run((*words, *_JSON))
        if exit_code != 0:
            raise _failure(words, exit_code, error_output)
        answer = _parse(output)
        if not isinstance(answer, list):
            raise CommandError(f"pveum {' '.join(words)} did not print a list in JSON")
        return answer

    def _run(self, words: Sequence[str]) -> tuple[int, str, str]:
        return self._runner.run(["pveum", *words], TIMEOUT_SECONDS)


def _split(privileges: Any) -> frozenset[str]:
    return frozenset(name for name in str(privileges or "").split(",") if name)


def _parse(output: str) -> Any:
    try:
        return json.loads(output)
    # Not from the other error: its text would hold what could not be read.
    except ValueError:
        return None


def _read_secret(words: Sequence[str], output: str) -> str:
    answer = _parse(output)
    secret = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(secret, str) or not secret:
        raise CommandError(f"pveum {' '.join(words[:3])} did not print a secret; its output is not shown, because it may hold one")
    return secret


def _failure(words: Sequence[str], exit_code: int, error_output: str) -> CommandError:
    said = error_output.strip().splitlines() or ["it said nothing"]
    return CommandError(f"pveum {' '.join(words)} failed: {said[0]}", argv=("pveum", *words), exit_code=exit_code, stderr=error_output)
