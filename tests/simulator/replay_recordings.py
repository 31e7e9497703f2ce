# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/simulator/replay_recordings.py``: how many recorded answers of a real Proxmox VE the simulator gives too.

Exit code 1 when any recording in scope disagrees or an exclusion is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

from recording_replay.normalise import NORMALISERS
from recording_replay.player import NOT_API, Report, replay_all

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "pve9"


def format_report(report: Report) -> str:
    """Return what disagrees, what is left out and why, what is normalised and why, and the line that sums it up."""
    lines = [f"DIFFERS {key}: {text}" for key, text in report.differing.items()]
    lines += [f"WRONG {text}" for text in report.problems]
    lines += [f"excluded: {key}: {reason}" for key, reason in report.excluded.items()]
    lines += [f"not replayed: {name}: {content}" for name, content in NOT_API.items()]
    lines += [f"normalised: {name}: {normaliser.reason}" for name, normaliser in NORMALISERS.items()]
    return "\n".join([*lines, report.line])


def main() -> int:
    """Replay, print and return the exit code."""
    report = replay_all(FIXTURE)
    sys.stdout.write(format_report(report) + "\n")
    return 1 if report.differing or report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
