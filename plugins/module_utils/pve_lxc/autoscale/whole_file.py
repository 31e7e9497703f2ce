# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a file as a whole: whoever reads it sees the old text or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile


def replace_file(path: str, text: str, mode: int) -> None:
    """Replace a file in one step.

    Args:
        path: of the file; its folder must exist.
        text: what it is to hold.
        mode: who may read it, such as 0o644.

    Raises:
        OSError: its folder is not there, or may not be written to.
    """
    folder = os.path.dirname(os.path.abspath(path))
    # Another ending than the file's own, so that no collector of files reads it half-written.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".new", dir=folder)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
