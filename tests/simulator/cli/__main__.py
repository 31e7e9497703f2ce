# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/simulator/cli SETTINGS COMMAND [ARGUMENT...]``: what the wrappers of cli/sshd.py start."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.node import NodeSettings, run_command  # noqa: E402 - the folder above must be known first


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    ended = run_command(NodeSettings.read(Path(arguments[0])), arguments[1:])
    sys.stdout.write(ended.output)
    sys.stderr.write(ended.error_output)
    return ended.exit_code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
