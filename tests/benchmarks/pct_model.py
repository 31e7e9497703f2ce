# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for `pct`: it does nothing, for as long as the real one was measured to take on this kind of machine.

`pct list`, `pct status`, `pct config` and `pct set` were 0.69 to 0.92 s each, nearly all of it the CPU time of loading Perl modules. 0.8 s from the start of
the process stands for each of them. It looks at the clock on the wall, so that a busy machine does not make the model slower than the real thing.
"""

from __future__ import annotations

import time

MEASURED_SECONDS = 0.8


def main() -> None:
    started = time.monotonic() - time.process_time()
    while time.monotonic() - started < MEASURED_SECONDS:
        pass


if __name__ == "__main__":
    main()
