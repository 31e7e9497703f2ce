# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of the kernel's cgroup v2 and pressure files: text in, numbers out, no file is opened here.

Source of the formats: kernel Documentation/admin-guide/cgroup-v2.rst and Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..units import BYTES_PER_MIB


def parse_number_or_max(text: str) -> float | None:
    """Return the number of a file such as memory.max; None for ``max`` and for what is no number."""
    try:
        return float(text.strip())
    except ValueError:
        return None


def parse_swap_max_mib(text: str) -> float | None:
    """Return the limit of memory.swap.max in MiB, infinite for ``max``; None for what is no number, as where swap is not counted."""
    if text.strip() == "max":
        return math.inf
    limit_bytes = parse_number_or_max(text)
    return None if limit_bytes is None else limit_bytes / BYTES_PER_MIB


def parse_flat_keyed(text: str) -> dict[str, int]:
    """Return ``{"anon": 1048576, ...}`` of a file with one ``key value`` per line; other lines are left out."""
    values = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 2 and parts[1].isdigit():
            values[parts[0]] = int(parts[1])
    return values


def parse_cpu_max_cores(text: str) -> float | None:
    """Return the quota in cores: ``150000 100000`` is 1.5; None for ``max 100000`` and for what cannot be read."""
    parts = text.split()
    try:
        return float(parts[0]) / float(parts[1])
    except (IndexError, ValueError, ZeroDivisionError):
        return None


def parse_pressure_percent(text: str, kind: str, average: str) -> float | None:
    """Return one figure of a pressure file: kind ``some`` or ``full``, average ``avg10``, ``avg60`` or ``avg300``.

    ``some avg10=1.50 avg60=0.42 avg300=0.10 total=1234`` with ``some`` and ``avg60`` is 0.42; None when it is not there.
    """
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] != kind:
            continue
        for word in words[1:]:
            name, _equals, value = word.partition("=")
            if name == average:
                return parse_number_or_max(value)
    return None


def working_set_mib(current_bytes: float, stat: Mapping[str, int]) -> float | None:
    """Return what the container needs to run, in MiB; None when the statistics lack a figure.

    ``memory.current - slab_reclaimable - (file - max(shmem, file_mapped))``. Mapped files count, because programs that map their data
    (SQLite, Lucene) starve without them; reclaimable slab does not, because a nightly ``find`` fills it. With 1000 MiB current, 300 MiB file of
    which 100 MiB are shmem, and 50 MiB slab_reclaimable: 1000 - 50 - 200 = 750 MiB.
    """
    try:
        cache_bytes = stat["file"] - max(stat["shmem"], stat["file_mapped"])
        need_bytes = current_bytes - stat["slab_reclaimable"] - cache_bytes
    except KeyError:
        return None
    # The two files are read one after the other, so a busy container's sum may miss zero by a little.
    return max(need_bytes, 0.0) / BYTES_PER_MIB


def parse_arc_mib(text: str) -> tuple[float | None, float | None]:
    """Return the size of ZFS's cache and the least it keeps, in MiB, of /proc/spl/kstat/zfs/arcstats; None for what is not there.

    The lines are ``name type data``: ``size 4 1073741824`` and ``c_min 4 268435456`` are 1024 and 256. Source: OpenZFS, module/zfs/arc.c.
    """
    values = {words[0]: int(words[2]) / BYTES_PER_MIB for line in text.splitlines() if len(words := line.split()) == 3 and words[2].isdigit()}
    return values.get("size"), values.get("c_min")


def parse_meminfo_mib(text: str) -> dict[str, float]:
    """Return ``{"MemTotal": 32768.0, "MemAvailable": ...}`` in MiB of /proc/meminfo."""
    values = {}
    for line in text.splitlines():
        name, _colon, rest = line.partition(":")
        parts = rest.split()
        if parts and parts[0].isdigit():
            values[name] = int(parts[0]) / 1024
    return values
