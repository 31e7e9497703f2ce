# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a key of the configuration has changed, ``python docs/schema/make_schema.py`` writes anew what is made from the keys.

That is lxc-autoscale.schema.json, and in ../configuration.md the rows of the tables. Tests compare both.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
SCHEMA = FOLDER / "lxc-autoscale.schema.json"
GUIDE = FOLDER.parent / "configuration.md"
TABLE_HEAD = "| key | default | allowed | what for |\n|---|---|---|---|\n"


def schema_text() -> str:
    """Return the schema as it should be."""
    from pve_lxc.autoscale.configuration.schema import make_schema

    return json.dumps(make_schema(), indent=2) + "\n"


def guide_text(text: str) -> str:
    """Return the guide with the rows of every table that begins with a key of ours as they should be."""
    from pve_lxc.autoscale.configuration.keys import SCHEDULE_KEYS, SECTIONS, TIER_KEYS, TOP_KEYS
    from pve_lxc.autoscale.configuration.notifier_keys import NOTIFIER_KEYS

    sections = {"": TOP_KEYS, **{f"{name}.": keys for name, keys in SECTIONS.items()}}
    sections |= {"notify.NAME.": NOTIFIER_KEYS, "tiers.NAME.": TIER_KEYS, "schedules.NAME.": SCHEDULE_KEYS}
    for prefix, keys in sections.items():
        rows = "".join(f"| `{prefix}{name}` | {_default(key.default)} | {key.describe_allowed()} | {key.about} |\n" for name, key in keys.items())
        first = rf"{re.escape(TABLE_HEAD)}\| `{re.escape(prefix)}[a-z_]+` .*?\n(?=\n|\Z)"
        text, count = re.subn(first, lambda match, rows=rows: TABLE_HEAD + rows, text, count=1, flags=re.DOTALL)
        if not count:
            raise SystemExit(f"{GUIDE} has no table for {prefix or 'the top of the file'}")
    return text


def _default(value: object) -> str:
    if value is None or value in ("", ()):
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parents[1] / "plugins" / "module_utils"))
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    GUIDE.write_text(guide_text(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA.name} and {GUIDE.name} written\n")
