# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ci GROUP...` with tests/ on the path; the Makefile calls it."""

from __future__ import annotations

import sys

from .runner import run_steps
from .steps import STEPS


def main(arguments: list[str]) -> int:
    """Run the steps of one or more groups; `test` is all of them, `test-user` all that a user without root can run."""
    groups = {step.group for step in STEPS}
    if not arguments or set(arguments) - groups - {"test", "test-user"}:
        sys.stderr.write(f"usage: python -m ci test | test-user | {' | '.join(sorted(groups))}\n")
        return 2
    everything = bool({"test", "test-user"} & set(arguments))
    chosen = [step for step in STEPS if everything or step.group in arguments]
    return run_steps(chosen, leave_out_what_needs_root="test-user" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
